//! A process, and never another one that has got its number since (pidfd_open(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::Layout;
use super::lock::is_held_by;

#[derive(Debug)]
pub(super) struct PidFd(OwnedFd);

impl PidFd {
    /// The process that is the pod; none if it is gone by now.
    pub fn of_pod(layout: &Layout, uid: &str, pid: u32) -> io::Result<Option<PidFd>> {
        let process = match PidFd::open(pid) {
            Ok(process) => process,
            Err(Errno::ESRCH | Errno::EINVAL) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // It holds the lock until its end. So if it does now, the number was its own when the descriptor was made.
        Ok(is_held_by(layout, uid, pid).then_some(process))
    }

    /// A child keeps its number until it is waited for, which takes its only handle.
    pub fn of_child(child: &Child) -> io::Result<PidFd> {
        Ok(PidFd::open(child.id())?)
    }

    fn open(pid: u32) -> Result<PidFd, Errno> {
        let number = libc::pid_t::try_from(pid).map_err(|_| Errno::EINVAL)?;
        // SAFETY: two integers go in, a new descriptor or -1 comes out.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0) })?;
        // SAFETY: the descriptor is new, so nobody else owns it.
        Ok(PidFd(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    pub fn send(&self, signal: Signal) -> io::Result<()> {
        // SAFETY: the descriptor is open, and without a siginfo the kernel makes one.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal as i32,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match Errno::result(sent) {
            // It is gone, which is all a signal could bring about.
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for its end. False: it has not come within `patience`.
    pub fn wait(&self, patience: Duration) -> io::Result<bool> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(
                &mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)],
                timeout,
            ) {
                Ok(0) if until <= Instant::now() => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
