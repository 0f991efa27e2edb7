//! One pod, running: the only place where lifecycle's words become sandbox's words.
//!
//! ```text
//! accepted     Pod::build   everything is reserved (directory, network, host ports; code too, see Images), nothing runs
//! volumes      MountVolumes .. VolumesMounted, if it has any
//! sandbox      MakeSandbox .. SandboxReady
//! init         the init containers, one after another; sidecars among them stay
//! running      the first regular container has started
//! terminating  Stop was wished, a deadline came, or all regular containers are done for good: TERM .. KILL
//! terminated   the last container has exited
//! removed      RemoveSandbox .. SandboxRemoved: network, volumes and directory are gone, and `run` returns
//! ```
//!
//! A pod that has been terminated never runs again; who wants it again makes a new one. One whose process was lost on the
//! way has not been terminated: another process goes on with it (`Options::resume`), in a sandbox of its own.
//!
//! Absent from this room: printing, arguments, and decisions (those are [`crate::lifecycle`]'s).

mod actor;
mod clock;
mod console;
mod dirs;
mod etc;
mod exec;
mod happening;
mod logs;
mod machine;
mod real;
mod serve;
mod sim;
mod surroundings;

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::PodStatus;
use tokio::sync::{broadcast, mpsc, watch};

use crate::lifecycle::{Life, Node};
use crate::sandbox::volume;
use crate::spec::pod::Pod as Spec;
use crate::spec::{Complaints, Facts, update};
use actor::{Actor, Feed, Snapshot, Wish};
use machine::Machine;

pub use crate::lifecycle::{Event, Time};
pub use crate::sandbox::wasm::{Compiler, compile_main};
pub use clock::now;
pub use console::{Console, Origin, Silent, Stream};
pub use dirs::Dirs;
pub use happening::{Ending, log_trouble};
pub use logs::{CriLog, TellTrouble, Trouble};
pub use serve::{EventSource, Served};
pub use surroundings::{Alone, Surroundings, Token};

/// Events kept for a subscriber that is slow to read them.
const EVENT_BACKLOG: usize = 4096;

/// What a pod needs to know of its surroundings.
pub struct Options {
    pub dirs: Dirs,
    /// How wasm is compiled: by a short-lived process, so that the pod never carries a compiler's memory.
    pub compiler: Compiler,
    pub console: Arc<dyn Console>,
    pub stdin: StdinFrom,
    /// The name of the machine in the pod's status.
    pub node: String,
    pub images: Images,
    /// The last status of the process that carried this pod before, and the number of this one: counts and last states
    /// of the containers go on.
    pub resume: Option<(PodStatus, u32)>,
    /// The pod's volumes survive a death of this process, for the next one. They go with the pod's end, or with [`erase`].
    pub keep_volumes: bool,
    /// The objects the pod may refer to; [`Alone`] if there are none.
    pub surroundings: Arc<dyn Surroundings>,
}

/// When the images of a pod are looked at, and what else it refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Images {
    /// Before anything is started: an image that cannot be used fails [`Pod::build`], and so does a volume that cannot be
    /// mounted, or an object that a container's environment needs.
    #[default]
    Eager,
    /// When a container is to be started: an image that cannot be used is `ErrImagePull`, and is looked at again. What else is
    /// missing is waited for.
    WhenPulled,
}

/// Removes what the dead process of a pod has left, but for volumes that were to outlive it ([`Options::keep_volumes`]).
///
/// # Errors
/// When its process is not dead, or something cannot be removed.
pub fn sweep(dirs: &Dirs, uid: &str) -> Result<()> {
    volume::sweep_one(&dirs.pods(), uid, volume::Spare::Kept)
}

/// The same, volumes included: the pod is deleted.
///
/// # Errors
/// As [`sweep`].
pub fn erase(dirs: &Dirs, uid: &str) -> Result<()> {
    volume::sweep_one(&dirs.pods(), uid, volume::Spare::Nothing)
}

/// Where containers with `stdin: true` read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StdinFrom {
    /// This process's own standard input: a pod in the foreground.
    #[default]
    Process,
    /// Whoever attaches ([`Handle::attach`]); until then they wait.
    Attached,
}

/// A pod that is ready to run.
pub struct Pod {
    runner: Runner,
    handle: Handle,
}

enum Runner {
    Real(Box<Actor<real::Real>>),
    Sim(Box<Actor<sim::Sim>>),
}

impl Pod {
    /// Reserves all the pod needs and starts nothing. Must be called inside a tokio runtime, which then carries the pod.
    ///
    /// # Errors
    /// An image that cannot be used, a host port that is taken, a directory that cannot be made. Nothing is left behind.
    pub fn build(spec: Arc<Spec>, options: Options) -> Result<Pod> {
        let spec = named_by_node(spec, &options.node);
        let node = Node::new(options.node, host_address().into_iter().collect());
        let facts = Facts {
            node_name: node.name.clone(),
            host_ips: node.host_ips.clone(),
            pod_ips: real::addresses(&spec, &node.host_ips),
            allocatable: options.surroundings.allocatable(),
        };
        let world = real::World {
            surroundings: options.surroundings,
            facts,
        };
        let settings = real::Settings {
            dirs: options.dirs,
            compiler: options.compiler,
            console: options.console,
            stdin: options.stdin,
            images: options.images,
            keep_volumes: options.keep_volumes,
            world,
        };
        let machine = real::Real::build(Arc::clone(&spec), settings)?;
        let now = machine.now();
        let life = match options.resume {
            Some((previous, attempt)) => Life::resume(spec, node, &previous, attempt, now),
            None => Life::new(spec, node, now),
        };
        let desk = machine.desk();
        let runner = |actor| Runner::Real(Box::new(actor));
        Ok(Pod::assemble(life, machine, runner, Some(desk)))
    }

