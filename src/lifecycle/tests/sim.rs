//! Properties that hold whatever a machine does: a simulated one answers after random delays with random outcomes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::play::BORN;
use super::pods::{With, app, ephemeral, init, pod, probe, rule, sidecar, volume};
use crate::lifecycle::life::Course;
use crate::lifecycle::record::State;
use crate::lifecycle::*;
use crate::spec::pod::{Container, ExitCodes, Image, Pod, RestartPolicy, Role, RuleAction, Slot};

/// No answer of the machine takes longer, but for a container that ignores TERM.
const SLOWEST: Duration = Duration::from_secs(20);
/// What a killed container and a removed sandbox take at most.
const QUICK: Duration = Duration::from_millis(100);

/// Small, seeded, good enough: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn within(&mut self, longest: Duration) -> Duration {
        Duration::from_millis(self.roll(longest.as_millis() as u64))
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

struct Sim {
    life: Life,
    dice: Dice,
    now: Time,
    /// Facts to come, by time and a running number.
    agenda: BTreeMap<(Time, u64), Input>,
    scheduled: u64,
    /// Answers the machine owes, apart from exits.
    owed: usize,
    /// Containers that were asked to start and have not ended: when they were, when TERM was sent, whether KILL was.
    live: BTreeMap<Slot, Instance>,
    /// Init containers that have completed since they were last started.
    completed: Vec<bool>,
    /// The number of the newest instance that has come up, by container.
    newest: BTreeMap<Slot, u32>,
    losses: u32,
    deleted: bool,
    aborted: bool,
    must_finish_by: Option<Time>,
    terminal: Option<Phase>,
}

#[derive(Default)]
struct Instance {
    number: u32,
    up: bool,
    term: Option<Time>,
    killed: bool,
}

impl Sim {
    fn new(pod: Pod, seed: u64) -> Sim {
        Sim {
            completed: vec![false; pod.containers.len()],
            life: Life::new(Arc::new(pod), Node::new("sim", vec![]), BORN),
            dice: Dice(seed),
            now: BORN,
            agenda: BTreeMap::new(),
            scheduled: 0,
            owed: 0,
            live: BTreeMap::new(),
            newest: BTreeMap::new(),
            losses: 0,
            deleted: false,
            aborted: false,
            must_finish_by: None,
            terminal: None,
        }
    }

    fn schedule(&mut self, after: Duration, input: Input) {
        self.scheduled += 1;
        self.agenda
            .insert((self.now + after, self.scheduled), input);
    }

    fn owe(&mut self, longest: Duration, input: Input) {
        self.owed += 1;
        let after = self.dice.within(longest);
        self.schedule(after, input);
    }

    /// Runs until the pod is finished; it is deleted after so many facts if it has not ended by then.
    fn run(&mut self, facts: usize) {
        for step in 0.. {
            assert!(step < facts + 2000, "the pod does not come to an end");
            if step == facts && !self.deleted {
                self.delete();
            }
            let plan = self.plan();
            if plan.finished {
                assert!(self.live.is_empty(), "finished while containers live");
                assert!(self.life.phase().is_terminal());
                return;
            }
            let Some(next) = self.next(plan.wake_at) else {
                assert!(
                    !self.deleted,
                    "a deleted pod has come to rest without being finished"
                );
                self.delete();
                continue;
            };
            self.happen(next);
            if self.dice.one_in(20) {
                self.change();
            }
            if self.dice.one_in(20) {
                self.happen(Some(Input::SurroundingsChanged));
            }
            if self.dice.one_in(200) {
                self.evict();
            }
            if self.losses < 3 && self.terminal.is_none() && self.dice.one_in(50) {
                self.lose();
            }
        }
    }

