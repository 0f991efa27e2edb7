//! Pods to begin with; a test changes what it is about.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1;

use crate::spec::pod::*;

/// A pod of these containers: policy Always, 30 s of grace, named `web` in `default`.
pub fn pod(containers: impl IntoIterator<Item = Container>) -> Pod {
    Pod {
        name: "web".into(),
        namespace: "default".into(),
        uid: "u1".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        restart_policy: RestartPolicy::Always,
        termination_grace: Duration::from_secs(30),
        active_deadline: None,
        containers: containers.into_iter().collect(),
        volumes: Vec::new(),
        host_network: false,
        hostname: "web".into(),
        hostname_override: None,
        subdomain: None,
        hostname_as_fqdn: false,
        dns: Dns::default(),
        service_account: String::new(),
        fs_group: None,
        host_aliases: Vec::new(),
        readiness_gates: Vec::new(),
        object: v1::Pod::default(),
    }
}

/// The pod with this policy, for itself and for all containers without one of their own (sidecars have).
pub fn policy(policy: RestartPolicy, mut pod: Pod) -> Pod {
    pod.restart_policy = policy;
    for container in pod
        .containers
        .iter_mut()
        .filter(|container| container.role != Role::Sidecar)
    {
        container.restart_policy = policy;
    }
    pod
}

pub fn never(containers: impl IntoIterator<Item = Container>) -> Pod {
    policy(RestartPolicy::Never, pod(containers))
}

pub fn on_failure(containers: impl IntoIterator<Item = Container>) -> Pod {
    policy(RestartPolicy::OnFailure, pod(containers))
}

pub fn app(name: &str) -> Container {
    container(name, Role::App)
}

pub fn init(name: &str) -> Container {
    container(name, Role::Init)
}

pub fn sidecar(name: &str) -> Container {
    container(name, Role::Sidecar)
}

pub fn ephemeral(name: &str) -> Container {
    container(name, Role::Ephemeral)
}

fn container(name: &str, role: Role) -> Container {
    Container {
        name: name.into(),
        role,
        image: Image::Toolbox,
        pull_policy: PullPolicy::IfNotPresent,
        command: Vec::new(),
        args: Vec::new(),
        env: Vec::new(),
        env_from: Vec::new(),
        working_dir: None,
        ports: Vec::new(),
        mounts: Vec::new(),
        restart_policy: RestartPolicy::Always,
        restart_rules: Vec::new(),
        resources: Resources::default(),
        termination_message_path: "/dev/termination-log".into(),
        termination_message_policy: MessagePolicy::File,
        stdin: false,
        stdin_once: false,
        tty: false,
        has_post_start: false,
        has_pre_stop: false,
        liveness: None,
        readiness: None,
        startup: None,
        interruptible: true,
    }
}

/// Changes a container in place of a builder's many methods: `app("a").with(|c| c.has_pre_stop = true)`.
pub trait With: Sized {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl With for Container {}
impl With for Pod {}

pub fn probe() -> Option<Probe> {
    Some(Probe {
        termination_grace: None,
    })
}

pub fn rule(action: RuleAction, operator: ExitCodes, values: &[i32]) -> RestartRule {
    RestartRule {
        action,
        operator,
        values: values.to_vec(),
    }
}

/// A directory of the pod's own.
pub fn volume(name: &str) -> Volume {
    Volume {
        name: name.into(),
        source: VolumeSource::EmptyDir(EmptyDir::default()),
    }
}
