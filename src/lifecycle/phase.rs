//! What a container shows, and the pod's phase made of that (`pkg/kubelet/kubelet_pods.go`
//! `convertToAPIContainerStatuses`, `getPhase`).

use super::Time;
use super::life::Life;
use super::record::{Ended, PostStart, Problem, State};
use crate::spec::pod::{Role, Slot};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
        }
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, Phase::Succeeded | Phase::Failed)
    }
}

/// The state of a container as the API shows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown<'a> {
    /// No problem: it was never tried, or is being made for the first time.
    Waiting {
        problem: Option<&'a Problem>,
        last: Option<&'a Ended>,
    },
    Running {
        since: Time,
        last: Option<&'a Ended>,
    },
    Terminated {
        ended: &'a Ended,
        last: Option<&'a Ended>,
    },
    /// It was never made, in a pod that has started and is gone.
    Lost,
}

impl Life {
    /// The kubelet's reading: what would be started again shows the last problem of starting it, if there was one; else the
    /// last exit; else that it waits.
    pub(super) fn shown(&self, slot: Slot) -> Shown<'_> {
        let record = &self.records[slot];
        let (newest, before) = (record.newest.as_deref(), record.before.as_deref());
        if let State::Running(running) = &record.state {
            // Until postStart has returned the kubelet does not look, so it does not show either.
            if running.post_start == PostStart::Passed || self.is_ending() {
                return Shown::Running {
                    since: running.since,
                    last: newest,
                };
            }
        }
        let wanted = !self.is_ending() && !matches!(record.state, State::Done);
        match (record.problem.as_deref(), newest) {
            (Some(problem), _) if wanted => Shown::Waiting {
                problem: Some(problem),
                last: newest,
            },
            (_, Some(ended)) => Shown::Terminated {
                ended,
                last: before,
            },
            (_, None) if self.is_ended() && self.conditions.initialized.is_true() => Shown::Lost,
            (_, None) => Shown::Waiting {
                problem: None,
                last: None,
            },
        }
    }

    /// The pod's phase, always made anew from what its containers show. A terminal one stays.
    pub fn phase(&self) -> Phase {
        if self.is_condemned() {
            return Phase::Failed;
        }
        let phase = self
            .count()
            .decide(self.is_ended(), self.tally.apps_seen > 0);
        // Whatever had not come so far when the pod went, has not succeeded.
        if self.is_ended() && !phase.is_terminal() {
            Phase::Failed
        } else {
            phase
        }
    }

    fn count(&self) -> Counts {
        let mut counts = Counts::default();
        for (slot, container) in self.pod.containers.iter().enumerate() {
            let shown = self.shown(slot);
            match container.role {
                Role::Init => self.count_init(slot, shown, &mut counts),
                Role::Sidecar => self.count_sidecar(slot, shown, &mut counts),
                Role::App => self.count_app(slot, shown, &mut counts),
                Role::Ephemeral => {}
            }
        }
        counts
    }

    fn is_done(&self, slot: Slot) -> bool {
        matches!(self.records[slot].state, State::Done)
    }

    fn count_init(&self, slot: Slot, shown: Shown<'_>, counts: &mut Counts) {
        match shown {
            Shown::Running { .. } | Shown::Waiting { last: None, .. } => counts.init_pending += 1,
            Shown::Waiting { .. } | Shown::Lost => {}
            // Stopped with the pod is not failed for good, unless it was the reason that the pod goes.
            Shown::Terminated { ended, .. } => {
                counts.init_failed |= self.is_done(slot)
                    && ended.code != 0
                    && (self.tally.init_failed || !self.is_ending());
                counts.init_pending +=
                    usize::from(ended.code != 0 && self.is_ending() && !self.tally.init_failed);
            }
        }
    }

    fn count_sidecar(&self, slot: Slot, shown: Shown<'_>, counts: &mut Counts) {
        match shown {
            Shown::Running { .. } => {
                counts.running += 1;
                counts.sidecars_pending += usize::from(!self.records[slot].is_started());
            }
            Shown::Waiting { last: None, .. } => {
                counts.sidecars_pending += 1;
                counts.waiting += 1;
            }
            // Being restarted it is neither here nor there; but it may come up any moment, so the pod is not over yet.
            Shown::Waiting { .. } | Shown::Terminated { .. } if self.records[slot].is_live() => {
                counts.running += 1
            }
            Shown::Waiting { .. } | Shown::Terminated { .. } | Shown::Lost => {}
        }
    }

    fn count_app(&self, slot: Slot, shown: Shown<'_>, counts: &mut Counts) {
        match shown {
            Shown::Running { .. } => counts.running += 1,
            Shown::Terminated { ended, .. } => {
                counts.stopped += 1;
                counts.stopped_for_good += usize::from(self.is_done(slot));
                counts.succeeded += usize::from(ended.code == 0);
            }
            Shown::Waiting { last: Some(_), .. } => counts.stopped += 1,
            Shown::Waiting { last: None, .. } => counts.waiting += 1,
            Shown::Lost => {
                counts.stopped += 1;
                counts.stopped_for_good += 1;
            }
        }
    }
}

/// How many containers show what.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    init_pending: usize,
    init_failed: bool,
    sidecars_pending: usize,
    running: usize,
    stopped: usize,
    stopped_for_good: usize,
    succeeded: usize,
    waiting: usize,
}

impl Counts {
    /// The first rule that fits. `initialised`: a regular container has been started.
    fn decide(self, ended: bool, initialised: bool) -> Phase {
        let pending = self.init_pending > 0
            || (self.sidecars_pending > 0 && !initialised)
            || self.waiting > 0;
        let over = || {
            if self.stopped == self.succeeded {
                Phase::Succeeded
            } else {
                Phase::Failed
            }
        };
        if self.init_failed {
            Phase::Failed
        } else if pending {
            Phase::Pending
        } else if self.running > 0 {
            Phase::Running
        } else if self.stopped == 0 {
            Phase::Pending
        } else if ended || self.stopped == self.stopped_for_good {
            over()
        } else {
            Phase::Running
        }
    }
}
