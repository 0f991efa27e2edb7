//! Giving pods their place on this machine, the part of a scheduler.
//!
//! Whether a pod fits is decided while nobody else can change an object, so two pods are never both given what only one can
//! have. A pod that does not fit is stored without a machine and has no process; its status and its events say why. It is
//! looked at again whenever something changed that may have been in its way: see [`place()`].

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;

use super::error::StoreError;
use super::launch::comes_back;
use super::marks::Mark;
use super::published::{Published, is_terminal};
use super::unplaced::{Word, say};
use super::writers::{Turn, Writers};
use super::{LaunchError, Launched, Launcher, Store, machine_name, manifests};
use crate::lifecycle::schedule::{self, Neighbours, Rejected, Unplaced};

/// What became of a pod's wish to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It is to run here.
    Here,
    /// It stays without a place.
    Waits(Unplaced),
    /// It belongs here, but may not run.
    Rejected(Rejected),
}

impl Store {
    /// Stores a new pod, placed if it fits, in a namespace that is there.
    ///
    /// # Errors
    /// `NotFound` (the namespace), `Forbidden` (it is on its way out), and as [`Store::create_anywhere`].
    pub fn create_placed(&self, pod: v1::Pod) -> Result<(v1::Pod, Placement), StoreError> {
        let decide = |pod: &mut v1::Pod| self.settle_place(pod);
        self.create_by(pod, decide, |pod, placement| self.tell(pod, placement))
    }

    /// The same, whether or not its namespace is there.
    ///
    /// # Errors
    /// `AlreadyExists`, `Invalid` (another machine's pod, for one), or the machine's.
    pub(super) fn create_anywhere(&self, pod: v1::Pod) -> Result<(v1::Pod, Placement), StoreError> {
        let decide = |pod: &mut v1::Pod| self.settle_place(pod);
        let tell = |pod: &v1::Pod, placement: &Placement| self.tell(pod, placement);
        self.objects().create_as(pod, |_, _| Ok(()), decide, tell)
    }

    /// Gives a pod that is about to be stored its machine, or marks it as waiting.
    fn settle_place(&self, pod: &mut v1::Pod) -> Result<Placement, StoreError> {
        let placement = self.decide(pod, Marks::Tidied)?;
        if schedule::keeps_away(pod) {
            Mark::Apart.put(self.layout(), pod)?;
        }
        match placement {
            Placement::Here => pod.spec.get_or_insert_default().node_name = Some(machine_name()),
            Placement::Waits(_) => Mark::Waits.put(self.layout(), pod)?,
            Placement::Rejected(_) => {}
        }
        Ok(placement)
    }

    /// Looks again whether a stored pod fits. One that has its place keeps it.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, or the machine's.
    pub fn place_pod(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(v1::Pod, Placement), StoreError> {
        let mut placement = Placement::Here;
        let (pod, _) = self.update(namespace, name, |pod| {
            if !is_unplaced(pod) {
                return Ok(());
            }
            placement = self.decide(pod, Marks::Tidied)?;
            if placement == Placement::Here {
                // What was said while it waited is not its state any more. Somebody who is killed behind this leaves a pod that waits
                // without a word.
                Published::remove(self.layout(), pod)?;
                pod.spec.get_or_insert_default().node_name = Some(machine_name());
            } else {
                self.tell(pod, &placement);
            }
            Ok(())
        })?;
        if placement == Placement::Here {
            Mark::Waits.remove(self.layout(), &pod)?;
        }
        Ok((pod, placement))
    }

    /// Why a pod that is only run, and never stored, does not have its place here. Of one that says nothing of its place it is
    /// taken for said that this is it, as of the pods of a kubelet's own files: then nothing is read.
    ///
    /// # Errors
    /// `Invalid` (another machine's pod), `Corrupt`, or the machine's.
    pub fn misplaced(&self, pod: &v1::Pod) -> Result<Option<String>, StoreError> {
        if !schedule::is_choosy(pod) {
            return Ok(None);
        }
        Ok(match self.decide(pod, Marks::AsTheyAre)? {
            Placement::Here => None,
            Placement::Waits(Unplaced::Unschedulable(why)) => Some(why),
            Placement::Waits(Unplaced::Gated) => Some(schedule::GATED.to_owned()),
            Placement::Waits(Unplaced::Foreign) => {
                Some("it waits for another scheduler (spec.schedulerName)".to_owned())
            }
            Placement::Rejected(rejected) => Some(rejected.message),
        })
    }

    /// The caller holds the lock of all writers, unless nothing is to come of it.
    fn decide(&self, pod: &v1::Pod, marks: Marks) -> Result<Placement, StoreError> {
        let node = self.node()?;
        let here = node.metadata.name.as_deref().unwrap_or_default();
        let wished = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        match wished {
            None | Some("") => {
                let others = Others::of(self, pod, here, marks)?;
                Ok(match schedule::schedule(pod, &node, others.neighbours()) {
                    Ok(()) => Placement::Here,
                    Err(unplaced) => Placement::Waits(unplaced),
                })
            }
            Some(name) if name == here => {
                let others = Others::of(self, pod, here, marks)?;
                let fixed = manifests::is_static(pod);
                Ok(
                    match schedule::admit(pod, &node, others.neighbours(), fixed) {
                        Ok(()) => Placement::Here,
                        Err(rejected) => Placement::Rejected(rejected),
                    },
                )
            }
            Some(other) => Err(StoreError::Invalid {
                kind: "Pod",
                name: pod.metadata.name.clone().unwrap_or_default(),
                message: format!(
                    "spec.nodeName: Invalid value: {other:?}: this machine is {here:?}, and there is no other"
                ),
            }),
        }
    }

    /// Makes known why a pod does not run. It is stored as it is whether or not this can be written.
    fn tell(&self, pod: &v1::Pod, placement: &Placement) {
        let word = match placement {
            Placement::Here => return,
            Placement::Waits(unplaced) => Word::of_unplaced(unplaced),
            Placement::Rejected(rejected) => Some(Word::of_rejected(rejected)),
        };
        if let Some(word) = word
            && let Err(error) = say(self.layout(), pod, &word)
        {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            tracing::warn!("why pod {name:?} does not run is not written: {error}");
        }
    }
}

/// Whether the pod has no machine yet.
pub fn is_unplaced(pod: &v1::Pod) -> bool {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    node.is_none_or(str::is_empty)
}

/// What is done with marks that mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    /// They are removed, by whoever holds the lock of all writers.
    Tidied,
    /// A mark without a pod may be that of one that is being written just now.
    AsTheyAre,
}

