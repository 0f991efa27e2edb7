//! Folding facts. Every arm is O(1): what follows from a fact is decided by the next plan.

use std::time::Duration;

use super::event;
use super::life::{Course, Life, Sandbox, Why};
use super::record::{self, Ended, PostStart, Reason, Running, State, Stopping};
use super::restart::{self, End, Fate};
use super::stop::Step;
use super::volumes::Volumes;
use super::{Cause, Exit, Hook, Input, Probe, StartProblem, Time};
use crate::spec::pod::{Image, Role, Slot};

/// After a failure that has no back-off of its own the kubelet tries again after about this long (`pkg/kubelet/pod_workers.go`).
pub(super) const RETRY: Duration = Duration::from_secs(10);
/// The kubelet looks at what happened once a second (`pkg/kubelet/kubelet.go`, `plegRelistPeriod`).
pub(super) const RELIST: Duration = Duration::from_secs(1);
/// What `/dev/termination-log` may say (`pkg/kubelet/container/runtime.go`) ...
const MESSAGE_MAX: usize = 4096;
/// ... and all containers of a pod together.
const MESSAGES_MAX: usize = 12 * 1024;

impl Life {
    /// Folds one fact.
    pub fn observe(&mut self, input: Input, now: Time) {
        match input {
            Input::VolumesMounted if self.is_mounting() => self.volumes = Volumes::Mounted,
            Input::MountFailed { volume, error } if self.volumes != Volumes::Mounted => {
                self.mount_failed(volume, &error, now)
            }
            Input::SandboxReady { ips } if self.sandbox == Sandbox::Making => {
                self.sandbox = Sandbox::Ready;
                self.ips = ips;
            }
            Input::SandboxFailed { error } if self.sandbox == Sandbox::Making => {
                self.sandbox_failed(&error, now)
            }
            Input::SandboxRemoved if self.sandbox == Sandbox::Removing => {
                self.sandbox = Sandbox::Gone
            }
            Input::Pulling { slot } if self.is_pulling(slot) => {
                let text = event::pulling(self.pod.containers[slot].image.written());
                self.say(Some(slot), now, text);
            }
            Input::ImageReady {
                slot,
                image_id,
                pulled,
            } if self.is_pulling(slot) => self.image_ready(slot, image_id, pulled, now),
            Input::ImageFailed {
                slot,
                reason,
                message,
            } if self.is_pulling(slot) => self.image_failed(slot, reason, message, now),
            Input::Started { slot, container_id } if self.is_starting(slot) => {
                self.started(slot, container_id, now)
            }
            Input::StartFailed {
                slot,
                reason,
                message,
            } if self.is_starting(slot) => self.start_failed(slot, reason, message, now),
            Input::Exited { slot, exit } if self.records[slot].is_live() => {
                self.exited(slot, exit, now)
            }
            Input::HookDone {
                slot,
                hook: Hook::PostStart,
                result,
            } => self.post_start_done(slot, result, now),
            Input::HookDone {
                slot,
                hook: Hook::PreStop,
                result,
            } => self.pre_stop_done(slot, &result, now),
            Input::ProbeResult {
                slot,
                probe,
                healthy,
            } => self.probed(slot, probe, healthy),
            Input::ProbeAttempt {
                slot,
                probe,
                outcome,
            } if self.records[slot].running().is_some() => {
                self.say(Some(slot), now, event::probe_attempt(probe, &outcome));
            }
            Input::Delete { grace } => {
                let grace = grace.unwrap_or(self.pod.termination_grace).as_secs();
                self.end(grace, Why::Deleted, now);
            }
            Input::Abort => self.abort(now),
            Input::Evict { message } => self.evict(message, now),
            Input::SurroundingsChanged => self.surroundings_changed(now),
            Input::Warned { reason, message } => {
                self.say(None, now, event::warning(reason, message));
            }
            Input::Update(pod) => self.update(pod, now),
            _ => {} // Too late to matter, see `Input`.
        }
        self.settle_conditions(now);
    }

    /// The pod goes for good. If it is going already, this may only hasten it.
    pub(super) fn end(&mut self, grace: u64, why: Why, now: Time) {
        // The API's floor; also for a forced deletion, where only the object goes at once.
        let grace = grace.max(1);
        let Course::Ending {
            grace: before,
            why: first,
            at_once,
        } = self.course
        else {
            self.course = Course::Ending {
                grace,
                why,
                at_once: false,
            };
            self.lower_stops(grace, now);
            return;
        };
        if grace < before {
            self.course = Course::Ending {
                grace,
                why: first,
                at_once,
            };
            self.lower_stops(grace, now);
        }
    }

