//! `wasmpod up`: every pod that should run has a process, as long as this one lives.
//!
//! ```text
//! roster  there is one supervisor, and which pod processes it started
//! signals what the supervisor is told: to end, or that a child has
//! starts  launches, several at a time, beside everything else
//! statics the pods of the manifests' directory
//! care    whether a pod is to be started now, or later
//! ending  taking down what was started
//! ```
//!
//! It waits for births and deaths of processes, for pods that come and go, for changes of the machine's object, and for the manifests' directory; there is no
//! clock but the pause before a pod is started again, and the kubelet's look at the manifests every 20 s. Killed, it
//! leaves the pods running, and the next one takes them over.

mod care;
mod ending;
mod note;
mod roster;
mod signals;
mod starts;
mod statics;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::BorrowedFd;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::StoreError;
use super::manifests::Manifests;
use super::{
    Among, DrivenAway, LaunchError, Launched, Launcher, Machinery, Sight, Store, Watch, is_unplaced,
};
use crate::lifecycle::{Event, EventKind, Time};
use care::{Care, Turn};
pub use note::Note;
use roster::Roster;
pub use roster::RosterError;
pub(super) use roster::tidy;
pub use signals::{Signalled, Signals};
use starts::Starts;
use statics::Directory;

/// Told what happens, on the supervisor's thread.
pub type Tell = Box<dyn Fn(&Note)>;

/// The one that sees to it that pods run.
pub struct Supervisor {
    store: Store,
    machinery: Arc<dyn Machinery>,
    manifests: Option<Directory>,
    roster: Roster,
    starts: Starts,
    watch: Watch,
    signals: Signals,
    /// By uid.
    cares: HashMap<String, Care>,
    /// Processes that are our own to reap, by uid.
    children: HashMap<String, (String, Child)>,
    began: Instant,
    tell: Tell,
}

impl Supervisor {
    /// Becomes the supervisor of all that is stored.
    ///
    /// # Errors
    /// There is one already; or the machine's.
    pub fn new(
        store: Store,
        machinery: Arc<dyn Machinery>,
        manifests: Option<Manifests>,
        signals: Signals,
        tell: Tell,
    ) -> Result<Supervisor, RosterError> {
        let roster = Roster::take(&store)?;
        let watch = Watch::of_lives(&store).map_err(RosterError::watch)?;
        let launcher = Launcher::new(store.clone(), Arc::clone(&machinery));
        let now = Instant::now();
        Ok(Supervisor {
            store,
            machinery,
            manifests: manifests.map(Directory::new),
            roster,
            starts: Starts::new(launcher).map_err(RosterError::watch)?,
            watch,
            signals,
            cares: HashMap::new(),
            children: HashMap::new(),
            began: now,
            tell,
        })
    }

    /// Supervises until it is told to end, and then takes down what it started.
    ///
    /// # Errors
    /// The pods cannot be listed any more, or waiting fails. The pods run on.
    pub fn run(mut self) -> Result<(), StoreError> {
        super::reconcile(&self.store, self.machinery.as_ref())?;
        loop {
            self.look_at_manifests();
            let sights = super::list(&self.store, self.machinery.as_ref(), None)?;
            self.settle_statics(&sights);
            let leaves = self.drive_away(&sights);
            self.place(&sights)?;
            let wake = self.start_what_is_due(&sights);
            let wake = wake.into_iter().chain(leaves).min();
            match self.wait(wake)? {
                Signalled::End => return self.end(),
                Signalled::Nothing => {}
            }
            self.reap();
            self.take_results();
        }
    }

    /// Waits until something happened, or `wake`. Launches are taken note of by the caller.
    fn wait(&mut self, wake: Option<Instant>) -> Result<Signalled, StoreError> {
        let look = self.manifests.as_ref().map(|directory| directory.look_at);
        let wake = wake.into_iter().chain(look).min();
        let fds = [
            Some(self.signals.fd()),
            Some(self.watch.fd()),
            Some(self.starts.fd()),
            self.manifests
                .as_ref()
                .map(|directory| directory.manifests.fd()),
        ];
        let waited = wait_for(&fds, wake).and_then(|ready| {
            if ready[3] {
                self.look_now();
            }
            if ready[1] {
                // Taken before the pods are looked at, so that nothing that comes then is lost.
                self.watch.wait(Some(Instant::now()))?;
            }
            Ok(self.signals.take())
        });
        waited.map_err(|error| StoreError::Process(format!("wait for pods: {error}")))
    }

    /// Gives their place to pods that wait for one and fit now. The watch tells of them; they are ours to start.
    fn place(&mut self, sights: &[Sight]) -> Result<(), StoreError> {
        if !sights.iter().any(|sight| is_unplaced(&sight.pod)) {
            return Ok(());
        }
        for pod in super::place(&self.store, Among::All)? {
            self.cares.entry(uid(&pod).to_owned()).or_default().adopt();
        }
        Ok(())
    }

    /// Begins to delete what a taint drives away. Says when the next pod has to go.
    fn drive_away(&mut self, sights: &[Sight]) -> Option<Instant> {
        let now = wall();
        let driven = super::drive_away(&self.store, self.machinery.as_ref(), sights, now);
        match driven {
            Ok(DrivenAway { pods, next }) => {
                for pod in pods {
                    (self.tell)(&Note::Evicting { pod });
                }
                let left = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
                left.map(|left| Instant::now() + left)
            }
            Err(error) => {
                (self.tell)(&Note::Trouble(format!("look at the taints: {error}")));
                None
            }
        }
    }

