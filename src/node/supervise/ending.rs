//! Taking down what was started.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;
use nix::sys::signal::Signal;

use super::super::Process;
use super::super::error::StoreError;
use super::super::pidfd::PidFd;
use super::{Note, Signalled, Supervisor, name, uid};

/// What a process may take beyond its pod's grace: killing guests, removing volumes, writing its last status.
const MARGIN: Duration = Duration::from_secs(10);

/// One pod on its way down.
struct Leaving {
    name: String,
    grace: Duration,
    /// When it is killed; none before it was told to end.
    deadline: Option<Instant>,
    killed: bool,
}

impl Supervisor {
    /// Every process of ours is told to end, as at the shutdown of a machine: the pods stay stored, and run again with the next
    /// supervisor. One that takes longer than its grace is killed, and all are when the wish to end comes again.
    pub(super) fn end(mut self) -> Result<(), StoreError> {
        self.starts.give_up();
        // Nothing is started any more.
        self.manifests = None;
        let mut leaving = self.leaving()?;
        let pods = self.alive(&leaving).len();
        (self.tell)(&Note::Stopping { pods });
        let mut killed = false;
        loop {
            self.take_results();
            self.reap();
            let alive = self.alive(&leaving);
            if alive.is_empty() && self.starts.give_up() == 0 {
                break;
            }
            let wake = self.press(&mut leaving, &alive);
            killed |= leaving.values().any(|pod| pod.killed);
            if self.wait(wake)? == Signalled::End {
                let now = Instant::now();
                leaving
                    .values_mut()
                    .for_each(|pod| pod.deadline = Some(now));
            }
        }
        if killed {
            super::super::reconcile(&self.store, self.machinery.as_ref())?;
        }
        self.roster.close();
        Ok(())
    }

    fn leaving(&self) -> Result<BTreeMap<String, Leaving>, StoreError> {
        let stored = self.store.stored_all(None)?;
        let stored: HashMap<&str, &v1::Pod> = stored.iter().map(|pod| (uid(pod), pod)).collect();
        let leaving = self.roster.uids().map(|uid| {
            let pod = stored.get(uid.as_str());
            let grace = pod
                .and_then(|pod| pod.spec.as_ref()?.termination_grace_period_seconds)
                .unwrap_or(30);
            let pod = Leaving {
                name: pod.map_or_else(|| uid.clone(), |pod| name(pod)),
                grace: Duration::from_secs(u64::try_from(grace).unwrap_or(1)),
                deadline: None,
                killed: false,
            };
            (uid.clone(), pod)
        });
        Ok(leaving.collect())
    }

    /// Whose process is still there. Without a number: it has let go of its lock, and only needs to be reaped.
    fn alive(&self, leaving: &BTreeMap<String, Leaving>) -> Vec<(String, Option<u32>)> {
        let process = |uid: &String| {
            let pid = self.store.process(uid).ok().and_then(Process::pid);
            (pid.is_some() || self.children.contains_key(uid)).then(|| (uid.clone(), pid))
        };
        leaving.keys().filter_map(process).collect()
    }

    /// Tells those to end that were not told yet, and kills those whose time is over. Says when the next one's is.
    fn press(
        &mut self,
        leaving: &mut BTreeMap<String, Leaving>,
        alive: &[(String, Option<u32>)],
    ) -> Option<Instant> {
        let now = Instant::now();
        for (uid, pid) in alive {
            let Some(pod) = leaving.get_mut(uid) else {
                continue;
            };
            let signal = match pod.deadline {
                None => {
                    pod.deadline = Some(now + pod.grace + MARGIN);
                    Signal::SIGTERM
                }
                Some(deadline) if deadline <= now && !pod.killed => {
                    pod.killed = true;
                    let pod = pod.name.clone();
                    (self.tell)(&Note::Killing { pod });
                    Signal::SIGKILL
                }
                Some(_) => continue,
            };
            if let Err(error) = self.send(uid, *pid, signal) {
                let trouble = format!("pod {}: could not send {signal}: {error}", pod.name);
                (self.tell)(&Note::Trouble(trouble));
            }
        }
        let open = leaving.values().filter(|pod| !pod.killed);
        open.filter_map(|pod| pod.deadline)
            .filter(|deadline| *deadline > now)
            .min()
    }

    fn send(&mut self, uid: &str, pid: Option<u32>, signal: Signal) -> io::Result<()> {
        if let Some(pid) = pid {
            let process = PidFd::of_pod(self.store.layout(), uid, pid)?;
            return process.map_or(Ok(()), |process| process.send(signal));
        }
        // At its very end it needs no telling.
        match self.children.get_mut(uid) {
            Some((_, child)) if signal == Signal::SIGKILL => child.kill(),
            _ => Ok(()),
        }
    }
}
