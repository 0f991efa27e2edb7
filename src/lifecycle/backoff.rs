//! Exponential waiting between attempts (client-go `util/flowcontrol/backoff.go`, used by the kubelet's `doBackOff` and
//! `EnsureImageExists`).
//!
//! A restart after an exit at 0 s goes at once and creates an entry of 10 s; the one after it waits until 10 s after *its*
//! exit and makes the entry 20 s; and so on to 300 s. Nothing ever removes an entry but its age.

use std::time::Duration;

use super::Time;

/// How one kind of back-off grows and forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub initial: Duration,
    pub max: Duration,
    /// Age above which an entry counts as never made.
    pub memory: Duration,
}

/// What a restart waits at first.
const INITIAL: Duration = Duration::from_secs(10);
/// What an image is waited for at most.
const IMAGE_MAX: Duration = Duration::from_secs(300);
/// Running this long without a crash forgets the crashes before. It stays when the cap is lowered (KEP-5593).
const CRASH_MEMORY: Duration = Duration::from_secs(600);

impl Pace {
    /// Restarts, with the node's longest period, which is held between 1 s and 300 s (KEP-5593).
    pub fn restarts(max_period: Duration) -> Pace {
        let max = max_period.clamp(Duration::from_secs(1), Duration::from_secs(300));
        Pace {
            initial: INITIAL.min(max),
            max,
            memory: CRASH_MEMORY,
        }
    }

    /// Pulls of one image.
    pub fn pulls() -> Pace {
        Pace {
            initial: INITIAL,
            max: IMAGE_MAX,
            memory: 2 * IMAGE_MAX,
        }
    }
}

/// The state for one key: a container, or an image of the pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff(Option<Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    delay: Duration,
    /// When the last attempt was allowed (restarts) or failed (pulls).
    updated: Time,
}

/// An attempt that may not be made yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub delay: Duration,
    pub until: Time,
}

impl Backoff {
    /// Whether an attempt at `now` comes too early after `event`, the exit that made it necessary.
    pub fn refuses(&self, event: Time, now: Time, pace: &Pace) -> Option<Refusal> {
        let entry = self.remembered(event, pace)?;
        let until = event + entry.delay;
        (now < until).then_some(Refusal {
            delay: entry.delay,
            until,
        })
    }

    /// The same measured from the last attempt, as image pulls are.
    pub fn refuses_since_update(&self, now: Time, pace: &Pace) -> Option<Refusal> {
        let entry = self.remembered(now, pace)?;
        let until = entry.updated + entry.delay;
        (now < until).then_some(Refusal {
            delay: entry.delay,
            until,
        })
    }

    /// Notes an attempt at `now` that `event` made necessary: the next one will wait longer.
    pub fn next(&mut self, event: Time, now: Time, pace: &Pace) {
        let delay = match self.remembered(event, pace) {
            Some(entry) => (entry.delay * 2).min(pace.max),
            None => pace.initial,
        };
        self.0 = Some(Entry {
            delay,
            updated: now,
        });
    }

    fn remembered(&self, event: Time, pace: &Pace) -> Option<Entry> {
        self.0
            .filter(|entry| event.since(entry.updated) <= pace.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    /// The delays a container meets that exits as soon as it is started.
    fn delays(pace: Pace, count: usize) -> Vec<u64> {
        let (mut backoff, mut now, mut seen) = (Backoff::default(), secs(1000), Vec::new());
        for _ in 0..count {
            let exit = now;
            if let Some(refusal) = backoff.refuses(exit, now, &pace) {
                now = refusal.until;
            }
            seen.push(now.since(exit).as_secs());
            backoff.next(exit, now, &pace);
        }
        seen
    }

    #[test]
    fn the_first_restart_goes_at_once_and_then_the_delay_doubles_to_the_cap() {
        let pace = Pace::restarts(Duration::from_secs(300));
        assert_eq!(delays(pace, 9), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn a_lower_longest_period_lowers_the_initial_delay_too() {
        assert_eq!(
            delays(Pace::restarts(Duration::from_secs(4)), 4),
            [0, 4, 4, 4]
        );
        assert_eq!(
            delays(Pace::restarts(Duration::from_secs(15)), 4),
            [0, 10, 15, 15]
        );
        assert_eq!(Pace::restarts(Duration::ZERO).max, Duration::from_secs(1));
        assert_eq!(
            Pace::restarts(Duration::from_secs(9999)).max,
            Duration::from_secs(300)
        );
    }

    #[test]
    fn the_delay_is_counted_from_the_exit_not_from_the_decision() {
        let pace = Pace::restarts(Duration::from_secs(300));
        let mut backoff = Backoff::default();
        backoff.next(secs(0), secs(0), &pace);
        assert_eq!(
            backoff.refuses(secs(50), secs(57), &pace).unwrap().until,
            secs(60)
        );
        assert_eq!(backoff.refuses(secs(50), secs(60), &pace), None);
    }

    #[test]
    fn more_than_ten_minutes_of_running_forget_the_crashes_also_under_a_lower_cap() {
        for cap in [1, 300] {
            let pace = Pace::restarts(Duration::from_secs(cap));
            let mut backoff = Backoff::default();
            backoff.next(secs(0), secs(0), &pace);
            backoff.next(secs(0), secs(0), &pace);
            assert!(backoff.refuses(secs(600), secs(600), &pace).is_some());
            assert!(backoff.refuses(secs(601), secs(601), &pace).is_none());
            backoff.next(secs(601), secs(601), &pace);
            assert_eq!(backoff.0.unwrap().delay, pace.initial);
        }
    }

    proptest! {
        #[test]
        fn a_delay_is_never_over_the_cap_and_never_shrinks_unless_forgotten(gaps in prop::collection::vec(0u64..2000, 1..40), cap in 1u64..400) {
            let pace = Pace::restarts(Duration::from_secs(cap));
            let (mut backoff, mut now, mut before) = (Backoff::default(), secs(5), Duration::ZERO);
            for gap in gaps {
                let exit = now + Duration::from_secs(gap);
                now = backoff.refuses(exit, exit, &pace).map_or(exit, |refusal| refusal.until);
                prop_assert!(now.since(exit) <= pace.max);
                backoff.next(exit, now, &pace);
                let delay = backoff.0.unwrap().delay;
                prop_assert!(delay <= pace.max && delay >= pace.initial);
                prop_assert!(delay >= before || delay == pace.initial);
                before = delay;
            }
        }
    }
}
