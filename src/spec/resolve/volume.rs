//! Volumes and the mounts of a container.

use std::time::Duration;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::environment::{Containers, resource};
use crate::spec::pod::{
    DownwardItem, DownwardValue, EmptyDir, Flavor, HostPathKind, Item, Medium, Projected,
    SizeLimit, Source, Volume, VolumeSource,
};
use crate::spec::quantity::Quantity;
use crate::spec::{annotation, fieldpath};

/// As validation wants it by default.
const DEFAULT_MODE: i32 = 0o644;
const DEFAULT_EXPIRATION: i64 = 3600;

/// None for a kind of volume that is not honoured; its mounts go with it.
pub fn volume(
    volume: &v1::Volume,
    metadata: &ObjectMeta,
    containers: &Containers,
) -> Option<Volume> {
    let source = if let Some(dir) = &volume.empty_dir {
        VolumeSource::EmptyDir(empty_dir(dir, &volume.name, metadata)?)
    } else if let Some(host_path) = &volume.host_path {
        VolumeSource::HostPath {
            path: host_path.path.clone().into(),
            kind: host_path_kind(host_path.type_.as_deref()),
        }
    } else if let Some(claim) = &volume.persistent_volume_claim {
        VolumeSource::Claim {
            name: claim.claim_name.clone(),
            read_only: claim.read_only == Some(true),
        }
    } else {
        VolumeSource::Projected(generated(volume, containers)?)
    };
    Some(Volume {
        name: volume.name.clone(),
        source,
    })
}

fn empty_dir(
    dir: &v1::EmptyDirVolumeSource,
    name: &str,
    metadata: &ObjectMeta,
) -> Option<EmptyDir> {
    let size_limit = dir.size_limit.as_ref().and_then(|limit| {
        let quantity = limit.0.parse::<Quantity>().ok()?;
        let bytes = u64::try_from(quantity.units()).ok()?;
        // Zero is no limit (kubelet `pkg/kubelet/eviction/eviction_manager.go`, `emptyDirLimitEviction`).
        (bytes > 0).then(|| SizeLimit {
            bytes,
            written: quantity.to_string(),
        })
    });
    Some(EmptyDir {
        medium: match dir.medium.as_deref() {
            None | Some("") => Medium::Disk,
            Some("Memory") => Medium::Memory,
            Some(_) => return None,
        },
        size_limit,
        enforced: annotation::size_is_enforced(metadata, name),
    })
}

fn host_path_kind(text: Option<&str>) -> HostPathKind {
    match text.unwrap_or_default() {
        "DirectoryOrCreate" => HostPathKind::DirectoryOrCreate,
        "Directory" => HostPathKind::Directory,
        "FileOrCreate" => HostPathKind::FileOrCreate,
        "File" => HostPathKind::File,
        "Socket" => HostPathKind::Socket,
        "CharDevice" => HostPathKind::CharDevice,
        "BlockDevice" => HostPathKind::BlockDevice,
        _ => HostPathKind::Unchecked,
    }
}

/// A volume whose files are made.
fn generated(volume: &v1::Volume, containers: &Containers) -> Option<Projected> {
    let (flavor, default_mode, sources) = if let Some(config_map) = &volume.config_map {
        let source = Source::ConfigMap {
            name: config_map.name.clone(),
            items: items(config_map.items.as_deref()),
            optional: config_map.optional == Some(true),
        };
        (Flavor::ConfigMap, config_map.default_mode, vec![source])
    } else if let Some(secret) = &volume.secret {
        let source = Source::Secret {
            name: secret.secret_name.clone().unwrap_or_default(),
            items: items(secret.items.as_deref()),
            optional: secret.optional == Some(true),
        };
        (Flavor::Secret, secret.default_mode, vec![source])
    } else if let Some(downward) = &volume.downward_api {
        let source = Source::DownwardApi {
            items: downward_items(downward.items.as_deref(), containers),
        };
        (Flavor::DownwardApi, downward.default_mode, vec![source])
    } else {
        let projected = volume.projected.as_ref()?;
        let sources = projected.sources.iter().flatten();
        let sources = sources.filter_map(|source| projection(source, containers));
        (Flavor::Projected, projected.default_mode, sources.collect())
    };
    Some(Projected {
        flavor,
        default_mode: mode(default_mode.unwrap_or(DEFAULT_MODE)),
        sources,
    })
}

/// None for a kind of source that is not honoured.
fn projection(source: &v1::VolumeProjection, containers: &Containers) -> Option<Source> {
    if let Some(config_map) = &source.config_map {
        Some(Source::ConfigMap {
            name: config_map.name.clone(),
            items: items(config_map.items.as_deref()),
            optional: config_map.optional == Some(true),
        })
    } else if let Some(secret) = &source.secret {
        Some(Source::Secret {
            name: secret.name.clone(),
            items: items(secret.items.as_deref()),
            optional: secret.optional == Some(true),
        })
    } else if let Some(downward) = &source.downward_api {
        Some(Source::DownwardApi {
            items: downward_items(downward.items.as_deref(), containers),
        })
    } else {
        let token = source.service_account_token.as_ref()?;
        let seconds = token.expiration_seconds.unwrap_or(DEFAULT_EXPIRATION);
        Some(Source::Token {
            audience: token.audience.clone().filter(|text| !text.is_empty()),
            expiration: Duration::from_secs(u64::try_from(seconds).ok()?),
            path: token.path.clone(),
        })
    }
}

fn items(items: Option<&[v1::KeyToPath]>) -> Vec<Item> {
    let item = |item: &v1::KeyToPath| Item {
        key: item.key.clone(),
        path: item.path.clone(),
        mode: item.mode.map(mode),
    };
    items.unwrap_or_default().iter().map(item).collect()
}

fn downward_items(
    items: Option<&[v1::DownwardAPIVolumeFile]>,
    containers: &Containers,
) -> Vec<DownwardItem> {
    let item = |item: &v1::DownwardAPIVolumeFile| {
        let value = match (&item.field_ref, &item.resource_field_ref) {
            (Some(field), _) => DownwardValue::Field(fieldpath::parse(&field.field_path)?),
            (_, Some(selector)) => DownwardValue::Resource(resource(selector, None, containers)?),
            _ => return None,
        };
        Some(DownwardItem {
            path: item.path.clone(),
            mode: item.mode.map(mode),
            value,
        })
    };
    items.unwrap_or_default().iter().filter_map(item).collect()
}

/// Validation holds modes between 0 and 0777.
fn mode(mode: i32) -> u32 {
    u32::try_from(mode).unwrap_or_default()
}
