//! Stopping one container (`pkg/kubelet/kuberuntime/kuberuntime_container.go` `killContainer`,
//! `kuberuntime_termination_order.go`).
//!
//! preStop, then (a sidecar) waiting its turn, then TERM, then KILL. What the first two take is subtracted from the grace
//! period in whole seconds, cut downwards; TERM always gets at least two.

use std::time::Duration;

use super::{Signal, Time};

/// However little grace is left, this much lies between TERM and KILL.
pub const MINIMUM: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The preStop hook was asked for at `since`, when `left` whole seconds remained. Made by [`Step::begin`]; ends with the
    /// hook's answer or with the grace period.
    PreStop { since: Time, left: u64 },
    /// Waiting until the containers that use this one are gone, which only a sidecar does; the others pass at once.
    Turn { since: Time, left: u64 },
    /// TERM was sent.
    Term { kill_at: Time },
    /// KILL was sent; only the exit is missing.
    Kill,
}

/// What [`Step::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    pub signal: Option<Signal>,
    pub wake_at: Option<Time>,
}

impl Step {
    /// The first step of a stop with `grace` whole seconds, beginning now.
    pub fn begin(now: Time, grace: u64, pre_stop: bool) -> Step {
        if pre_stop && grace > 0 {
            Step::PreStop {
                since: now,
                left: grace,
            }
        } else {
            Step::Turn {
                since: now,
                left: grace,
            }
        }
    }

    /// The hook has returned.
    pub fn hook_done(&mut self, now: Time) {
        if let Step::PreStop { since, left } = *self {
            *self = Step::Turn {
                since: now,
                left: left - left.min(now.since(since).as_secs()),
            };
        }
    }

    /// Goes as far as the time allows. `turn` says that nothing this container serves is left.
    pub fn advance(&mut self, now: Time, turn: bool) -> Advance {
        let mut signal = None;
        loop {
            let wake_at = match *self {
                Step::PreStop { since, left } if now < since + secs(left) => {
                    Some(since + secs(left))
                }
                Step::PreStop { .. } => {
                    *self = Step::Turn {
                        since: now,
                        left: 0,
                    };
                    continue;
                }
                Step::Turn { since, left } if !turn && now < since + secs(left) => {
                    Some(since + secs(left))
                }
                Step::Turn { since, left } => {
                    let left = left - left.min(now.since(since).as_secs());
                    signal = Some(Signal::Term);
                    *self = Step::Term {
                        kill_at: now + secs(left.max(MINIMUM)),
                    };
                    continue;
                }
                Step::Term { kill_at } if now < kill_at => Some(kill_at),
                Step::Term { .. } => {
                    signal = Some(Signal::Kill);
                    *self = Step::Kill;
                    None
                }
                Step::Kill => None,
            };
            return Advance { signal, wake_at };
        }
    }

    /// From now on no more than `grace` seconds. It never becomes more than it was.
    pub fn lower(&mut self, now: Time, grace: u64) {
        match self {
            Step::PreStop { since, left } | Step::Turn { since, left } => {
                if now + secs(grace) < *since + secs(*left) {
                    (*since, *left) = (now, grace);
                }
            }
            Step::Term { kill_at } => *kill_at = (*kill_at).min(now + secs(grace.max(MINIMUM))),
            Step::Kill => {}
        }
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
