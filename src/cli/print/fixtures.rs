//! The time at which the tests of this room look at things.

use k8s_openapi::jiff::Timestamp;

pub const NOW: &str = "2026-01-31T12:00:00Z";

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}