    fn plan(&mut self) -> Plan {
        let before = self.life.phase();
        let plan = self.life.plan(self.now);
        self.check_phase(before);
        assert!(
            plan.wake_at.is_none_or(|wake_at| wake_at > self.now),
            "wake_at is in the past"
        );
        for action in &plan.actions {
            self.carry_out(action);
        }
        let again = self.life.plan(self.now);
        assert!(
            again.actions.is_empty() && again.events.is_empty(),
            "asking twice acts twice"
        );
        assert_eq!(
            (again.wake_at, again.finished),
            (plan.wake_at, plan.finished)
        );
        self.check(&plan);
        plan
    }

    fn check_phase(&mut self, phase: Phase) {
        for phase in [phase, self.life.phase()] {
            if let Some(terminal) = self.terminal {
                assert_eq!(terminal, phase, "a terminal phase has changed");
            }
            self.terminal = self
                .terminal
                .or(Some(phase).filter(|phase| phase.is_terminal()));
        }
    }

    fn check(&self, plan: &Plan) {
        if let Some(end) = self.must_finish_by {
            assert!(self.now <= end, "termination takes too long");
        }
        self.check_sums();
        // Nothing is abandoned: with nothing to come, whoever is down has completed or is kept waiting by one that runs.
        if !self.life.is_ending()
            && plan.wake_at.is_none()
            && self.owed == 0
            && self.terminal.is_none()
        {
            assert!(!self.live.is_empty(), "nothing runs and nothing will");
            // Everybody waits for the one being started, and all for those that stop before the pod is set up again.
            let held = self.life.busy.is_some() || self.life.course != Course::Living;
            for slot in 0..self.life.records.len() {
                let waits = held
                    || matches!(self.life.records[slot].state, State::Done)
                    || !self.life.may_start(slot);
                assert!(
                    self.live.contains_key(&slot) || waits,
                    "container {slot} is abandoned"
                );
            }
        }
    }

    /// The sums kept with every fact are those of a scan, and the status agrees with them.
    fn check_sums(&self) {
        let life = &self.life;
        assert_eq!(
            life.tally.live,
            life.records
                .iter()
                .filter(|record| record.is_live())
                .count()
        );
        assert_eq!(life.tally.live, self.live.len());
        assert_eq!(
            life.tally.initialised,
            life.records
                .iter()
                .filter(|record| record.initialised)
                .count()
        );
        let status = life.status();
        let containers = life.pod().containers.iter();
        let inits = status.init_container_statuses.into_iter().flatten();
        let sidecars = inits
            .zip(containers)
            .filter(|(_, container)| container.role == Role::Sidecar)
            .map(|(status, _)| status);
        let ready = sidecars
            .chain(status.container_statuses.unwrap())
            .all(|status| status.ready);
        let condition = status
            .conditions
            .unwrap()
            .into_iter()
            .find(|c| c.type_ == "ContainersReady")
            .unwrap();
        if !life.phase().is_terminal() {
            assert_eq!(condition.status == "True", ready);
        }
    }

    fn carry_out(&mut self, action: &Action) {
        let ending = self.deleted || self.terminal.is_some();
        let starts = matches!(
            action,
            Action::MountVolumes
                | Action::MakeSandbox { .. }
                | Action::Pull { .. }
                | Action::Start { .. }
        );
        assert!(!(starts && ending), "{action:?} after the end");
        match *action {
            Action::MountVolumes => self.mount(),
            Action::MakeSandbox { .. } if self.dice.one_in(4) => {
                self.owe(SLOWEST, Input::SandboxFailed { error: "no".into() })
            }
            Action::MakeSandbox { .. } => self.owe(SLOWEST, Input::SandboxReady { ips: vec![] }),
            Action::RemoveSandbox => {
                assert!(
                    self.live.is_empty(),
                    "the sandbox goes while containers live"
                );
                self.owe(QUICK, Input::SandboxRemoved);
            }
            Action::Pull { slot } => self.pull(slot),
            Action::Start { slot, attempt } => self.start(slot, attempt),
            Action::Hook { slot, hook, .. } => {
                assert!(self.live.contains_key(&slot));
                let result = if self.dice.one_in(4) {
                    Err("no".into())
                } else {
                    Ok(())
                };
                self.owe(SLOWEST, Input::HookDone { slot, hook, result });
            }
            Action::Signal { slot, signal } => self.signal(slot, signal),
        }
    }

