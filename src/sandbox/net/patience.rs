//! Looking out for a moment before going to sleep.
//!
//! Putting a thread to sleep and waking it on another core costs tens of microseconds, on a virtual machine more, while the answer
//! of a peer that is awake is often there within one or two. So a side that would wait watches for a moment first, as long as that
//! has lately been worth it. When it is not (the peer is slow, or shares this core), it is tried ever more rarely, at last once in
//! [`PROBE_RAREST`] waits. A pipe that is idle watches nothing: it does so at most once after each event.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::Acquire, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::defs::{PROBE_FIRST, PROBE_RAREST, WATCH_CREDIT, WATCH_LONG, WATCH_SHORT, WATCH_STREAK};

/// One waiting side's experience. Only that side changes it; a race of two waiters would merely blur it.
pub(super) struct Patience {
    /// Vain attempts left until giving up.
    credit: AtomicU16,
    /// Successful attempts in a row.
    streak: AtomicU16,
    /// Waits since the last attempt, and how many there must be before the next.
    skipped: AtomicU16,
    interval: AtomicU16,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            credit: AtomicU16::new(0),
            streak: AtomicU16::new(0),
            skipped: AtomicU16::new(0),
            interval: AtomicU16::new(PROBE_FIRST),
        }
    }
}

impl Patience {
    /// Watches a counter of events for a moment; true if it left `seen`.
    pub fn watch(&self, events: &AtomicU32, seen: u32) -> bool {
        if !self.is_worth_it() {
            return false;
        }
        let streak = self.streak.load(Relaxed);
        // Until both sides are awake an answer takes as long as waking the other.
        let settled = streak >= WATCH_STREAK;
        let found = spin(events, seen, if settled { WATCH_SHORT } else { WATCH_LONG });
        if found {
            self.succeeded(streak.saturating_add(1));
        } else {
            self.failed();
        }
        found
    }

    fn is_worth_it(&self) -> bool {
        if self.credit.load(Relaxed) > 0 {
            return true;
        }
        let skipped = self.skipped.load(Relaxed) + 1;
        let due = skipped >= self.interval.load(Relaxed);
        self.skipped.store(if due { 0 } else { skipped }, Relaxed);
        due && has_company()
    }

    fn succeeded(&self, streak: u16) {
        self.streak.store(streak, Relaxed);
        self.credit.store(WATCH_CREDIT, Relaxed);
        if streak >= WATCH_STREAK {
            self.interval.store(PROBE_FIRST, Relaxed);
        }
    }

    fn failed(&self) {
        let credit = self.credit.load(Relaxed).saturating_sub(1);
        self.credit.store(credit, Relaxed);
        if credit == 0 {
            self.streak.store(0, Relaxed);
            let interval = self.interval.load(Relaxed).saturating_mul(2);
            self.interval.store(interval.min(PROBE_RAREST), Relaxed);
        }
    }
}

fn spin(events: &AtomicU32, seen: u32, at_most: Duration) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..16 {
            if events.load(Acquire) != seen {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() >= at_most {
            return false;
        }
    }
}

/// On a single core nothing happens while one watches.
fn has_company() -> bool {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) > 1
}
