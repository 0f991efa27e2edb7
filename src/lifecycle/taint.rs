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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn stays(tolerations: Value, taints: Value, placed: i64) -> Option<i64> {
        let pod =
            json!({ "metadata": {}, "spec": { "containers": [], "tolerations": tolerations } });
        let node = json!({ "metadata": {}, "spec": { "taints": taints } });
        let pod = serde_json::from_value(pod).unwrap();
        let node = serde_json::from_value(node).unwrap();
        match stay(&pod, &node, at(placed)) {
            Stay::Forever => None,
            Stay::Until(end) => Some(end.as_second()),
        }
    }

    #[test]
    fn a_pod_stays_as_long_as_it_tolerates_everything() {
        let taint = |key: &str, added: i64| json!({ "key": key, "effect": "NoExecute", "timeAdded": at(added).to_string() });
        let tolerates = |key: &str, seconds: Value| json!({ "key": key, "operator": "Exists", "tolerationSeconds": seconds });
        let rows = [
            ("no taint", json!([]), json!([]), 100, None),
            (
                "another effect",
                json!([]),
                json!([{ "key": "a", "effect": "NoSchedule" }]),
                100,
                None,
            ),
            (
                "not tolerated",
                json!([]),
                json!([taint("a", 200)]),
                100,
                Some(100),
            ),
            (
                "for ever",
                json!([tolerates("a", Value::Null)]),
                json!([taint("a", 200)]),
                100,
                None,
            ),
            (
                "for a while, from the taint on",
                json!([tolerates("a", json!(60))]),
                json!([taint("a", 200)]),
                100,
                Some(260),
            ),
            (
                "for a while, from the pod on",
                json!([tolerates("a", json!(60))]),
                json!([taint("a", 200)]),
                300,
                Some(360),
            ),
            (
                "for no time at all",
                json!([tolerates("a", json!(-5))]),
                json!([taint("a", 200)]),
                100,
                Some(200),
            ),
            (
                "the shortest counts",
                json!([
                    tolerates("a", json!(60)),
                    tolerates("b", json!(30)),
                    tolerates("c", Value::Null)
                ]),
                json!([taint("a", 200), taint("b", 210), taint("c", 0)]),
                100,
                Some(240),
            ),
            (
                "all have to be tolerated",
                json!([tolerates("a", json!(60))]),
                json!([taint("a", 200), taint("b", 200)]),
                100,
                Some(100),
            ),
            (
                "a taint that does not say since when",
                json!([tolerates("a", json!(60))]),
                json!([{ "key": "a", "effect": "NoExecute" }]),
                100,
                Some(160),
            ),
        ];
        for (what, tolerations, taints, placed, end) in rows {
            assert_eq!(stays(tolerations, taints, placed), end, "{what}");
        }
    }
}
