//! The one notion of time in the pure rooms.

use std::ops::{Add, Sub};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use k8s_openapi::jiff::Timestamp;

/// Nanoseconds since the Unix epoch, enough until the year 2554. The caller derives it from one wall reading plus the
/// monotonic time since, so it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    pub const EPOCH: Time = Time(0);

    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    pub const fn from_millis(millis: u64) -> Time {
        Time(millis * 1_000_000)
    }

    pub const fn from_secs(secs: u64) -> Time {
        Time(secs * 1_000_000_000)
    }

    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// A time the API has written; none before 1970.
    pub fn from_api(time: &v1::Time) -> Option<Time> {
        u64::try_from(time.0.as_nanosecond()).ok().map(Time)
    }

    /// As the API writes times: whole seconds, cut downwards.
    pub fn api(self) -> v1::Time {
        let secs = i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX);
        v1::Time(Timestamp::from_second(secs).unwrap_or(Timestamp::MAX))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates: a deadline that far away is never reached.
    fn add(self, wait: Duration) -> Time {
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(nanos))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}
