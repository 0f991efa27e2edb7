//! The pod's conditions (`pkg/kubelet/status/generate.go`).
//!
//! Their values follow from sums that every fact keeps, so that the time of a change is known even if nobody asked for the
//! status then. The texts are made when somebody asks.

use k8s_openapi::api::core::v1;

use super::life::{Course, Life, Sandbox};
use super::phase::Shown;
use super::{Phase, Time};
use crate::spec::pod::{Role, RuleAction, Slot};

/// A condition's value, and since when it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    value: bool,
    since: Time,
}

impl Condition {
    pub fn is_true(self) -> bool {
        self.value
    }

    pub fn set(&mut self, value: bool, now: Time) {
        if self.value != value {
            *self = Condition { value, since: now };
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    scheduled: Condition,
    sandbox: Condition,
    pub initialized: Condition,
    ready: Condition,
    containers_ready: Condition,
    restarting: Condition,
    /// Shown only once it is true.
    disrupted: Condition,
}

impl Conditions {
    pub fn new(now: Time) -> Conditions {
        let no = Condition {
            value: false,
            since: now,
        };
        let yes = Condition {
            value: true,
            since: now,
        };
        Conditions {
            scheduled: yes,
            sandbox: no,
            initialized: no,
            ready: no,
            containers_ready: no,
            restarting: no,
            disrupted: no,
        }
    }

    /// As they were when the pod was lost: what has not changed since then keeps its time.
    pub fn recalled(previous: &[v1::PodCondition], born: Time, now: Time) -> Conditions {
        let of_type = |name: &str| {
            let found = previous.iter().find(|condition| condition.type_ == name)?;
            let since = found.last_transition_time.as_ref().and_then(Time::from_api);
            Some(Condition {
                value: found.status == "True",
                since: since?.min(now),
            })
        };
        let or_no = |name: &str| {
            of_type(name).unwrap_or(Condition {
                value: false,
                since: now,
            })
        };
        Conditions {
            scheduled: Condition {
                value: true,
                since: of_type("PodScheduled").map_or(born, |condition| condition.since),
            },
            sandbox: or_no("PodReadyToStartContainers"),
            initialized: or_no("Initialized"),
            ready: or_no("Ready"),
            containers_ready: or_no("ContainersReady"),
            restarting: or_no("AllContainersRestarting"),
            disrupted: or_no("DisruptionTarget"),
        }
    }
}

/// Why a condition is as it is.
#[derive(Default)]
struct Why {
    reason: Option<&'static str>,
    message: Option<String>,
}

impl Life {
    /// Brings the values up to date.
    pub(super) fn settle_conditions(&mut self, now: Time) {
        let serving = self.regular - self.mere_inits;
        let all_ready = self.tally.ready == serving && !self.is_ended();
        let containers_ready = all_ready && !self.is_condemned();
        let evicted = self.evicted.is_some();
        let initialised = self.tally.initialised == self.inits || self.tally.apps_seen > 0;
        let conditions = &mut self.conditions;
        conditions.sandbox.set(self.sandbox == Sandbox::Ready, now);
        // Once a pod has been initialised it stays so, also while everything in it is restarted.
        conditions
            .initialized
            .set(conditions.initialized.value || initialised, now);
        conditions.containers_ready.set(containers_ready, now);
        conditions
            .ready
            .set(containers_ready && self.pod.readiness_gates.is_empty(), now);
        conditions.disrupted.set(evicted, now);
        conditions
            .restarting
            .set(matches!(self.course, Course::Renewing { .. }), now);
    }

    /// In the kubelet's order.
    pub(super) fn conditions(&self, phase: Phase) -> Vec<v1::PodCondition> {
        let now = &self.conditions;
        let mut list = Vec::from_iter(self.why_disrupted());
        list.extend([
            self.condition("PodReadyToStartContainers", now.sandbox, Why::default()),
            self.condition("Initialized", now.initialized, self.why_initialized(phase)),
            self.condition("Ready", now.ready, self.why_ready(phase)),
            self.condition(
                "ContainersReady",
                now.containers_ready,
                self.why_containers_ready(phase),
            ),
            self.condition("PodScheduled", now.scheduled, Why::default()),
        ]);
        if self.may_restart_all() {
            list.push(self.condition(
                "AllContainersRestarting",
                now.restarting,
                self.why_restarting(phase),
            ));
        }
        list
    }

    /// As the eviction manager writes it (`pkg/kubelet/eviction/eviction_manager.go` `evictPod`).
    fn why_disrupted(&self) -> Option<v1::PodCondition> {
        let why = Why {
            reason: Some("TerminationByKubelet"),
            message: Some(self.evicted.clone()?),
        };
        Some(self.condition("DisruptionTarget", self.conditions.disrupted, why))
    }

    fn condition(&self, name: &str, condition: Condition, why: Why) -> v1::PodCondition {
        v1::PodCondition {
            type_: name.to_owned(),
            status: if condition.value { "True" } else { "False" }.to_owned(),
            reason: why.reason.map(str::to_owned),
            message: why.message,
            last_transition_time: Some(condition.since.api()),
            last_probe_time: None,
            observed_generation: self.pod.object.metadata.generation,
        }
    }

    fn why_initialized(&self, phase: Phase) -> Why {
        if phase == Phase::Succeeded {
            return Why {
                reason: Some("PodCompleted"),
                message: None,
            };
        }
        if self.conditions.initialized.value {
            return Why::default();
        }
        let incomplete = (0..self.inits).filter(|&slot| !self.records[slot].initialised);
        let names = self.names(incomplete);
        Why {
            reason: Some("ContainersNotInitialized"),
            message: Some(format!("containers with incomplete status: {names}")),
        }
    }

    fn why_containers_ready(&self, phase: Phase) -> Why {
        match phase {
            Phase::Succeeded => Why {
                reason: Some("PodCompleted"),
                message: None,
            },
            Phase::Failed => Why {
                reason: Some("PodFailed"),
                message: None,
            },
            Phase::Pending | Phase::Running if self.conditions.containers_ready.value => {
                Why::default()
            }
            Phase::Pending | Phase::Running => {
                let containers = &self.pod.containers;
                let unready = (0..containers.len()).filter(|&slot| {
                    matches!(containers[slot].role, Role::Sidecar | Role::App)
                        && !self.records[slot].ready
                });
                let message = format!("containers with unready status: {}", self.names(unready));
                Why {
                    reason: Some("ContainersNotReady"),
                    message: Some(message),
                }
            }
        }
    }

    fn why_ready(&self, phase: Phase) -> Why {
        if !self.conditions.containers_ready.value || self.pod.readiness_gates.is_empty() {
            return self.why_containers_ready(phase);
        }
        // Nobody sets foreign conditions here, so a gate is a condition that does not exist.
        let missing = |gate: &String| {
            format!("corresponding condition of pod readiness gate {gate:?} does not exist.")
        };
        let messages: Vec<String> = self.pod.readiness_gates.iter().map(missing).collect();
        Why {
            reason: Some("ReadinessGatesNotReady"),
            message: Some(messages.join(", ")),
        }
    }

    fn why_restarting(&self, phase: Phase) -> Why {
        match phase {
            Phase::Succeeded => Why {
                reason: Some("PodCompleted"),
                message: None,
            },
            Phase::Failed => Why {
                reason: Some("PodFailed"),
                message: None,
            },
            Phase::Pending | Phase::Running if self.conditions.restarting.value => {
                let message = Some("container exited with restart policy rule".to_owned());
                Why {
                    reason: Some("RestartAllContainersStarted"),
                    message,
                }
            }
            Phase::Pending | Phase::Running => Why::default(),
        }
    }

    fn may_restart_all(&self) -> bool {
        let mut rules = self
            .pod
            .containers
            .iter()
            .flat_map(|container| &container.restart_rules);
        rules.any(|rule| rule.action == RuleAction::RestartAllContainers)
    }

    /// `[a b]`, as Go prints a list.
    fn names(&self, slots: impl Iterator<Item = Slot>) -> String {
        let names: Vec<&str> = slots
            .map(|slot| self.pod.containers[slot].name.as_str())
            .collect();
        format!("[{}]", names.join(" "))
    }

    pub(super) fn is_shown_running(&self, slot: Slot) -> bool {
        matches!(self.shown(slot), Shown::Running { .. })
    }
}
