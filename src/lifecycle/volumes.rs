//! The pod's volumes, which come before its sandbox (`pkg/kubelet/kubelet.go` `SyncPod`, `pkg/kubelet/volumemanager`), and
//! what is tried again at once when something appears that was missing.
//!
//! Between attempts lies the back-off of the kubelet's volume operations (`pkg/util/goroutinemap/exponentialbackoff`). Only the
//! event of each attempt tells of it: the containers are shown as still to be made.

use std::time::Duration;

use super::event;
use super::life::Life;
use super::record::{Problem, State};
use super::{Action, Plan, StartProblem, Time};
use crate::spec::pod::Slot;

/// What lies between the first two attempts ...
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// ... and at most between any two; it doubles in between.
const LONGEST_DELAY: Duration = Duration::from_millis(2 * 60 * 1000 + 2000);

/// How far the pod is with its volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volumes {
    /// There are none, or nobody has asked for them yet.
    Untouched,
    /// An attempt is under way. `changed`: what it has read may be out of date already.
    Mounting {
        delay: Duration,
        changed: bool,
    },
    /// The last attempt has failed; the next one is due at `retry_at`. `delay` lies between it and the one after it.
    Failed {
        delay: Duration,
        retry_at: Time,
    },
    Mounted,
}

impl Life {
    /// Sees to the volumes. True if they are there, and the sandbox may be made.
    pub(super) fn plan_volumes(&mut self, now: Time, plan: &mut Plan) -> bool {
        let delay = match self.volumes {
            Volumes::Mounted => return true,
            Volumes::Untouched if self.pod.volumes.is_empty() => return true,
            Volumes::Untouched => FIRST_DELAY,
            Volumes::Mounting { .. } => return false,
            Volumes::Failed { retry_at, .. } if now < retry_at => {
                plan.wake_by(retry_at);
                return false;
            }
            Volumes::Failed { delay, .. } => delay,
        };
        self.volumes = Volumes::Mounting {
            delay,
            changed: false,
        };
        plan.actions.push(Action::MountVolumes);
        false
    }

    pub(super) fn is_mounting(&self) -> bool {
        matches!(self.volumes, Volumes::Mounting { .. })
    }

    /// Every volume that cannot be mounted is told of; together they are one failed attempt.
    pub(super) fn mount_failed(&mut self, volume: usize, error: &str, now: Time) {
        let name = self.pod.volumes.get(volume);
        let name = name.map_or("", |volume| volume.name.as_str());
        let text = event::mount_failed(name, error);
        if !self.is_ending() {
            self.say(None, now, text);
        }
        let Volumes::Mounting { delay, changed } = self.volumes else {
            return;
        };
        self.volumes = Volumes::Failed {
            delay: (delay * 2).min(LONGEST_DELAY),
            retry_at: if changed { now } else { now + delay },
        };
    }

    /// Whether something of the volumes may be there that is to be removed with the sandbox.
    pub(super) fn has_volumes(&self) -> bool {
        self.volumes != Volumes::Untouched
    }

    /// What is waited for may be there now: it is looked for at once. The attempt does not count for the back-off.
    pub(super) fn surroundings_changed(&mut self, now: Time) {
        match &mut self.volumes {
            Volumes::Untouched | Volumes::Mounted => {}
            Volumes::Mounting { changed, .. } => *changed = true,
            Volumes::Failed { delay, retry_at } if *retry_at > now => {
                *delay = (*delay / 2).max(FIRST_DELAY);
                *retry_at = now;
            }
            Volumes::Failed { .. } => {}
        }
        for slot in 0..self.records.len() {
            self.look_again(slot, now);
        }
    }

    /// A container that could not be composed is composed again, whatever its back-off says.
    fn look_again(&mut self, slot: Slot, now: Time) {
        let record = &mut self.records[slot];
        match record.state {
            State::Idle { .. } if is_missing(record.problem.as_deref()) => {
                let state = State::Idle {
                    from: None,
                    not_before: now,
                };
                self.put(slot, state);
            }
            // It may have looked before the change.
            State::Starting => record.stale = true,
            _ => {}
        }
    }
}

/// What a container is composed of was missing.
fn is_missing(problem: Option<&Problem>) -> bool {
    let reason = StartProblem::CreateContainerConfigError.as_str();
    problem.is_some_and(|problem| problem.reason == reason)
}
