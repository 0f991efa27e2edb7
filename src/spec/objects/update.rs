//! What of an object that exists may be changed.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::finish;
use crate::spec::complaint::Complaints;
use crate::spec::object::Object;
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};
use crate::spec::update::differences;

const IMMUTABLE: &str = "field is immutable when `immutable` is set";

/// Whether an object that exists may become another one. The new one is validated by whoever admits it; here the two are
/// only compared. Of pods [`crate::spec::update`] says more.
///
/// # Errors
/// Every change that is forbidden.
pub fn validate_update(old: &Object, new: &Object) -> Result<(), Complaints> {
    if let (Object::Pod(old), Object::Pod(new)) = (old, new) {
        return crate::spec::update::check(old, new);
    }
    let mut report = Report::default();
    metadata(old.metadata(), new.metadata(), &mut report);
    match (old, new) {
        (Object::ConfigMap(old), Object::ConfigMap(new)) => config_map(old, new, &mut report),
        (Object::Secret(old), Object::Secret(new)) => secret(old, new, &mut report),
        (Object::PersistentVolumeClaim(old), Object::PersistentVolumeClaim(new)) => {
            claim(old, new, &mut report);
        }
        _ => {}
    }
    finish(new, report)
}

/// `ValidateObjectMetaUpdate`. What a client leaves out it does not want to change.
fn metadata(old: &ObjectMeta, new: &ObjectMeta, report: &mut Report) {
    let path = Path::ROOT.field("metadata");
    let texts = [
        ("name", &old.name, &new.name),
        ("namespace", &old.namespace, &new.namespace),
        ("uid", &old.uid, &new.uid),
    ];
    for (field, old, new) in texts {
        if let Some(new) = new.as_deref().filter(|new| old.as_deref() != Some(*new)) {
            report.invalid(&path.field(field), new, "field is immutable");
        }
    }
    let at = |meta: &ObjectMeta| meta.creation_timestamp.as_ref().map(|time| time.0);
    if at(new).is_some_and(|new| at(old) != Some(new)) {
        let new = at(new).map(|new| new.to_string()).unwrap_or_default();
        report.invalid(&path.field("creationTimestamp"), &new, "field is immutable");
    }
}

/// `ValidateConfigMapUpdate`.
fn config_map(old: &v1::ConfigMap, new: &v1::ConfigMap, report: &mut Report) {
    if old.immutable != Some(true) {
        return;
    }
    immutable(new.immutable, report);
    if !same(&old.data, &new.data) {
        report.forbidden(&Path::ROOT.field("data"), IMMUTABLE);
    }
    if !same(&old.binary_data, &new.binary_data) {
        report.forbidden(&Path::ROOT.field("binaryData"), IMMUTABLE);
    }
}

/// `ValidateSecretUpdate`.
fn secret(old: &v1::Secret, new: &v1::Secret, report: &mut Report) {
    let kind = |secret: &v1::Secret| secret.type_.clone().unwrap_or_default();
    if kind(old) != kind(new) {
        let path = Path::ROOT.field("type");
        report.invalid(&path, &kind(new), "field is immutable");
    }
    if old.immutable != Some(true) {
        return;
    }
    immutable(new.immutable, report);
    if !same(&old.data, &new.data) {
        report.forbidden(&Path::ROOT.field("data"), IMMUTABLE);
    }
}

fn immutable(new: Option<bool>, report: &mut Report) {
    if new != Some(true) {
        report.forbidden(&Path::ROOT.field("immutable"), IMMUTABLE);
    }
}

/// None and empty are one (`equality.Semantic`).
fn same<M: Default + PartialEq + Clone>(old: &Option<M>, new: &Option<M>) -> bool {
    old.clone().unwrap_or_default() == new.clone().unwrap_or_default()
}

/// `ValidatePersistentVolumeClaimUpdate`: a claim that is bound may ask for more room.
fn claim(old: &v1::PersistentVolumeClaim, new: &v1::PersistentVolumeClaim, report: &mut Report) {
    let spec = |claim: &v1::PersistentVolumeClaim| claim.spec.clone().unwrap_or_default();
    let (mut old, mut new) = (spec(old), spec(new));
    let bound = super::written(&old.volume_name);
    if !bound {
        old.volume_name.clone_from(&new.volume_name);
    }
    let (had, has) = (storage(&mut old), storage(&mut new));
    if !bound && had != has {
        // Told as a difference with all others.
        put_back(&mut old, had);
        put_back(&mut new, has);
    }
    let path = Path::ROOT.field("spec");
    let changes = differences(&old, &new);
    if !changes.is_empty() {
        let detail = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{}",
            changes.join("\n")
        );
        report.forbidden(&path, &detail);
    }
    if bound && has < had {
        let path = path.field("resources");
        let path = path.field("requests");
        report.forbidden(
            &path.field("storage"),
            "field can not be less than status.capacity",
        );
    }
}

/// Takes the size out of a claim.
fn storage(spec: &mut v1::PersistentVolumeClaimSpec) -> Option<Quantity> {
    let requests = spec.resources.as_mut()?.requests.as_mut()?;
    requests.remove("storage")?.0.parse().ok()
}

fn put_back(spec: &mut v1::PersistentVolumeClaimSpec, size: Option<Quantity>) {
    if let Some(size) = size {
        let resources = spec.resources.get_or_insert_default();
        let requests = resources.requests.get_or_insert_default();
        let size = k8s_openapi::apimachinery::pkg::api::resource::Quantity(size.to_string());
        requests.insert("storage".to_owned(), size);
    }
}
