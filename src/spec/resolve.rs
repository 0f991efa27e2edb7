//! From a valid object to the pod that is planned and run.

use std::path::Path as FilePath;
use std::time::Duration;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use super::complaint::Complaints;
use super::pod::{Container, HostAlias, Pod, Role, Volume, VolumeSource};
use super::report::{Path, Report};
use super::{default, ephemeral, validate};

mod container;

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
    let volumes: Vec<Volume> = spec.volumes.iter().flatten().filter_map(volume).collect();
    let containers = containers(spec, metadata, &volumes, base, &mut report);
    if !report.found.is_empty() {
        return Err(super::complaints_about(&object, report));
    }
    let name = metadata.name.clone().unwrap_or_default();
    let own_hostname = spec.hostname.as_deref().filter(|name| !name.is_empty());
    let gates = spec.readiness_gates.iter().flatten();
    Ok(Pod {
        hostname: hostname(own_hostname.unwrap_or(&name)).to_owned(),
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
        host_aliases: spec
            .host_aliases
            .iter()
            .flatten()
            .filter_map(host_alias)
            .collect(),
        readiness_gates: gates.map(|gate| gate.condition_type.clone()).collect(),
        object,
    })
}

fn containers(
    spec: &v1::PodSpec,
    metadata: &ObjectMeta,
    volumes: &[Volume],
    base: &FilePath,
    report: &mut Report,
) -> Vec<Container> {
    let context = container::Context {
        metadata,
        volumes: volumes
            .iter()
            .enumerate()
            .map(|(at, volume)| (volume.name.as_str(), at))
            .collect(),
        base,
        policy: container::restart_policy(spec.restart_policy.as_deref()),
    };
    let path = Path::ROOT.field("spec");
    let (init_path, app_path) = (path.field("initContainers"), path.field("containers"));
    let init = spec
        .init_containers
        .iter()
        .flatten()
        .enumerate()
        .map(|(index, one)| {
            let sidecar = one.restart_policy.as_deref() == Some("Always");
            (
                one,
                if sidecar { Role::Sidecar } else { Role::Init },
                init_path.index(index),
            )
        });
    let apps = spec
        .containers
        .iter()
        .enumerate()
        .map(|(index, one)| (one, Role::App, app_path.index(index)));
    let mut containers: Vec<Container> = init
        .chain(apps)
        .map(|(one, role, path)| context.container(one, role, &path, report))
        .collect();
    let path = path.field("ephemeralContainers");
    for (index, one) in spec.ephemeral_containers.iter().flatten().enumerate() {
        let one = ephemeral::as_container(one);
        containers.push(context.container(&one, Role::Ephemeral, &path.index(index), report));
    }
    containers
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

/// Cut to 63 bytes, without `-` or `.` at the end (`pkg/kubelet/util`, `truncatePodHostnameIfNeeded`).
fn hostname(name: &str) -> &str {
    const MAX: usize = 63;
    if name.len() <= MAX {
        name
    } else {
        name[..MAX].trim_end_matches(['-', '.'])
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}

/// None for a kind of volume that is not honoured; its mounts go with it.
fn volume(volume: &v1::Volume) -> Option<Volume> {
    let source = match (&volume.empty_dir, &volume.host_path) {
        (Some(_), _) => VolumeSource::EmptyDir,
        (_, Some(host_path)) => VolumeSource::HostPath {
            path: host_path.path.clone().into(),
            create: host_path.type_.as_deref() == Some("DirectoryOrCreate"),
        },
        _ => return None,
    };
    Some(Volume {
        name: volume.name.clone(),
        source,
    })
}

fn host_alias(alias: &v1::HostAlias) -> Option<HostAlias> {
    Some(HostAlias {
        ip: alias.ip.parse().ok()?,
        hostnames: alias.hostnames.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
