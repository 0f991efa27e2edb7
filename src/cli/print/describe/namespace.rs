//! Namespaces.

use k8s_openapi::api::core::v1::{LimitRange, Namespace};

use super::page::Page;
use super::{annotations, labels, limits};

pub fn namespace(page: &mut Page, namespace: &Namespace, limits: &[LimitRange]) {
    let metadata = &namespace.metadata;
    page.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    labels(page, "Labels", metadata.labels.as_ref());
    annotations(page, metadata.annotations.as_ref());
    let status = namespace.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    page.field(0, "Status", phase.unwrap_or_default());
    // There is no such kind here.
    page.line(0, "\nNo resource quota.\n");
    limits::of_namespace(page, limits);
}
