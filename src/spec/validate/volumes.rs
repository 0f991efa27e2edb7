//! Volumes: a name and exactly one source.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::mounts::{descending, no_backsteps};
use super::{one_of, resources};
use crate::spec::names;
use crate::spec::report::{Path, Report};

/// Returns the names that can be mounted.
pub fn check<'v>(volumes: &'v [v1::Volume], path: &Path, report: &mut Report) -> HashSet<&'v str> {
    let mut known = HashSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        if volume.name.is_empty() {
            report.required(&path.field("name"), "");
        } else {
            report.invalid_each(
                &path.field("name"),
                &volume.name,
                names::dns_label(&volume.name),
            );
            if !known.insert(volume.name.as_str()) {
                report.duplicate(&path.field("name"), &volume.name);
            }
        }
        one_source(volume, &path, report);
        contents(volume, &path, report);
    }
    known
}

fn one_source(volume: &v1::Volume, path: &Path, report: &mut Report) {
    let all = sources(volume);
    let mut given = all.iter().filter(|(_, given)| *given);
    if given.next().is_none() {
        report.required(path, "must specify a volume type");
    }
    for (field, _) in given {
        report.forbidden(
            &path.field(field),
            "may not specify more than 1 volume type",
        );
    }
}

/// Every kind of volume there is, and whether this one is of it.
pub fn sources(volume: &v1::Volume) -> [(&'static str, bool); 30] {
    [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("gcePersistentDisk", volume.gce_persistent_disk.is_some()),
        (
            "awsElasticBlockStore",
            volume.aws_elastic_block_store.is_some(),
        ),
        ("gitRepo", volume.git_repo.is_some()),
        ("secret", volume.secret.is_some()),
        ("nfs", volume.nfs.is_some()),
        ("iscsi", volume.iscsi.is_some()),
        ("glusterfs", volume.glusterfs.is_some()),
        (
            "persistentVolumeClaim",
            volume.persistent_volume_claim.is_some(),
        ),
        ("rbd", volume.rbd.is_some()),
        ("flexVolume", volume.flex_volume.is_some()),
        ("cinder", volume.cinder.is_some()),
        ("cephfs", volume.cephfs.is_some()),
        ("flocker", volume.flocker.is_some()),
        ("downwardAPI", volume.downward_api.is_some()),
        ("fc", volume.fc.is_some()),
        ("azureFile", volume.azure_file.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("vsphereVolume", volume.vsphere_volume.is_some()),
        ("quobyte", volume.quobyte.is_some()),
        ("azureDisk", volume.azure_disk.is_some()),
        (
            "photonPersistentDisk",
            volume.photon_persistent_disk.is_some(),
        ),
        ("projected", volume.projected.is_some()),
        ("portworxVolume", volume.portworx_volume.is_some()),
        ("scaleIO", volume.scale_io.is_some()),
        ("storageos", volume.storageos.is_some()),
        ("csi", volume.csi.is_some()),
        ("ephemeral", volume.ephemeral.is_some()),
        ("image", volume.image.is_some()),
    ]
}

fn contents(volume: &v1::Volume, path: &Path, report: &mut Report) {
    if let Some(host_path) = &volume.host_path {
        host_path_source(host_path, &path.field("hostPath"), report);
    }
    if let Some(limit) = volume
        .empty_dir
        .as_ref()
        .and_then(|dir| dir.size_limit.as_ref())
    {
        resources::non_negative(&limit.0, &path.field("emptyDir").field("sizeLimit"), report);
    }
    if let Some(secret) = &volume.secret {
        let path = path.field("secret");
        if secret.secret_name.as_deref().is_none_or(str::is_empty) {
            report.required(&path.field("secretName"), "");
        }
        mode(secret.default_mode, &path.field("defaultMode"), report);
        items(secret.items.as_deref(), &path.field("items"), report);
    }
    if let Some(config_map) = &volume.config_map {
        let path = path.field("configMap");
        if config_map.name.is_empty() {
            report.required(&path.field("name"), "");
        }
        mode(config_map.default_mode, &path.field("defaultMode"), report);
        items(config_map.items.as_deref(), &path.field("items"), report);
    }
    if let Some(claim) = &volume.persistent_volume_claim
        && claim.claim_name.is_empty()
    {
        report.required(&path.field("persistentVolumeClaim").field("claimName"), "");
    }
}

fn host_path_source(source: &v1::HostPathVolumeSource, path: &Path, report: &mut Report) {
    let field = path.field("path");
    if source.path.is_empty() {
        report.required(&field, "");
    } else {
        no_backsteps(&source.path, &field, report);
    }
    let types = [
        "",
        "BlockDevice",
        "CharDevice",
        "Directory",
        "DirectoryOrCreate",
        "File",
        "FileOrCreate",
        "Socket",
    ];
    one_of(source.type_.as_deref(), &types, &path.field("type"), report);
}

fn mode(mode: Option<i32>, path: &Path, report: &mut Report) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        report.invalid(
            path,
            &mode,
            "must be a number between 0 and 0777 (octal), both inclusive",
        );
    }
}

fn items(items: Option<&[v1::KeyToPath]>, path: &Path, report: &mut Report) {
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        if item.key.is_empty() {
            report.required(&path.field("key"), "");
        }
        let target = path.field("path");
        match item.path.as_str() {
            "" => report.required(&target, ""),
            text if text.starts_with("..") && !text.starts_with("../") => {
                report.invalid(&target, text, "must not start with '..'")
            }
            text => descending(text, &target, report),
        }
        mode(item.mode, &path.field("mode"), report);
    }
}
