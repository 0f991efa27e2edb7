//! The volumes of a pod, each in the words kubectl has for its kind.

use k8s_openapi::api::core::v1::{
    CSIVolumeSource, DownwardAPIVolumeSource, ProjectedVolumeSource, Volume,
};

use super::containers::canonical;
use super::page::Page;
use super::shortened;
use crate::spec::Quantity;

pub fn all(page: &mut Page, volumes: &[Volume]) {
    if volumes.is_empty() {
        return page.field(0, "Volumes", "<none>");
    }
    page.line(0, "Volumes:");
    for volume in volumes {
        page.line(1, &format!("{}:", volume.name));
        source(page, volume);
    }
}

/// `Type` and the fields of a kind of volume.
fn kind(page: &mut Page, kind: &str, fields: &[(&str, &str)]) {
    page.field(2, "Type", kind);
    fields
        .iter()
        .for_each(|(name, text)| page.field(2, name, text));
}

fn yes(value: Option<bool>) -> &'static str {
    if value == Some(true) { "true" } else { "false" }
}

fn source(page: &mut Page, volume: &Volume) {
    let or_empty = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    if let Some(path) = &volume.host_path {
        let type_ = path.type_.as_deref().unwrap_or("<none>");
        kind(
            page,
            "HostPath (bare host directory volume)",
            &[("Path", &path.path), ("HostPathType", type_)],
        );
    } else if let Some(dir) = &volume.empty_dir {
        let limit = dir.size_limit.as_ref();
        let set = |limit: &&_| quantity(limit).is_none_or(|limit| limit > Quantity::ZERO);
        let limit = limit.filter(set).map_or("<unset>".to_owned(), canonical);
        let fields = [("Medium", &*or_empty(&dir.medium)), ("SizeLimit", &*limit)];
        kind(
            page,
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
            &fields,
        );
    } else if let Some(secret) = &volume.secret {
        let fields = [
            ("SecretName", &*or_empty(&secret.secret_name)),
            ("Optional", yes(secret.optional)),
        ];
        kind(page, "Secret (a volume populated by a Secret)", &fields);
    } else if let Some(map) = &volume.config_map {
        let fields = [("Name", map.name.as_str()), ("Optional", yes(map.optional))];
        kind(
            page,
            "ConfigMap (a volume populated by a ConfigMap)",
            &fields,
        );
    } else if let Some(nfs) = &volume.nfs {
        let fields = [
            ("Server", nfs.server.as_str()),
            ("Path", &nfs.path),
            ("ReadOnly", yes(nfs.read_only)),
        ];
        kind(
            page,
            "NFS (an NFS mount that lasts the lifetime of a pod)",
            &fields,
        );
    } else if let Some(claim) = &volume.persistent_volume_claim {
        let fields = [
            ("ClaimName", claim.claim_name.as_str()),
            ("ReadOnly", yes(claim.read_only)),
        ];
        kind(
            page,
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            &fields,
        );
    } else if let Some(api) = &volume.downward_api {
        downward(page, api);
    } else if let Some(projected) = &volume.projected {
        sources(page, projected);
    } else if let Some(csi) = &volume.csi {
        driver(page, csi);
    } else if let Some(image) = &volume.image {
        let fields = [
            ("Reference", &*or_empty(&image.reference)),
            ("PullPolicy", &*or_empty(&image.pull_policy)),
        ];
        kind(page, "Image (a container image or OCI artifact)", &fields);
    } else {
        page.line(1, "<unknown>");
    }
}

fn quantity(
    quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity,
) -> Option<Quantity> {
    quantity.0.parse().ok()
}

fn downward(page: &mut Page, api: &DownwardAPIVolumeSource) {
    page.field(
        2,
        "Type",
        "DownwardAPI (a volume populated by information about the pod)",
    );
    page.line(2, "Items:");
    for item in api.items.iter().flatten() {
        if let Some(field) = &item.field_ref {
            page.line(3, &format!("{} -> {}", field.field_path, item.path));
        }
        if let Some(field) = &item.resource_field_ref {
            page.line(3, &format!("{} -> {}", field.resource, item.path));
        }
    }
}

fn sources(page: &mut Page, projected: &ProjectedVolumeSource) {
    page.field(
        2,
        "Type",
        "Projected (a volume that contains injected data from multiple sources)",
    );
    for source in projected.sources.iter().flatten() {
        if let Some(secret) = &source.secret {
            page.field(2, "SecretName", &secret.name);
            page.field(2, "Optional", yes(secret.optional));
        } else if source.downward_api.is_some() {
            page.field(2, "DownwardAPI", "true");
        } else if let Some(map) = &source.config_map {
            page.field(2, "ConfigMapName", &map.name);
            page.field(2, "Optional", yes(map.optional));
        } else if let Some(token) = &source.service_account_token {
            page.field(
                2,
                "TokenExpirationSeconds",
                &token.expiration_seconds.unwrap_or_default().to_string(),
            );
        }
    }
}

fn driver(page: &mut Page, csi: &CSIVolumeSource) {
    let fields = [
        ("Driver", csi.driver.as_str()),
        ("FSType", csi.fs_type.as_deref().unwrap_or_default()),
        ("ReadOnly", yes(csi.read_only)),
    ];
    kind(
        page,
        "CSI (a Container Storage Interface (CSI) volume source)",
        &fields,
    );
    let attributes = csi.volume_attributes.iter().flatten();
    let mut lines: Vec<String> = attributes
        .map(|(key, value)| shortened(&format!("{key}={value}"), 140))
        .collect();
    if lines.is_empty() {
        lines.push("<none>".to_owned());
    }
    page.field(2, "VolumeAttributes", &lines.join("\n    \t"));
}
