//! What there can be objects of.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::published::Published;
use super::{Layout, PID_ANNOTATION};

/// A kind of API objects that live in namespaces.
pub trait Kind:
    Resource<Scope = NamespaceResourceScope>
    + Metadata<Ty = ObjectMeta>
    + Serialize
    + DeserializeOwned
    + Clone
    + PartialEq
    + Send
{
    /// Whether its objects count how often their wish has changed.
    const GENERATIONS: bool = false;

    /// Takes away what is not the writer's to say, and so is not kept with the object.
    fn strip(&mut self) {}

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
