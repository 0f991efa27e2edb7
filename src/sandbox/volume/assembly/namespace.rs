//! A mount namespace in which nobody lives.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{chroot, fchdir, pivot_root};

use super::super::sys;

/// Made by a thread that is gone, held together by this descriptor, and gone with it.
#[derive(Debug)]
pub(in super::super) struct Namespace {
    fd: OwnedFd,
}

impl Namespace {
    /// A new one that consists of `root` alone, a mount that is attached nowhere yet.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SYS_ADMIN`.
    pub fn new(root: OwnedFd) -> io::Result<Namespace> {
        on_a_thread(|| {
            // This thread's alone, and with it its own root and working directory.
            unshare(CloneFlags::CLONE_NEWNS)?;
            let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
            let fd = open("/proc/thread-self/ns/mnt", flags, Mode::empty())?;
            // It began as a copy of ours. Nothing that happens in it from here on happens in ours.
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
            become_root(&root)?;
            Ok(Namespace { fd })
        })?
    }

    /// Does `work` in it. Its `/` is the root.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_a_thread(|| {
            // Who shares its root and working directory with other threads may not go.
            unshare(CloneFlags::CLONE_FS)?;
            setns(&self.fd, CloneFlags::CLONE_NEWNS)?;
            Ok(work())
        })?
    }
}

/// A thread that changed its namespace cannot come back, so it ends.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("mounts".into());
        let thread = thread.spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| io::Error::other("the thread that mounts has panicked"))
    })
}

/// Puts `root` over everything and takes everything else out of the namespace, so that it keeps nothing of the machine
/// busy.
fn become_root(root: &OwnedFd) -> io::Result<()> {
    let place = open("/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    sys::attach(root.as_fd(), place.as_fd())?;
    fchdir(root)?;
    match pivot_root(".", ".") {
        // The old root now lies over the new one.
        Ok(()) => umount2(".", MntFlags::MNT_DETACH)?,
        // The machine runs from its initramfs, or we are in a chroot: nothing can take that root's place.
        Err(Errno::EINVAL) => {}
        Err(error) => return Err(error.into()),
    }
    fchdir(root)?;
    chroot(".")?;
    Ok(())
}
