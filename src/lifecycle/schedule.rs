//! Whether a pod may be placed on this machine, the only one there is.
//!
//! Decided as the scheduler would with one node (`pkg/scheduler/framework/plugins`, in the order of its filters), in its
//! words. Preferences are met by the best node there is, so with one node they are always met.
//!
//! Requests are not weighed against what the machine has.

mod affinity;
mod ports;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;

use crate::spec::selector::{labels, selects_node, tolerates};

/// The scheduler that is played here.
pub const SCHEDULER: &str = "default-scheduler";

/// The taint of a node that is cordoned (`pkg/controller/nodelifecycle`).
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Who is there already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neighbours<'a> {
    /// The pods of this machine that have not come to their end.
    pub pods: &'a [v1::Pod],
    /// The labels of the namespaces, for those who ask for them.
    pub namespaces: Option<&'a BTreeMap<String, BTreeMap<String, String>>>,
}

/// Why a pod is not placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// It does not fit. In the scheduler's words.
    Unschedulable(String),
    /// It is not to be looked at yet: `spec.schedulingGates`.
    Gated,
    /// It waits for another scheduler than this one, of which nothing is heard.
    Foreign,
}

/// Why a pod that names this machine itself does not run on it, as the kubelet has it (`pkg/kubelet/lifecycle/predicate.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The name of what said no: `status.reason`.
    pub reason: &'static str,
    pub message: String,
}

/// The message of the condition of a pod that is not to be looked at yet (`pkg/registry/core/pod/strategy.go`).
pub const GATED: &str = "Scheduling is blocked due to non-empty scheduling gates";

/// What stands in a pod's way.
struct Obstacle {
    filter: &'static str,
    text: &'static str,
    /// It would help if other pods were not there.
    neighbours: bool,
}

const fn node(filter: &'static str, text: &'static str) -> Obstacle {
    let neighbours = false;
    Obstacle {
        filter,
        text,
        neighbours,
    }
}

const fn neighbour(filter: &'static str, text: &'static str) -> Obstacle {
    let neighbours = true;
    Obstacle {
        filter,
        text,
        neighbours,
    }
}

/// Whether the pod may be placed on the node.
///
/// # Errors
/// Why not.
pub fn schedule(pod: &v1::Pod, node: &v1::Node, already: Neighbours) -> Result<(), Unplaced> {
    let no_spec = v1::PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    if is_foreign(spec) {
        return Err(Unplaced::Foreign);
    }
    if spec
        .scheduling_gates
        .as_ref()
        .is_some_and(|gates| !gates.is_empty())
    {
        return Err(Unplaced::Gated);
    }
    filters(pod, spec, node, already)
        .map_err(|obstacle| Unplaced::Unschedulable(obstacle.sentence(spec)))
}

fn filters(
    pod: &v1::Pod,
    spec: &v1::PodSpec,
    on: &v1::Node,
    already: Neighbours,
) -> Result<(), Obstacle> {
    if is_cordoned(on) && !tolerates_cordon(spec) {
        return Err(node("NodeUnschedulable", "node(s) were unschedulable"));
    }
    let forbids = |taint: &v1::Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    if has_untolerated(on, spec, forbids) {
        return Err(node("TaintToleration", "node(s) had untolerated taint(s)"));
    }
    node_affinity(spec, on)?;
    ports::free(spec, already.pods)?;
    affinity::satisfied(pod, on, already)
}

/// Whether a pod that says itself that it belongs to this machine may run on it. `fixed`: it comes from a file of the machine,
/// and taints are no matter to it.
///
/// # Errors
/// What is wrong.
pub fn admit(
    pod: &v1::Pod,
    node: &v1::Node,
    already: Neighbours,
    fixed: bool,
) -> Result<(), Rejected> {
    let no_spec = v1::PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let rejected = |filter: &'static str, text: &str| Rejected {
        reason: filter,
        message: format!("Predicate {filter} failed: {text}"),
    };
    let general = node_affinity(spec, node).and_then(|()| ports::free(spec, already.pods));
    general.map_err(|obstacle| rejected(obstacle.filter, obstacle.text))?;
    if !fixed && has_untolerated(node, spec, |taint| taint.effect == "NoExecute") {
        return Err(rejected(
            "TaintToleration",
            "node(s) had taints that the pod didn't tolerate",
        ));
    }
    Ok(())
}