    /// The same pod on a simulated machine: containers follow the script in their annotations
    /// (`wasmpod.dev/sim.<container>`), time is virtual, nothing of the machine is touched.
    ///
    /// # Errors
    /// A script that cannot be read.
    pub fn simulate(spec: Arc<Spec>, node: String) -> Result<Pod> {
        let node = Node::new(node, Vec::new());
        let machine = sim::Sim::new(&spec)?;
        let life = Life::new(spec, node, machine.now());
        let runner = |actor| Runner::Sim(Box::new(actor));
        Ok(Pod::assemble(life, machine, runner, None))
    }

    fn assemble<M: Machine>(
        life: Life,
        machine: M,
        runner: fn(Actor<M>) -> Runner,
        desk: Option<Arc<real::Desk>>,
    ) -> Pod {
        let (wish, wishes) = mpsc::unbounded_channel();
        let feed = Feed {
            spec: watch::Sender::new(Arc::clone(life.pod())),
            status: watch::Sender::default(),
            events: broadcast::Sender::new(EVENT_BACKLOG),
        };
        let handle = Handle {
            spec: feed.spec.subscribe(),
            wish,
            status: feed.status.clone(),
            events: feed.events.downgrade(),
            desk,
        };
        Pod {
            runner: runner(Actor::new(life, machine, wishes, feed)),
            handle,
        }
    }

    /// For whoever watches or stops the pod, from any thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs the pod to its end.
    pub async fn run(self) -> Outcome {
        match self.runner {
            Runner::Real(actor) => tokio::task::LocalSet::new().run_until(actor.run()).await,
            Runner::Sim(actor) => actor.run().await,
        }
    }
}

/// How a pod ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub status: PodStatus,
    /// The container that failed for good first, and its exit code.
    pub first_failure: Option<(String, i32)>,
}

impl Outcome {
    pub fn succeeded(&self) -> bool {
        self.status.phase.as_deref() == Some("Succeeded")
    }
}

/// A handle on a pod: cheap to clone, usable from any thread, harmless when the pod has ended.
#[derive(Clone)]
pub struct Handle {
    spec: watch::Receiver<Arc<Spec>>,
    wish: mpsc::UnboundedSender<Wish>,
    status: watch::Sender<Snapshot>,
    events: broadcast::WeakSender<Event>,
    /// None: the pod is simulated.
    desk: Option<Arc<real::Desk>>,
}

impl Handle {
    /// The pod as it was defined last.
    pub fn spec(&self) -> Arc<Spec> {
        Arc::clone(&self.spec.borrow())
    }

    /// Gives the pod another definition of itself, resolved with the same uid.
    ///
    /// # Errors
    /// When it differs in more than a running pod can take over ([`update::check_running`]).
    pub fn update(&self, spec: Arc<Spec>) -> Result<(), Complaints> {
        update::check_running(&self.spec.borrow().object, &spec.object)?;
        // A pod that has ended needs no update.
        let _ = self.wish.send(Wish::Update(spec));
        Ok(())
    }

    /// Deletes the pod gracefully; `grace` may shorten what its spec says.
    pub fn stop(&self, grace: Option<Duration>) {
        // A pod that has ended needs no stopping.
        let _ = self.wish.send(Wish::Stop { grace });
    }

    /// Ends the pod at once: no hook, no grace, no order.
    pub fn abort(&self) {
        let _ = self.wish.send(Wish::Abort);
    }

    /// The status, and then what it changes to. While nobody has such a stream no status is built.
    pub fn status(&self) -> StatusStream {
        StatusStream {
            snapshots: self.status.subscribe(),
            ended: false,
        }
    }

    /// Events from now on; the channel closes when the pod has ended.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        match self.events.upgrade() {
            Some(events) => events.subscribe(),
            // Closed at once: its only sender is dropped here.
            None => broadcast::Sender::new(1).subscribe(),
        }
    }
}

/// The changing status of one pod.
pub struct StatusStream {
    snapshots: watch::Receiver<Snapshot>,
    ended: bool,
}

impl StatusStream {
    /// The next status that differs from the last one seen; a slow reader misses what lies between. None after the
    /// pod's last status.
    pub async fn next(&mut self) -> Option<Arc<PodStatus>> {
        if self.ended || self.snapshots.changed().await.is_err() {
            return None;
        }
        let snapshot = self.snapshots.borrow_and_update();
        self.ended = snapshot.last;
        Some(Arc::clone(&snapshot.status))
    }
}

/// A pod on the host's network has the host's name (kubelet `pkg/kubelet/kubelet_pods.go`, `GeneratePodHostNameAndDomain`).
fn named_by_node(mut spec: Arc<Spec>, node: &str) -> Arc<Spec> {
    if spec.host_network {
        node.clone_into(&mut Arc::make_mut(&mut spec).hostname);
    }
    spec
}

/// The address by which this machine would reach the world: `status.hostIP`. Asks the routing table; nothing is sent.
fn host_address() -> Option<IpAddr> {
    /// Of a documentation network (RFC 5737), so it is routed as any foreign address is.
    const FOREIGN: (&str, u16) = ("192.0.2.1", 9);
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(FOREIGN).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
