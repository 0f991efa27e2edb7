//! The one room that reads the clock on behalf of the pure ones.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;

use crate::lifecycle::Time;

/// The time now, for an object's `creationTimestamp`.
pub fn now() -> Timestamp {
    let nanos = i128::try_from(since_epoch().as_nanos()).unwrap_or(i128::MAX);
    Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::MAX)
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Wall-clock time that never goes back: one look at the wall, then the monotonic clock.
pub(super) struct Clock {
    wall: Duration,
    start: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock {
            wall: since_epoch(),
            start: Instant::now(),
        }
    }

    pub fn now(&self) -> Time {
        Time::EPOCH + (self.wall + self.start.elapsed())
    }

    /// When the monotonic clock will show `at`; a time before the start is the start.
    pub fn instant(&self, at: Time) -> Instant {
        self.start + at.since(Time::EPOCH).saturating_sub(self.wall)
    }
}
