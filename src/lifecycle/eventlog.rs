//! Events as they are kept: counted, folded and bounded (client-go `tools/record/events_cache.go`).
//!
//! An event passes three stations. Similar ones (differing only in message) are folded when they become many; identical
//! ones are counted in one entry; and a source that says too much about one pod is not listened to for a while.

use std::borrow::Cow;
use std::time::Duration;

use super::{Event, EventKind, Time};
use crate::spec::pod::Slot;

/// One line of `kubectl describe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: EventKind,
    pub reason: &'static str,
    pub message: Cow<'static, str>,
    pub slot: Option<Slot>,
    /// `From`.
    pub component: &'static str,
    pub count: u32,
    pub first: Time,
    pub last: Time,
    /// Stands for similar events; another one joins whatever its message.
    folded: bool,
    /// Counted while the source was not listened to; shown with the next event that is.
    unseen: u32,
}

/// This many different messages of one sort fold into one entry ...
const SIMILAR: usize = 10;
/// ... unless nothing of the sort was heard for so long.
const SIMILAR_WINDOW: Duration = Duration::from_secs(600);
const FOLDED: &str = "(combined from similar events): ";
/// Entries are forgotten this long after they were last heard.
const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// The events of one pod. Bounded: what a source may say is, and entries die.
#[derive(Clone, Debug)]
pub struct EventLog {
    entries: Vec<Entry>,
    sorts: Vec<Sort>,
    scheduler: Allowance,
    kubelet: Allowance,
}

/// Events that differ only in message (and container).
#[derive(Clone, Debug)]
struct Sort {
    kind: EventKind,
    reason: &'static str,
    messages: Vec<Cow<'static, str>>,
    last: Time,
}

impl Default for EventLog {
    fn default() -> EventLog {
        EventLog::new()
    }
}

impl EventLog {
    pub fn new() -> EventLog {
        EventLog {
            entries: Vec::new(),
            sorts: Vec::new(),
            scheduler: Allowance::full(),
            kubelet: Allowance::full(),
        }
    }

    /// Counts the event in. The entry it became part of, or none when its source has said too much.
    pub fn record(&mut self, event: Event) -> Option<&Entry> {
        let at = event.at;
        self.entries
            .retain(|entry| at.since(entry.last) <= TIME_TO_LIVE);
        let component = event.component();
        let folded = self.folds(&event);
        let known = self.entries.iter().position(|entry| {
            entry.kind == event.kind
                && entry.reason == event.reason
                && entry.folded == folded
                && (folded || (entry.slot == event.slot && entry.message == event.message))
        });
        let allowance = if component == "kubelet" {
            &mut self.kubelet
        } else {
            &mut self.scheduler
        };
        let heard = allowance.take(at);
        let index = match known {
            Some(index) => index,
            None if !heard => return None,
            None => {
                self.entries.push(Entry {
                    kind: event.kind,
                    reason: event.reason,
                    message: Cow::Borrowed(""),
                    slot: event.slot,
                    component,
                    count: 0,
                    first: at,
                    last: at,
                    folded,
                    unseen: 0,
                });
                self.entries.len() - 1
            }
        };
        let entry = &mut self.entries[index];
        if !heard {
            entry.unseen = entry.unseen.saturating_add(1);
            return None;
        }
        entry.count = entry
            .count
            .saturating_add(1)
            .saturating_add(std::mem::take(&mut entry.unseen));
        entry.last = at;
        entry.message = if folded {
            Cow::Owned(format!("{FOLDED}{}", event.message))
        } else {
            event.message
        };
        Some(entry)
    }

    /// What is known at `now`, in order of first appearance.
    pub fn entries(&self, now: Time) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| now.since(entry.last) <= TIME_TO_LIVE)
    }

    /// Whether the event's sort has shown so many messages that it is to be folded.
    fn folds(&mut self, event: &Event) -> bool {
        let same = |sort: &Sort| sort.kind == event.kind && sort.reason == event.reason;
        let index = self.sorts.iter().position(same).unwrap_or_else(|| {
            self.sorts.push(Sort {
                kind: event.kind,
                reason: event.reason,
                messages: Vec::new(),
                last: event.at,
            });
            self.sorts.len() - 1
        });
        let sort = &mut self.sorts[index];
        if event.at.since(sort.last) > SIMILAR_WINDOW {
            sort.messages.clear();
        }
        sort.last = event.at;
        if !sort.messages.contains(&event.message) {
            sort.messages.push(event.message.clone());
        }
        let many = sort.messages.len() >= SIMILAR;
        // As in the original one is forgotten, so that the set stays small and the sort stays folded while new ones come.
        sort.messages.truncate(SIMILAR - 1);
        many
    }
}

