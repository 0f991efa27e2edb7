//! What a supervisor is told by the system.
//!
//! By handlers and not by signalfd(2): that would need the signals blocked, and every process started from here would begin
//! its life deaf to them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Rung by the handlers.
static BELL: OnceLock<EventFd> = OnceLock::new();
/// Somebody wants this process to end.
static END: AtomicBool = AtomicBool::new(false);

/// Signals, taken as they come.
pub struct Signals(&'static EventFd);

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// A child has ended, or nothing has happened.
    Nothing,
    /// Somebody wants this process to end.
    End,
}

impl Signals {
    /// From now on this process does not end by itself when it is told to. All of these are the same signals.
    ///
    /// # Errors
    /// The machine's.
    pub fn listen() -> io::Result<Signals> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let made = EventFd::from_flags(flags)?;
        let bell = BELL.get_or_init(|| made);
        for (signal, handler) in [
            (Signal::SIGTERM, SigHandler::Handler(told_to_end)),
            (Signal::SIGINT, SigHandler::Handler(told_to_end)),
            (Signal::SIGHUP, SigHandler::Handler(told_to_end)),
            (Signal::SIGCHLD, SigHandler::Handler(child_ended)),
        ] {
            let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
            // SAFETY: the handlers only touch atomics and call write(2), which signal-safety(7) allows.
            unsafe { sigaction(signal, &action) }?;
        }
        Ok(Signals(bell))
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// What has come since the last time.
    pub fn take(&mut self) -> Signalled {
        // Nothing to read only means that the bell was not rung.
        let _ = self.0.read();
        if END.swap(false, Ordering::SeqCst) {
            Signalled::End
        } else {
            Signalled::Nothing
        }
    }
}

extern "C" fn told_to_end(_: libc::c_int) {
    END.store(true, Ordering::SeqCst);
    ring();
}

extern "C" fn child_ended(_: libc::c_int) {
    ring();
}

fn ring() {
    let Some(bell) = BELL.get() else { return };
    let before = nix::errno::Errno::last_raw();
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight readable bytes go in. That the counter is full means that it was rung.
    let _ = unsafe { libc::write(bell.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    // What was interrupted may just be about to look at its error.
    nix::errno::Errno::set_raw(before);
}
