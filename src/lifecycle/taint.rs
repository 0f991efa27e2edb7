//! Pods that a taint of their node drives away (`pkg/controller/tainteviction/taint_eviction.go`).

use std::time::Duration;

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;

use super::schedule::taints;
use crate::spec::selector::tolerates;

/// What a condition of a pod that is driven away says.
pub const REASON: &str = "DeletionByTaintManager";
pub const MESSAGE: &str = "Taint manager: deleting due to NoExecute taint";

/// Until when a pod may stay on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    Forever,
    /// It has to go then, or has had to.
    Until(Timestamp),
}

/// How long a pod may stay that has been on the node since `placed`. The time of a toleration runs from when both were there:
/// the pod, and the last of the taints (`timeAdded`; one that does not say counts as long as the pod does).
pub fn stay(pod: &v1::Pod, node: &v1::Node, placed: Timestamp) -> Stay {
    let tolerations = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.tolerations.as_deref());
    let tolerations = tolerations.unwrap_or_default();
    let driving = || {
        taints(node)
            .iter()
            .filter(|taint| taint.effect == "NoExecute")
    };
    let mut seconds: Option<i64> = None;
    for taint in driving() {
        // The first one that fits is the one that counts (`GetMatchingTolerations`).
        let Some(used) = tolerations.iter().find(|one| tolerates(one, taint)) else {
            return Stay::Until(placed);
        };
        seconds = match (seconds, used.toleration_seconds) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    let Some(seconds) = seconds else {
        return Stay::Forever;
    };
    let added = driving()
        .filter_map(|taint| taint.time_added.as_ref())
        .map(|time| time.0);
    let since = added.max().unwrap_or(placed).max(placed);
    let length = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    since.checked_add(length).map_or(Stay::Forever, Stay::Until)
}
