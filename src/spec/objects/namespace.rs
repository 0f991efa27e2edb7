//! Namespace (`SetDefaults_Namespace`).

use k8s_openapi::api::core::v1;

use super::Refusal;
use crate::spec::report::Path;

/// By which others select it.
pub const NAME: &str = "kubernetes.io/metadata.name";
/// Everything in it goes before it does: the only promise that is kept here.
const FINALIZER: &str = "kubernetes";

pub fn defaults(namespace: &mut v1::Namespace) {
    if let Some(name) = namespace
        .metadata
        .name
        .as_ref()
        .filter(|name| !name.is_empty())
    {
        let labels = namespace.metadata.labels.get_or_insert_default();
        labels.insert(NAME.to_owned(), name.clone());
    }
    let spec = namespace.spec.get_or_insert_default();
    let finalizers = spec.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|one| one == FINALIZER) {
        finalizers.push(FINALIZER.to_owned());
    }
}

pub fn unsupported(namespace: &v1::Namespace, refusal: &mut Refusal) {
    let finalizers = namespace.spec.iter().flat_map(|spec| &spec.finalizers);
    let foreign = finalizers.flatten().any(|one| one != FINALIZER);
    refusal.field(foreign, &Path::ROOT.field("spec").field("finalizers"));
}
