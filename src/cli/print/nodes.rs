//! The rows of `get nodes` (`pkg/printers/internalversion/printers.go`, `printNode`).

use k8s_openapi::api::core::v1::{Node, NodeStatus};
use k8s_openapi::jiff::Timestamp;

use super::columns::or_none;
use super::since;

pub const HEAD: [&str; 5] = ["NAME", "STATUS", "ROLES", "AGE", "VERSION"];
pub const WIDE: [&str; 5] = [
    "INTERNAL-IP",
    "EXTERNAL-IP",
    "OS-IMAGE",
    "KERNEL-VERSION",
    "CONTAINER-RUNTIME",
];

/// The cells of one node, without its name.
pub fn row(node: &Node, wide: bool, now: Timestamp) -> Vec<String> {
    let nothing = NodeStatus::default();
    let status = node.status.as_ref().unwrap_or(&nothing);
    let info = status.node_info.as_ref();
    let mut cells = vec![
        state(node, status),
        or_none(Some(&roles(node))),
        since(node.metadata.creation_timestamp.as_ref(), now),
        info.map(|info| info.kubelet_version.clone())
            .unwrap_or_default(),
    ];
    if wide {
        let told = |text: Option<&String>| {
            let text = text.filter(|text| !text.is_empty());
            text.map_or("<unknown>", |text| text).to_owned()
        };
        cells.extend([
            or_none(address(status, "InternalIP")),
            or_none(address(status, "ExternalIP")),
            told(info.map(|info| &info.os_image)),
            told(info.map(|info| &info.kernel_version)),
            told(info.map(|info| &info.container_runtime_version)),
        ]);
    }
    cells
}

/// `Ready`, `NotReady`, `Unknown`, and whether it takes pods.
fn state(node: &Node, status: &NodeStatus) -> String {
    let mut conditions = status.conditions.iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    let mut state = match ready.map(|condition| condition.status.as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    let spec = node.spec.as_ref();
    if spec.is_some_and(|spec| spec.unschedulable == Some(true)) {
        state += ",SchedulingDisabled";
    }
    state
}

/// From the labels `node-role.kubernetes.io/ROLE` and `kubernetes.io/role` (`findNodeRoles`).
pub fn roles(node: &Node) -> String {
    let labels = node.metadata.labels.iter().flatten();
    let role = |(key, value): (&String, &String)| {
        let after = key.strip_prefix("node-role.kubernetes.io/");
        let named = (key == "kubernetes.io/role").then_some(value.as_str());
        after.or(named).map(str::to_owned)
    };
    let roles = labels.filter_map(role).filter(|role| !role.is_empty());
    let mut roles: Vec<String> = roles.collect();
    roles.sort();
    roles.dedup();
    roles.join(",")
}

fn address<'s>(status: &'s NodeStatus, kind: &str) -> Option<&'s str> {
    let mut addresses = status.addresses.iter().flatten();
    let found = addresses.find(|address| address.type_ == kind)?;
    Some(&found.address)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::print::fixtures::now;

    #[test]
    fn a_node_and_what_is_known_of_it() {
        let node = json!({
            "metadata": {"name": "box", "creationTimestamp": "2026-01-31T11:00:00Z", "labels": {
                "node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge",
            }},
            "spec": {"unschedulable": true},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": "v1", "osImage": "Debian", "kernelVersion": "6", "containerRuntimeVersion": "wasmpod://1",
                    "machineID": "", "systemUUID": "", "bootID": "", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64"},
            },
        });
        let node: Node = serde_json::from_value(node).unwrap();
        assert_eq!(
            row(&node, true, now()),
            [
                "Ready,SchedulingDisabled",
                "edge,worker",
                "60m",
                "v1",
                "10.0.0.1",
                "<none>",
                "Debian",
                "6",
                "wasmpod://1"
            ]
        );
    }

    #[test]
    fn of_one_that_says_nothing_nothing_is_known() {
        let row = row(&Node::default(), true, now());
        assert_eq!(row[..2], ["Unknown", "<none>"]);
        assert_eq!(
            row[4..],
            ["<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"]
        );
    }
}
