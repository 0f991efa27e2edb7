//! What a reader sees of a pod, put together from its object, its status and its process.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use k8s_openapi::api::core::v1;

use super::disk::Folder;
use super::error::{StoreError, doing};
use super::lock::{self, Process};
use super::objects::Objects;
use super::published::Published;
use super::writers::version_of;
use super::{Layout, PID_ANNOTATION, Store, is_unplaced};

/// A pod and what stands behind its view.
#[derive(Clone, Debug)]
pub struct Sight {
    /// As `get` shows it.
    pub pod: v1::Pod,
    pub process: Process,
    /// Which process of the pod published the status; none has.
    pub attempt: Option<u32>,
    /// The process is gone and its last word was not a last one. See [`super::reconcile`].
    pub lost: bool,
}

/// Joins objects with what is known of their processes. Opens each folder once.
pub(super) struct Onlooker {
    running: Option<Folder>,
    statuses: Option<Folder>,
    objects: Objects<v1::Pod>,
    /// The pods that have a lock file, if there was reason to look at all of them at once.
    locked: Option<HashSet<String>>,
    layout: Layout,
}

impl Onlooker {
    pub fn new(store: &Store, many: bool) -> Result<Onlooker, StoreError> {
        let layout = store.layout().clone();
        let open = |path: &Path| place(Folder::open(path)).map_err(doing("open", path));
        let running = open(&layout.running())?;
        let locked = match &running {
            Some(folder) if many => Some(
                lock::uids(folder)
                    .map_err(doing("list", folder.path()))?
                    .into_iter()
                    .collect(),
            ),
            _ => None,
        };
        Ok(Onlooker {
            statuses: open(&layout.statuses())?,
            running,
            objects: store.objects(),
            locked,
            layout,
        })
    }

    /// None: the pod was just being removed.
    pub fn look(&self, pod: v1::Pod, buffer: &mut Vec<u8>) -> Option<Sight> {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        // In this order: a process publishes its last status before it lets go of its lock.
        let mut process = if self
            .locked
            .as_ref()
            .is_some_and(|locked| !locked.contains(&uid))
        {
            Process::None
        } else {
            self.process(&uid, buffer)
        };
        let mut published = self.published(&uid, buffer);
        if looks_lost(&pod, process, published.as_ref()) {
            // It may have been started, or have come to its end in order, between the two looks.
            process = self.process(&uid, buffer);
            published = self.published(&uid, buffer);
        }
        if published.is_none() && process == Process::None && !self.still_there(&pod) {
            return None;
        }
        Some(sight(pod, process, published))
    }

    /// What cannot be looked at is said, and hides no other pod.
    fn process(&self, uid: &str, buffer: &mut Vec<u8>) -> Process {
        let Some(folder) = &self.running else {
            return Process::None;
        };
        lock::process(folder, uid, buffer).unwrap_or_else(|error| {
            tracing::warn!("{}: {error}", self.layout.lock(uid).display());
            Process::None
        })
    }

    /// As well; and there is something.
    fn published(&self, uid: &str, buffer: &mut Vec<u8>) -> Option<Published<'static>> {
        let folder = self.statuses.as_ref()?;
        Published::read_in(folder, uid, buffer).unwrap_or_else(|error| {
            tracing::warn!("status of {uid}: {error}");
            Some(Published::default())
        })
    }

    fn still_there(&self, pod: &v1::Pod) -> bool {
        let meta = &pod.metadata;
        let name = (meta.namespace.as_deref(), meta.name.as_deref());
        let (Some(namespace), Some(name)) = name else {
            return false;
        };
        self.objects
            .get(namespace, name)
            .is_ok_and(|now| now.metadata.uid == meta.uid)
    }
}

fn looks_lost(pod: &v1::Pod, process: Process, published: Option<&Published>) -> bool {
    match (process, published) {
        (Process::Living { .. }, _) => false,
        // Somebody else has said why it has no process.
        (Process::None, Some(_)) if is_unplaced(pod) => false,
        (_, Some(published)) => !published.is_terminal(),
        // Killed before its first word.
        (Process::Dead { .. }, None) => true,
        (Process::None, None) => false,
    }
}

/// The view: what the kubelet would have reported, had there been one.
fn sight(mut pod: v1::Pod, process: Process, published: Option<Published<'static>>) -> Sight {
    let lost = looks_lost(&pod, process, published.as_ref());
    let attempt = published
        .as_ref()
        .filter(|_| !is_unplaced(&pod))
        .map(|published| published.sandbox_attempt);
    let seen = published.as_ref().map_or(0, Published::version);
    let mut status = published
        .map(|published| published.status.into_owned())
        .unwrap_or_default();
    if lost {
        status.phase = Some("Unknown".to_owned());
    }
    status.phase.get_or_insert_with(|| "Pending".to_owned());
    pod.status = Some(status);
    if seen > version_of(&pod.metadata) {
        pod.metadata.resource_version = Some(seen.to_string());
    }
    if let Some(pid) = process.pid() {
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert(PID_ANNOTATION.to_owned(), pid.to_string());
    }
    Sight {
        pod,
        process,
        attempt,
        lost,
    }
}

pub(super) fn place(opened: io::Result<Folder>) -> io::Result<Option<Folder>> {
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
