//! Claims of volumes.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::containers::canonical;
use super::page::Page;
use super::{Clock, annotations, labels, titles};
use crate::cli::print::columns::access_modes;
use crate::cli::print::since;

/// `pods`: those of its namespace.
pub fn claim(page: &mut Page, claim: &PersistentVolumeClaim, pods: &[Pod], clock: &Clock) {
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let (spec, status) = (claim.spec.as_ref(), claim.status.as_ref());
    titles(page, &claim.metadata);
    let class = spec.and_then(|spec| spec.storage_class_name.as_ref());
    page.field(0, "StorageClass", &text(class));
    let phase = match &claim.metadata.deletion_timestamp {
        Some(time) => format!("Terminating (lasts {})", since(Some(time), clock.now)),
        None => text(status.and_then(|status| status.phase.as_ref())),
    };
    page.field(0, "Status", &phase);
    let volume = spec.and_then(|spec| spec.volume_name.as_ref());
    page.field(0, "Volume", &text(volume));
    labels(page, "Labels", claim.metadata.labels.as_ref());
    annotations(page, claim.metadata.annotations.as_ref());
    let finalizers = claim.metadata.finalizers.as_deref().unwrap_or_default();
    page.field(0, "Finalizers", &format!("[{}]", finalizers.join(" ")));
    // What is not bound has neither.
    let bound = status.filter(|_| volume.is_some_and(|name| !name.is_empty()));
    let capacity = bound.and_then(|status| status.capacity.as_ref()?.get("storage"));
    page.field(0, "Capacity", &capacity.map(canonical).unwrap_or_default());
    let modes = bound.and_then(|status| status.access_modes.as_deref());
    page.field(0, "Access Modes", &access_modes(modes));
    page.filled(
        0,
        "VolumeMode",
        spec.and_then(|spec| spec.volume_mode.as_deref()),
    );
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let users = pods.iter().filter(|pod| names(pod, name));
    page.list("Used By", users.map(|pod| text(pod.metadata.name.as_ref())));
}

fn names(pod: &Pod, claim: &str) -> bool {
    let mut volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    volumes.any(|volume| {
        let source = volume.persistent_volume_claim.as_ref();
        source.is_some_and(|source| source.claim_name == claim)
    })
}