pub fn is_cordoned(node: &v1::Node) -> bool {
    let spec = node.spec.as_ref();
    spec.and_then(|spec| spec.unschedulable) == Some(true)
}

fn tolerates_cordon(spec: &v1::PodSpec) -> bool {
    let taint = v1::Taint {
        key: UNSCHEDULABLE.to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Default::default()
    };
    spec.tolerations
        .iter()
        .flatten()
        .any(|toleration| tolerates(toleration, &taint))
}

/// The taints of a node.
pub fn taints(node: &v1::Node) -> &[v1::Taint] {
    let spec = node.spec.as_ref();
    spec.and_then(|spec| spec.taints.as_deref())
        .unwrap_or_default()
}

fn has_untolerated(node: &v1::Node, spec: &v1::PodSpec, counts: fn(&v1::Taint) -> bool) -> bool {
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    let tolerated = |taint: &v1::Taint| tolerations.iter().any(|one| tolerates(one, taint));
    taints(node)
        .iter()
        .any(|taint| counts(taint) && !tolerated(taint))
}

fn node_affinity(spec: &v1::PodSpec, on: &v1::Node) -> Result<(), Obstacle> {
    let own = labels(&on.metadata.labels);
    let mut selector = spec.node_selector.iter().flatten();
    let affinity = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| {
        affinity
            .required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    let fits = selector.all(|(key, value)| own.get(key) == Some(value))
        && required.is_none_or(|required| selects_node(required, on));
    if fits {
        return Ok(());
    }
    Err(node(
        "NodeAffinity",
        "node(s) didn't match Pod's node affinity/selector",
    ))
}

impl Obstacle {
    /// What the scheduler says when no node is left (`FitError.Error`), and what its search for pods to evict comes to
    /// (`pkg/scheduler/framework/preemption`): all pods here have the same priority, so none makes way for another.
    fn sentence(&self, spec: &v1::PodSpec) -> String {
        let preemption = match (spec.preemption_policy.as_deref(), self.neighbours) {
            (Some("Never"), _) => "not eligible due to preemptionPolicy=Never.",
            (_, true) => "0/1 nodes are available: 1 No preemption victims found for incoming pod.",
            (_, false) => "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        };
        format!(
            "0/1 nodes are available: 1 {}. preemption: {preemption}",
            self.text
        )
    }
}

/// Whether the pod says anything of its place: which machine it may be on, with whom, who chooses it, and when. Tolerations say
/// only what does not matter.
pub fn is_choosy(pod: &v1::Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let selects = spec
        .node_selector
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    let gated = spec
        .scheduling_gates
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    let named = spec
        .node_name
        .as_deref()
        .is_some_and(|name| !name.is_empty());
    selects || gated || named || is_foreign(spec) || spec.affinity.is_some() || minds_others(pod)
}

fn is_foreign(spec: &v1::PodSpec) -> bool {
    let scheduler = spec.scheduler_name.as_deref();
    scheduler.is_some_and(|name| !matches!(name, "" | SCHEDULER))
}

/// Whether it matters to the pod which others there are, so that somebody must find out.
pub fn minds_others(pod: &v1::Pod) -> bool {
    pod.spec
        .as_ref()
        .is_some_and(|spec| ports::of(spec).next().is_some())
        || affinity::has_terms(pod)
}

/// Whether the pod may keep others away that mind nobody themselves.
pub fn keeps_away(pod: &v1::Pod) -> bool {
    !affinity::anti_terms(pod).is_empty()
}
