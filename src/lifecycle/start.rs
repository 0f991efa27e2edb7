//! Starting containers, one at a time and in order (`SyncPod`, `doBackOff`, `EnsureImageExists`).

use super::backoff::{Pace, Refusal};
use super::event;
use super::goduration::GoDuration;
use super::life::Life;
use super::record::State;
use super::{Action, ImageProblem, Plan, Time};
use crate::spec::pod::{PullPolicy, Role, Slot};

impl Life {
    /// Whether the order of the pod allows the container to be started now. Only the first start has to wait: a container
    /// that has run before is restarted whatever the others do.
    pub(super) fn may_start(&self, slot: Slot) -> bool {
        let gate = match self.pod.containers[slot].role {
            Role::Ephemeral => return true,
            // Once a regular container was started the pod counts as initialised.
            Role::App if self.tally.apps_seen > 0 => return true,
            Role::App => self.inits,
            Role::Init | Role::Sidecar if self.records[slot].seen => return true,
            Role::Init | Role::Sidecar => slot,
        };
        gate == 0 || self.records[gate - 1].initialised
    }

    /// A container that is to be started, as soon as its back-off and the others allow.
    pub(super) fn consider(&mut self, slot: Slot, now: Time, plan: &mut Plan) {
        let State::Idle { from, not_before } = self.records[slot].state else {
            return;
        };
        if now < not_before {
            return plan.wake_by(not_before);
        }
        let refusal = from.and_then(|exit| {
            self.records[slot]
                .crashes
                .refuses(exit, now, &self.restarts)
        });
        if let Some(refusal) = refusal
            && self.refuse_restart(slot, refusal, now, plan)
        {
            return;
        }
        if self.busy.is_none() && self.may_start(slot) {
            if let Some(exit) = from {
                self.records[slot].crashes.next(exit, now, &self.restarts);
            }
            self.begin_pull(slot, now, plan);
        }
    }

    /// CrashLoopBackOff. False if the delay is over already when counted from the newest exit.
    fn refuse_restart(&mut self, slot: Slot, refusal: Refusal, now: Time, plan: &mut Plan) -> bool {
        let from = self.records[slot].last_exit();
        let until = from.map_or(refusal.until, |exit| exit + refusal.delay);
        if until <= now {
            return false;
        }
        let (name, pod) = (&self.pod.containers[slot].name, event::pod_label(&self.pod));
        let message = format!(
            "back-off {} restarting failed container={name} pod={pod}",
            GoDuration(refusal.delay)
        );
        let text = event::restart_backoff(&self.pod, name);
        self.say(Some(slot), now, text);
        self.records[slot].set_problem("CrashLoopBackOff", message);
        self.put(
            slot,
            State::Idle {
                from,
                not_before: until,
            },
        );
        plan.wake_by(until);
        true
    }

    /// The first start since the pod was set up. It waits for no back-off, but the next one counts from an exit before it.
    pub(super) fn begin_first(&mut self, slot: Slot, now: Time, plan: &mut Plan) {
        if let Some(exit) = self.records[slot].last_exit() {
            self.records[slot].crashes.next(exit, now, &self.restarts);
        }
        self.begin_pull(slot, now, plan);
    }

    /// The first step of a start: the image. Everybody else waits from here on.
    pub(super) fn begin_pull(&mut self, slot: Slot, now: Time, plan: &mut Plan) {
        if let Some(error) = self.invalid_image(slot) {
            self.image_failed(slot, ImageProblem::InvalidImageName, error, now);
            return plan.wake_by(now + super::observe::RETRY);
        }
        let container = &self.pod.containers[slot];
        // One that never asks a registry need not be kept from asking.
        let pulls = self.pulls.get(container.image.written());
        let pulls = pulls.filter(|_| container.pull_policy != PullPolicy::Never);
        if let Some(refusal) =
            pulls.and_then(|pulls| pulls.backoff.refuses_since_update(now, &Pace::pulls()))
        {
            return self.refuse_pull(slot, refusal, now, plan);
        }
        self.busy = Some(slot);
        self.records[slot].outdated = false;
        self.put(slot, State::Pulling);
        plan.actions.push(Action::Pull { slot });
    }

    fn refuse_pull(&mut self, slot: Slot, refusal: Refusal, now: Time, plan: &mut Plan) {
        let image = self.pod.containers[slot].image.written();
        let text = event::pull_backoff(image);
        let last_error = self.pulls.get(image).map(|pulls| pulls.last_error.as_str());
        let message = match last_error.unwrap_or_default() {
            "" => text.2.to_string(),
            error => format!("{}: {error}", text.2),
        };
        self.say(Some(slot), now, text);
        self.say(Some(slot), now, event::failed("ImagePullBackOff"));
        self.records[slot].set_problem("ImagePullBackOff", message);
        self.idle(slot, refusal.until);
        plan.wake_by(refusal.until);
    }

    /// The second step: the image is there.
    pub(super) fn begin_start(&mut self, slot: Slot, plan: &mut Plan) {
        let attempt = self.records[slot].attempts;
        self.records[slot].stale = false;
        self.put(slot, State::Starting);
        plan.actions.push(Action::Start { slot, attempt });
    }
}