    /// Begins to start what should run and does not. Says when to look again for what has to wait.
    fn start_what_is_due(&mut self, sights: &[Sight]) -> Option<Instant> {
        let (now, wall) = (self.now(), wall());
        let mut wake: Option<Duration> = None;
        let mut seen = HashSet::new();
        for sight in sights {
            let pod = &sight.pod;
            let uid = uid(pod);
            seen.insert(uid.to_owned());
            let care = self.cares.entry(uid.to_owned()).or_default();
            match care.turn(sight, now, wall) {
                Turn::Rest => {}
                Turn::Start => {
                    if let Err(error) = self.roster.add(uid) {
                        (self.tell)(&Note::Trouble(format!("write the roster: {error}")));
                    }
                    self.starts.begin(pod.clone());
                }
                Turn::Later { after, told } => {
                    wake = wake.into_iter().chain([after]).min();
                    if let Some(delay) = told {
                        let pod = name(pod);
                        (self.tell)(&Note::BackOff { pod, delay });
                    }
                }
            }
        }
        self.cares.retain(|uid, _| seen.contains(uid));
        if let Err(error) = self.roster.forget_all_but(&seen) {
            (self.tell)(&Note::Trouble(format!("write the roster: {error}")));
        }
        wake.map(|after| Instant::now() + after)
    }

    /// Takes note of children that have ended.
    fn reap(&mut self) {
        let mut ended = Vec::new();
        for (uid, (_, child)) in &mut self.children {
            if let Ok(Some(status)) = child.try_wait() {
                ended.push((uid.clone(), status));
            }
        }
        for (uid, status) in ended {
            if let Some((pod, _)) = self.children.remove(&uid) {
                (self.tell)(&Note::Ended { pod, status });
            }
        }
    }

    /// Takes note of launches that are through.
    fn take_results(&mut self) {
        for (pod, result) in self.starts.results() {
            let now = self.now();
            let care = self.cares.entry(uid(&pod).to_owned()).or_default();
            care.launched(result.is_ok(), now);
            match result {
                Ok(launched) => self.adopt(&pod, launched),
                Err(error) => self.not_started(&pod, error),
            }
        }
    }

    fn adopt(&mut self, pod: &v1::Pod, launched: Launched) {
        // Without a process somebody else was faster, and it is his.
        let Some(child) = launched.process else {
            return;
        };
        let started = Note::Started {
            pod: name(pod),
            pid: launched.pid,
        };
        (self.tell)(&started);
        self.children
            .insert(uid(pod).to_owned(), (name(pod), child));
    }

    fn not_started(&self, pod: &v1::Pod, error: LaunchError) {
        // It may be that it was deleted, or started by somebody else, in the meantime.
        let runs = self
            .store
            .process(uid(pod))
            .is_ok_and(|process| process.pid().is_some());
        let (namespace, called) = key(pod);
        let is_there = self
            .store
            .stored(&namespace, &called)
            .is_ok_and(|now| uid(&now) == uid(pod) && now.metadata.deletion_timestamp.is_none());
        if runs || !is_there {
            return;
        }
        let event = Event {
            kind: EventKind::Warning,
            reason: "FailedCreatePodSandBox",
            message: format!("Failed to create pod sandbox: {error}").into(),
            slot: None,
            at: Time::from_nanos(super::writers::micros().saturating_mul(1000)),
        };
        if let Err(error) = super::record::note_after_death(self.store.layout(), pod, event) {
            tracing::warn!("an event of pod {called:?} is lost: {error}");
        }
        (self.tell)(&Note::NotStarted {
            pod: name(pod),
            error,
        });
    }

    /// Never goes back, whatever is done to the machine's clock.
    fn now(&self) -> Time {
        Time::EPOCH + self.began.elapsed()
    }
}

fn key(pod: &v1::Pod) -> (String, String) {
    let metadata = &pod.metadata;
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

fn name(pod: &v1::Pod) -> String {
    let (namespace, name) = key(pod);
    format!("{namespace}/{name}")
}

fn uid(pod: &v1::Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

fn wall() -> Timestamp {
    let micros = i64::try_from(super::writers::micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// Which of the descriptors are readable, once one of them is or `until` has come.
fn wait_for<const N: usize>(
    fds: &[Option<BorrowedFd<'_>>; N],
    until: Option<Instant>,
) -> io::Result<[bool; N]> {
    let present = fds
        .iter()
        .enumerate()
        .filter_map(|(at, fd)| Some((at, (*fd)?)));
    let (places, mut asked): (Vec<usize>, Vec<PollFd<'_>>) = present
        .map(|(at, fd)| (at, PollFd::new(fd, PollFlags::POLLIN)))
        .unzip();
    let timeout = until.map_or(PollTimeout::NONE, |until| {
        // Rounded up, so as not to look too early and then again.
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut asked, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut ready = [false; N];
    for (place, fd) in places.into_iter().zip(&asked) {
        ready[place] = fd.any().unwrap_or(false);
    }
    Ok(ready)
}
