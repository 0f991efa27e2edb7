//! Pods as a reader sees them: the object as it was written, the status its process published last, and whether that
//! process lives.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::disk::Folder;
use super::error::{StoreError, doing};
use super::kind::Kind;
use super::lock::{self, Process};
use super::objects::{Applied, Objects};
use super::published::{Published, read_events};
use super::writers::{Turn, now, version_of};
use super::{Layout, PID_ANNOTATION, names};

/// All that is stored on this machine. Cheap to clone; nothing is held open.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
    pods: Objects<v1::Pod>,
}

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

impl Store {
    pub fn new(layout: Layout) -> Store {
        Store {
            pods: Objects::new(layout.clone()),
            layout,
        }
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The objects of another kind.
    pub fn objects<K: Kind>(&self) -> Objects<K> {
        Objects::new(self.layout.clone())
    }

    /// One pod as a reader sees it.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, or the machine's.
    pub fn get(&self, namespace: &str, name: &str) -> Result<v1::Pod, StoreError> {
        Ok(self.sight(namespace, name)?.pod)
    }

    /// All pods, or those of a namespace, as a reader sees them: by namespace and name.
    ///
    /// # Errors
    /// The machine's. A file that cannot be understood is said and passed over.
    pub fn list(&self, namespace: Option<&str>) -> Result<Vec<v1::Pod>, StoreError> {
        let sights = self.sights(namespace)?;
        Ok(sights.into_iter().map(|sight| sight.pod).collect())
    }

    /// [`Store::get`], with what stands behind it.
    ///
    /// # Errors
    /// As there.
    pub fn sight(&self, namespace: &str, name: &str) -> Result<Sight, StoreError> {
        let pod = self.pods.get(namespace, name)?;
        let sight = Onlooker::new(self, false)?.look(pod);
        sight.ok_or_else(|| StoreError::not_found("pods", name))
    }

    /// [`Store::list`], with what stands behind it.
    ///
    /// # Errors
    /// As there.
    pub fn sights(&self, namespace: Option<&str>) -> Result<Vec<Sight>, StoreError> {
        let mut pods = self.pods.list(namespace)?;
        pods.sort_by(by_name);
        let mut onlooker = Onlooker::new(self, true)?;
        let mut sights = Vec::with_capacity(pods.len());
        for pod in pods {
            sights.extend(onlooker.look(pod));
        }
        Ok(sights)
    }

    /// The object alone, as it was written.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, or the machine's.
    pub fn stored(&self, namespace: &str, name: &str) -> Result<v1::Pod, StoreError> {
        self.pods.get(namespace, name)
    }

    /// All objects alone, in no order.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn stored_all(&self, namespace: Option<&str>) -> Result<Vec<v1::Pod>, StoreError> {
        self.pods.list(namespace)
    }

    /// Stores a new pod. Fills in uid (unless it has one), resourceVersion, generation and creationTimestamp.
    ///
    /// # Errors
    /// `AlreadyExists`, `Invalid`, or the machine's.
    pub fn create(&self, pod: v1::Pod) -> Result<v1::Pod, StoreError> {
        self.pods.create(pod)
    }

