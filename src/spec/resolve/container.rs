//! One container of the resolved pod.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path as FilePath;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::environment::{Around, Containers};
use super::{given, seconds};
use crate::spec::pod::{
    Container, ExitCodes, MessagePolicy, Mount, Port, Probe, Protocol, PullPolicy, Resources,
    RestartPolicy, RestartRule, Role, RuleAction, SubPath,
};
use crate::spec::quantity::Quantity;
use crate::spec::{annotation, guestpath, image};

/// The pod around a container.
pub struct Context<'a> {
    pub metadata: &'a ObjectMeta,
    pub containers: &'a Containers<'a>,
    /// Where each volume stands in the list.
    pub volumes: HashMap<&'a str, usize>,
    pub base: &'a FilePath,
    pub policy: RestartPolicy,
}

impl Context<'_> {
    pub fn container(&self, written: &v1::Container, role: Role) -> Container {
        let around = Around {
            container: written,
            containers: self.containers,
            volumes: &self.volumes,
        };
        let lifecycle = written.lifecycle.as_ref();
        Container {
            name: written.name.clone(),
            role,
            image: image::resolve(written.image.as_deref().unwrap_or_default(), self.base),
            pull_policy: pull_policy(written.image_pull_policy.as_deref()),
            command: written.command.clone().unwrap_or_default(),
            args: written.args.clone().unwrap_or_default(),
            env: around.env(),
            env_from: around.env_from(),
            working_dir: written.working_dir.clone().filter(|dir| !dir.is_empty()),
            ports: written.ports.iter().flatten().filter_map(port).collect(),
            mounts: self.mounts(written),
            restart_policy: match (role, written.restart_policy.as_deref()) {
                (Role::Ephemeral, _) => RestartPolicy::Never,
                (_, None) => self.policy,
                (_, own) => restart_policy(own),
            },
            restart_rules: written
                .restart_policy_rules
                .iter()
                .flatten()
                .filter_map(restart_rule)
                .collect(),
            resources: resources(written.resources.as_ref()),
            termination_message_path: written.termination_message_path.clone().unwrap_or_default(),
            termination_message_policy: message_policy(
                written.termination_message_policy.as_deref(),
            ),
            stdin: written.stdin == Some(true),
            stdin_once: written.stdin_once == Some(true),
            tty: written.tty == Some(true),
            has_post_start: lifecycle.is_some_and(|lifecycle| lifecycle.post_start.is_some()),
            has_pre_stop: lifecycle.is_some_and(|lifecycle| lifecycle.pre_stop.is_some()),
            liveness: written.liveness_probe.as_ref().map(probe),
            readiness: written.readiness_probe.as_ref().map(probe),
            startup: written.startup_probe.as_ref().map(probe),
            interruptible: annotation::interruptible(self.metadata, &written.name),
        }
    }

    fn mounts(&self, written: &v1::Container) -> Vec<Mount> {
        let mount = |mount: &v1::VolumeMount| {
            let recursive = mount.recursive_read_only.as_deref();
            Some(Mount {
                volume: *self.volumes.get(mount.name.as_str())?,
                path: guestpath::clean(&mount.mount_path),
                sub_path: sub_path(mount),
                read_only: mount.read_only == Some(true),
                recursive_read_only: matches!(recursive, Some("Enabled" | "IfPossible")),
            })
        };
        let mounts = written.volume_mounts.iter().flatten();
        mounts.filter_map(mount).collect()
    }
}

fn sub_path(mount: &v1::VolumeMount) -> Option<SubPath> {
    let literal = given(&mount.sub_path).map(SubPath::Literal);
    literal.or_else(|| given(&mount.sub_path_expr).map(SubPath::Expression))
}

pub fn restart_policy(text: Option<&str>) -> RestartPolicy {
    match text {
        Some("Never") => RestartPolicy::Never,
        Some("OnFailure") => RestartPolicy::OnFailure,
        _ => RestartPolicy::Always,
    }
}

fn message_policy(text: Option<&str>) -> MessagePolicy {
    match text {
        Some("FallbackToLogsOnError") => MessagePolicy::FallbackToLogsOnError,
        _ => MessagePolicy::File,
    }
}

fn pull_policy(text: Option<&str>) -> PullPolicy {
    match text {
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        _ => PullPolicy::IfNotPresent,
    }
}

fn port(port: &v1::ContainerPort) -> Option<Port> {
    let protocol = match port.protocol.as_deref() {
        None | Some("TCP") => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some(_) => return None,
    };
    Some(Port {
        name: port.name.clone().filter(|name| !name.is_empty()),
        container_port: u16::try_from(port.container_port).ok()?,
        host_port: port
            .host_port
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0),
        host_ip: port
            .host_ip
            .as_deref()
            .and_then(|text| text.parse::<IpAddr>().ok()),
        protocol,
    })
}

fn probe(probe: &v1::Probe) -> Probe {
    Probe {
        termination_grace: probe.termination_grace_period_seconds.map(seconds),
    }
}

fn restart_rule(rule: &v1::ContainerRestartRule) -> Option<RestartRule> {
    let codes = rule.exit_codes.as_ref()?;
    Some(RestartRule {
        action: if rule.action == "RestartAllContainers" {
            RuleAction::RestartAllContainers
        } else {
            RuleAction::Restart
        },
        operator: if codes.operator == "NotIn" {
            ExitCodes::NotIn
        } else {
            ExitCodes::In
        },
        values: codes.values.clone().unwrap_or_default(),
    })
}

fn resources(written: Option<&v1::ResourceRequirements>) -> Resources {
    let Some(written) = written else {
        return Resources::default();
    };
    let (requests, limits) = (written.requests.as_ref(), written.limits.as_ref());
    let quantity = |list: Option<&BTreeMap<String, Written>>, name: &str| {
        list?.get(name)?.0.parse::<Quantity>().ok()
    };
    let milli = |quantity: Quantity| u64::try_from(quantity.milli()).unwrap_or(u64::MAX);
    let bytes = |quantity: Quantity| u64::try_from(quantity.units()).unwrap_or(u64::MAX);
    Resources {
        cpu_request: quantity(requests, "cpu").map(milli),
        cpu_limit: quantity(limits, "cpu").map(milli),
        memory_request: quantity(requests, "memory").map(bytes),
        memory_limit: quantity(limits, "memory").map(bytes),
    }
}
