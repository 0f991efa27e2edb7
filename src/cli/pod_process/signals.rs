//! What may end this process: the pod's end, a wish for it, or a KILL.

use std::ptr;

use anyhow::Context;
use nix::libc::{self, c_int};
use nix::sys::stat::{Mode, umask};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals whose default is death and that say nothing to a pod. Those that tell of a fault in this process are not among
/// them: one that goes on after a fault is worse than none.
const MEANINGLESS: [c_int; 13] = [
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGPIPE,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGSTKFLT,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGXCPU,
    // A write beyond the limit of a shell is an error of that write.
    libc::SIGXFSZ,
];

/// Closes what whoever launched this process had open beside the three streams: it would stay open for as long as the pod lives,
/// and who reads the other end of such a pipe would wait so long. Not for a process that has opened anything itself.
pub fn let_go_of_what_was_inherited() {
    // SAFETY: it closes descriptors that nothing in this process owns: it has opened none yet. A kernel without the call
    // (before 5.9) answers ENOSYS, and then they stay.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
}

/// Leaves the session of whoever launched this process, and lets nothing come near it that is meant for the programs of a
/// terminal.
pub fn outlive_the_terminal() {
    // The leader of a process group cannot; it was put in a group of its own already.
    let _ = nix::unistd::setsid();
    // What is made for others to see says so itself, whatever the launcher's user prefers.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    // It would be named after the link it was started by.
    let _ = nix::sys::prctl::set_name(c"wasmpod");
    MEANINGLESS.into_iter().for_each(shrug_off);
    (libc::SIGRTMIN()..=libc::SIGRTMAX()).for_each(shrug_off);
}

extern "C" fn shrug(_: c_int) {}

/// Handles a signal by doing nothing. Not by ignoring it: that would be inherited by whatever this process executes.
fn shrug_off(number: c_int) {
    // SAFETY: all bits zero is a valid sigaction (no flags, an empty mask), whatever padding the platform gives it.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = shrug as extern "C" fn(c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: both pointers are valid or null as sigaction(2) allows, and the handler touches nothing at all. It cannot fail
    // but for a number that is no signal's or may not be handled.
    unsafe { libc::sigaction(number, &raw const action, ptr::null_mut()) };
}

/// TERM and INT: the machine, or whoever supervises, wants this process to end. The pod is not deleted by that.
pub struct Terminations {
    terminate: Signal,
    interrupt: Signal,
}

impl Terminations {
    pub fn listen() -> anyhow::Result<Terminations> {
        let listen =
            |kind, name| signal(kind).with_context(|| format!("could not listen for {name}"));
        Ok(Terminations {
            terminate: listen(SignalKind::terminate(), "SIGTERM")?,
            interrupt: listen(SignalKind::interrupt(), "SIGINT")?,
        })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
