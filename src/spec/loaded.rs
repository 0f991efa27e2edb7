//! What a manifest holds.

use std::path::PathBuf;

use k8s_openapi::api::core::v1;

use super::complaint::Complaint;
use super::object::Object;

/// The text of a manifest, and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// As messages name it: `pod.yaml`, `<stdin>`.
    pub name: String,
    /// The folder against which `./app.wasm` is resolved.
    pub base: PathBuf,
    pub text: Vec<u8>,
}

/// The objects of a manifest.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The pods, in the manifest's order.
    pub pods: Vec<LoadedPod>,
    /// All that are not pods, in the manifest's order.
    pub others: Vec<LoadedObject>,
    /// Where each document of the manifest is in the two, in its order.
    pub order: Vec<Place>,
    /// What will not be honoured, under [`super::Validate::Warn`].
    pub warnings: Vec<Complaint>,
}

/// Where in a [`Loaded`] a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Pod(usize),
    Other(usize),
}

/// A defaulted and valid object, with what is needed to resolve it.
#[derive(Clone, Debug)]
pub struct LoadedPod {
    pub object: v1::Pod,
    pub base: PathBuf,
    /// The object as it was written, before anything was filled in: what `apply` merges and remembers. Quantities are
    /// text, whatever they were written as.
    pub written: serde_json::Value,
}

/// A defaulted and valid object that is not a pod.
#[derive(Clone, Debug)]
pub struct LoadedObject {
    pub object: Object,
    pub base: PathBuf,
    /// As [`LoadedPod::written`]: a secret's `stringData` is still beside its `data`.
    pub written: serde_json::Value,
}

impl LoadedPod {
    /// An object that was never text; `written` by a program.
    pub fn made(object: v1::Pod, base: PathBuf) -> LoadedPod {
        LoadedPod {
            // The types of the API are plain structs with text keys: there is nothing in them that JSON has no words for.
            written: serde_json::to_value(&object).unwrap_or_default(),
            object,
            base,
        }
    }
}

impl LoadedObject {
    /// An object that was never text; made by a program.
    pub fn made(object: Object, base: PathBuf) -> LoadedObject {
        LoadedObject {
            written: object.value(),
            object,
            base,
        }
    }
}
