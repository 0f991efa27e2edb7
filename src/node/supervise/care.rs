//! Whether a pod is to be started now, or later.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::super::manifests::is_static;
use super::super::{Sight, due};
use crate::lifecycle::{Backoff, Pace, Time};

/// Whoever creates a pod also starts it, at once. One that is older than this and was never started has lost its maker.
const NEWBORN: Duration = Duration::from_secs(10);

/// A pod's process is started again as its containers are (section 4): at once, then after 10 s, doubling to five minutes.
fn pace() -> Pace {
    Pace::restarts(Duration::from_secs(300))
}

/// What is remembered of one pod.
#[derive(Debug, Default)]
pub(super) struct Care {
    backoff: Backoff,
    /// It is being started.
    under_way: bool,
    /// We gave it its place: nobody else is about to start it.
    ours: bool,
    /// We have started it, or found it running.
    ran: bool,
    /// Since when it is without a process that it should have.
    since: Option<Time>,
    /// The delay that was told.
    told: Option<Duration>,
}

/// What to do for a pod now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Rest,
    Start,
    /// Look again after so long. `told`: the delay is news.
    Later {
        after: Duration,
        told: Option<Duration>,
    },
}

impl Care {
    pub fn turn(&mut self, sight: &Sight, now: Time, wall: Timestamp) -> Turn {
        if self.under_way {
            return Turn::Rest;
        }
        if sight.process.pid().is_some() {
            (self.ran, self.since, self.told) = (true, None, None);
        }
        if due(sight).is_none() {
            self.since = None;
            return Turn::Rest;
        }
        if !self.ours
            && let Some(after) = newborn(sight, wall)
        {
            return Turn::Later { after, told: None };
        }
        let since = *self.since.get_or_insert(now);
        if self.ran {
            if let Some(refusal) = self.backoff.refuses(since, now, &pace()) {
                let news = self.told.replace(refusal.delay) != Some(refusal.delay);
                return Turn::Later {
                    after: refusal.until.since(now),
                    told: news.then_some(refusal.delay),
                };
            }
            self.backoff.next(since, now, &pace());
        }
        (self.ran, self.under_way) = (true, true);
        (self.since, self.told) = (None, None);
        Turn::Start
    }

    /// It has its place from us.
    pub fn adopt(&mut self) {
        self.ours = true;
    }

    /// The launch is through.
    pub fn launched(&mut self, well: bool, now: Time) {
        self.under_way = false;
        self.since = (!well).then_some(now);
    }
}

/// How long to leave a pod to whoever is just creating it.
fn newborn(sight: &Sight, wall: Timestamp) -> Option<Duration> {
    if sight.attempt.is_some() || is_static(&sight.pod) {
        return None;
    }
    let born = sight.pod.metadata.creation_timestamp.as_ref()?.0;
    let age = Duration::try_from(wall.duration_since(born)).unwrap_or_default();
    // A birth in the future is the work of a clock that was set back: it is not waited for.
    let left = NEWBORN.checked_sub(age).filter(|left| !left.is_zero());
    left.filter(|_| born <= wall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Process;
    use k8s_openapi::api::core::v1;
    use serde_json::json;

    const WALL: i64 = 1_769_860_800;

    /// A pod that was created so many seconds ago.
    fn sight(age: i64, process: Process, attempt: Option<u32>) -> Sight {
        let created = Timestamp::from_second(WALL - age).unwrap().to_string();
        let pod: v1::Pod = serde_json::from_value(json!({
            "metadata": { "name": "web", "uid": "u", "creationTimestamp": created },
            "spec": { "restartPolicy": "Always", "nodeName": "here", "containers": [] },
            "status": { "phase": "Failed", "reason": "SandboxLost" },
        }))
        .unwrap();
        Sight {
            pod,
            process,
            attempt,
            lost: false,
        }
    }

    fn turn(care: &mut Care, sight: &Sight, now: u64) -> Turn {
        care.turn(
            sight,
            Time::from_secs(now),
            Timestamp::from_second(WALL).unwrap(),
        )
    }

    fn later(after: u64, told: Option<u64>) -> Turn {
        Turn::Later {
            after: Duration::from_secs(after),
            told: told.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_new_pod_is_left_to_its_maker_for_a_while() {
        let mut care = Care::default();
        let never = |age| sight(age, Process::None, None);
        assert_eq!(turn(&mut care, &never(4), 100), later(6, None));
        assert_eq!(turn(&mut care, &never(10), 100), Turn::Start);
    }

    #[test]
    fn one_that_was_placed_by_us_is_started_at_once() {
        let mut care = Care::default();
        care.adopt();
        assert_eq!(
            turn(&mut care, &sight(4, Process::None, None), 100),
            Turn::Start
        );
    }

    #[test]
    fn a_clock_that_was_set_back_delays_nothing() {
        let mut care = Care::default();
        assert_eq!(
            turn(&mut care, &sight(-3600, Process::None, None), 100),
            Turn::Start
        );
    }

    #[test]
    fn one_that_dies_again_and_again_waits_longer_each_time() {
        let (mut care, mut now) = (Care::default(), 100);
        let lives = sight(60, Process::Living { pid: 7 }, Some(0));
        let dead = sight(60, Process::None, Some(0));
        assert_eq!(turn(&mut care, &lives, now), Turn::Rest);
        for delay in [0, 10, 20, 40, 80, 160, 300, 300] {
            if delay > 0 {
                assert_eq!(turn(&mut care, &dead, now), later(delay, Some(delay)));
                assert_eq!(turn(&mut care, &dead, now + 1), later(delay - 1, None));
            }
            now += delay;
            assert_eq!(turn(&mut care, &dead, now), Turn::Start, "after {delay} s");
            assert_eq!(turn(&mut care, &dead, now), Turn::Rest);
            care.launched(true, Time::from_secs(now));
            assert_eq!(turn(&mut care, &lives, now), Turn::Rest);
        }
        // Ten minutes of life are enough to be forgiven.
        now += 601;
        assert_eq!(turn(&mut care, &dead, now), Turn::Start);
    }

    #[test]
    fn a_start_that_fails_is_tried_again_after_a_pause() {
        let mut care = Care::default();
        let dead = sight(60, Process::None, Some(0));
        assert_eq!(turn(&mut care, &dead, 100), Turn::Start);
        care.launched(false, Time::from_secs(101));
        assert_eq!(turn(&mut care, &dead, 101), Turn::Start);
        care.launched(false, Time::from_secs(102));
        assert_eq!(turn(&mut care, &dead, 102), later(10, Some(10)));
    }

    #[test]
    fn what_runs_or_is_done_needs_nothing() {
        let mut care = Care::default();
        let lives = sight(60, Process::Living { pid: 7 }, Some(0));
        assert_eq!(turn(&mut care, &lives, 100), Turn::Rest);
        let mut done = sight(60, Process::None, Some(0));
        done.pod.status = Some(v1::PodStatus {
            phase: Some("Succeeded".to_owned()),
            ..v1::PodStatus::default()
        });
        assert_eq!(turn(&mut care, &done, 100), Turn::Rest);
    }
}