    /// Changes a stored pod from a fresh reading. What runs is not told: see [`super::update_running`].
    ///
    /// # Errors
    /// What `change` returns; `Conflict` when it leaves a `resourceVersion` older than the object's; `NotFound`, or the
    /// machine's.
    pub fn update(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut v1::Pod) -> Result<(), StoreError>,
    ) -> Result<(v1::Pod, Applied), StoreError> {
        self.pods.update(namespace, name, change)
    }

    /// Marks the pod for deletion. A mark is never taken back, and a later one can only shorten the grace
    /// (`registry/rest/delete.go` `BeforeDelete`, `pkg/registry/core/pod/strategy.go` `CheckGracefulDelete`).
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it is not the pod with this uid; the machine's.
    pub fn begin_delete(
        &self,
        namespace: &str,
        name: &str,
        uid: Option<&str>,
        grace: Option<i64>,
    ) -> Result<v1::Pod, StoreError> {
        let mark = |pod: &mut v1::Pod| {
            check_uid(pod, name, uid)?;
            mark_deleted(pod, grace);
            Ok(())
        };
        Ok(self.pods.update(namespace, name, mark)?.0)
    }

    /// Takes away what is left of a pod in the store: logs, status, events, and at last the object, so that whoever is
    /// interrupted leaves a pod that is still to be deleted. Doing it again is fine. The caller holds the pod's lock, or knows
    /// that nobody does.
    ///
    /// # Errors
    /// The machine's.
    pub fn finish_delete(&self, namespace: &str, name: &str, uid: &str) -> Result<(), StoreError> {
        self.finish_delete_in(Turn::Await, namespace, name, uid)
    }

    pub(super) fn finish_delete_in(
        &self,
        turn: Turn,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), StoreError> {
        if !names::is_uid(uid) || !names::is_namespace(namespace) || !names::is_name(name) {
            return Err(StoreError::not_found("pods", name));
        }
        self.remove_remains(namespace, name, uid)?;
        self.pods.remove_in(turn, namespace, name, uid).map(|_| ())
    }

    /// What there is of a pod beside its object.
    pub(super) fn remove_remains(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), StoreError> {
        let logs = self.layout.pod_logs(namespace, name, uid);
        super::disk::remove_tree(&logs).map_err(doing("remove", &logs))?;
        let file = format!("{uid}.json");
        for place in [self.layout.statuses(), self.layout.events()] {
            let remove = Folder::open(&place)
                .and_then(|folder| folder.remove(&file, super::disk::Durable::No));
            match remove {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(doing("remove", &place.join(&file))(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes the file of a pod that cannot be understood as one. Whether there was such a file.
    ///
    /// # Errors
    /// The machine's.
    pub fn discard(&self, namespace: &str, name: &str) -> Result<bool, StoreError> {
        self.pods.discard(namespace, name)
    }

    /// The events of all pods, or of those of a namespace; those last seen first come first.
    ///
    /// # Errors
    /// The machine's.
    pub fn events(&self, namespace: Option<&str>) -> Result<Vec<v1::Event>, StoreError> {
        let path = self.layout.events();
        let read = || -> io::Result<Vec<v1::Event>> {
            let Some(folder) = place(Folder::open(&path))? else {
                return Ok(Vec::new());
            };
            let (mut buffer, mut events) = (Vec::new(), Vec::new());
            for file in folder.names()? {
                match read_events(&folder, &file, &mut buffer) {
                    Ok(of_one) => events.extend(of_one),
                    Err(error) => tracing::warn!("passed over {file}: {error}"),
                }
            }
            Ok(events)
        };
        let mut events = read().map_err(doing("read", &path))?;
        let here = |event: &v1::Event| {
            namespace.is_none_or(|namespace| {
                event.involved_object.namespace.as_deref() == Some(namespace)
            })
        };
        events.retain(|event| here(event) && is_fresh(event));
        events.sort_by(|a, b| a.last_timestamp.cmp(&b.last_timestamp));
        Ok(events)
    }

    /// The events of one pod, in order of their first appearance.
    ///
    /// # Errors
    /// The machine's.
    pub fn events_of(&self, uid: &str) -> Result<Vec<v1::Event>, StoreError> {
        let path = self.layout.events();
        if !names::is_uid(uid) {
            return Ok(Vec::new());
        }
        let read = || match place(Folder::open(&path))? {
            Some(folder) => read_events(&folder, &format!("{uid}.json"), &mut Vec::new()),
            None => Ok(Vec::new()),
        };
        let mut events = read().map_err(doing("read", &path))?;
        events.retain(is_fresh);
        Ok(events)
    }

    /// Whether the pod has a process, and how the last one ended.
    ///
    /// # Errors
    /// The machine's.
    pub fn process(&self, uid: &str) -> Result<Process, StoreError> {
        let path = self.layout.running();
        let look = || match place(Folder::open(&path))? {
            Some(folder) => lock::process(&folder, uid, &mut Vec::new()),
            None => Ok(Process::None),
        };
        look().map_err(doing("look at", &self.layout.lock(uid)))
    }

    /// What the pod's process published last.
    ///
    /// # Errors
    /// The machine's.
    pub fn published(&self, uid: &str) -> Result<Option<Published<'static>>, StoreError> {
        Published::read(&self.layout, uid).map_err(doing("read", &self.layout.statuses()))
    }
}

/// Joins objects with what is known of their processes. Opens each folder once.
struct Onlooker {
    running: Option<Folder>,
    statuses: Option<Folder>,
    objects: Objects<v1::Pod>,
    /// The pods that have a lock file, if there was reason to look at all of them at once.
    locked: Option<HashSet<String>>,
    buffer: Vec<u8>,
    layout: Layout,
}

impl Onlooker {
    fn new(store: &Store, many: bool) -> Result<Onlooker, StoreError> {
        let layout = store.layout.clone();
        let open = |path: &std::path::Path| place(Folder::open(path)).map_err(doing("open", path));
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
            objects: store.pods.clone(),
            locked,
            buffer: Vec::new(),
            layout,
        })
    }

    /// None: the pod was just being removed.
    fn look(&mut self, pod: v1::Pod) -> Option<Sight> {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        // In this order: a process publishes its last status before it lets go of its lock.
        let mut process = if self
            .locked
            .as_ref()
            .is_some_and(|locked| !locked.contains(&uid))
        {
            Process::None
        } else {
            self.process(&uid)
        };
        let mut published = self.published(&uid);
        if looks_lost(process, published.as_ref()) {
            // It may have been started, or have come to its end in order, between the two looks.
            process = self.process(&uid);
            published = self.published(&uid);
        }
        if published.is_none() && process == Process::None && !self.still_there(&pod) {
            return None;
        }
        Some(sight(pod, process, published))
    }

    /// What cannot be looked at is said, and hides no other pod.
    fn process(&mut self, uid: &str) -> Process {
        let Some(folder) = &self.running else {
            return Process::None;
        };
        lock::process(folder, uid, &mut self.buffer).unwrap_or_else(|error| {
            tracing::warn!("{}: {error}", self.layout.lock(uid).display());
            Process::None
        })
    }

    /// As well; and there is something.
    fn published(&mut self, uid: &str) -> Option<Published<'static>> {
        let folder = self.statuses.as_ref()?;
        Published::read_in(folder, uid, &mut self.buffer).unwrap_or_else(|error| {
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

fn looks_lost(process: Process, published: Option<&Published>) -> bool {
    match (process, published) {
        (Process::Living { .. }, _) => false,
        (_, Some(published)) => !published.is_terminal(),
        // Killed before its first word.
        (Process::Dead { .. }, None) => true,
        (Process::None, None) => false,
    }
}

/// The view: what the kubelet would have reported, had there been one.
fn sight(mut pod: v1::Pod, process: Process, published: Option<Published<'static>>) -> Sight {
    let lost = looks_lost(process, published.as_ref());
    let attempt = published
        .as_ref()
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

fn mark_deleted(pod: &mut v1::Pod, grace: Option<i64>) {
    let spec = pod.spec.as_ref();
    let written = spec.and_then(|spec| spec.termination_grace_period_seconds);
    // A negative one means the shortest there is.
    let positive = |grace: i64| if grace < 0 { 1 } else { grace };
    let wished = positive(grace.or(written).unwrap_or(30));
    let meta = &mut pod.metadata;
    let later = |time: &Time, secs: i64| {
        let secs = k8s_openapi::jiff::SignedDuration::from_secs(secs);
        Time(time.0.saturating_add(secs).unwrap_or(time.0))
    };
    match (&meta.deletion_timestamp, meta.deletion_grace_period_seconds) {
        (Some(at), Some(granted)) => {
            // An unspoken wish shortens nothing.
            if grace.is_some() && wished < granted {
                meta.deletion_timestamp = Some(later(at, wished - granted));
                meta.deletion_grace_period_seconds = Some(wished);
            }
        }
        _ => {
            meta.deletion_timestamp = Some(later(&now(), wished));
            meta.deletion_grace_period_seconds = Some(wished);
        }
    }
}

fn check_uid(pod: &v1::Pod, name: &str, uid: Option<&str>) -> Result<(), StoreError> {
    let actual = pod.metadata.uid.as_deref().unwrap_or_default();
    match uid {
        Some(uid) if uid != actual => Err(StoreError::Conflict {
            kind: "pods",
            name: name.to_owned(),
            message: format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}"
            ),
        }),
        _ => Ok(()),
    }
}

/// Events die an hour after they were last heard, also when nobody is there any more to forget them.
pub(super) fn is_fresh(event: &v1::Event) -> bool {
    const TIME_TO_LIVE: i64 = 3600;
    let last = event.last_timestamp.as_ref().map(|time| time.0.as_second());
    last.is_none_or(|last| now().0.as_second() - last <= TIME_TO_LIVE)
}

fn by_name(a: &v1::Pod, b: &v1::Pod) -> Ordering {
    let key = |pod: &v1::Pod| (pod.metadata.namespace.clone(), pod.metadata.name.clone());
    key(a).cmp(&key(b))
}

fn place(opened: io::Result<Folder>) -> io::Result<Option<Folder>> {
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