    fn abort(&mut self, now: Time) {
        self.end(0, Why::Deleted, now);
        if let Course::Ending { at_once, .. } = &mut self.course {
            *at_once = true;
        }
    }

    fn lower_stops(&mut self, grace: u64, now: Time) {
        for record in &mut self.records {
            if let Some(Running {
                stopping: Stopping::Under { step, .. },
                ..
            }) = record.running_mut()
            {
                step.lower(now, grace);
            }
        }
    }

    fn is_pulling(&self, slot: Slot) -> bool {
        matches!(self.records[slot].state, State::Pulling)
    }

    fn is_starting(&self, slot: Slot) -> bool {
        matches!(self.records[slot].state, State::Starting)
    }

    fn sandbox_failed(&mut self, error: &str, now: Time) {
        self.sandbox = Sandbox::Absent {
            retry_at: now + RETRY,
        };
        if !self.is_ending() {
            self.say(None, now, event::sandbox_failed(error));
        }
    }

    /// The container is to be started at `not_before`; whoever waited for it need not wait longer.
    pub(super) fn idle(&mut self, slot: Slot, not_before: Time) {
        let from = self.records[slot].last_exit();
        self.put(slot, State::Idle { from, not_before });
        self.release(slot);
    }

    pub(super) fn release(&mut self, slot: Slot) {
        if self.busy == Some(slot) {
            self.busy = None;
        }
    }

    fn started(&mut self, slot: Slot, container_id: String, now: Time) {
        self.say(Some(slot), now, event::created());
        self.say(Some(slot), now, event::started());
        self.made(slot);
        let container = &self.pod.containers[slot];
        let running = Running {
            container_id,
            since: now,
            post_start: if container.has_post_start {
                PostStart::Due
            } else {
                PostStart::Passed
            },
            startup_passed: container.startup.is_none(),
            readiness: container.readiness.is_none(),
            stopping: match std::mem::take(&mut self.records[slot].outdated) {
                true => Stopping::Wanted(Reason::Definition),
                false => Stopping::No,
            },
        };
        if running.post_start == PostStart::Passed {
            self.release(slot);
            self.records[slot].problem = None;
        }
        self.put(slot, State::Running(Box::new(running)));
    }

    /// One more instance exists.
    fn made(&mut self, slot: Slot) {
        let record = &mut self.records[slot];
        if self.pod.containers[slot].role == Role::App && !record.seen {
            self.tally.apps_seen += 1;
        }
        record.seen = true;
        record.renewed = false;
        record.attempts += 1;
    }

    fn start_failed(&mut self, slot: Slot, problem: StartProblem, message: String, now: Time) {
        if problem == StartProblem::RunContainerError {
            self.say(Some(slot), now, event::created());
        }
        self.say(Some(slot), now, event::failed(&message));
        self.records[slot].set_problem(problem.as_str(), message.clone());
        if problem != StartProblem::RunContainerError {
            let outdated = std::mem::take(&mut self.records[slot].outdated);
            let stale = problem == StartProblem::CreateContainerConfigError
                && std::mem::take(&mut self.records[slot].stale);
            let again = outdated || stale;
            self.idle(slot, if again { now } else { now + RETRY });
            return;
        }
        // It was made, so there is an instance, and it ended as containerd reports such a one.
        self.made(slot);
        self.over(
            slot,
            Exit {
                code: 128,
                cause: Cause::StartError,
                message,
            },
            String::new(),
            now,
        );
    }

    fn exited(&mut self, slot: Slot, exit: Exit, now: Time) {
        let container_id = match self.records[slot].running() {
            Some(running) => running.container_id.clone(),
            // The machine owes a `Started` before; without one it ended as it began.
            None => {
                self.made(slot);
                String::new()
            }
        };
        self.over(slot, exit, container_id, now);
    }

    /// An instance has ended: remember it and decide what becomes of its container.
    fn over(&mut self, slot: Slot, exit: Exit, container_id: String, now: Time) {
        let Exit {
            code,
            cause,
            message,
        } = exit;
        let reason = record::exit_reason(code, cause);
        let message = self.fit_message(message);
        let record = &mut self.records[slot];
        let started = Some(record.running().map_or(now, |running| running.since));
        // A start that failed has begun what is wanted as little as one that is to be stopped for it.
        let outdated = std::mem::take(&mut record.outdated).then_some(Reason::Definition);
        let stopped = match record.running() {
            Some(Running {
                stopping: Stopping::Under { reason, .. },
                ..
            }) => Some(*reason),
            _ => outdated,
        };
        let before = record.last_exit();
        record.push_ended(Ended {
            code,
            reason: reason.into(),
            message,
            started,
            finished: Some(now),
            container_id,
        });
        self.release(slot);
        let end = End {
            code,
            cause,
            stopped,
        };
        match self.fate(slot, end) {
            Fate::Done => self.done(slot, end),
            Fate::Again if stopped.is_some_and(Reason::restarts) => self.put(
                slot,
                State::Idle {
                    from: before,
                    not_before: now,
                },
            ),
            Fate::Again => self.idle(slot, now),
            Fate::AgainAll => {
                self.idle(slot, now);
                self.course = Course::Renewing { since: now };
            }
        }
    }

