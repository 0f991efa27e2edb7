//! Defaults and validation of the objects around pods (`pkg/apis/core/v1/defaults.go`,
//! `pkg/apis/core/validation/validation.go`), in the API server's words.

mod claim;
mod config_map;
mod limit_range;
mod meta;
mod namespace;
mod node;
mod preset;
mod secret;
mod service_account;
mod update;

#[cfg(test)]
mod tests;

use super::complaint::{ComplaintKind, Complaints, Severity};
use super::object::Object;
use super::report::{Path, Report};
use super::validate::{filled, written};

pub use update::validate_update;

/// What Kubernetes fills in. Doing it twice changes nothing.
pub(super) fn defaults(object: &mut Object) {
    match object {
        Object::Pod(pod) => super::default::defaults(pod),
        Object::Secret(secret) => secret::defaults(secret),
        Object::PersistentVolumeClaim(claim) => claim::defaults(claim),
        Object::LimitRange(range) => limit_range::defaults(range),
        Object::Namespace(namespace) => namespace::defaults(namespace),
        Object::PodPreset(preset) => preset::defaults(preset),
        Object::ConfigMap(_) | Object::ServiceAccount(_) | Object::Node(_) | Object::Event(_) => {}
    }
}

/// Makes an object independent of the folder its manifest lies in. Of a pod its reader decides.
pub(super) fn anchor(object: &mut Object, base: &std::path::Path) {
    if let Object::PodPreset(preset) = object {
        preset::anchor(preset, base);
    }
}

/// What the API server checks before it accepts an object. Expects a defaulted one.
pub(super) fn validate(object: &Object, report: &mut Report) {
    if let Object::Pod(pod) = object {
        return super::validate::pod(pod, report);
    }
    meta::check(object.kind(), object.metadata(), report);
    match object {
        Object::ConfigMap(config_map) => config_map::check(config_map, report),
        Object::Secret(secret) => secret::check(secret, report),
        Object::PersistentVolumeClaim(claim) => claim::check(claim, report),
        Object::LimitRange(range) => limit_range::check(range, report),
        Object::Node(node) => node::check(node, report),
        Object::PodPreset(preset) => preset::check(preset, report),
        // There is nothing in them but metadata that can be wrong.
        Object::ServiceAccount(_) | Object::Namespace(_) | Object::Event(_) | Object::Pod(_) => {}
    }
}

/// What this version would have to ignore.
pub(super) fn unsupported(object: &Object, severity: Severity, report: &mut Report) {
    if let Object::Pod(pod) = object {
        return super::unsupported::pod(pod, severity, report);
    }
    let mut refusal = Refusal { severity, report };
    meta::unsupported(object.kind(), object.metadata(), &mut refusal);
    match object {
        Object::Secret(secret) => secret::unsupported(secret, &mut refusal),
        Object::ServiceAccount(account) => service_account::unsupported(account, &mut refusal),
        Object::PersistentVolumeClaim(claim) => claim::unsupported(claim, &mut refusal),
        Object::Namespace(namespace) => namespace::unsupported(namespace, &mut refusal),
        Object::Node(node) => node::unsupported(node, &mut refusal),
        Object::PodPreset(preset) => preset::unsupported(preset, &mut refusal),
        Object::ConfigMap(_) | Object::LimitRange(_) | Object::Event(_) | Object::Pod(_) => {}
    }
}

/// Where it is written down what would have to be ignored, and how bad that is.
struct Refusal<'r> {
    severity: Severity,
    report: &'r mut Report,
}

impl Refusal<'_> {
    /// Refuses a field by its name, if it is used.
    fn field(&mut self, used: bool, path: &Path) {
        self.because(used, path, "this version of wasmpod would ignore it");
    }

    fn because(&mut self, used: bool, path: &Path, why: &str) {
        if used {
            let message = format!("Unsupported value: {why}");
            self.report
                .push(path, ComplaintKind::Unsupported, self.severity, message);
        }
    }
}

/// All that is wrong with an object.
///
/// # Errors
/// Everything wrong at once.
pub fn validate_object(object: &Object) -> Result<(), Complaints> {
    let mut report = Report::default();
    validate(object, &mut report);
    finish(object, report)
}

fn finish(object: &Object, report: Report) -> Result<(), Complaints> {
    if report.found.is_empty() {
        Ok(())
    } else {
        Err(super::complaints_about_any(
            object.kind(),
            object.metadata(),
            report,
        ))
    }
}
