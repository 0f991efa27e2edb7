//! Pods that are files in a directory: what kubelets call static pods (`pkg/kubelet/config/{file,common}.go`).
//!
//! Every file holds one pod. Its name gets the machine's behind it, and its uid is made from what is written, so a file that
//! changes is another pod, which takes the place of the one before. A file that cannot be read as a pod keeps the pod it
//! was as long as it is there: a slip of the pen ends nothing.

mod folder;
mod object;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1;

pub use folder::Manifests;
pub(super) use object::{hash_of, is_static};

/// What a look at the directory told.
#[derive(Debug, Default)]
pub struct Found {
    /// By namespace and name.
    pub pods: BTreeMap<(String, String), v1::Pod>,
    /// Files that are there and tell nothing: the pods they were stay.
    unclear: Vec<PathBuf>,
    /// The directory itself could not be read, so nothing is known.
    blind: bool,
    /// What is wrong, and was not wrong at the last look.
    pub problems: Vec<String>,
}

impl Found {
    /// Whether a stored static pod that is not among [`Found::pods`] is to stay all the same.
    pub(super) fn spares(&self, pod: &v1::Pod) -> bool {
        let file = object::file_of(pod);
        self.blind || file.is_some_and(|file| self.unclear.iter().any(|path| path == file))
    }
}