    fn fate(&self, slot: Slot, end: End) -> Fate {
        match self.course {
            Course::Ending { .. } => Fate::Done,
            // Everything will be set up again, whatever it would deserve by itself.
            Course::Renewing { .. } if self.is_regular(slot) => Fate::Again,
            Course::Renewing { .. } => Fate::Done,
            Course::Living => restart::fate(&self.pod.containers[slot], end),
        }
    }

    pub(super) fn done(&mut self, slot: Slot, end: End) {
        let failed = match self.pod.containers[slot].role {
            Role::App => {
                self.tally.apps_done += 1;
                end.code != 0
            }
            Role::Init => {
                let failed = restart::init_failed(end);
                self.tally.init_failed |= failed && !self.is_ending();
                failed
            }
            Role::Sidecar | Role::Ephemeral => false, // Its exit code is ignored.
        };
        if failed && self.first_failure.is_none() {
            self.first_failure = Some((slot, end.code));
        }
        self.put(slot, State::Done);
    }

    /// The end of it if it is a container's termination log, the beginning of that if all of them would be too much.
    fn fit_message(&self, mut message: String) -> String {
        if message.len() > MESSAGE_MAX {
            let from = message.ceil_char_boundary(message.len() - MESSAGE_MAX);
            message.drain(..from);
        }
        let share = MESSAGES_MAX / self.pod.containers.len();
        message.truncate(message.floor_char_boundary(share));
        message
    }

    fn post_start_done(&mut self, slot: Slot, result: Result<(), String>, now: Time) {
        let ending = self.course != Course::Living;
        let record = &mut self.records[slot];
        let Some(running) = record.running_mut() else {
            return;
        };
        if running.post_start != PostStart::Asked {
            return;
        }
        match result {
            Ok(()) => {
                running.post_start = PostStart::Passed;
                record.problem = None;
                self.release(slot);
            }
            Err(error) => {
                running.post_start = PostStart::Failed;
                if running.stopping == Stopping::No && !ending {
                    running.stopping = Stopping::Wanted(Reason::PostStart);
                }
                record.set_problem("PostStartHookError", error);
                // Its text may hold secrets of the server that was asked, so the event does not repeat it.
                self.say(
                    Some(slot),
                    now,
                    event::warning("FailedPostStartHook", "PostStartHook failed"),
                );
            }
        }
        self.touched(slot);
    }

    fn pre_stop_done(&mut self, slot: Slot, result: &Result<(), String>, now: Time) {
        let Some(Running {
            stopping: Stopping::Under { step, .. },
            ..
        }) = self.records[slot].running_mut()
        else {
            return;
        };
        if !matches!(step, Step::PreStop { .. }) {
            return;
        }
        step.hook_done(now);
        if result.is_err() {
            self.say(
                Some(slot),
                now,
                event::warning("FailedPreStopHook", "PreStopHook failed"),
            );
        }
        self.touched(slot);
    }

    fn probed(&mut self, slot: Slot, probe: Probe, healthy: bool) {
        let living = self.course == Course::Living;
        let Some(running) = self.records[slot].running_mut() else {
            return;
        };
        match (probe, healthy) {
            (Probe::Readiness, _) => running.readiness = healthy,
            (Probe::Startup, true) => running.startup_passed = true,
            (Probe::Liveness, true) => {}
            (Probe::Liveness | Probe::Startup, false) => {
                // They stop when the pod goes.
                if living && running.stopping == Stopping::No {
                    let reason = if probe == Probe::Liveness {
                        Reason::Liveness
                    } else {
                        Reason::Startup
                    };
                    running.stopping = Stopping::Wanted(reason);
                }
            }
        }
        self.touched(slot);
    }

    /// The error of an image name that cannot be parsed.
    pub(super) fn invalid_image(&self, slot: Slot) -> Option<String> {
        match &self.pod.containers[slot].image {
            Image::Invalid { error, .. } => Some(error.clone()),
            Image::Toolbox | Image::File { .. } | Image::Registry { .. } => None,
        }
    }
}
