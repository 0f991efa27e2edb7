//! The fold of everything that was seen of one pod.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::{Backoff, Pace};
use super::conditions::Conditions;
use super::event::{self, Text};
use super::record::{Record, State};
use super::volumes::Volumes;
use super::{Event, Time};
use crate::spec::pod::{Pod, Role, Slot};

/// The machine a pod is planned for, and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub host_ips: Vec<IpAddr>,
    /// Longest back-off between restarts, 1 s to 300 s (`crashLoopBackOff.maxContainerRestartPeriod`, KEP-5593).
    pub max_restart_period: Duration,
}

impl Node {
    /// With Kubernetes' default settings.
    pub fn new(name: impl Into<String>, host_ips: Vec<IpAddr>) -> Node {
        Node {
            name: name.into(),
            host_ips,
            max_restart_period: Duration::from_secs(300),
        }
    }
}

/// Everything seen of one pod, and what was asked for because of it.
#[derive(Clone, Debug)]
pub struct Life {
    pub(super) pod: Arc<Pod>,
    pub(super) node: Node,
    pub(super) born: Time,
    pub(super) volumes: Volumes,
    pub(super) sandbox: Sandbox,
    /// The number of the sandbox: how often the pod has lost the one it had.
    pub(super) attempt: u32,
    pub(super) ips: Vec<IpAddr>,
    pub(super) course: Course,
    /// One per container, by slot.
    pub(super) records: Vec<Record>,
    /// How many of them are init containers and sidecars: they come first.
    pub(super) inits: usize,
    /// How many of those run to completion, and so have no part in readiness.
    pub(super) mere_inits: usize,
    /// How many containers the pod consists of; the slots from there on are ephemeral containers.
    pub(super) regular: usize,
    /// Back-off of pulls that have failed, by image as written.
    pub(super) pulls: HashMap<String, Pulls>,
    /// The container being started, which the others wait for: from its pull until its postStart hook has returned.
    pub(super) busy: Option<Slot>,
    /// Slots below need nothing until something is observed of them, slots from `hi` on are `Fresh`: a plan looks in between.
    /// Ephemeral containers are looked at by every plan.
    pub(super) lo: Slot,
    pub(super) hi: Slot,
    pub(super) tally: Tally,
    pub(super) conditions: Conditions,
    pub(super) first_failure: Option<(Slot, i32)>,
    /// Why the node has taken the pod's place away.
    pub(super) evicted: Option<String>,
    /// Not yet handed out with a plan.
    pub(super) events: Vec<Event>,
    pub(super) restarts: Pace,
}

/// The pod's own place: network, volumes, the process that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sandbox {
    /// Not there; to be made at `retry_at`.
    Absent {
        retry_at: Time,
    },
    Making,
    Ready,
    Removing,
    /// Removed, or never made: nothing is left. The end.
    Gone,
}

/// Where the pod is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Start what is due. Made by `new` and at the end of `Renewing`.
    Living,
    /// A rule demanded to restart all containers at `since`: stop everything, then set up the pod again (KEP-5532).
    Renewing { since: Time },
    /// Stop everything for good. There is no way back, and `why` stays what it was first. `at_once` skips hooks, grace and order.
    Ending { grace: u64, why: Why, at_once: bool },
}

/// Why a pod ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The regular containers have run for the last time, or an init container has failed for good.
    Over,
    Deadline,
    /// The node has taken its place away.
    Evicted,
    /// By a wish from outside.
    Deleted,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Pulls {
    pub backoff: Backoff,
    /// `REASON: MESSAGE` of the last failure.
    pub last_error: String,
}

/// Sums over the records, so that no fact needs a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Starting or running.
    pub live: usize,
    /// Ready regular containers and sidecars.
    pub ready: usize,
    /// Init containers that have completed and sidecars that are started.
    pub initialised: usize,
    /// Regular containers that have had an instance since the pod was set up.
    pub apps_seen: usize,
    /// Regular containers that have run for the last time.
    pub apps_done: usize,
    /// An init container has failed for good.
    pub init_failed: bool,
}