    /// Some volumes fail, all in one go.
    fn mount(&mut self) {
        let after = self.dice.within(SLOWEST);
        let failures = self.dice.roll(3).saturating_sub(1) as usize;
        for volume in 0..failures {
            self.owed += 1;
            let error = format!("configmap \"{volume}\" not found");
            self.schedule(after, Input::MountFailed { volume, error });
        }
        if failures == 0 {
            self.owed += 1;
            self.schedule(after, Input::VolumesMounted);
        }
    }

    fn pull(&mut self, slot: Slot) {
        let input = match self.dice.roll(6) {
            0 => Input::ImageFailed {
                slot,
                reason: ImageProblem::ErrImagePull,
                message: "no".into(),
            },
            1 => Input::ImageFailed {
                slot,
                reason: ImageProblem::ErrImageNeverPull,
                message: String::new(),
            },
            _ => Input::ImageReady {
                slot,
                image_id: "x".into(),
                pulled: None,
            },
        };
        self.owe(SLOWEST, input);
    }

    fn start(&mut self, slot: Slot, number: u32) {
        assert!(
            self.live.values().all(|instance| instance.up),
            "two containers are started at once"
        );
        assert!(
            self.live
                .insert(
                    slot,
                    Instance {
                        number,
                        ..Instance::default()
                    }
                )
                .is_none(),
            "two instances of container {slot}"
        );
        let role = self.life.pod().containers[slot].role;
        let before = |other: &Slot| role == Role::App || *other < slot;
        let missing = (0..self.life.inits).filter(before).find(|&other| {
            self.life.pod().containers[other].role == Role::Init && !self.completed[other]
        });
        assert!(
            role != Role::App || missing.is_none(),
            "container {slot} starts before init container {missing:?} is done"
        );
        self.completed[slot] = false;
        let input = match self.dice.roll(8) {
            0 => Input::StartFailed {
                slot,
                reason: [
                    StartProblem::CreateContainerError,
                    StartProblem::CreateContainerConfigError,
                ][self.dice.roll(2) as usize],
                message: "no".into(),
            },
            1 => Input::StartFailed {
                slot,
                reason: StartProblem::RunContainerError,
                message: "no".into(),
            },
            _ => Input::Started {
                slot,
                container_id: "x".into(),
            },
        };
        self.owe(SLOWEST, input);
    }

    fn signal(&mut self, slot: Slot, signal: Signal) {
        let now = self.now;
        let instance = self
            .live
            .get_mut(&slot)
            .expect("a signal to a container that does not live");
        assert!(instance.up && !instance.killed, "a signal too many");
        match signal {
            Signal::Term => {
                assert_eq!(instance.term.replace(now), None, "TERM twice");
                if !self.dice.one_in(3) {
                    let after = self.dice.within(SLOWEST);
                    self.schedule(after, exited(slot, 143));
                }
            }
            Signal::Kill => {
                instance.killed = true;
                let patient = instance
                    .term
                    .is_some_and(|term| now.since(term) >= Duration::from_secs(2));
                assert!(
                    patient || self.aborted,
                    "KILL less than two seconds after TERM"
                );
                let after = self.dice.within(QUICK);
                self.schedule(after, exited(slot, 137));
            }
        }
    }

    /// The next fact or the end of the wait, whichever is first. None when nothing will ever happen.
    fn next(&mut self, wake_at: Option<Time>) -> Option<Option<Input>> {
        let first = self.agenda.first_key_value().map(|(&(at, _), _)| at);
        let now = match (first, wake_at) {
            (None, None) => return None,
            (Some(first), Some(wake_at)) if wake_at < first => wake_at,
            (None, Some(wake_at)) => wake_at,
            (Some(first), _) => {
                self.now = first;
                return Some(self.agenda.pop_first().map(|(_, input)| input));
            }
        };
        self.now = now;
        Some(None)
    }

