//! The machine at hand: lifecycle's words become sandbox's words.
//!
//! ```text
//! Site   what the pod owns from before its first container to after its last: directory, network, host ports
//! Images code for every image of the pod, loaded before anything is started or when it is pulled
//! Real   carries out actions; guests report from their own threads through a channel
//! Desk   who runs, for those who execute, attach and connect from outside
//! ```

mod attach;
mod command;
mod desk;
mod exec;
mod images;
mod launch;
mod pull;
mod queue;
mod settings;
mod site;
mod upkeep;
mod view;
mod volumes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::{mpsc, watch};

use super::StdinFrom;
use super::clock::Clock;
use super::console::Console;
use super::machine::{Happened, Machine};
use crate::lifecycle::{Action, Cause, Exit, Hook, Input, Signal, StartProblem, Time};
use crate::sandbox::wasm::{self, Guest, Stopping};
use crate::spec::pod::{DnsPolicy, Pod, Slot};
use images::{Fetched, Images};
use site::Site;
use upkeep::Upkeep;
use volumes::Overflow;

pub(super) use desk::Desk;
pub(super) use settings::{Settings, World};
pub(super) use site::addresses;

/// How long a guest that must end by KILL may take before the pod goes on without it. Only one that was compiled without
/// interruption checks and touches no memory can take so long; it ends with the process.
const KILL_PATIENCE: Duration = Duration::from_millis(100);

pub(super) struct Real {
    pod: Arc<Pod>,
    clock: Clock,
    images: Images,
    site: Option<Site>,
    desk: Arc<Desk>,
    console: Arc<dyn Console>,
    stdin: StdinFrom,
    /// By slot: the instance that runs, with its number, so that a late report of an earlier one is told apart.
    guests: Vec<Option<(u32, Guest)>>,
    report: mpsc::UnboundedSender<Report>,
    reports: mpsc::UnboundedReceiver<Report>,
    world: World,
    /// Tells of changes around the pod; none if there cannot be any.
    changes: Option<watch::Receiver<u64>>,
    upkeep: Upkeep,
}

/// The event of a pod that would use a cluster's DNS (`pkg/kubelet/network/dns/dns.go`).
const MISSING_DNS: &str = "MissingClusterDNS";

/// What comes from other threads.
enum Report {
    /// Anything that is not about one instance of a container.
    Input(Input),
    /// A pull on a thread of its own has come to its end.
    Fetched {
        slot: Slot,
        fetched: Fetched,
    },
    Started {
        slot: Slot,
        attempt: u32,
    },
    Ended {
        slot: Slot,
        attempt: u32,
        exit: wasm::Exit,
        message: String,
    },
    /// Volumes were measured, and so much was found.
    Measured(Option<Overflow>),
    /// [`KILL_PATIENCE`] is over.
    Overdue {
        slot: Slot,
        attempt: u32,
    },
}

impl Real {
    /// Reserves everything the pod needs and starts nothing: code of all images, directory, network, host ports. What
    /// was reserved is released when a later step fails.
    ///
    /// # Errors
    /// With the path and value that stands in the way.
    pub fn build(pod: Arc<Pod>, settings: Settings) -> Result<Real> {
        let Settings {
            dirs,
            compiler,
            console,
            stdin,
            world,
            ..
        } = settings;
        let eager = settings.images == super::Images::Eager;
        let images = if eager {
            Images::load(&pod, &dirs, compiler)?
        } else {
            Images::none(&pod, &dirs, compiler)?
        };
        let mut site = Site::build(&pod, &dirs, settings.keep_volumes)?;
        if eager {
            site.named()?;
            site.prepare(&pod, &world)?;
        }
        let desk = Desk::new(
            Arc::clone(&pod),
            images.engine().clone(),
            site.network.clone(),
        );
        let (report, reports) = mpsc::unbounded_channel();
        let guests = pod.containers.iter().map(|_| None).collect();
        let changes = world.surroundings.changes();
        Ok(Real {
            pod,
            clock: Clock::start(),
            images,
            site: Some(site),
            desk,
            console,
            stdin,
            guests,
            report,
            reports,
            world,
            changes,
            upkeep: Upkeep::default(),
        })
    }

