//! Deciding (`pkg/kubelet/kuberuntime/kuberuntime_manager.go` `computePodActions`, `SyncPod`; `pkg/kubelet/pod_workers.go`).

use super::event;
use super::life::{Course, Life, Sandbox, Why};
use super::observe::RELIST;
use super::record::{Ended, PostStart, Reason, State, Stopping};
use super::stop::Step;
use super::{Action, Hook, Plan, Signal, Time};
use crate::spec::pod::{RestartPolicy, Role, Slot};

impl Life {
    /// Decides what to do next, and remembers what it asked for: asking twice does not act twice.
    pub fn plan(&mut self, now: Time) -> Plan {
        let mut plan = Plan::default();
        self.check_end(now);
        match self.course {
            Course::Living => self.plan_living(now, &mut plan),
            Course::Renewing { since } => self.plan_renewing(since, now, &mut plan),
            Course::Ending { at_once, .. } => self.plan_ending(at_once, now, &mut plan),
        }
        if let (false, Some(deadline)) = (self.is_ending(), self.deadline()) {
            plan.wake_by(deadline);
        }
        self.settle_conditions(now);
        plan.events = std::mem::take(&mut self.events);
        plan.finished = self.is_ended();
        plan
    }

    /// Everything has stopped for good and the sandbox is gone.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ending() && self.sandbox == Sandbox::Gone
    }

    fn deadline(&self) -> Option<Time> {
        self.pod.active_deadline.map(|limit| self.born + limit)
    }

    /// Whether the pod is to end by itself.
    fn check_end(&mut self, now: Time) {
        if self.is_ending() {
            return;
        }
        let grace = self.pod.termination_grace.as_secs();
        let apps = self.regular - self.inits;
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.say(None, now, event::deadline_exceeded());
            self.end(grace, Why::Deadline, now);
        } else if self.course == Course::Living
            && (self.tally.init_failed || self.tally.apps_done == apps)
        {
            self.end(grace, Why::Over, now);
        }
    }

    fn plan_living(&mut self, now: Time, plan: &mut Plan) {
        match self.sandbox {
            Sandbox::Absent { retry_at } if now < retry_at => return plan.wake_by(retry_at),
            Sandbox::Absent { .. } => {
                if !self.plan_volumes(now, plan) {
                    return;
                }
                self.sandbox = Sandbox::Making;
                return plan.actions.push(Action::MakeSandbox {
                    attempt: self.attempt,
                });
            }
            Sandbox::Making | Sandbox::Removing | Sandbox::Gone => return,
            Sandbox::Ready => {}
        }
        self.plan_ephemeral(now, plan);
        let mut unsettled = None;
        for slot in self.lo..self.hi {
            if !self.tend(slot, now, plan) && unsettled.is_none() {
                unsettled = Some(slot);
            }
        }
        self.lo = unsettled.unwrap_or(self.hi);
        while self.busy.is_none() && self.hi < self.regular && self.may_start(self.hi) {
            let slot = self.hi;
            self.hi += 1;
            // A pod that goes on after a loss has containers that are done for good.
            if matches!(self.records[slot].state, State::Fresh) {
                self.begin_first(slot, now, plan);
            }
        }
    }

    /// Ephemeral containers come before all others, and wait for no initialisation.
    fn plan_ephemeral(&mut self, now: Time, plan: &mut Plan) {
        for slot in self.regular..self.records.len() {
            if !matches!(self.records[slot].state, State::Fresh) {
                self.tend(slot, now, plan);
            } else if self.busy.is_none() {
                self.begin_first(slot, now, plan);
            }
        }
    }

    /// What one container needs now. True when it needs nothing more until something is observed of it.
    fn tend(&mut self, slot: Slot, now: Time, plan: &mut Plan) -> bool {
        match &mut self.records[slot].state {
            State::Fresh | State::Pulling | State::Starting | State::Done => true,
            State::Idle { .. } => {
                self.consider(slot, now, plan);
                false
            }
            State::Pulled => {
                self.begin_start(slot, plan);
                true
            }
            State::Running(running) => {
                if running.post_start == PostStart::Due {
                    running.post_start = PostStart::Asked;
                    plan.actions.push(Action::Hook {
                        slot,
                        hook: Hook::PostStart,
                        deadline: None,
                    });
                }
                match running.stopping {
                    Stopping::No => true,
                    Stopping::Wanted(reason) => {
                        self.begin_stop(slot, reason, now, plan);
                        self.advance_stop(slot, true, now, plan)
                    }
                    Stopping::Under { .. } => self.advance_stop(slot, true, now, plan),
                }
            }
        }
    }

    fn begin_stop(&mut self, slot: Slot, reason: Reason, now: Time, plan: &mut Plan) {
        let container = &self.pod.containers[slot];
        let whole = self.pod.termination_grace;
        let own = |probe: &Option<crate::spec::pod::Probe>| {
            probe
                .as_ref()
                .and_then(|probe| probe.termination_grace)
                .unwrap_or(whole)
        };
        let grace = match (self.course, reason) {
            (Course::Ending { grace, .. }, _) => grace,
            (Course::Renewing { .. }, _) => 0,
            (Course::Living, Reason::Liveness) => own(&container.liveness).as_secs(),
            (Course::Living, Reason::Startup) => own(&container.startup).as_secs(),
            (Course::Living, Reason::PostStart | Reason::Definition | Reason::Pod) => {
                whole.as_secs()
            }
        };
        let step = Step::begin(now, grace, container.has_pre_stop);
        if let Step::PreStop { since, left } = step {
            let deadline = Some(since + std::time::Duration::from_secs(left));
            plan.actions.push(Action::Hook {
                slot,
                hook: Hook::PreStop,
                deadline,
            });
        }
        let message = self.kill_message(slot, reason);
        self.say(Some(slot), now, event::killing(message));
        if let Some(running) = self.records[slot].running_mut() {
            running.stopping = Stopping::Under { reason, step };
        }
    }

    fn kill_message(&self, slot: Slot, reason: Reason) -> String {
        let container = &self.pod.containers[slot];
        let name = &container.name;
        let init = matches!(container.role, Role::Sidecar | Role::Init);
        let probe = match reason {
            Reason::Pod => return format!("Stopping container {name}"),
            // The reason in the place of a message: so the kubelet calls it.
            Reason::PostStart => return "FailedPostStartHook".to_owned(),
            Reason::Definition if init => {
                return format!("Init container {name} definition changed");
            }
            Reason::Definition => {
                return format!("Container {name} definition changed, will be restarted");
            }
            Reason::Liveness => "liveness",
            Reason::Startup => "startup",
        };
        match (container.role, container.restart_policy) {
            (Role::Sidecar | Role::Init, _) => {
                format!("Init container {name} failed {probe} probe")
            }
            (_, RestartPolicy::Never) => format!("Container {name} failed {probe} probe"),
            (Role::App | Role::Ephemeral, _) => {
                format!("Container {name} failed {probe} probe, will be restarted")
            }
        }
    }

    /// Goes on with a stop; `turn` says that it need not wait for others. True when only the exit is missing.
    fn advance_stop(&mut self, slot: Slot, turn: bool, now: Time, plan: &mut Plan) -> bool {
        let Some(running) = self.records[slot].running_mut() else {
            return true;
        };
        let Stopping::Under { step, .. } = &mut running.stopping else {
            return true;
        };
        let advance = step.advance(now, turn);
        if let Some(signal) = advance.signal {
            plan.actions.push(Action::Signal { slot, signal });
        }
        if let Some(wake_at) = advance.wake_at {
            plan.wake_by(wake_at);
        }
        advance.wake_at.is_none()
    }

    /// Stops everything, and forgets about pulls under way.
    fn stop_all(&mut self, now: Time, plan: &mut Plan) {
        for slot in self.begun() {
            match &self.records[slot].state {
                State::Pulling | State::Pulled => self.idle(slot, now),
                State::Running(running)
                    if matches!(running.stopping, Stopping::No | Stopping::Wanted(_)) =>
                {
                    self.begin_stop(slot, Reason::Pod, now, plan);
                }
                _ => {}
            }
        }
        // A sidecar waits for what is declared after it; regular init containers are not waited for.
        let serving = |life: &Life, slot: Slot| {
            let role = life.pod.containers[slot].role;
            matches!(role, Role::Sidecar | Role::App) && life.records[slot].is_live()
        };
        let mut after = (0..self.hi).filter(|&slot| serving(self, slot)).count();
        for slot in self.begun() {
            after -= usize::from(serving(self, slot));
            let waits =
                self.is_ending() && self.pod.containers[slot].role == Role::Sidecar && after > 0;
            self.advance_stop(slot, !waits, now, plan);
        }
    }

    /// The slots in which something may have begun.
    fn begun(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.hi).chain(self.regular..self.records.len())
    }

    fn plan_renewing(&mut self, since: Time, now: Time, plan: &mut Plan) {
        self.stop_all(now, plan);
        // Once per relist at most, as in the kubelet, so that a container that always asks for it does not spin the pod.
        let begin = since + RELIST;
        if self.tally.live > 0 {
            return;
        }
        if now < begin {
            return plan.wake_by(begin);
        }
        for slot in 0..self.hi {
            self.renew(slot);
        }
        (self.lo, self.hi, self.busy) = (0, 0, None);
        self.tally = super::life::Tally {
            ready: self.tally.ready,
            initialised: self.tally.initialised,
            ..Default::default()
        };
        self.first_failure = None;
        self.course = Course::Living;
        self.plan_living(now, plan);
    }

    /// The container is removed as if it had never been, but for its count and last state.
    fn renew(&mut self, slot: Slot) {
        const REASON: &str = "RestartingAllContainers";
        const MESSAGE: &str = "The container is removed because RestartAllContainers in place";
        let record = &mut self.records[slot];
        if record.seen {
            record.renewed = true;
            record.set_problem(REASON, MESSAGE.to_owned());
            record.push_ended(Ended {
                code: 137,
                reason: REASON.into(),
                message: MESSAGE.to_owned(),
                started: None,
                finished: None,
                container_id: String::new(),
            });
        }
        record.seen = false;
        self.put(slot, State::Fresh);
    }

    fn plan_ending(&mut self, at_once: bool, now: Time, plan: &mut Plan) {
        if at_once {
            self.kill_all(now, plan);
        } else {
            self.stop_all(now, plan);
        }
        if self.tally.live > 0 {
            return;
        }
        match self.sandbox {
            Sandbox::Ready => {
                self.sandbox = Sandbox::Removing;
                plan.actions.push(Action::RemoveSandbox);
            }
            // What is being mounted is waited for, and then taken away.
            Sandbox::Absent { .. } if self.is_mounting() => {}
            Sandbox::Absent { .. } if self.has_volumes() => {
                self.sandbox = Sandbox::Removing;
                plan.actions.push(Action::RemoveSandbox);
            }
            Sandbox::Absent { .. } => self.sandbox = Sandbox::Gone,
            Sandbox::Making | Sandbox::Removing | Sandbox::Gone => {}
        }
    }

    fn kill_all(&mut self, now: Time, plan: &mut Plan) {
        for slot in self.begun() {
            let Some(running) = self.records[slot].running_mut() else {
                continue;
            };
            let told = match running.stopping {
                Stopping::Under {
                    step: Step::Kill, ..
                } => continue,
                Stopping::Under { .. } => true,
                Stopping::No | Stopping::Wanted(_) => false,
            };
            running.stopping = Stopping::Under {
                reason: Reason::Pod,
                step: Step::Kill,
            };
            if !told {
                let message = self.kill_message(slot, Reason::Pod);
                self.say(Some(slot), now, event::killing(message));
            }
            plan.actions.push(Action::Signal {
                slot,
                signal: Signal::Kill,
            });
        }
    }
}

impl Plan {
    pub(super) fn wake_by(&mut self, time: Time) {
        self.wake_at = Some(self.wake_at.map_or(time, |before| before.min(time)));
    }
}