/// What a source may say about one pod: a burst at once, then one event per refill.
#[derive(Clone, Debug)]
struct Allowance {
    left: u32,
    since: Time,
}

const BURST: u32 = 25;
const REFILL: Duration = Duration::from_secs(300);

impl Allowance {
    fn full() -> Allowance {
        Allowance {
            left: BURST,
            since: Time::EPOCH,
        }
    }

    fn take(&mut self, now: Time) -> bool {
        let refilled = now.since(self.since).as_secs() / REFILL.as_secs();
        if self.left == BURST || refilled >= u64::from(BURST - self.left) {
            (self.left, self.since) = (BURST, now);
        } else {
            // Fewer than the burst, so both fit.
            self.left += refilled as u32;
            self.since = self.since + REFILL * refilled as u32;
        }
        let granted = self.left > 0;
        self.left -= u32::from(granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &'static str, message: &str, slot: Option<Slot>, at: u64) -> Event {
        Event {
            kind: EventKind::Normal,
            reason,
            message: message.to_owned().into(),
            slot,
            at: Time::from_secs(at),
        }
    }

    fn lines(log: &EventLog, now: u64) -> Vec<(String, u32, u64, u64)> {
        let secs = |time: Time| time.nanos() / 1_000_000_000;
        let line = |e: &Entry| {
            (
                format!("{}: {}", e.reason, e.message),
                e.count,
                secs(e.first),
                secs(e.last),
            )
        };
        log.entries(Time::from_secs(now)).map(line).collect()
    }

    #[test]
    fn identical_events_are_counted_with_first_and_last_time() {
        let mut log = EventLog::new();
        for at in [100, 110, 150] {
            log.record(event("BackOff", "again", Some(0), at));
        }
        log.record(event("BackOff", "again", Some(1), 160));
        assert_eq!(
            lines(&log, 200),
            [
                ("BackOff: again".into(), 3, 100, 150),
                ("BackOff: again".into(), 1, 160, 160)
            ]
        );
    }

    #[test]
    fn many_similar_events_in_ten_minutes_fold_into_one() {
        let mut log = EventLog::new();
        for n in 0..12 {
            log.record(event("Unhealthy", &format!("no {n}"), Some(0), 100 + n));
        }
        let lines = lines(&log, 200);
        assert_eq!(lines.len(), 10);
        assert_eq!(
            lines[9],
            (
                "Unhealthy: (combined from similar events): no 11".into(),
                3,
                109,
                111
            )
        );
    }

    #[test]
    fn after_ten_quiet_minutes_similar_events_stand_alone_again() {
        let mut log = EventLog::new();
        for n in 0..10 {
            log.record(event("Unhealthy", &format!("no {n}"), Some(0), 100));
        }
        let entry = log
            .record(event("Unhealthy", "later", Some(0), 701))
            .unwrap();
        assert_eq!((entry.message.as_ref(), entry.count), ("later", 1));
    }

    #[test]
    fn a_source_is_heard_25_times_at_once_and_then_once_in_five_minutes() {
        let mut log = EventLog::new();
        let heard = (0..30)
            .filter(|&n| log.record(event("Started", "x", Some(n), 1000)).is_some())
            .count();
        assert_eq!(heard, 25);
        assert!(log.record(event("Started", "x", Some(0), 1299)).is_none());
        let entry = log.record(event("Started", "x", Some(0), 1300)).unwrap();
        assert_eq!(
            entry.count, 3,
            "what was not heard is counted with the next that is"
        );
        assert!(log.record(event("Started", "x", Some(0), 1301)).is_none());
        assert!(
            log.record(event("Scheduled", "y", None, 1301)).is_some(),
            "another source has its own allowance"
        );
    }

    #[test]
    fn an_entry_dies_an_hour_after_it_was_last_heard() {
        let mut log = EventLog::new();
        log.record(event("Started", "x", None, 0));
        assert_eq!(log.entries(Time::from_secs(3600)).count(), 1);
        assert_eq!(log.entries(Time::from_secs(3601)).count(), 0);
        log.record(event("Killing", "y", None, 3601));
        assert_eq!(lines(&log, 3601).len(), 1);
    }
}