/// The other pods of this machine, as far as they matter to one.
#[derive(Default)]
struct Others {
    pods: Vec<v1::Pod>,
    namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Others {
    /// Most pods mind nobody, and nobody minds them: then none is read.
    fn of(store: &Store, pod: &v1::Pod, here: &str, marks: Marks) -> Result<Others, StoreError> {
        let mut pods = if schedule::minds_others(pod) {
            store.stored_all(None)?
        } else {
            Mark::Apart.pods(store, marks == Marks::Tidied)?
        };
        let uid = &pod.metadata.uid;
        pods.retain(|other| {
            let node = other
                .spec
                .as_ref()
                .and_then(|spec| spec.node_name.as_deref());
            node == Some(here) && other.metadata.uid != *uid && !has_ended(store, other)
        });
        let namespaces = if pods.is_empty() {
            None
        } else {
            let all = store.objects::<v1::Namespace>().list(None)?.into_iter();
            let labels = |one: v1::Namespace| {
                Some((one.metadata.name?, one.metadata.labels.unwrap_or_default()))
            };
            Some(all.filter_map(labels).collect())
        };
        Ok(Others { pods, namespaces })
    }

    fn neighbours(&self) -> Neighbours<'_> {
        Neighbours {
            pods: &self.pods,
            namespaces: self.namespaces.as_ref(),
        }
    }
}

/// Whether it needs nothing of the machine any more. One that was only interrupted comes back for it.
fn has_ended(store: &Store, pod: &v1::Pod) -> bool {
    let published = store.published(pod.metadata.uid.as_deref().unwrap_or_default());
    published.is_ok_and(|published| {
        published.is_some_and(|published| {
            is_terminal(&published.status) && !comes_back(pod, &published.status)
        })
    })
}

/// Which pods are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// Those that are known to wait: what is asked for when a pod has gone.
    Marked,
    /// Every stored pod, so that one whose maker was killed is found too.
    All,
}

/// Places the pods that wait and fit now, the oldest first. They are not started: whoever calls this does, or leaves it to
/// `wasmpod up`.
///
/// # Errors
/// The machine's. A pod that cannot be placed is said and left.
pub fn place(store: &Store, among: Among) -> Result<Vec<v1::Pod>, StoreError> {
    let mut waiting = match among {
        Among::All => store.stored_all(None)?,
        Among::Marked if !Mark::Waits.any(store.layout()) => return Ok(Vec::new()),
        Among::Marked => {
            let _writers = Writers::lock(store.layout(), Turn::Await)?;
            Mark::Waits.pods(store, true)?
        }
    };
    waiting.retain(|pod| is_unplaced(pod) && pod.metadata.deletion_timestamp.is_none());
    waiting.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut placed = Vec::new();
    for pod in waiting {
        let meta = &pod.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let name = meta.name.as_deref().unwrap_or_default();
        match store.place_pod(namespace, name) {
            Ok((pod, Placement::Here)) => placed.push(pod),
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => tracing::warn!("pod {name:?} is not placed: {error}"),
        }
    }
    Ok(placed)
}

/// A pod that was placed, and what became of its start.
pub type Begun = (v1::Pod, Result<Launched, LaunchError>);

/// The same as [`place()`], and starts them.
///
/// # Errors
/// As there.
pub fn place_and_launch(
    store: &Store,
    launcher: &Launcher,
    among: Among,
) -> Result<Vec<Begun>, StoreError> {
    let placed = place(store, among)?;
    let launched = launcher.launch_all(&placed);
    Ok(placed.into_iter().zip(launched).collect())
}

/// In order of their creation, which the version tells more exactly than the time.
fn order(pod: &v1::Pod) -> (u64, Option<&str>) {
    let created = pod
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0.as_second());
    let created = created
        .and_then(|seconds| u64::try_from(seconds).ok())
        .unwrap_or(0);
    (created, pod.metadata.resource_version.as_deref())
}
