//! One container of the resolved pod.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path as FilePath;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::seconds;
use crate::spec::environment::Environment;
use crate::spec::expand::{self, TooLong};
use crate::spec::pod::{
    Container, ExitCodes, MessagePolicy, Mount, Port, Probe, Protocol, PullPolicy, Resources,
    RestartPolicy, RestartRule, Role, RuleAction,
};
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};
use crate::spec::{annotation, image};

/// Environment and command line of a container together, expanded. Linux refuses a native program about as much
/// (a quarter of its stack, by default 2 MiB).
const MAX_TEXT: usize = 2 << 20;

/// The pod around a container.
pub struct Context<'a> {
    pub metadata: &'a ObjectMeta,
    /// Where each volume stands in the list.
    pub volumes: HashMap<&'a str, usize>,
    pub base: &'a FilePath,
    pub policy: RestartPolicy,
}

impl Context<'_> {
    pub fn container(
        &self,
        written: &v1::Container,
        role: Role,
        path: &Path,
        report: &mut Report,
    ) -> Container {
        let texts = texts(written).unwrap_or_else(|TooLong| {
            report.too_long(path, MAX_TEXT);
            Texts::default()
        });
        let lifecycle = written.lifecycle.as_ref();
        Container {
            name: written.name.clone(),
            role,
            image: image::resolve(written.image.as_deref().unwrap_or_default(), self.base),
            pull_policy: pull_policy(written.image_pull_policy.as_deref()),
            command: texts.command,
            args: texts.args,
            working_dir: written.working_dir.clone().filter(|dir| !dir.is_empty()),
            ports: written.ports.iter().flatten().filter_map(port).collect(),
            mounts: self.mounts(written, &texts.env, &path.field("volumeMounts"), report),
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
            env: texts.env.into_list(),
        }
    }

    fn mounts(
        &self,
        written: &v1::Container,
        env: &Environment,
        path: &Path,
        report: &mut Report,
    ) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for (index, mount) in written.volume_mounts.iter().flatten().enumerate() {
            let Some(&volume) = self.volumes.get(mount.name.as_str()) else {
                continue;
            };
            let expr = mount
                .sub_path_expr
                .as_deref()
                .filter(|text| !text.is_empty());
            let sub_path = match expr.map(|text| expanded_sub_path(text, env)) {
                None => mount.sub_path.clone().filter(|text| !text.is_empty()),
                Some(Ok(sub_path)) => Some(sub_path),
                Some(Err(detail)) => {
                    let path = path.index(index);
                    report.invalid(
                        &path.field("subPathExpr"),
                        expr.unwrap_or_default(),
                        &detail,
                    );
                    continue;
                }
            };
            let read_only = mount.read_only == Some(true);
            mounts.push(Mount {
                volume,
                path: mount_path(&mount.mount_path),
                sub_path,
                read_only,
            });
        }
        mounts
    }
}

/// The parts of a container in which `$(VAR)` is replaced.
#[derive(Default)]
struct Texts<'w> {
    env: Environment<'w>,
    command: Vec<String>,
    args: Vec<String>,
}

fn texts(written: &v1::Container) -> Result<Texts<'_>, TooLong> {
    let mut room = MAX_TEXT;
    let env = Environment::of(written.env.as_deref().unwrap_or_default(), &mut room)?;
    let mut expanded = |list: &Option<Vec<String>>| {
        list.iter()
            .flatten()
            .map(|text| expand::expand(text, |name| env.get(name), &mut room))
            .collect::<Result<Vec<String>, TooLong>>()
    };
    let (command, args) = (expanded(&written.command)?, expanded(&written.args)?);
    Ok(Texts { env, command, args })
}

/// The kubelet takes a relative mount path as one from the root.
fn mount_path(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

fn expanded_sub_path(text: &str, env: &Environment) -> Result<String, String> {
    const MAX_PATH: usize = 4096;
    if let Some(name) = expand::first_unknown(text, |name| env.get(name)) {
        return Err(format!("missing value for {name:?}"));
    }
    let path = expand::expand(text, |name| env.get(name), &mut MAX_PATH.clone())
        .map_err(|TooLong| format!("expands to more than {MAX_PATH} bytes"))?;
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(format!(
            "expands to {path:?}, which must be a relative path without '..'"
        ));
    }
    Ok(path)
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
