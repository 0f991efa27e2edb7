//! Volumes: a name and exactly one source.
//!
//! Where the API server leaves the index of an item out of a field's path (`downwardAPI.path`), it is in it here: the line
//! in the manifest is found by it.

use std::collections::HashMap;

use k8s_openapi::api::core::v1;

use super::one_of;
use crate::spec::names;
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};

mod files;

/// The volumes of a pod by their names.
pub type Volumes<'v> = HashMap<&'v str, &'v v1::Volume>;

/// Returns what can be mounted.
pub fn check<'v>(volumes: &'v [v1::Volume], path: &Path, report: &mut Report) -> Volumes<'v> {
    let mut known = Volumes::new();
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
            if known.insert(volume.name.as_str(), volume).is_some() {
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
    let dir = volume.empty_dir.as_ref();
    if let Some(limit) = dir.and_then(|dir| dir.size_limit.as_ref()) {
        let path = path.field("emptyDir");
        size_limit(&limit.0, &path.field("sizeLimit"), report);
    }
    if let Some(secret) = &volume.secret {
        files::secret(secret, &path.field("secret"), report);
    }
    if let Some(config_map) = &volume.config_map {
        files::config_map(config_map, &path.field("configMap"), report);
    }
    if let Some(downward) = &volume.downward_api {
        files::downward_api(downward, &path.field("downwardAPI"), report);
    }
    if let Some(projected) = &volume.projected {
        files::projected(projected, &path.field("projected"), report);
    }
    if let Some(claim) = &volume.persistent_volume_claim
        && claim.claim_name.is_empty()
    {
        report.required(&path.field("persistentVolumeClaim").field("claimName"), "");
    }
}

fn size_limit(limit: &str, path: &Path, report: &mut Report) {
    match limit.parse::<Quantity>() {
        Ok(limit) if limit.is_negative() => {
            report.forbidden(path, "SizeLimit field must be a valid resource quantity");
        }
        Ok(_) => {}
        Err(error) => report.invalid(path, limit, &error.to_string()),
    }
}

fn host_path_source(source: &v1::HostPathVolumeSource, path: &Path, report: &mut Report) {
    let field = path.field("path");
    if source.path.is_empty() {
        return report.required(&field, "");
    }
    no_backsteps(&source.path, &field, report);
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

/// A relative path that does not leave the volume.
pub fn descending(text: &str, path: &Path, report: &mut Report) {
    if text.starts_with('/') {
        report.invalid(path, text, "must be a relative path");
    }
    no_backsteps(text, path, report);
}

/// One that is also not among the names by which a volume's files are changed at once.
pub fn non_reserved(text: &str, path: &Path, report: &mut Report) {
    descending(text, path, report);
    if text.starts_with("..") && !text.starts_with("../") {
        report.invalid(path, text, "must not start with '..'");
    }
}

fn no_backsteps(text: &str, path: &Path, report: &mut Report) {
    if text.split('/').any(|part| part == "..") {
        report.invalid(path, text, "must not contain '..'");
    }
}
