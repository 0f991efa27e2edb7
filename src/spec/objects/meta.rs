//! Names and scope.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Refusal, filled};
use crate::spec::kind::Kind;
use crate::spec::names;
use crate::spec::report::{Path, Report};
use crate::spec::validate;

/// What keeps a claim until no pod uses it: every claim has it, whether it is written or not.
pub const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";

pub fn check(kind: Kind, metadata: &ObjectMeta, report: &mut Report) {
    let path = Path::ROOT.field("metadata");
    let mut common = metadata.clone();
    if !kind.namespaced() && common.namespace.take().is_some_and(|name| !name.is_empty()) {
        report.forbidden(&path.field("namespace"), "not allowed on this type");
    }
    if kind == Kind::Namespace {
        // Its name becomes part of other names.
        let field = if metadata.name.as_deref().is_none_or(str::is_empty) {
            &mut common.generate_name
        } else {
            &mut common.name
        };
        let name = field.replace("any".to_owned()).unwrap_or_default();
        let (field, stem) = match name.strip_suffix('-') {
            Some(stem) if metadata.name.is_none() => ("generateName", stem),
            _ => ("name", name.as_str()),
        };
        if name.is_empty() {
            common.generate_name = None;
        } else {
            report.invalid_each(&path.field(field), &name, names::dns_label(stem));
        }
    }
    validate::metadata(&common, &path, report);
}

pub fn unsupported(kind: Kind, metadata: &ObjectMeta, refusal: &mut Refusal) {
    let path = Path::ROOT.field("metadata");
    let foreign = |finalizer: &String| {
        kind != Kind::PersistentVolumeClaim || finalizer.as_str() != CLAIM_PROTECTION
    };
    let finalizers = metadata.finalizers.iter().flatten().any(foreign);
    refusal.field(finalizers, &path.field("finalizers"));
    refusal.field(
        filled(&metadata.owner_references),
        &path.field("ownerReferences"),
    );
}
