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
mod queue;
mod site;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::mpsc;

use super::StdinFrom;
use super::clock::Clock;
use super::console::Console;
use super::dirs::Dirs;
use super::machine::{Happened, Machine};
use crate::lifecycle::{
    Action, Cause, Exit, Hook, ImageProblem, Input, Signal, StartProblem, Time,
};
use crate::sandbox::resident::release_program_pages;
use crate::sandbox::wasm::{self, Compiler, Guest, Stopping};
use crate::spec::pod::{Pod, Slot};
use images::{Fetched, Images, Look};
use site::Site;

pub(super) use desk::Desk;

/// How long a guest that must end by KILL may take before the pod goes on without it. Only one that was compiled without
/// interruption checks and touches no memory can take so long; it ends with the process.
const KILL_PATIENCE: Duration = Duration::from_millis(100);

/// After a start everything that was needed for it is let go, once it is clear that it stays at rest.
const REST: Duration = Duration::from_millis(100);

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
    /// When memory is to be let go, if there was a start since the last time.
    rest_at: Option<Instant>,
}

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
    pub fn build(
        pod: Arc<Pod>,
        dirs: &Dirs,
        compiler: Compiler,
        console: Arc<dyn Console>,
        stdin: StdinFrom,
        when: super::Images,
        keep_volumes: bool,
    ) -> Result<Real> {
        let images = match when {
            super::Images::Eager => Images::load(&pod, dirs, compiler)?,
            super::Images::WhenPulled => Images::none(&pod, dirs, compiler)?,
        };
        let site = Site::build(&pod, dirs, keep_volumes)?;
        let desk = Desk::new(
            Arc::clone(&pod),
            images.engine().clone(),
            site.network.clone(),
        );
        let (report, reports) = mpsc::unbounded_channel();
        let guests = pod.containers.iter().map(|_| None).collect();
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
            rest_at: None,
        })
    }

    /// For those who join the pod from outside.
    pub fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// The next report, or none when the deadline has come.
    async fn report_until(&mut self, deadline: Option<Instant>) -> Option<Report> {
        // The channel cannot close: self holds a sender.
        match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), self.reports.recv())
                .await
                .ok()
                .flatten(),
            None => self.reports.recv().await,
        }
    }

    fn rest(&mut self) {
        self.rest_at = None;
        release_program_pages();
    }

    fn tell(&self, input: Input) {
        // The receiver lives in self.
        let _ = self.report.send(Report::Input(input));
    }

    fn make_sandbox(&self) {
        let site = self.site.as_ref();
        let input = match site.map(|site| (&site.etc.etc.hostname, site.addresses.clone())) {
            Some((Err(error), _)) => Input::SandboxFailed {
                error: error.clone(),
            },
            Some((Ok(_), ips)) => Input::SandboxReady { ips },
            None => Input::SandboxReady { ips: Vec::new() },
        };
        self.tell(input);
    }

    /// Code that is there already is taken at once. What has to be compiled takes its time on a thread of its own: the pod
    /// goes on meanwhile.
    fn pull(&mut self, slot: Slot) {
        let container = &self.pod.containers[slot];
        match self.images.look(slot, container) {
            Look::Loaded(fetched) => self.fetched(slot, fetched),
            Look::Missing(fetch) => {
                let report = self.report.clone();
                let thread = std::thread::Builder::new().name(container.name.clone());
                let spawned = thread.spawn(move || {
                    let _ = report.send(Report::Fetched {
                        slot,
                        fetched: fetch.run(),
                    });
                });
                if let Err(error) = spawned {
                    self.tell(Input::ImageFailed {
                        slot,
                        reason: ImageProblem::ImageInspectError,
                        message: format!("could not start a thread: {error}"),
                    });
                }
            }
        }
    }

    fn fetched(&mut self, slot: Slot, fetched: Fetched) {
        let input = match self.images.keep(slot, fetched) {
            Ok(image_id) => Input::ImageReady {
                slot,
                image_id,
                pulled: None,
            },
            Err((reason, message)) => Input::ImageFailed {
                slot,
                reason,
                message,
            },
        };
        self.tell(input);
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
        let (site, desk, report) = (
            self.site.take(),
            Arc::clone(&self.desk),
            self.report.clone(),
        );
        tokio::task::spawn_local(async move {
            desk.drained(KILL_PATIENCE).await;
            if let Some(site) = site
                && let Err(error) = site.remove()
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
                self.rest_at = Some(Instant::now() + REST);
                let container_id = self.container_id(slot, attempt);
                self.is_current(slot, attempt).then_some(Input::Started { slot, container_id })
            }
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
            Action::MountVolumes => self.tell(Input::VolumesMounted),
            Action::MakeSandbox { .. } => self.make_sandbox(),
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
    }

    async fn next(&mut self, wake_at: Option<Time>) -> Happened {
        let wake_at = wake_at.map(|at| self.clock.instant(at));
        loop {
            let deadline = wake_at.into_iter().chain(self.rest_at).min();
            match self.report_until(deadline).await {
                Some(report) => {
                    if let Some(input) = self.digest(report) {
                        return Happened::Fact(input);
                    }
                }
                None if deadline == wake_at => return Happened::Time,
                None => self.rest(),
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

impl Real {
    /// Validation refuses hooks as long as this machine has none; a pod that got here with one (`--validate=ignore`)
    /// hears it from its events.
    fn refuse_hook(&self, slot: Slot, hook: Hook) {
        let result = Err("lifecycle hooks are not supported yet".to_owned());
        self.tell(Input::HookDone { slot, hook, result });
    }
}
