//! What tests of this room need of the machine.

#![allow(clippy::print_stderr, reason = "a skipped test says so")]

/// Whether a test can run here. A need that is not met skips it on a developer's machine and fails it in CI.
#[must_use]
pub(super) fn require(need: &str, met: bool) -> bool {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(met || !ci, "needs {need}, and CI skips nothing");
    if !met {
        eprintln!("skipped: needs {need}");
    }
    met
}

/// For a need that nobody can meet on this machine, in CI or not, for this reason.
pub(super) fn skipped(need: &str, why: &str) {
    eprintln!("skipped: needs {need}: {}", why.trim());
}

/// Whether this process may mount in namespaces of its own.
#[must_use]
pub(super) fn require_mounts() -> bool {
    let met = super::Assembly::permitted() && super::Tmpfs::permitted();
    require("CAP_SYS_ADMIN and Linux 5.12", met)
}

/// Root, with all the other users too: in most user namespaces there is nobody else to become.
pub(super) fn is_root() -> bool {
    let users = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let all = users.split_whitespace().eq(["0", "0", "4294967295"]);
    nix::unistd::geteuid().is_root() && all
}

/// Runs `work` in a copy of the mount namespace, on a thread of its own that ends with it.
pub(super) fn in_own_namespace(work: impl FnOnce() + Send) {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    std::thread::scope(|scope| {
        scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
            work();
        });
    });
}

/// Runs `work` as an ordinary user, on a thread of its own: the rights of a thread are its own to the kernel.
pub(super) fn as_nobody(work: impl FnOnce() + Send) {
    use nix::libc;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for call in [libc::SYS_setresgid, libc::SYS_setresuid] {
                // SAFETY: only numbers are passed, and the calls change this thread alone.
                let result = unsafe { libc::syscall(call, 65534, 65534, 65534) };
                assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
            }
            work();
        });
    });
}
