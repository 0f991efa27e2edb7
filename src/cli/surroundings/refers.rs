//! Which objects a pod refers to.

use crate::spec::Kind;
use crate::spec::admission::service_account::ROOT_CA;
use crate::spec::pod::{EnvSource, EnvValue, Pod, Source, VolumeSource};

/// The kinds of which there are objects that the pod refers to: only they need to be watched. Not for the one that is made of
/// the installation's own authority, and does not change.
pub fn kinds(pod: &Pod) -> Vec<Kind> {
    let (mut config_maps, mut secrets, mut claims) = (false, false, false);
    for container in &pod.containers {
        for from in &container.env_from {
            match &from.source {
                EnvSource::ConfigMap(_) => config_maps = true,
                EnvSource::Secret(_) => secrets = true,
            }
        }
        for variable in &container.env {
            match &variable.value {
                EnvValue::ConfigMapKey(_) => config_maps = true,
                EnvValue::SecretKey(_) => secrets = true,
                _ => {}
            }
        }
    }
    for volume in &pod.volumes {
        let projected = match &volume.source {
            VolumeSource::Projected(projected) => projected,
            VolumeSource::Claim { .. } => {
                claims = true;
                continue;
            }
            VolumeSource::EmptyDir(_) | VolumeSource::HostPath { .. } => continue,
        };
        for source in &projected.sources {
            match source {
                Source::ConfigMap { name, .. } => config_maps |= name != ROOT_CA,
                Source::Secret { .. } => secrets = true,
                Source::DownwardApi { .. } | Source::Token { .. } => {}
            }
        }
    }
    let all = [
        (config_maps, Kind::ConfigMap),
        (secrets, Kind::Secret),
        (claims, Kind::PersistentVolumeClaim),
    ];
    all.into_iter()
        .filter_map(|(refers, kind)| refers.then_some(kind))
        .collect()
}
