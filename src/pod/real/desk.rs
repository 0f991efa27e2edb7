//! Who runs, for those who join from outside: sessions are begun here from any thread, past the actor, so that nothing a
//! session does (compiling a program, reading slowly) can hold up the pod.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::attach::Taps;
use super::queue::Inlet;
use super::view::Keep;
use crate::control::{Duplex, Refusal};
use crate::sandbox::net::{Network, OwnNames};
use crate::sandbox::wasm::{Engine, Exit, Guest, Mount, Program, Signal};
use crate::spec::annotation::DEFAULT_CONTAINER;
use crate::spec::pod::{Container, Pod, Role, Slot};

/// Sessions a pod may have at once: each is a thread.
const SESSIONS: usize = 512;

pub(in crate::pod) struct Desk {
    pub(super) engine: Engine,
    /// Kept once somebody used it, so that the next session need not load it again.
    pub(super) toolbox: OnceLock<Program>,
    places: Mutex<Places>,
    /// How many executed commands have not ended yet.
    sessions: watch::Sender<usize>,
}

struct Places {
    pod: Arc<Pod>,
    /// None after the pod's sandbox was removed.
    network: Option<Network>,
    /// By the container's name; of those that never ran there is none.
    instances: HashMap<String, Place>,
}

enum Place {
    Running(Arc<Instance>),
    Ended,
}

impl Desk {
    pub fn new(pod: Arc<Pod>, engine: Engine, network: Network) -> Arc<Desk> {
        Arc::new(Desk {
            engine,
            toolbox: OnceLock::new(),
            places: Mutex::new(Places {
                pod,
                network: Some(network),
                instances: HashMap::new(),
            }),
            sessions: watch::Sender::new(0),
        })
    }

    /// The pod has another definition now.
    pub fn renew(&self, pod: Arc<Pod>) {
        self.places().pod = pod;
    }

    /// An instance is about to run.
    pub(super) fn begin(&self, instance: &Arc<Instance>) {
        let name = instance.container().name.clone();
        self.places()
            .instances
            .insert(name, Place::Running(Arc::clone(instance)));
    }

    /// It has ended, and so does all that was executed in it.
    pub(super) fn end(&self, instance: &Arc<Instance>, exit: &Exit) {
        if let Some(place) = self
            .places()
            .instances
            .get_mut(&instance.container().name)
            .filter(
                |place| matches!(place, Place::Running(current) if Arc::ptr_eq(current, instance)),
            )
        {
            *place = Place::Ended;
        }
        instance.close(exit);
    }

    /// Nobody gets in any more: the pod's sandbox is being removed.
    pub fn close(&self) {
        let mut places = self.places();
        places.network = None;
        let instances = std::mem::take(&mut places.instances);
        drop(places);
        for place in instances.into_values() {
            if let Place::Running(instance) = place {
                instance.close(&Exit::Killed);
            }
        }
    }

    /// Waits until every executed command has ended, but no longer than `patience`.
    pub async fn drained(&self, patience: Duration) {
        let mut sessions = self.sessions.subscribe();
        let none = sessions.wait_for(|count| *count == 0);
        // Overdue: what runs on was compiled without checks and ends with the process.
        let _ = tokio::time::timeout(patience, none).await;
    }

    /// Room for one more command, given back when the result is dropped.
    pub(super) fn admit(self: &Arc<Desk>) -> Result<Admission, Refusal> {
        let mut full = false;
        self.sessions.send_modify(|count| {
            full = *count >= SESSIONS;
            *count += usize::from(!full);
        });
        if full {
            let why = format!("the pod has {SESSIONS} sessions already");
            return Err(Refusal::Failed(why));
        }
        Ok(Admission(Arc::clone(self)))
    }

