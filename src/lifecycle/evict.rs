//! A pod loses its place, because it uses more than it may.

use super::Time;
use super::event;
use super::life::{Life, Why};

/// What a pod over its limits is given to end (`pkg/kubelet/eviction/eviction_manager.go`, `immediateEvictionGracePeriodSeconds`).
const EVICTION_GRACE: u64 = 1;

impl Life {
    /// A pod that goes already is not in the way (`pkg/kubelet/eviction/eviction_manager.go`, `localStorageEviction`).
    pub(super) fn evict(&mut self, message: String, now: Time) {
        if self.is_ending() {
            return;
        }
        self.say(None, now, event::evicted(&message));
        self.evicted = Some(message);
        self.end(EVICTION_GRACE, Why::Evicted, now);
    }
}
