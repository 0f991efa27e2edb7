//! Stopping a guest from outside. Two ways in, since either alone fails: one that waits is woken and its call dropped,
//! one that computes is interrupted at its next check (or, without checks, by `interrupt`).

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use super::{Exit, Signal};

const RUN: u8 = 0;
const TERM: u8 = 1;
const KILL: u8 = 2;

/// Whether a guest should stop. Written from any thread, read by the guest's own.
#[derive(Default)]
pub(super) struct Stop {
    wanted: AtomicU8,
    wake: Notify,
}

impl Stop {
    /// Asks the guest to stop; a Kill outranks a Term, never the other way round.
    pub fn request(&self, signal: Signal) {
        let level = match signal {
            Signal::Term => TERM,
            Signal::Kill => KILL,
        };
        self.wanted.fetch_max(level, Ordering::SeqCst);
        // Stored if nobody waits yet, so a guest that is still being set up sees it too.
        self.wake.notify_one();
    }

    /// What the guest was asked, in the words of how it will have ended.
    pub fn wanted(&self) -> Option<Exit> {
        match self.wanted.load(Ordering::SeqCst) {
            RUN => None,
            TERM => Some(Exit::Terminated),
            _ => Some(Exit::Killed),
        }
    }

    /// The same for a signal handler, which may do no more than this.
    pub fn is_requested(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) != RUN
    }

    /// Waits until the guest is asked to stop.
    pub async fn requested(&self) -> Exit {
        loop {
            if let Some(exit) = self.wanted() {
                return exit;
            }
            self.wake.notified().await;
        }
    }
}