    /// For those who join the pod from outside.
    pub fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// What wakes this machine next.
    async fn woken(&mut self, deadline: Option<Instant>) -> Woken {
        let Real {
            reports, changes, ..
        } = self;
        let changed = async {
            let told = match changes {
                Some(changes) => changes.changed().await.is_ok(),
                None => false,
            };
            // Nobody tells of changes, or who could have is gone.
            if !told {
                std::future::pending::<()>().await;
            }
        };
        let time = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // The channel cannot close: self holds a sender.
            Some(report) = reports.recv() => Woken::Report(report),
            () = changed => Woken::Changed,
            () = time => Woken::Time,
        }
    }

    fn tell(&self, input: Input) {
        // The receiver lives in self.
        let _ = self.report.send(Report::Input(input));
    }

    fn make_sandbox(&mut self, attempt: u32) {
        let (mut warnings, mut made) = (Vec::new(), Ok(Vec::new()));
        if let Some(site) = &mut self.site {
            // Once for a pod: neither another attempt nor another process has anything new to say.
            warnings = std::mem::take(&mut site.etc.etc.warnings);
            made = site.named().map(|()| site.addresses.clone());
        }
        for warning in warnings.into_iter().filter(|_| attempt == 0) {
            // That one machine has no cluster's DNS is no news to those who have not asked for it.
            if warning.reason == MISSING_DNS && self.pod.dns.policy == DnsPolicy::ClusterFirst {
                continue;
            }
            self.tell(Input::Warned {
                reason: warning.reason,
                message: warning.message,
            });
        }
        self.tell(match made {
            Ok(ips) => Input::SandboxReady { ips },
            Err(error) => Input::SandboxFailed {
                error: error.to_string(),
            },
        });
    }

    fn signal(&mut self, slot: Slot, signal: Signal) {
        let Some((attempt, guest)) = &self.guests[slot] else {
            return;
        };
        match signal {
            // What cannot be ended for certain by TERM is ended by the KILL that follows it.
            Signal::Term => {
                let _ = guest.signal(wasm::Signal::Term);
            }
            Signal::Kill => {
                if guest.signal(wasm::Signal::Kill) == Stopping::Uncertain {
                    self.give_up_later(slot, *attempt);
                }
            }
        }
    }

    fn give_up_later(&self, slot: Slot, attempt: u32) {
        let report = self.report.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(KILL_PATIENCE).await;
            let _ = report.send(Report::Overdue { slot, attempt });
        });
    }

    /// Commands that were executed from outside are told to end and given a moment for it: what they still write would
    /// stand in the way of removing their files.
    fn remove_sandbox(&mut self) {
        self.guests.iter_mut().for_each(|guest| *guest = None);
        self.desk.close();
        self.upkeep = Upkeep::default();
        let (site, pod) = (self.site.take(), Arc::clone(&self.pod));
        let (desk, report) = (Arc::clone(&self.desk), self.report.clone());
        tokio::task::spawn_local(async move {
            desk.drained(KILL_PATIENCE).await;
            if let Some(site) = site
                && let Err(error) = site.remove(&pod)
            {
                tracing::error!("{error:#}");
            }
            // The receiver is gone only when the pod was dropped.
            let _ = report.send(Report::Input(Input::SandboxRemoved));
        });
    }

    fn digest(&mut self, report: Report) -> Option<Input> {
        match report {
            Report::Input(input) => Some(input),
            Report::Fetched { slot, fetched } => {
                self.fetched(slot, fetched);
                None
            }
            Report::Started { slot, attempt } => {
                self.upkeep.rest_soon();
                let container_id = self.container_id(slot, attempt);
                self.is_current(slot, attempt).then_some(Input::Started { slot, container_id })
            }
            Report::Measured(overflow) => self.measured(overflow),
            Report::Ended { slot, attempt, exit, message } => {
                self.is_current(slot, attempt).then(|| self.ended(slot, exit, message))
            }
            Report::Overdue { slot, attempt } => self.is_current(slot, attempt).then(|| {
                let name = &self.pod.containers[slot].name;
                tracing::warn!(
                    "container {name} was compiled without interruption checks and does not end; it is left to the end of the process"
                );
                // Its thread spins on; dropping the handle kills it again, which changes nothing.
                self.ended(slot, wasm::Exit::Killed, String::new())
            }),
        }
    }

    fn is_current(&self, slot: Slot, attempt: u32) -> bool {
        self.guests[slot]
            .as_ref()
            .is_some_and(|(current, _)| *current == attempt)
    }

    /// 64 hex digits, as containers have them everywhere: of the pod, the container and the instance.
    fn container_id(&self, slot: Slot, attempt: u32) -> String {
        let name = &self.pod.containers[slot].name;
        wasm::Digest::of(format!("{}/{name}/{attempt}", self.pod.uid).as_bytes()).hex()
    }

    fn ended(&mut self, slot: Slot, exit: wasm::Exit, message: String) -> Input {
        self.guests[slot] = None;
        match exit {
            wasm::Exit::Failed(message) => Input::StartFailed {
                slot,
                reason: StartProblem::RunContainerError,
                message,
            },
            exit => Input::Exited {
                slot,
                exit: Exit {
                    code: exit.code(),
                    cause: cause(&exit),
                    message,
                },
            },
        }
    }
}