impl Life {
    /// The pod was accepted at `now`, which becomes `status.startTime`.
    pub fn new(pod: Arc<Pod>, node: Node, now: Time) -> Life {
        let mut life = Life::unborn(pod, node, now);
        let scheduled = event::scheduled(&life.pod, &life.node.name);
        life.say(None, now, scheduled);
        life.settle_conditions(now);
        life
    }

    /// Nothing has happened yet, and nothing is told.
    pub(super) fn unborn(pod: Arc<Pod>, node: Node, now: Time) -> Life {
        let count = |roles: &[Role]| {
            let containers = pod.containers.iter();
            containers
                .filter(|container| roles.contains(&container.role))
                .count()
        };
        Life {
            restarts: Pace::restarts(node.max_restart_period),
            inits: count(&[Role::Init, Role::Sidecar]),
            mere_inits: count(&[Role::Init]),
            regular: count(&[Role::Init, Role::Sidecar, Role::App]),
            records: vec![Record::default(); pod.containers.len()],
            pulls: HashMap::new(),
            born: now,
            volumes: Volumes::Untouched,
            sandbox: Sandbox::Absent { retry_at: now },
            attempt: 0,
            ips: Vec::new(),
            course: Course::Living,
            busy: None,
            lo: 0,
            hi: 0,
            tally: Tally::default(),
            conditions: Conditions::new(now),
            first_failure: None,
            evicted: None,
            events: Vec::new(),
            pod,
            node,
        }
    }

    pub fn pod(&self) -> &Arc<Pod> {
        &self.pod
    }

    /// The container that failed for good first, with its exit code: what `wasmpod run` ends with when the pod Failed.
    pub fn first_failure(&self) -> Option<(Slot, i32)> {
        self.first_failure
    }

    /// Whether the container runs, its postStart hook has returned and its startup probe, if any, has succeeded: from then on
    /// liveness and readiness are probed.
    pub fn is_started(&self, slot: Slot) -> bool {
        self.records[slot].is_started()
    }

    pub(super) fn say(&mut self, slot: Option<Slot>, at: Time, (kind, reason, message): Text) {
        self.events.push(Event {
            kind,
            reason,
            message,
            slot,
            at,
        });
    }

    /// Whether the pod has failed by a verdict, whatever its containers say.
    pub(super) fn is_condemned(&self) -> bool {
        matches!(
            self.course,
            Course::Ending {
                why: Why::Deadline | Why::Evicted,
                ..
            }
        )
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.course, Course::Ending { .. })
    }

    /// Gives the container a new state and keeps the sums.
    pub(super) fn put(&mut self, slot: Slot, state: State) {
        let record = &mut self.records[slot];
        self.tally.live -= usize::from(record.is_live());
        record.state = state;
        self.tally.live += usize::from(record.is_live());
        self.touched(slot);
    }

    /// Something about the container has changed: the next plan looks at it, and the sums are adjusted.
    pub(super) fn touched(&mut self, slot: Slot) {
        self.lo = self.lo.min(slot);
        let (ready, initialised) = (self.is_ready(slot), self.is_initialised(slot));
        let serves = matches!(self.pod.containers[slot].role, Role::Sidecar | Role::App);
        let record = &mut self.records[slot];
        let tally = &mut self.tally;
        tally.ready =
            tally.ready + usize::from(ready && serves) - usize::from(record.ready && serves);
        tally.initialised =
            tally.initialised + usize::from(initialised) - usize::from(record.initialised);
        (record.ready, record.initialised) = (ready, initialised);
    }

    /// `status.ready`: an init container that has completed, any other that is started and whose readiness probe says so.
    fn is_ready(&self, slot: Slot) -> bool {
        let record = &self.records[slot];
        match self.pod.containers[slot].role {
            Role::Init => {
                matches!(record.state, State::Done)
                    && record.newest.as_ref().is_some_and(|ended| ended.code == 0)
            }
            Role::Sidecar | Role::App => {
                record.is_started() && record.running().is_some_and(|running| running.readiness)
            }
            Role::Ephemeral => false,
        }
    }

    fn is_initialised(&self, slot: Slot) -> bool {
        match self.pod.containers[slot].role {
            Role::Init => self.is_ready(slot),
            Role::Sidecar => self.records[slot].is_started(),
            Role::App | Role::Ephemeral => false,
        }
    }
}
