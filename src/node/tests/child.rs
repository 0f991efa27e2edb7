//! This test program, started once more to do something it will not survive.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{chaos, crash};
use crate::node::Hold;
use crate::node::disk::step;

const ROLE: &str = "WASMPOD_TEST_NODE_ROLE";
const ROOT: &str = "WASMPOD_TEST_NODE_ROOT";
const LETHAL: &str = "WASMPOD_TEST_NODE_LETHAL";

/// A child that plays a role on a root. It dies at its n-th change of the disk; 0: never.
pub fn command(role: &str, root: &Path, lethal: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(ROOT, root)
        .env(LETHAL, lethal.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// For a shell: fd 3 is where the child says that it is ready, fd 0 what it waits for the end of.
pub fn script(role: &str, root: &Path) -> String {
    format!(
        "{ROLE}={role} {ROOT}={} {LETHAL}=0 exec {} --exact {NAME} --nocapture 3>&1 1>&2",
        root.display(),
        std::env::current_exe().unwrap().display()
    )
}

const NAME: &str = "node::tests::child::child";

/// Plays the role it is given in the environment; without one it is a test that has nothing to test.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let root = PathBuf::from(std::env::var_os(ROOT).unwrap());
    let lethal = std::env::var(LETHAL).unwrap().parse().unwrap();
    let (what, rest) = role.split_once(':').unwrap_or((&role, ""));
    match what {
        "story" => {
            step::LETHAL.store(lethal, std::sync::atomic::Ordering::SeqCst);
            crash::tell(rest, &root);
        }
        "chaos" => {
            step::LETHAL.store(lethal, std::sync::atomic::Ordering::SeqCst);
            chaos::play(rest, &root);
        }
        "identity" => {
            step::LETHAL.store(lethal, std::sync::atomic::Ordering::SeqCst);
            crate::node::identity::play(&root);
        }
        "crash" => {
            let _hold = Hold::take(&super::layout(&root), "uid-1").unwrap();
            crash_with(rest);
        }
        "hold" => {
            let _hold = Hold::take(&super::layout(&root), rest).unwrap();
            std::fs::write("/proc/self/fd/3", "ready\n").unwrap();
            // Until whoever started it is gone.
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        }
        _ => panic!("no such role: {role}"),
    }
}

fn crash_with(how: &str) {
    match how {
        "segv" => {
            // SAFETY: it is not; that is the point. The page at 8 is never mapped.
            unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) }
        }
        "stack" => {
            std::hint::black_box(endless(1));
        }
        // As abort(3) does; nobody but main may end the process in so many words.
        "abort" => nix::sys::signal::raise(nix::sys::signal::Signal::SIGABRT).unwrap(),
        "panic" => panic!("as told"),
        "kill" => nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap(),
        "fine" => {}
        _ => panic!("no such crash: {how}"),
    }
}

#[expect(unconditional_recursion, reason = "its end is what is tested")]
fn endless(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    endless(frame[3] + 1) + frame[5]
}
