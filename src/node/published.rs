//! The last status a pod's process made known, and its events: one file each, written by whoever holds the pod's lock.

use std::borrow::Cow;
use std::io;

use k8s_openapi::List;
use k8s_openapi::api::core::v1;
use serde::{Deserialize, Serialize};

use super::disk::{Draft, Durable, Folder};
use super::error::{StoreError, doing};
use super::writers::micros;
use super::{Layout, names};

/// The file `DATA/status/<uid>.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Published<'a> {
    /// How many processes this pod has had before.
    pub sandbox_attempt: u32,
    pub resource_version: String,
    pub status: Cow<'a, v1::PodStatus>,
}

impl Published<'_> {
    pub(super) fn version(&self) -> u64 {
        self.resource_version.parse().unwrap_or(0)
    }

    pub fn is_terminal(&self) -> bool {
        is_terminal(&self.status)
    }

    /// None: its process never came so far. A file that cannot be understood tells at least that it did: it is said, and
    /// reads as an empty status.
    pub(super) fn read(layout: &Layout, uid: &str) -> io::Result<Option<Published<'static>>> {
        match Folder::open(&layout.statuses()) {
            Ok(folder) => Published::read_in(&folder, uid, &mut Vec::new()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read_in(
        folder: &Folder,
        uid: &str,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<Published<'static>>> {
        if !names::is_uid(uid) {
            return Ok(None);
        }
        let file = format!("{uid}.json");
        match folder.read(&file, buffer) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        let published = serde_json::from_slice(buffer).unwrap_or_else(|error| {
            tracing::warn!("{}: {error}", folder.path().join(&file).display());
            Published::default()
        });
        Ok(Some(published))
    }

    /// [`Published::write`] on a full disk, for a last word: in the place of the one before, where it fits. Better a small chance
    /// that nobody understands it than the certainty that nobody hears it.
    pub(super) fn write_over(&mut self, layout: &Layout, uid: &str) -> io::Result<()> {
        self.resource_version = micros().max(self.version() + 1).to_string();
        let content = serde_json::to_vec(self)?;
        Folder::open(&layout.statuses())?.write_over(&format!("{uid}.json"), &content)
    }

    /// Makes it the pod's status, under a version above `self`'s own.
    pub(super) fn write(&mut self, layout: &Layout, uid: &str, durable: Durable) -> io::Result<()> {
        self.resource_version = micros().max(self.version() + 1).to_string();
        let content = serde_json::to_vec(self)?;
        let folder = Folder::make(&layout.statuses())?;
        let file = format!("{uid}.json");
        folder.replace(&file, &content, Draft::OfFile, durable)?;
        if !self.is_terminal() {
            // The last word is longer: it says how every container ended.
            let room = content.len() * 2;
            let spared = folder.spare(&file, i64::try_from(room).unwrap_or(i64::MAX));
            if let Err(error) = spared {
                tracing::debug!("no room is set aside for {file}: {error}");
            }
        }
        Ok(())
    }
}

impl Published<'_> {
    /// Forgets what was said of a pod that has no process.
    pub(super) fn remove(layout: &Layout, pod: &v1::Pod) -> Result<(), StoreError> {
        let path = layout.statuses();
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let remove = || match Folder::open(&path) {
            Ok(folder) => folder.remove(&format!("{uid}.json"), Draft::OfFile, Durable::No),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        remove()
            .map(|_| ())
            .map_err(doing("remove a status in", &path))
    }
}

pub(super) fn is_terminal(status: &v1::PodStatus) -> bool {
    matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// The events of one pod as they were last written. What cannot be understood is said and lost.
pub(super) fn read_events(
    folder: &Folder,
    file: &str,
    buffer: &mut Vec<u8>,
) -> io::Result<Vec<v1::Event>> {
    match folder.read(file, buffer) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
        Ok(()) => {}
    }
    let list: List<v1::Event> = serde_json::from_slice(buffer).unwrap_or_else(|error| {
        tracing::warn!("{}: {error}", folder.path().join(file).display());
        List::default()
    });
    Ok(list.items)
}

pub(super) fn write_events(
    layout: &Layout,
    uid: &str,
    events: Vec<v1::Event>,
    durable: Durable,
) -> io::Result<()> {
    let list = List {
        items: events,
        ..List::default()
    };
    let content = serde_json::to_vec(&list)?;
    Folder::make(&layout.events())?.replace(
        &format!("{uid}.json"),
        &content,
        Draft::OfFile,
        durable,
    )
}
