//! This machine as the one node there is.
//!
//! Its object is made when somebody first asks for it or changes it, and holds what people say of it: labels, annotations,
//! taints, whether it is cordoned. What is the machine's own to say is its status, told anew each time and never stored.

use std::collections::BTreeMap;
use std::fs;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::capacity::capacity;
use super::error::StoreError;
use super::objects::{Applied, Objects};
use super::writers::now;
use super::{Layout, Store, names};
use crate::lifecycle::schedule::{UNSCHEDULABLE, is_cordoned};
use crate::spec::Allocatable;

const HOSTNAME: &str = "kubernetes.io/hostname";
const OS: &str = "kubernetes.io/os";
const ARCHITECTURE: &str = "kubernetes.io/arch";

/// The name of this machine as a node: that of the host, as kubelets take it (`pkg/util/node` `GetHostname`). What cannot be
/// part of an object's name becomes a dash.
pub fn machine_name() -> String {
    let name = nix::unistd::gethostname();
    let name = name.ok().and_then(|name| name.into_string().ok());
    as_name(&name.unwrap_or_default())
}

fn as_name(host: &str) -> String {
    let letter = |c: char| match c {
        'a'..='z' | '0'..='9' | '.' | '-' => c,
        _ => '-',
    };
    let name: String = host.trim().to_lowercase().chars().map(letter).collect();
    let labels = name.split('.').map(|label| label.trim_matches('-'));
    let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
    let name = labels.join(".");
    if names::is_name(&name) {
        name
    } else {
        "localhost".to_owned()
    }
}

impl Store {
    fn nodes(&self) -> Objects<v1::Node> {
        self.objects()
    }

    /// This machine's object as it is stored, or as it would be.
    ///
    /// # Errors
    /// `Corrupt`, or the machine's.
    pub fn node(&self) -> Result<v1::Node, StoreError> {
        let name = machine_name();
        let stored = self.nodes().find("", &name)?;
        Ok(stored.unwrap_or_else(|| new_node(&name)))
    }

