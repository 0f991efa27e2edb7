//! The pod process' own side of its lock.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::Layout;
use super::lock::{HoldError, Lock};

/// Says that this process is the pod, for as long as it lives. Dropping it is the end in order: the lock and the control
/// socket are removed. A process that panics, crashes or is killed leaves its lock file behind, unlocked, and so is found out.
#[derive(Debug)]
pub struct Hold {
    lock: Lock,
}

impl Hold {
    /// Takes the pod's lock, and from then on a crash leaves its signal in it. Once per process.
    ///
    /// # Errors
    /// Another process is the pod, or the lock cannot be made.
    pub fn take(layout: &Layout, uid: &str) -> Result<Hold, HoldError> {
        let lock = Lock::take(layout, uid)?;
        last_words::arm(lock.file());
        Ok(Hold { lock })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if std::thread::panicking() {
            last_words::say(Signal::SIGABRT);
            return;
        }
        last_words::disarm();
        if let Err(error) = self.lock.remove() {
            tracing::error!("the pod's lock stays behind: {error}");
        }
    }
}

/// What a crashing process can still say.
mod last_words {
    use super::*;

    /// The lock file's descriptor; -1: nothing is to be said.
    static LOCK: AtomicI32 = AtomicI32::new(-1);

    /// The faults of a program, as far as it can notice them. What the engine makes of some of them (a trap of a guest) it
    /// handles first, since it is installed later; it passes on what is not its own.
    const CRASHES: [Signal; 5] = [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGILL,
        Signal::SIGFPE,
        Signal::SIGABRT,
    ];

    /// Who handled these before: the standard library's word about an exhausted stack is still to be heard.
    static BEFORE: OnceLock<[SigAction; 5]> = OnceLock::new();

    pub fn arm(lock: &File) {
        LOCK.store(lock.as_raw_fd(), Ordering::SeqCst);
        BEFORE.get_or_init(|| CRASHES.map(install));
    }

    fn install(signal: Signal) -> SigAction {
        // On the alternate stack, since the usual one may be what is exhausted.
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK | SaFlags::SA_NODEFER;
        let action = SigAction::new(SigHandler::SigAction(crashed), flags, SigSet::empty());
        // SAFETY: the handler only reads atomics and makes system calls that are async-signal-safe.
        let before = unsafe { sigaction(signal, &action) };
        before.unwrap_or_else(|_| {
            SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty())
        })
    }

    pub fn disarm() {
        LOCK.store(-1, Ordering::SeqCst);
    }

    extern "C" fn crashed(number: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        let Ok(signal) = Signal::try_from(number) else {
            return;
        };
        say(signal);
        let index = CRASHES.iter().position(|crash| *crash == signal);
        if let (Some(index), Some(before)) = (index, BEFORE.get()) {
            // SAFETY: puts back what was there before; async-signal-safe.
            let _ = unsafe { sigaction(signal, &before[index]) };
        }
        // SAFETY: the kernel (or the engine, which passes on what it got) gives a valid pointer.
        let sent = unsafe { (*info).si_code } <= 0;
        if sent {
            let _ = nix::sys::signal::raise(signal);
        }
        // A fault of the program itself comes again when this returns, and meets who was there before.
    }

    /// Appends the number. Async-signal-safe.
    pub fn say(signal: Signal) {
        let lock = LOCK.swap(-1, Ordering::SeqCst);
        if lock < 0 {
            return;
        }
        let number = signal as i32 as u8;
        let text = [b'0' + number / 10, b'0' + number % 10, b'\n'];
        // SAFETY: the descriptor belongs to the lock of this process, which is never closed before `disarm` or the end.
        let lock = unsafe { BorrowedFd::borrow_raw(lock) };
        // It is the last thing this process does; nobody is there to hear of a failure.
        let _ = nix::unistd::write(lock, &text);
    }
}