    fn happen(&mut self, input: Option<Input>) {
        let Some(input) = input else { return };
        let before = self.life.phase();
        match &input {
            Input::Exited { slot, exit } => {
                // An exit that was scheduled for an earlier instance.
                if !self.live.get(slot).is_some_and(|instance| instance.up) {
                    return;
                }
                self.live.remove(slot);
                self.completed[*slot] = exit.code == 0;
            }
            Input::Started { slot, .. } => {
                self.owed -= 1;
                let instance = self.live.get_mut(slot).unwrap();
                instance.up = true;
                let before = self.newest.insert(*slot, instance.number);
                assert!(
                    before < Some(instance.number),
                    "instance {} of container {slot} comes after {before:?}",
                    instance.number
                );
                self.live_on(*slot);
            }
            Input::StartFailed { slot, .. } => {
                self.owed -= 1;
                self.live.remove(slot);
            }
            Input::Update(pod) => {
                self.completed
                    .resize(pod.containers.len().max(self.completed.len()), false);
            }
            Input::ProbeResult { .. }
            | Input::Delete { .. }
            | Input::Abort
            | Input::Evict { .. }
            | Input::SurroundingsChanged => {}
            _ => self.owed -= 1,
        }
        self.life.observe(input, self.now);
        self.check_phase(before);
    }

    /// The pod's process is lost with all that ran in it, and another one goes on.
    fn lose(&mut self) {
        self.losses += 1;
        let (pod, node) = (Arc::clone(self.life.pod()), self.life.node.clone());
        let previous = self.life.status();
        // Nobody has heard of an instance whose postStart hook had not returned.
        for (slot, instance) in &self.live {
            if instance.up && !self.life.is_shown_running(*slot) {
                self.newest.remove(slot);
            }
        }
        self.now = self.now + self.dice.within(SLOWEST);
        self.life = Life::resume(pod, node, &previous, self.losses, self.now);
        self.agenda.clear();
        self.live.clear();
        self.owed = 0;
        self.completed.fill(false);
        if self.deleted {
            self.delete();
        }
    }

    /// Now and then somebody changes an image or looks into the pod.
    fn change(&mut self) {
        let mut pod = Pod::clone(self.life.pod());
        let count = pod.containers.len() as u64;
        if self.dice.one_in(3) {
            pod.containers.push(ephemeral(&format!("e{count}")));
        } else {
            let slot = self.dice.roll(count) as usize;
            let written = format!("image{}", self.dice.roll(3));
            pod.containers[slot].image = Image::Registry {
                reference: written.clone(),
                written,
            };
        }
        // Not from an older definition: changes come one after another.
        self.happen(Some(Input::Update(Arc::new(pod))));
    }

    fn evict(&mut self) {
        let was_ending = self.life.is_ending();
        let message = "too much".into();
        self.happen(Some(Input::Evict { message }));
        if !was_ending {
            assert_eq!(self.terminal, Some(Phase::Failed));
            // The machine may take its time over what it has begun.
            self.must_finish_by = Some(self.now + SLOWEST + Duration::from_secs(4));
        }
    }

    /// What a container that has come up will do by itself.
    fn live_on(&mut self, slot: Slot) {
        if !self.dice.one_in(3) {
            let code = [0, 0, 1, 42][self.dice.roll(4) as usize];
            let longest = [2, 40, 900][self.dice.roll(3) as usize];
            let after = self.dice.within(Duration::from_secs(longest));
            self.schedule(after, exited(slot, code));
        }
        for probe in [Probe::Startup, Probe::Readiness, Probe::Liveness] {
            let after = self.dice.within(Duration::from_secs(60));
            let healthy = !self.dice.one_in(4);
            self.schedule(
                after,
                Input::ProbeResult {
                    slot,
                    probe,
                    healthy,
                },
            );
        }
    }

