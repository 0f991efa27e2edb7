//! The resolved pod: what was written, after defaulting and validation, with nothing optional left to guess about.
//!
//! [`crate::lifecycle`] plans with it and [`crate::pod`] carries it out. What Kubernetes leaves to a default is filled in
//! here; an `Option` that remains means "there is none", never "somebody else will decide".

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1;

mod environment;
mod volume;

pub use environment::{
    Amount, EnvFrom, EnvSource, EnvValue, EnvVar, Field, FileKeyRef, KeyRef, NodeResource,
    ResourceRef,
};
pub use volume::{
    DownwardItem, DownwardValue, EmptyDir, Flavor, HostPathKind, Item, Medium, Mount, Projected,
    SizeLimit, Source, SubPath, Volume, VolumeSource,
};

/// Index of a container in [`Pod::containers`]. Stable for the life of the pod.
pub type Slot = usize;

/// One pod, ready to be planned and run.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    pub name: String,
    pub namespace: String,
    /// RFC 4122 text. Given by the caller, since this room has no randomness.
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub restart_policy: RestartPolicy,
    /// `terminationGracePeriodSeconds`; a negative value was written as 1 s.
    pub termination_grace: Duration,
    pub active_deadline: Option<Duration>,
    /// Init containers and sidecars in the order of `spec.initContainers`, then the regular ones in the order of
    /// `spec.containers`, then the ephemeral ones in the order in which they came. A [`Slot`] is an index into this list.
    pub containers: Vec<Container>,
    pub volumes: Vec<Volume>,
    pub host_network: bool,
    /// `spec.hostname` or the pod's name, cut to what fits; see [`HostName`](super::hostname::HostName) for all its names.
    pub hostname: String,
    /// Used as it is, without a domain, in place of everything else (KEP-4762).
    pub hostname_override: Option<String>,
    /// The pod has a domain, below this name.
    pub subdomain: Option<String>,
    /// The host name that a program asks for is the name with its domain.
    pub hostname_as_fqdn: bool,
    pub dns: Dns,
    /// Empty when the pod has none.
    pub service_account: String,
    /// The group that volumes belong to.
    pub fs_group: Option<FsGroup>,
    pub host_aliases: Vec<HostAlias>,
    pub readiness_gates: Vec<String>,
    /// The object as stored and printed: defaulted, metadata filled in, status empty.
    pub object: v1::Pod,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAlias {
    /// As it was written, which is how the hosts file shows it.
    pub ip: String,
    pub hostnames: Vec<String>,
}

/// `dnsPolicy` and `dnsConfig`, not yet merged with what the machine says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    pub policy: DnsPolicy,
    pub nameservers: Vec<String>,
    pub searches: Vec<String>,
    /// Names in order, with their values.
    pub options: Vec<(String, Option<String>)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsPolicy {
    #[default]
    ClusterFirst,
    ClusterFirstWithHostNet,
    Default,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsGroup {
    pub gid: u32,
    /// `fsGroupChangePolicy: OnRootMismatch`: a volume whose root is right already is left alone.
    pub on_root_mismatch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

/// What part a container plays in the order of starting and stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs to completion before the next one starts.
    Init,
    /// An init container with `restartPolicy: Always` (KEP-753): starts in order, then stays.
    Sidecar,
    /// One of `spec.containers`.
    App,
    /// One of `spec.ephemeralContainers`: joins a pod that runs, is started once and has no part in what becomes of the pod.
    Ephemeral,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    pub role: Role,
    pub image: Image,
    pub pull_policy: PullPolicy,
    /// As written; empty when the image's entrypoint is to be used. [`compose`](super::compose) replaces `$(VAR)` in it.
    pub command: Vec<String>,
    /// As written.
    pub args: Vec<String>,
    /// As written, in order: of two definitions of a name the later one counts.
    pub env: Vec<EnvVar>,
    /// Lies below all of `env`.
    pub env_from: Vec<EnvFrom>,
    pub working_dir: Option<String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<Mount>,
    /// The container's own policy if it has one, else the pod's; a sidecar is always `Always`.
    pub restart_policy: RestartPolicy,
    /// `restartPolicyRules` (KEP-5307), tried in order before the policy.
    pub restart_rules: Vec<RestartRule>,
    pub resources: Resources,
    pub termination_message_path: String,
    pub termination_message_policy: MessagePolicy,
    pub stdin: bool,
    pub stdin_once: bool,
    pub tty: bool,
    pub has_post_start: bool,
    pub has_pre_stop: bool,
    pub liveness: Option<Probe>,
    pub readiness: Option<Probe>,
    pub startup: Option<Probe>,
    /// Compile with interruption checks. False by the annotation `wasmpod.dev/interrupt.<container>: none`.
    pub interruptible: bool,
}

/// The part of a probe that the order of things depends on. How it is carried out is read from the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The probe's own `terminationGracePeriodSeconds`.
    pub termination_grace: Option<Duration>,
}

/// Where a container's code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// `wasmpod/toolbox`, the multi-call program built into the binary.
    Toolbox,
    /// `./app.wasm`, `/abs/app.wasm`, `file:app.wasm`: a wasm binary on this machine, made absolute against the manifest's folder.
    File { written: String, path: PathBuf },
    /// A reference to a registry, in its normal form (`docker.io/library/busybox:1.35`).
    Registry { written: String, reference: String },
    /// Not parseable: the container waits with `InvalidImageName`.
    Invalid { written: String, error: String },
}

impl Image {
    /// The image as the manifest names it; what messages and events quote.
    pub fn written(&self) -> &str {
        match self {
            Image::Toolbox => TOOLBOX,
            Image::File { written, .. }
            | Image::Registry { written, .. }
            | Image::Invalid { written, .. } => written,
        }
    }

    /// The image as the status of a container names it once the image is there.
    pub fn shown(&self) -> &str {
        match self {
            Image::Registry { reference, .. } => reference,
            image => image.written(),
        }
    }
}

/// The name of the image built into the binary.
pub const TOOLBOX: &str = "wasmpod/toolbox";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePolicy {
    File,
    FallbackToLogsOnError,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub name: Option<String>,
    pub container_port: u16,
    pub host_port: Option<u16>,
    pub host_ip: Option<IpAddr>,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// One of `restartPolicyRules`: the first whose exit codes match decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartRule {
    pub action: RuleAction,
    pub operator: ExitCodes,
    pub values: Vec<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    Restart,
    RestartAllContainers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCodes {
    In,
    NotIn,
}

/// Requests and limits in the units the machine counts in: milli-CPU and bytes, rounded up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub cpu_request: Option<u64>,
    pub cpu_limit: Option<u64>,
    pub memory_request: Option<u64>,
    pub memory_limit: Option<u64>,
}

impl Pod {
    /// The slots of one role, in spec order.
    pub fn slots(&self, role: Role) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        (0..self.containers.len()).filter(move |&slot| self.containers[slot].role == role)
    }
}
