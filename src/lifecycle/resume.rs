//! A pod whose process was lost goes on in a new one: another sandbox, the same pod (`computePodActions` when the sandbox has
//! changed, `convertToAPIContainerStatuses` for what nobody can tell any more).

use std::sync::Arc;

use k8s_openapi::api::core::v1;

use super::conditions::Conditions;
use super::event;
use super::life::{Life, Node, Why};
use super::record::{Ended, Record, State};
use super::restart::{self, End, Fate};
use super::status::{EVICTED, ID_PREFIX};
use super::{Cause, Time};
use crate::spec::pod::{Pod, RestartPolicy, Role, Slot};

/// Of an instance that ran when its process was lost.
const LOST: (i32, &str, &str) = (
    137,
    "ContainerStatusUnknown",
    "The container could not be located when the pod was deleted.  The container used to be Running",
);

/// `status.reason` of a pod whose process died without a word. Whoever found that out has told the event
/// `SandboxChanged`, too.
pub const SANDBOX_LOST: &str = "SandboxLost";

impl Life {
    /// The pod goes on at `now` in its sandbox number `attempt`. `previous` is the last that was known of it.
    ///
    /// Init containers run again, and so does every regular container that its policy would have restarted; counts, last
    /// states and the start time go on. If nothing may be restarted the pod ends as it stands.
    pub fn resume(
        pod: Arc<Pod>,
        node: Node,
        previous: &v1::PodStatus,
        attempt: u32,
        now: Time,
    ) -> Life {
        let mut life = Life::unborn(pod, node, now);
        life.attempt = attempt;
        let born = previous.start_time.as_ref();
        life.born = born
            .and_then(Time::from_api)
            .map_or(now, |born| born.min(now));
        let statuses = [
            &previous.init_container_statuses,
            &previous.container_statuses,
            &previous.ephemeral_container_statuses,
        ];
        for status in statuses.into_iter().flatten().flatten() {
            life.recall(status);
        }
        let conditions = previous.conditions.as_deref().unwrap_or_default();
        life.conditions = Conditions::recalled(conditions, life.born, now);
        // A pod counts as initialised as long as the status of a regular container tells that it once ran.
        let apps = life.inits..life.regular;
        let ran = life.records[apps]
            .iter()
            .any(|record| record.newest.is_some());
        life.conditions.initialized.set(ran, now);
        for slot in 0..life.records.len() {
            life.settle(slot);
        }
        if previous.reason.as_deref() == Some(EVICTED) {
            // A verdict stands.
            life.evicted = Some(previous.message.clone().unwrap_or_default());
            life.end(1, Why::Evicted, now);
        } else if life.may_go_on() {
            if previous.reason.as_deref() != Some(SANDBOX_LOST) {
                life.say(None, now, event::sandbox_changed());
            }
        } else {
            let grace = life.pod.termination_grace.as_secs();
            life.end(grace, Why::Over, now);
        }
        life.settle_conditions(now);
        life
    }

    fn recall(&mut self, status: &v1::ContainerStatus) {
        let containers = &self.pod.containers;
        let slot = containers
            .iter()
            .position(|container| container.name == status.name);
        if let Some(slot) = slot {
            self.records[slot] = recalled(status);
        }
    }

    /// What becomes of a container because of how its last instance ended.
    fn settle(&mut self, slot: Slot) {
        let Some(newest) = &self.records[slot].newest else {
            return;
        };
        let container = &self.pod.containers[slot];
        let end = End {
            code: newest.code,
            cause: match &*newest.reason {
                "OOMKilled" => Cause::OutOfMemory,
                _ => Cause::Exited,
            },
            stopped: None,
        };
        let completed = container.role == Role::Init && !restart::init_failed(end);
        if restart::fate(container, end) == Fate::Done && !completed {
            self.done(slot, end);
        }
    }

    /// False if all has run for the last time: then there is no use for a sandbox.
    fn may_go_on(&self) -> bool {
        let apps = self.inits..self.regular;
        let restarts = self.pod.containers[apps.clone()].iter().any(|container| {
            container.restart_policy != RestartPolicy::Never || !container.restart_rules.is_empty()
        });
        let begun = self.records.iter().any(|record| record.newest.is_some());
        let is_done = |record: &Record| matches!(record.state, State::Done);
        let all_done = self.records[apps].iter().all(is_done);
        !all_done && !self.tally.init_failed && (restarts || !begun)
    }
}

/// What the status of a container tells of its instances.
fn recalled(status: &v1::ContainerStatus) -> Record {
    let terminated = |state: Option<&v1::ContainerState>| {
        state.and_then(|state| state.terminated.as_ref()).map(ended)
    };
    let state = status.state.as_ref();
    let before = terminated(status.last_state.as_ref());
    let running = state.and_then(|state| state.running.as_ref());
    let current = terminated(state).or_else(|| running.map(|running| lost(status, running)));
    // A container that was never made may have been declared lost with its pod.
    let made = running.is_some()
        || status.container_id.is_some()
        || status.restart_count > 0
        || before.is_some()
        || current
            .as_ref()
            .is_some_and(|ended| ended.started.is_some());
    if !made {
        return Record::default();
    }
    let (newest, before) = match current {
        Some(current) => (Some(current), before),
        None => (before, None),
    };
    Record {
        newest: newest.map(Box::new),
        before: before.map(Box::new),
        attempts: u32::try_from(status.restart_count).unwrap_or_default() + 1,
        image_id: status.image_id.clone(),
        image: Some(status.image.clone()).filter(|image| !image.is_empty()),
        ..Record::default()
    }
}

fn ended(state: &v1::ContainerStateTerminated) -> Ended {
    let usual = if state.exit_code == 0 {
        "Completed"
    } else {
        "Error"
    };
    let id = state.container_id.as_deref().unwrap_or_default();
    Ended {
        code: state.exit_code,
        reason: state.reason.clone().map_or(usual.into(), Into::into),
        message: state.message.clone().unwrap_or_default(),
        started: state.started_at.as_ref().and_then(Time::from_api),
        finished: state.finished_at.as_ref().and_then(Time::from_api),
        container_id: id.strip_prefix(ID_PREFIX).unwrap_or(id).to_owned(),
    }
}

fn lost(status: &v1::ContainerStatus, running: &v1::ContainerStateRunning) -> Ended {
    let (code, reason, message) = LOST;
    let id = status.container_id.as_deref().unwrap_or_default();
    Ended {
        code,
        reason: reason.into(),
        message: message.to_owned(),
        started: running.started_at.as_ref().and_then(Time::from_api),
        finished: None,
        container_id: id.strip_prefix(ID_PREFIX).unwrap_or(id).to_owned(),
    }
}