    /// The user ends the pod, perhaps hastens it later, perhaps loses patience.
    fn delete(&mut self) {
        self.deleted = true;
        let grace = self.dice.roll(40);
        self.life.observe(
            Input::Delete {
                grace: Some(Duration::from_secs(grace)),
            },
            self.now,
        );
        let grace = Duration::from_secs(grace.max(1));
        self.must_finish_by = Some(self.now + SLOWEST + grace + Duration::from_secs(2) + 2 * QUICK);
        if self.dice.one_in(3) {
            let after = self.dice.within(Duration::from_secs(10));
            let grace = Some(self.dice.within(Duration::from_secs(20)));
            self.schedule(after, Input::Delete { grace });
        }
        if self.dice.one_in(5) {
            self.aborted = true;
            let after = self.dice.within(Duration::from_secs(10));
            self.schedule(after, Input::Abort);
        }
    }
}

fn exited(slot: Slot, code: i32) -> Input {
    Input::Exited {
        slot,
        exit: Exit {
            code,
            cause: Cause::Exited,
            message: String::new(),
        },
    }
}

fn any_container() -> impl Strategy<Value = Container> {
    let policy = prop_oneof![
        Just(RestartPolicy::Always),
        Just(RestartPolicy::OnFailure),
        Just(RestartPolicy::Never)
    ];
    let role = prop_oneof![1 => Just(Role::Init), 1 => Just(Role::Sidecar), 2 => Just(Role::App)];
    (role, policy, any::<[bool; 5]>(), 0..8u8).prop_map(
        |(role, policy, [post_start, pre_stop, startup, readiness, gated], rules)| {
            let container = match role {
                Role::Init => return init("").with(|c| c.restart_policy = policy),
                Role::Sidecar => sidecar(""),
                Role::App => app("").with(|c| c.restart_policy = policy),
                Role::Ephemeral => ephemeral(""),
            };
            container.with(|c| {
                (c.has_post_start, c.has_pre_stop) = (post_start && gated, pre_stop);
                c.startup = probe().filter(|_| startup);
                c.readiness = probe().filter(|_| readiness);
                c.restart_rules = match rules {
                    0 => vec![rule(RuleAction::RestartAllContainers, ExitCodes::In, &[42])],
                    1 => vec![rule(RuleAction::Restart, ExitCodes::NotIn, &[0])],
                    _ => vec![],
                };
            })
        },
    )
}

fn any_pod() -> impl Strategy<Value = Pod> {
    (
        prop::collection::vec(any_container(), 0..6),
        prop::option::weighted(0.2, 1..200u64),
        0..40u64,
        0..3usize,
    )
        .prop_map(|(mut containers, deadline, grace, volumes)| {
            containers.push(app(""));
            containers.sort_by_key(|container| container.role == Role::App);
            for (slot, container) in containers.iter_mut().enumerate() {
                container.name = format!("c{slot}");
            }
            pod(containers).with(|p| {
                p.active_deadline = deadline.map(Duration::from_secs);
                p.termination_grace = Duration::from_secs(grace);
                p.volumes = (0..volumes).map(|at| volume(&format!("v{at}"))).collect();
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_machine_does_the_rules_hold_and_the_pod_comes_to_an_end(pod in any_pod(), seed in any::<u64>(), facts in 0usize..300) {
        Sim::new(pod, seed).run(facts);
    }

    #[test]
    fn with_always_and_no_deadline_a_pod_does_not_end_by_itself(count in 1usize..5, seed in any::<u64>()) {
        let containers = (0..count).map(|n| app(&format!("c{n}")));
        let mut sim = Sim::new(pod(containers), seed);
        for _ in 0..200 {
            let plan = sim.plan();
            prop_assert!(!plan.finished && !sim.life.is_ending());
            let Some(next) = sim.next(plan.wake_at) else { break };
            sim.happen(next);
        }
        prop_assert!(sim.terminal.is_none());
    }
}
