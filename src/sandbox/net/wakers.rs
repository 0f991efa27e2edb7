//! Who waits for one event.

use std::collections::VecDeque;
use std::task::Waker;

use super::defs::MAX_WAKERS;

/// Tasks waiting for an event: nearly always none or one. Taken as a whole under the owner's lock and woken after it is released.
#[derive(Default)]
pub(super) struct Wakers {
    first: Option<Waker>,
    rest: VecDeque<Waker>,
}

impl Wakers {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Remembers a task. A task that polls under ever new wakers cannot grow this without bound: beyond
    /// [`MAX_WAKERS`] the oldest is returned, to be woken (a needless wake is allowed, a lost one is not).
    #[must_use = "an evicted waker must be woken"]
    pub fn register(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.first {
            None => {
                self.first = Some(waker.clone());
                None
            }
            Some(known) if known.will_wake(waker) => None,
            Some(_) => self.register_further(waker),
        }
    }

    fn register_further(&mut self, waker: &Waker) -> Option<Waker> {
        if self.rest.iter().any(|known| known.will_wake(waker)) {
            return None;
        }
        self.rest.push_back(waker.clone());
        if self.rest.len() < MAX_WAKERS {
            return None;
        }
        let next = self.rest.pop_front();
        std::mem::replace(&mut self.first, next)
    }

    pub fn take(&mut self) -> Wakers {
        std::mem::take(self)
    }

    pub fn wake(self) {
        if let Some(waker) = self.first {
            waker.wake();
        }
        for waker in self.rest {
            waker.wake();
        }
    }
}
