//! Short lists of pods, so that nobody has to read all pods to find the few that matter: one small file each.
//!
//! A mark is made before what it stands for is true, under the lock of all who write objects, and goes with its pod. One
//! whose pod is another one by now, or none, means nothing and is removed by who comes by.

use std::io;
use std::path::PathBuf;

use k8s_openapi::api::core::v1;
use serde::{Deserialize, Serialize};

use super::disk::{Draft, Durable, Folder};
use super::error::{StoreError, doing};
use super::sight::place;
use super::{Layout, Store};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It has no place yet.
    Waits,
    /// It keeps others away from itself.
    Apart,
}

/// Which pod it is.
#[derive(Serialize, Deserialize)]
struct Whose {
    namespace: String,
    name: String,
}

impl Mark {
    pub const ALL: [Mark; 2] = [Mark::Waits, Mark::Apart];

    pub fn folder(self, layout: &Layout) -> PathBuf {
        layout.placement().join(match self {
            Mark::Waits => "waiting",
            Mark::Apart => "apart",
        })
    }

    pub fn put(self, layout: &Layout, pod: &v1::Pod) -> Result<(), StoreError> {
        let path = self.folder(layout);
        let meta = &pod.metadata;
        let whose = Whose {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
        };
        let put = || -> io::Result<()> {
            let content = serde_json::to_vec(&whose)?;
            Folder::make(&path)?.replace(&file(pod), &content, Draft::OfFolder, Durable::No)
        };
        put().map_err(doing("write a mark in", &path))
    }

    pub fn remove(self, layout: &Layout, pod: &v1::Pod) -> Result<(), StoreError> {
        let path = self.folder(layout);
        let remove = || match place(Folder::open(&path))? {
            Some(folder) => folder
                .remove(&file(pod), Draft::OfFolder, Durable::No)
                .map(|_| ()),
            None => Ok(()),
        };
        remove().map_err(doing("remove a mark in", &path))
    }

    /// Whether there may be any.
    pub fn any(self, layout: &Layout) -> bool {
        let names = Folder::open(&self.folder(layout)).and_then(|folder| folder.names());
        names.is_ok_and(|names| !names.is_empty())
    }

    /// The pods that have it, as they were written. Whoever holds the lock of all writers removes (`tidy`) what means nothing.
    pub fn pods(self, store: &Store, tidy: bool) -> Result<Vec<v1::Pod>, StoreError> {
        let path = self.folder(store.layout());
        let mut pods = Vec::new();
        let Some(folder) = place(Folder::open(&path)).map_err(doing("open", &path))? else {
            return Ok(pods);
        };
        let mut buffer = Vec::new();
        for name in folder.names().map_err(doing("list", &path))? {
            match whose(store, &folder, &name, &mut buffer) {
                Some(pod) => pods.push(pod),
                None if tidy => {
                    let removed = folder.remove(&name, Draft::OfFolder, Durable::No);
                    removed.map_err(doing("remove a mark in", &path))?;
                }
                None => {}
            }
        }
        Ok(pods)
    }
}

fn file(pod: &v1::Pod) -> String {
    format!("{}.json", pod.metadata.uid.as_deref().unwrap_or_default())
}

fn whose(store: &Store, folder: &Folder, name: &str, buffer: &mut Vec<u8>) -> Option<v1::Pod> {
    folder.read(name, buffer).ok()?;
    let whose: Whose = serde_json::from_slice(buffer).ok()?;
    let pod = store.stored(&whose.namespace, &whose.name).ok()?;
    (file(&pod) == name).then_some(pod)
}
