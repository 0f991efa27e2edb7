//! From a valid object to the pod that is planned and run.

use std::path::Path as FilePath;
use std::time::Duration;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use super::complaint::Complaints;
use super::compose::{self, Fault};
use super::pod::{Container, Dns, DnsPolicy, FsGroup, HostAlias, Pod, Role, SubPath, Volume};
use super::report::{Path, Report};
use super::{default, ephemeral, hostname, validate};
use environment::Containers;

mod container;
mod environment;
mod volume;

/// Fills in what creation gives an object, and takes away every choice that is left.
///
/// The object is defaulted and validated again, so that one made by a program is as safe as one that was loaded. Fields
/// that this version does not honour are not looked for: [`load`](super::load) and [`admit`](super::admit_object) do that.
pub fn resolve(
    mut object: v1::Pod,
    base: &FilePath,
    uid: String,
    created: Timestamp,
) -> Result<Pod, Complaints> {
    default::defaults(&mut object);
    let mut report = Report::default();
    validate::pod(&object, &mut report);
    if !report.found.is_empty() {
        return Err(super::complaints_about(&object, report));
    }
    create(&mut object, &uid, created);
    let none = v1::PodSpec::default();
    let (spec, metadata) = (object.spec.as_ref().unwrap_or(&none), &object.metadata);
    let known = Containers::of(spec);
    let volumes = spec.volumes.iter().flatten();
    let volumes: Vec<Volume> = volumes
        .filter_map(|volume| volume::volume(volume, metadata, &known))
        .collect();
    let containers = containers(spec, metadata, &known, &volumes, base);
    let name = metadata.name.clone().unwrap_or_default();
    let own_hostname = given(&spec.hostname);
    let gates = spec.readiness_gates.iter().flatten();
    let pod = Pod {
        hostname: hostname::cut(own_hostname.as_deref().unwrap_or(&name)).to_owned(),
        hostname_override: given(&spec.hostname_override),
        subdomain: given(&spec.subdomain),
        hostname_as_fqdn: spec.set_hostname_as_fqdn == Some(true),
        dns: dns(spec),
        service_account: spec.service_account_name.clone().unwrap_or_default(),
        fs_group: spec.security_context.as_ref().and_then(fs_group),
        name,
        namespace: metadata.namespace.clone().unwrap_or_default(),
        uid,
        labels: metadata.labels.clone().unwrap_or_default(),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        restart_policy: container::restart_policy(spec.restart_policy.as_deref()),
        termination_grace: seconds(spec.termination_grace_period_seconds.unwrap_or(30)),
        active_deadline: spec.active_deadline_seconds.map(seconds),
        containers,
        volumes,
        host_network: spec.host_network == Some(true),
        host_aliases: spec.host_aliases.iter().flatten().map(host_alias).collect(),
        readiness_gates: gates.map(|gate| gate.condition_type.clone()).collect(),
        object,
    };
    known_faults(&pod, &mut report);
    if report.found.is_empty() {
        Ok(pod)
    } else {
        Err(super::complaints_about(&pod.object, report))
    }
}

/// What would keep a container from ever starting, as far as it can be told before anything around the pod is known.
fn known_faults(pod: &Pod, report: &mut Report) {
    let path = Path::ROOT.field("spec");
    let (mut init, mut apps, mut ephemeral) = (0, 0, 0);
    for one in &pod.containers {
        let (field, count) = match one.role {
            Role::Init | Role::Sidecar => ("initContainers", &mut init),
            Role::Ephemeral => ("ephemeralContainers", &mut ephemeral),
            Role::App => ("containers", &mut apps),
        };
        let list = path.field(field);
        let path = list.index(*count);
        *count += 1;
        match compose::known_fault(pod, one) {
            None => {}
            Some(Fault::TooLong) => report.too_long(&path, compose::MAX_TEXT),
            Some(Fault::SubPath(index, detail)) => {
                let mounts = path.field("volumeMounts");
                let path = mounts.index(index);
                let expression = match &one.mounts[index].sub_path {
                    Some(SubPath::Literal(text) | SubPath::Expression(text)) => text.as_str(),
                    None => "",
                };
                report.invalid(&path.field("subPathExpr"), expression, &detail);
            }
            Some(Fault::Source(detail)) => report.invalid(&path.field("env"), "", &detail),
        }
    }
}