    /// The running instance of a container; of the pod's default one if none is named.
    pub(super) fn running(&self, container: Option<&str>) -> Result<Arc<Instance>, Refusal> {
        let places = self.places();
        let name = match container.filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => default_container(&places.pod)?,
        };
        match places.instances.get(name) {
            Some(Place::Running(instance)) => Ok(Arc::clone(instance)),
            Some(Place::Ended) => Err(Refusal::NotReady(
                // containerd's words (internal/cri/server/container_exec.go).
                "container is in CONTAINER_EXITED state".to_owned(),
            )),
            None if places.pod.containers.iter().any(|c| c.name == name) => Err(
                // The kubelet's (pkg/kubelet/kubelet_pods.go, RunInContainer), who looks for one that was created.
                Refusal::NotReady(format!("container not found ({name:?})")),
            ),
            // kubectl's (pkg/cmd/util/podcmd/podcmd.go).
            None => Err(Refusal::NotFound(format!(
                "container {name} not found in pod {}",
                places.pod.name
            ))),
        }
    }

    /// The network, while there is one.
    pub(super) fn network(&self) -> Option<Network> {
        self.places().network.clone()
    }

    /// Connects to a port of the pod as one who is inside it: by its loopback, as a port-forward into a network namespace
    /// does (containerd `internal/cri/server/sandbox_portforward_linux.go`: tcp4, then tcp6).
    pub async fn connect(&self, port: u16) -> io::Result<Box<dyn Duplex>> {
        let network = self.network().ok_or(io::ErrorKind::NetworkDown)?;
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = match network.connect(v4).await {
            Err(first) => network
                .connect(SocketAddr::from((Ipv6Addr::LOCALHOST, port)))
                .await
                .map_err(|_| first),
            connected => connected,
        }?;
        Ok(Box::new(stream))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The container meant when none is named: the annotation's, if there is such a one, else the first
/// (kubectl `pkg/cmd/util/podcmd/podcmd.go`).
fn default_container(pod: &Pod) -> Result<&str, Refusal> {
    let annotated = pod.annotations.get(DEFAULT_CONTAINER);
    let known = |name: &&String| pod.containers.iter().any(|c| c.name == **name);
    if let Some(name) = annotated.filter(known) {
        return Ok(name);
    }
    match pod.slots(Role::App).next() {
        Some(slot) => Ok(&pod.containers[slot].name),
        None => Err(Refusal::NotFound(format!(
            "pod {}/{} does not have any containers",
            pod.namespace, pod.name
        ))),
    }
}

/// A place among the pod's sessions.
pub(super) struct Admission(Arc<Desk>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.sessions.send_modify(|count| *count -= 1);
    }
}

/// One running instance of a container: what is needed to run something else in the same view, and who is attached.
pub(super) struct Instance {
    pub pod: Arc<Pod>,
    pub slot: Slot,
    pub argv0: String,
    pub program: Program,
    pub env: Vec<(String, String)>,
    pub mounts: Vec<Mount>,
    /// Paths of `mounts` lead through these.
    pub keep: Arc<Keep>,
    /// Where names are looked up, if not in the pod's files.
    pub names: OwnNames,
    pub taps: Taps,
    /// Its standard input, if it has one that can be attached to.
    pub input: Option<Inlet>,
    pub guests: Mutex<Guests>,
}

/// What was executed in an instance.
pub(super) enum Guests {
    Open(Vec<Weak<Guest>>),
    /// The instance has ended.
    Closed,
}

impl Instance {
    pub fn container(&self) -> &Container {
        &self.pod.containers[self.slot]
    }

    /// Notes a command that runs in this instance. False: the instance has ended, and the command must.
    pub fn adopt(&self, guest: &Arc<Guest>) -> bool {
        match &mut *self.guests() {
            Guests::Open(guests) => {
                guests.retain(|guest| guest.strong_count() > 0);
                guests.push(Arc::downgrade(guest));
                true
            }
            Guests::Closed => false,
        }
    }

    /// The processes of a container do not outlive its first one.
    fn close(&self, exit: &Exit) {
        let guests = std::mem::replace(&mut *self.guests(), Guests::Closed);
        if let Guests::Open(guests) = guests {
            for guest in guests.iter().filter_map(Weak::upgrade) {
                let _ = guest.signal(Signal::Kill);
            }
        }
        self.taps.end(exit.code());
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