    /// Stores this machine's object if it is not.
    ///
    /// # Errors
    /// `Corrupt`, or the machine's.
    pub fn ensure_node(&self) -> Result<(), StoreError> {
        let name = machine_name();
        if self.nodes().find("", &name)?.is_some() {
            return Ok(());
        }
        match self.nodes().create(new_node(&name)) {
            // Somebody else may have been faster.
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Changes the object of the node of this name; there is one.
    ///
    /// # Errors
    /// `NotFound`; what `change` returns; or the machine's.
    pub fn change_node(
        &self,
        name: &str,
        change: impl FnOnce(&mut v1::Node) -> Result<(), StoreError>,
    ) -> Result<(v1::Node, Applied), StoreError> {
        self.ensure_node()?;
        self.nodes().update("", name, change)
    }
}

/// Makes the node one that takes no new pods, or takes that back. Whether it was otherwise. As on a cluster a taint says it
/// too, which pods may tolerate (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`).
pub fn cordon(node: &mut v1::Node, cordoned: bool) -> bool {
    let changes = is_cordoned(node) != cordoned;
    let spec = node.spec.get_or_insert_default();
    spec.unschedulable = cordoned.then_some(true);
    let taints = spec.taints.get_or_insert_default();
    let is_ours = |taint: &v1::Taint| taint.key == UNSCHEDULABLE && taint.effect == "NoSchedule";
    if !cordoned {
        taints.retain(|taint| !is_ours(taint));
    } else if !taints.iter().any(is_ours) {
        taints.push(v1::Taint {
            key: UNSCHEDULABLE.to_owned(),
            effect: "NoSchedule".to_owned(),
            value: None,
            time_added: Some(now()),
        });
    }
    spec.taints.take_if(|taints| taints.is_empty());
    changes
}

fn new_node(name: &str) -> v1::Node {
    let labels = [
        (HOSTNAME, name),
        (OS, std::env::consts::OS),
        (ARCHITECTURE, architecture()),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    v1::Node {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from(labels)),
            ..ObjectMeta::default()
        },
        ..v1::Node::default()
    }
}

/// As Go calls it, and so Kubernetes.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// Fills in what the machine says of itself. What cannot be found out is left out.
pub(super) fn tell_status(node: &mut v1::Node, layout: &Layout) {
    let capacity = amounts(capacity(&layout.data));
    node.status = Some(v1::NodeStatus {
        addresses: Some(vec![v1::NodeAddress {
            address: node.metadata.name.clone().unwrap_or_default(),
            type_: "Hostname".to_owned(),
        }]),
        // Nothing is kept back for the machine itself.
        allocatable: Some(capacity.clone()),
        capacity: Some(capacity),
        conditions: Some(vec![v1::NodeCondition {
            type_: "Ready".to_owned(),
            status: "True".to_owned(),
            reason: Some("KubeletReady".to_owned()),
            message: Some("kubelet is posting ready status".to_owned()),
            last_heartbeat_time: Some(now()),
            last_transition_time: node.metadata.creation_timestamp.clone(),
        }]),
        node_info: Some(info()),
        ..v1::NodeStatus::default()
    });
}

/// As kubelets write it: whole cores, and kibibytes. What could not be found out is left out.
fn amounts(all: Allocatable) -> BTreeMap<String, Quantity> {
    let kib = |bytes: u64| (bytes / 1024, "Ki");
    let amounts = [
        ("cpu", (all.cpu_milli / 1000, "")),
        ("memory", kib(all.memory)),
        ("ephemeral-storage", kib(all.ephemeral_storage)),
    ];
    let known = amounts.into_iter().filter(|(_, (amount, _))| *amount > 0);
    known
        .map(|(name, (amount, unit))| (name.to_owned(), Quantity(format!("{amount}{unit}"))))
        .collect()
}

fn info() -> v1::NodeSystemInfo {
    let line = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.trim().to_owned()
    };
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    v1::NodeSystemInfo {
        architecture: architecture().to_owned(),
        boot_id: line("/proc/sys/kernel/random/boot_id"),
        container_runtime_version: concat!("wasmpod://", env!("CARGO_PKG_VERSION")).to_owned(),
        kernel_version: line("/proc/sys/kernel/osrelease"),
        kubelet_version: version.to_owned(),
        machine_id: line("/etc/machine-id"),
        operating_system: std::env::consts::OS.to_owned(),
        os_image: os_image().unwrap_or_else(|| "Linux".to_owned()),
        system_uuid: line("/sys/class/dmi/id/product_uuid"),
        ..v1::NodeSystemInfo::default()
    }
}

fn os_image() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_whatever_name_is_a_node_with_a_valid_one() {
        let rows = [
            ("web-1.example.com", "web-1.example.com"),
            ("Grace", "grace"),
            ("my_laptop", "my-laptop"),
            ("-a-.b_", "a.b"),
            ("..", "localhost"),
            ("", "localhost"),
        ];
        for (host, name) in rows {
            assert_eq!(as_name(host), name, "{host:?}");
        }
    }

    #[test]
    fn a_node_is_cordoned_and_uncordoned_without_a_trace() {
        let mut node = new_node("here");
        node.spec = Some(v1::NodeSpec::default());
        let before = node.clone();
        assert!(cordon(&mut node, true) && is_cordoned(&node));
        assert!(!cordon(&mut node, true));
        let taints = node.spec.as_ref().unwrap().taints.as_ref().unwrap();
        assert_eq!(taints.len(), 1);
        assert!(cordon(&mut node, false));
        assert_eq!(node, before);
    }

    #[test]
    fn the_machine_tells_how_much_of_everything_there_is() {
        let mut node = new_node("here");
        let layout = Layout {
            run: "/r".into(),
            data: "/no/such/folder".into(),
            logs: "/l".into(),
        };
        tell_status(&mut node, &layout);
        let status = node.status.unwrap();
        let amounts = status.capacity.unwrap();
        let names: Vec<&str> = amounts.keys().map(String::as_str).collect();
        assert_eq!(names, ["cpu", "ephemeral-storage", "memory"]);
        for (name, amount) in &amounts {
            let amount: crate::spec::Quantity = amount.0.parse().unwrap();
            assert!(amount > crate::spec::Quantity::ZERO, "{name}");
        }
        assert_eq!(status.node_info.unwrap().operating_system, "linux");
    }
}
