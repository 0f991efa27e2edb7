//! Pods as a reader sees them: the object as it was written, the status its process published last, and whether that
//! process lives.

use std::cmp::Ordering;
use std::io;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::clear::remove_tree;
use super::disk::{Draft, Durable, Folder};
use super::error::{StoreError, doing};
use super::hands::share_out;
use super::kind::Kind;
use super::lock::{self, Process};
use super::marks::Mark;
use super::objects::{Applied, Objects};
use super::published::{Published, read_events};
use super::seal::Key;
use super::sight::{Onlooker, Sight, place};
use super::writers::{Turn, now};
use super::{AnyObjects, Layout, names};
use crate::spec;

/// All that is stored on this machine. Cheap to clone; nothing is held open.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
    key: Option<Key>,
    pods: Objects<v1::Pod>,
}

impl Store {
    pub fn new(layout: Layout) -> Store {
        Store {
            pods: Objects::new(layout.clone(), None),
            key: None,
            layout,
        }
    }

    /// Encrypts the secrets that are written with this key. Without it those that are encrypted cannot be read.
    #[must_use]
    pub fn with_key(self, key: Option<Key>) -> Store {
        Store { key, ..self }
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The objects of another kind.
    pub fn objects<K: Kind>(&self) -> Objects<K> {
        Objects::new(self.layout.clone(), self.key.clone())
    }

    /// The objects of a kind that is only known when the program runs.
    pub fn any(&self, kind: spec::Kind) -> AnyObjects {
        AnyObjects::new(self.clone(), kind)
    }

    /// Removes what those who were killed have left between the objects.
    ///
    /// # Errors
    /// The machine's.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        let kinds = spec::Kind::ALL.into_iter();
        let mut stored = kinds.filter(|kind| *kind != spec::Kind::Event);
        stored.try_for_each(|kind| self.any(kind).tidy())
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
        let sight = Onlooker::new(self, false)?.look(pod, &mut Vec::new());
        sight.ok_or_else(|| StoreError::not_found("pods", name))
    }

    /// [`Store::list`], with what stands behind it.
    ///
    /// # Errors
    /// As there.
    pub fn sights(&self, namespace: Option<&str>) -> Result<Vec<Sight>, StoreError> {
        let mut pods = self.pods.list(namespace)?;
        pods.sort_by(by_name);
        let onlooker = Onlooker::new(self, true)?;
        Ok(share_out(pods, |pod, buffer| onlooker.look(pod, buffer)))
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

    /// Stores a new pod, placed if it fits ([`Store::create_placed`]), whether or not its namespace is there. Fills in uid (unless
    /// it has one), resourceVersion, generation and creationTimestamp.
    ///
    /// # Errors
    /// `AlreadyExists`, `Invalid`, or the machine's.
    pub fn create(&self, pod: v1::Pod) -> Result<v1::Pod, StoreError> {
        self.create_anywhere(pod).map(|(pod, _)| pod)
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
            check_uid("pods", &pod.metadata, uid)?;
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
        self.pods.remove_in(turn, namespace, name, uid)?;
        self.settle(turn, namespace);
        Ok(())
    }

    /// What there is of a pod beside its object.
    pub(super) fn remove_remains(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), StoreError> {
        let logs = self.layout.pod_logs(namespace, name, uid);
        remove_tree(&logs).map_err(doing("remove", &logs))?;
        let file = format!("{uid}.json");
        let marks = Mark::ALL.map(|mark| mark.folder(&self.layout));
        let places = [self.layout.statuses(), self.layout.events()];
        for place in places.into_iter().chain(marks) {
            let remove = Folder::open(&place)
                .and_then(|folder| folder.remove(&file, Draft::OfFile, Durable::No));
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

/// That it is still the object somebody has seen.
pub(super) fn check_uid(
    kind: &'static str,
    meta: &ObjectMeta,
    uid: Option<&str>,
) -> Result<(), StoreError> {
    let actual = meta.uid.as_deref().unwrap_or_default();
    match uid {
        Some(uid) if uid != actual => Err(StoreError::Conflict {
            kind,
            name: meta.name.clone().unwrap_or_default(),
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