fn cause(exit: &wasm::Exit) -> Cause {
    match exit {
        wasm::Exit::OutOfMemory { .. } => Cause::OutOfMemory,
        _ => Cause::Exited,
    }
}

impl Machine for Real {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn begin(&mut self, action: Action) {
        match action {
            Action::MountVolumes => self.mount_volumes(),
            Action::MakeSandbox { attempt } => self.make_sandbox(attempt),
            Action::Pull { slot } => self.pull(slot),
            Action::Start { slot, attempt } => self.start(slot, attempt),
            Action::Hook { slot, hook, .. } => self.refuse_hook(slot, hook),
            Action::Signal { slot, signal } => self.signal(slot, signal),
            Action::RemoveSandbox => self.remove_sandbox(),
        }
    }

    fn update(&mut self, pod: &Arc<Pod>) {
        self.pod = Arc::clone(pod);
        self.desk.renew(Arc::clone(pod));
        self.guests.resize_with(pod.containers.len(), || None);
        self.images.resize(pod.containers.len());
        // Files may tell of its labels and annotations.
        self.refresh_volumes();
    }

    async fn next(&mut self, wake_at: Option<Time>) -> Happened {
        let wake_at = wake_at.map(|at| self.clock.instant(at));
        loop {
            let chore = self.upkeep.next();
            let deadline = wake_at.into_iter().chain(chore).min();
            match self.woken(deadline).await {
                Woken::Report(report) => {
                    if let Some(input) = self.digest(report) {
                        return Happened::Fact(input);
                    }
                }
                Woken::Changed => {
                    self.refresh_volumes();
                    return Happened::Fact(Input::SurroundingsChanged);
                }
                Woken::Time if deadline == wake_at => return Happened::Time,
                Woken::Time => self.keep_up(Instant::now()),
            }
        }
    }

    fn pending(&mut self) -> Option<Input> {
        while let Ok(report) = self.reports.try_recv() {
            if let Some(input) = self.digest(report) {
                return Some(input);
            }
        }
        None
    }
}

/// Why [`Real::woken`] returned.
enum Woken {
    Report(Report),
    Changed,
    Time,
}

impl Real {
    /// Validation refuses hooks as long as this machine has none; a pod that got here with one (`--validate=ignore`)
    /// hears it from its events.
    fn refuse_hook(&self, slot: Slot, hook: Hook) {
        let result = Err("lifecycle hooks are not supported yet".to_owned());
        self.tell(Input::HookDone { slot, hook, result });
    }
}
