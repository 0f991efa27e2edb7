//! What there can be objects of.

use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::machine;
use super::published::Published;
use super::{Layout, PID_ANNOTATION};
use crate::spec::{PodPreset, Typed};

/// A type of API objects that are stored.
pub trait Kind:
    Typed + Metadata<Ty = ObjectMeta> + Serialize + DeserializeOwned + Clone + PartialEq + Send
{
    /// Whether its objects count how often their wish has changed.
    const GENERATIONS: bool = false;

    /// Takes away what a new object cannot have yet.
    fn begin(&mut self) {}

    /// Takes away what is not the writer's to say, and so is not kept with the object.
    fn strip(&mut self) {}

    /// Fills in what a reader sees and nobody has to write down, because it follows from the rest.
    fn dress(&mut self, _layout: &Layout) {}

    /// Whether the wish, which somebody carries out, has changed from `self` to `newer`.
    fn wish_differs(&self, _newer: &Self) -> bool {
        false
    }

    /// A version this object was seen with that the store itself has not given.
    fn seen_version(&self, _layout: &Layout) -> u64 {
        0
    }
}

impl Kind for v1::Pod {
    const GENERATIONS: bool = true;

    fn strip(&mut self) {
        self.status = None;
        if let Some(annotations) = &mut self.metadata.annotations {
            annotations.remove(PID_ANNOTATION);
        }
        self.metadata
            .annotations
            .take_if(|annotations| annotations.is_empty());
    }

    fn wish_differs(&self, newer: &v1::Pod) -> bool {
        self.spec != newer.spec
    }

    fn seen_version(&self, layout: &Layout) -> u64 {
        let uid = self.metadata.uid.as_deref().unwrap_or_default();
        Published::read(layout, uid)
            .ok()
            .flatten()
            .map_or(0, |published| published.version())
    }
}

impl Kind for v1::ConfigMap {}
impl Kind for v1::Secret {}
impl Kind for v1::ServiceAccount {}
impl Kind for v1::LimitRange {}
impl Kind for PodPreset {}

impl Kind for v1::Namespace {
    fn strip(&mut self) {
        self.status = None;
    }

    fn dress(&mut self, _: &Layout) {
        let phase = match self.metadata.deletion_timestamp {
            None => "Active",
            Some(_) => "Terminating",
        };
        self.status = Some(v1::NamespaceStatus {
            phase: Some(phase.to_owned()),
            ..v1::NamespaceStatus::default()
        });
    }
}

/// On a claim that has its directory.
pub(super) const BOUND: &str = "pv.kubernetes.io/bind-completed";

impl Kind for v1::PersistentVolumeClaim {
    /// It may be written from one that was bound.
    fn begin(&mut self) {
        if let Some(spec) = &mut self.spec {
            spec.volume_name = None;
        }
        if let Some(annotations) = &mut self.metadata.annotations {
            annotations.remove(BOUND);
        }
    }

    fn strip(&mut self) {
        self.status = None;
    }

    fn dress(&mut self, _: &Layout) {
        let spec = self.spec.as_ref();
        let bound = spec.filter(|spec| {
            spec.volume_name
                .as_ref()
                .is_some_and(|name| !name.is_empty())
        });
        self.status = Some(match bound {
            None => v1::PersistentVolumeClaimStatus {
                phase: Some("Pending".to_owned()),
                ..Default::default()
            },
            Some(spec) => v1::PersistentVolumeClaimStatus {
                phase: Some("Bound".to_owned()),
                access_modes: spec.access_modes.clone(),
                capacity: spec
                    .resources
                    .as_ref()
                    .and_then(|resources| resources.requests.clone()),
                ..Default::default()
            },
        });
    }
}

/// There is one; its status is the machine's own, and told anew each time.
impl Kind for v1::Node {
    fn strip(&mut self) {
        self.status = None;
    }

    fn dress(&mut self, layout: &Layout) {
        machine::tell_status(self, layout);
    }
}
