//! PersistentVolumeClaim (`ValidatePersistentVolumeClaimSpec`, `SetDefaults_PersistentVolumeClaimSpec`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use super::{Refusal, filled, meta, written};
use crate::spec::names;
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};
use crate::spec::validate::label_selector;

const STORAGE: &str = "storage";
const MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
/// Volumes that we have made are called so, with the claim's uid behind.
const OURS: &str = "pvc-";

pub fn defaults(claim: &mut v1::PersistentVolumeClaim) {
    // What the admission plugin StorageObjectInUseProtection writes into every claim.
    let finalizers = claim.metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|one| one == meta::CLAIM_PROTECTION) {
        finalizers.push(meta::CLAIM_PROTECTION.to_owned());
    }
    let spec = claim.spec.get_or_insert_default();
    if !written(&spec.volume_mode) {
        spec.volume_mode = Some("Filesystem".to_owned());
    }
    let resources = spec.resources.as_mut();
    if let Some(requests) = resources.and_then(|resources| resources.requests.as_mut()) {
        canonical(requests);
    }
}

/// Rounded up to milli, and written as Kubernetes writes it.
pub fn canonical(list: &mut BTreeMap<String, Written>) {
    for quantity in list.values_mut() {
        if let Ok(parsed) = quantity.0.parse::<Quantity>() {
            quantity.0 = parsed.round_up_to_milli().to_string();
        }
    }
}

pub fn check(claim: &v1::PersistentVolumeClaim, report: &mut Report) {
    let none = v1::PersistentVolumeClaimSpec::default();
    let spec = claim.spec.as_ref().unwrap_or(&none);
    let path = Path::ROOT.field("spec");
    if let Some(wanted) = &spec.selector {
        label_selector::check(wanted, &path.field("selector"), report);
    }
    access_modes(spec, &path.field("accessModes"), report);
    size(spec, &path.field("resources"), report);
    if let Some(class) = spec
        .storage_class_name
        .as_deref()
        .filter(|name| !name.is_empty())
    {
        report.invalid_each(
            &path.field("storageClassName"),
            class,
            names::dns_subdomain(class),
        );
    }
    match spec.volume_mode.as_deref() {
        None | Some("Block" | "Filesystem") => {}
        Some(other) => {
            report.not_supported(&path.field("volumeMode"), other, &["Block", "Filesystem"]);
        }
    }
}

fn access_modes(spec: &v1::PersistentVolumeClaimSpec, path: &Path, report: &mut Report) {
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    if modes.is_empty() {
        report.required(path, "at least 1 access mode is required");
    }
    for mode in modes.iter().filter(|mode| !MODES.contains(&mode.as_str())) {
        report.not_supported(path, mode, &MODES);
    }
    let alone = modes.iter().any(|mode| mode == "ReadWriteOncePod");
    if alone && modes.iter().any(|mode| mode != "ReadWriteOncePod") {
        report.forbidden(path, "may not use ReadWriteOncePod with other access modes");
    }
}

fn size(spec: &v1::PersistentVolumeClaimSpec, path: &Path, report: &mut Report) {
    let requests = spec
        .resources
        .as_ref()
        .and_then(|all| all.requests.as_ref());
    let Some(wanted) = requests.and_then(|requests| requests.get(STORAGE)) else {
        return report.required(&path.key(STORAGE), "");
    };
    let path = path.key(STORAGE);
    match wanted.0.parse::<Quantity>() {
        Ok(size) if size <= Quantity::ZERO => {
            report.invalid(&path, &wanted.0, "must be greater than zero");
        }
        Ok(_) => {}
        Err(error) => report.invalid(&path, &wanted.0, &error.to_string()),
    }
}

/// Every claim is a directory of this machine: what asks for something else is not honoured. Any name of a class is taken,
/// because there is only one; and the size is a wish, as everywhere where directories are given out.
pub fn unsupported(claim: &v1::PersistentVolumeClaim, refusal: &mut Refusal) {
    let Some(spec) = &claim.spec else { return };
    let path = Path::ROOT.field("spec");
    refusal.field(spec.data_source.is_some(), &path.field("dataSource"));
    refusal.field(spec.data_source_ref.is_some(), &path.field("dataSourceRef"));
    refusal.field(spec.selector.is_some(), &path.field("selector"));
    let foreign = |name: &String| !name.is_empty() && !name.starts_with(OURS);
    refusal.field(
        spec.volume_name.as_ref().is_some_and(foreign),
        &path.field("volumeName"),
    );
    refusal.field(
        written(&spec.volume_attributes_class_name),
        &path.field("volumeAttributesClassName"),
    );
    refusal.field(
        spec.volume_mode.as_deref() == Some("Block"),
        &path.field("volumeMode"),
    );
    let modes = &spec.access_modes;
    let once = modes
        .iter()
        .flatten()
        .any(|mode| mode == "ReadWriteOncePod");
    refusal.because(
        filled(modes) && once,
        &path.field("accessModes"),
        "this version of wasmpod does not keep a second pod from a claim",
    );
    let limits = spec.resources.as_ref().and_then(|all| all.limits.as_ref());
    refusal.because(
        limits.is_some_and(|limits| !limits.is_empty()),
        &path.field("resources").field("limits"),
        "this version of wasmpod does not limit what is written to a claim",
    );
}