fn containers(
    spec: &v1::PodSpec,
    metadata: &ObjectMeta,
    known: &Containers,
    volumes: &[Volume],
    base: &FilePath,
) -> Vec<Container> {
    let context = container::Context {
        metadata,
        containers: known,
        volumes: volumes
            .iter()
            .enumerate()
            .map(|(at, volume)| (volume.name.as_str(), at))
            .collect(),
        base,
        policy: container::restart_policy(spec.restart_policy.as_deref()),
    };
    let init = spec.init_containers.iter().flatten().map(|one| {
        let sidecar = one.restart_policy.as_deref() == Some("Always");
        (one, if sidecar { Role::Sidecar } else { Role::Init })
    });
    let apps = spec.containers.iter().map(|one| (one, Role::App));
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let regular = init
        .chain(apps)
        .map(|(one, role)| context.container(one, role));
    let ephemeral =
        ephemeral.map(|one| context.container(&ephemeral::as_container(one), Role::Ephemeral));
    regular.chain(ephemeral).collect()
}

/// What the API server writes into a new object, and what it drops of one that was read back from elsewhere. One that has the
/// uid already was stored, and counts its changes.
fn create(object: &mut v1::Pod, uid: &str, created: Timestamp) {
    let metadata = &mut object.metadata;
    let stored = metadata.uid.as_deref() == Some(uid);
    if metadata.name.as_deref().is_none_or(str::is_empty) {
        let stem = metadata.generate_name.as_deref().unwrap_or_default();
        metadata.name = Some(generated_name(stem, uid));
    }
    metadata.uid = Some(uid.to_owned());
    metadata.creation_timestamp = Some(Time(created));
    if !stored {
        metadata.generation = Some(1);
        metadata.resource_version = None;
    }
    metadata.managed_fields = None;
    metadata.self_link = None;
    object.status = None;
}

/// `generateName` and five characters, which come from the uid: there is no randomness in this room.
fn generated_name(stem: &str, uid: &str) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    const LONGEST_STEM: usize = 58;
    // FNV-1a
    let mut hash = uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut name = stem[..stem.len().min(LONGEST_STEM)].to_owned();
    for _ in 0..5 {
        name.push(ALPHABET[(hash % ALPHABET.len() as u64) as usize].into());
        hash /= ALPHABET.len() as u64;
    }
    name
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}

/// The empty text stands for "not given" in Go.
fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn dns(spec: &v1::PodSpec) -> Dns {
    let config = spec.dns_config.clone().unwrap_or_default();
    let options = config.options.into_iter().flatten();
    Dns {
        policy: match spec.dns_policy.as_deref() {
            Some("ClusterFirstWithHostNet") => DnsPolicy::ClusterFirstWithHostNet,
            Some("Default") => DnsPolicy::Default,
            Some("None") => DnsPolicy::None,
            _ => DnsPolicy::ClusterFirst,
        },
        nameservers: config.nameservers.unwrap_or_default(),
        searches: config.searches.unwrap_or_default(),
        options: options
            .map(|option| (option.name.unwrap_or_default(), option.value))
            .collect(),
    }
}

fn fs_group(context: &v1::PodSecurityContext) -> Option<FsGroup> {
    Some(FsGroup {
        gid: u32::try_from(context.fs_group?).ok()?,
        on_root_mismatch: context.fs_group_change_policy.as_deref() == Some("OnRootMismatch"),
    })
}

fn host_alias(alias: &v1::HostAlias) -> HostAlias {
    HostAlias {
        ip: alias.ip.clone(),
        hostnames: alias.hostnames.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
