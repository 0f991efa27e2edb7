//! A pod played with literal times against a machine that does what it is asked at once, unless the test says it holds
//! something back. What happens becomes lines like `12.5 start a#1`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1;

use crate::lifecycle::*;
use crate::spec::pod::{Image, Pod, Slot};

/// The pod is accepted at this time; scripts count from here.
pub const BORN: Time = Time::from_secs(1_700_000_000);

pub struct Play {
    pub life: Life,
    pub now: Time,
    pub finished: bool,
    wake_at: Option<Time>,
    held: Vec<String>,
    actions: Vec<String>,
    events: Vec<String>,
}

impl Play {
    pub fn new(pod: Pod) -> Play {
        Play::on(
            Node::new("here", vec!["192.0.2.1".parse().unwrap()]),
            pod,
            &[],
        )
    }

    /// The machine does not answer these actions (named as in the lines, without time and attempt) by itself.
    pub fn holding(pod: Pod, held: &[&str]) -> Play {
        Play::on(
            Node::new("here", vec!["192.0.2.1".parse().unwrap()]),
            pod,
            held,
        )
    }

    pub fn on(node: Node, pod: Pod, held: &[&str]) -> Play {
        Play::of(Life::new(Arc::new(pod), node, BORN), 0.0, held)
    }

    /// The process of a pod was lost, and another one goes on with it at `secs`.
    pub fn resumed(&self, secs: f64, attempt: u32) -> Play {
        let now = BORN + Duration::from_secs_f64(secs);
        let (pod, node) = (Arc::clone(self.life.pod()), self.life.node.clone());
        let life = Life::resume(pod, node, &self.status(), attempt, now);
        Play::of(life, secs, &[])
    }

    pub fn of(life: Life, secs: f64, held: &[&str]) -> Play {
        let mut play = Play {
            life,
            now: BORN + Duration::from_secs_f64(secs),
            finished: false,
            wake_at: None,
            held: held.iter().map(|&held| held.to_owned()).collect(),
            actions: Vec::new(),
            events: Vec::new(),
        };
        play.settle();
        play
    }

    pub fn slot(&self, name: &str) -> Slot {
        let containers = &self.life.pod().containers;
        containers
            .iter()
            .position(|container| container.name == name)
            .unwrap_or_else(|| panic!("no container {name}"))
    }

    /// Lets time pass until `secs` after the birth.
    pub fn until(&mut self, secs: f64) -> &mut Play {
        let end = BORN + Duration::from_secs_f64(secs);
        assert!(self.now <= end, "the script goes back to {secs}");
        while let Some(wake_at) = self
            .wake_at
            .filter(|&wake_at| wake_at <= end && !self.finished)
        {
            assert!(wake_at > self.now, "wake_at is not in the future");
            self.now = wake_at;
            self.settle();
        }
        self.now = end;
        self
    }

    /// Something happens at `secs`.
    pub fn at(&mut self, secs: f64, input: Input) -> &mut Play {
        self.until(secs);
        self.life.observe(input, self.now);
        self.settle();
        self
    }

    pub fn exit(&mut self, secs: f64, name: &str, code: i32) -> &mut Play {
        let slot = self.slot(name);
        self.at(
            secs,
            Input::Exited {
                slot,
                exit: exit(code),
            },
        )
    }

    pub fn probed(&mut self, secs: f64, name: &str, probe: Probe, healthy: bool) -> &mut Play {
        let slot = self.slot(name);
        self.at(
            secs,
            Input::ProbeResult {
                slot,
                probe,
                healthy,
            },
        )
    }

    pub fn hook_done(
        &mut self,
        secs: f64,
        name: &str,
        hook: Hook,
        result: Result<(), &str>,
    ) -> &mut Play {
        let slot = self.slot(name);
        self.at(
            secs,
            Input::HookDone {
                slot,
                hook,
                result: result.map_err(str::to_owned),
            },
        )
    }

    pub fn started(&mut self, secs: f64, name: &str) -> &mut Play {
        let slot = self.slot(name);
        let container_id = format!("{name}-late");
        self.at(secs, Input::Started { slot, container_id })
    }

    pub fn start_fails(
        &mut self,
        secs: f64,
        name: &str,
        reason: StartProblem,
        message: &str,
    ) -> &mut Play {
        let slot = self.slot(name);
        self.at(
            secs,
            Input::StartFailed {
                slot,
                reason,
                message: message.into(),
            },
        )
    }

    pub fn image_fails(
        &mut self,
        secs: f64,
        name: &str,
        reason: ImageProblem,
        message: &str,
    ) -> &mut Play {
        let slot = self.slot(name);
        self.at(
            secs,
            Input::ImageFailed {
                slot,
                reason,
                message: message.into(),
            },
        )
    }

    pub fn delete(&mut self, secs: f64, grace: Option<u64>) -> &mut Play {
        self.at(
            secs,
            Input::Delete {
                grace: grace.map(Duration::from_secs),
            },
        )
    }

    /// The pod is defined otherwise from now on.
    pub fn update(&mut self, secs: f64, change: impl FnOnce(&mut Pod)) -> &mut Play {
        let mut pod = Pod::clone(self.life.pod());
        change(&mut pod);
        self.at(secs, Input::Update(Arc::new(pod)))
    }

    /// A container has another image from now on.
    pub fn image(&mut self, secs: f64, name: &str, image: &str) -> &mut Play {
        let slot = self.slot(name);
        let image = Image::Registry {
            written: image.into(),
            reference: format!("docker.io/library/{image}:latest"),
        };
        self.update(secs, |pod| pod.containers[slot].image = image)
    }

    /// What was asked since the last look, without pulls, which say nothing beside the starts.
    pub fn actions(&mut self) -> Vec<String> {
        let mut actions = std::mem::take(&mut self.actions);
        actions.retain(|action| !action.contains(" pull "));
        actions
    }

    pub fn all_actions(&mut self) -> Vec<String> {
        std::mem::take(&mut self.actions)
    }

    pub fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    /// Events of these reasons only.
    pub fn events_of(&mut self, reasons: &[&str]) -> Vec<String> {
        let mut events = self.events();
        events.retain(|event| {
            reasons.contains(&event.split(' ').nth(2).unwrap().trim_end_matches(':'))
        });
        events
    }

    pub fn forget(&mut self) -> &mut Play {
        self.actions.clear();
        self.events.clear();
        self
    }

    pub fn status(&self) -> v1::PodStatus {
        self.life.status()
    }

    pub fn container(&self, name: &str) -> v1::ContainerStatus {
        let status = self.status();
        let all = status
            .init_container_statuses
            .into_iter()
            .chain(status.container_statuses)
            .chain(status.ephemeral_container_statuses)
            .flatten();
        all.into_iter().find(|status| status.name == name).unwrap()
    }

    /// The container in one line: state, then what it carries.
    pub fn shows(&self, name: &str) -> String {
        let status = self.container(name);
        format!(
            "{} restarts={}",
            state_line(&status.state.unwrap()),
            status.restart_count
        )
    }

    pub fn last_state(&self, name: &str) -> String {
        self.container(name)
            .last_state
            .map_or("none".into(), |state| state_line(&state))
    }

    pub fn phase(&self) -> &'static str {
        self.life.phase().as_str()
    }

    /// `Type=Value since REASON: MESSAGE` of each condition.
    pub fn conditions(&self) -> Vec<String> {
        let line = |c: v1::PodCondition| {
            let since = c.last_transition_time.unwrap().0.as_second()
                - (BORN.nanos() / 1_000_000_000) as i64;
            let mut line = format!("{}={} {since}", c.type_, c.status);
            for text in [c.reason, c.message].into_iter().flatten() {
                line = format!("{line} {text}");
            }
            line
        };
        self.status()
            .conditions
            .unwrap()
            .into_iter()
            .map(line)
            .collect()
    }

    pub fn condition(&self, name: &str) -> String {
        let prefix = format!("{name}=");
        self.conditions()
            .into_iter()
            .find(|line| line.starts_with(&prefix))
            .unwrap()
    }

    /// Plans, and answers what the machine does at once, until there is nothing to do.
    fn settle(&mut self) {
        loop {
            let plan = self.life.plan(self.now);
            self.note(&plan);
            self.finished = plan.finished;
            self.wake_at = plan.wake_at;
            let answers: Vec<Input> = plan
                .actions
                .iter()
                .filter_map(|action| self.answer(action))
                .collect();
            if plan.actions.is_empty() {
                return;
            }
            for answer in answers {
                self.life.observe(answer, self.now);
            }
        }
    }

    fn note(&mut self, plan: &Plan) {
        let at = self.clock(self.now);
        for action in &plan.actions {
            let (name, detail) = self.describe(action);
            self.actions.push(format!("{at} {name}{detail}"));
        }
        for event in &plan.events {
            let about = event
                .slot
                .map_or("pod", |slot| &self.life.pod().containers[slot].name);
            let line = format!(
                "{} {:?} {}: {about}: {}",
                self.clock(event.at),
                event.kind,
                event.reason,
                event.message
            );
            self.events.push(line);
        }
    }

    fn clock(&self, time: Time) -> f64 {
        time.since(BORN).as_secs_f64()
    }

    fn describe(&self, action: &Action) -> (String, String) {
        let name = |slot: &Slot| self.life.pod().containers[*slot].name.clone();
        match action {
            Action::MountVolumes => ("mount".into(), String::new()),
            Action::MakeSandbox { attempt } => ("sandbox".into(), format!("#{attempt}")),
            Action::Pull { slot } => (format!("pull {}", name(slot)), String::new()),
            Action::Start { slot, attempt } => {
                (format!("start {}", name(slot)), format!("#{attempt}"))
            }
            Action::Hook {
                slot,
                hook,
                deadline,
            } => {
                let deadline =
                    deadline.map_or(String::new(), |time| format!(" by {}", self.clock(time)));
                (format!("{hook:?} {}", name(slot)), deadline)
            }
            Action::Signal { slot, signal } => {
                (format!("{signal:?} {}", name(slot)), String::new())
            }
            Action::RemoveSandbox => ("remove".into(), String::new()),
        }
    }

    /// What the machine answers at once. TERM is deadly only when the test says so by an exit.
    fn answer(&self, action: &Action) -> Option<Input> {
        let (name, _) = self.describe(action);
        if self.held.contains(&name) {
            return None;
        }
        match action.clone() {
            Action::MountVolumes => Some(Input::VolumesMounted),
            Action::MakeSandbox { .. } => Some(Input::SandboxReady {
                ips: vec!["10.0.0.7".parse::<IpAddr>().unwrap()],
            }),
            Action::Pull { slot } => Some(Input::ImageReady {
                slot,
                image_id: "sha256:1".into(),
                pulled: None,
            }),
            Action::Start { slot, attempt } => {
                let container_id = format!("{}-{attempt}", self.life.pod().containers[slot].name);
                Some(Input::Started { slot, container_id })
            }
            Action::Hook { slot, hook, .. } => Some(Input::HookDone {
                slot,
                hook,
                result: Ok(()),
            }),
            Action::Signal {
                slot,
                signal: Signal::Kill,
            } => Some(Input::Exited {
                slot,
                exit: exit(137),
            }),
            Action::Signal { .. } => None,
            Action::RemoveSandbox => Some(Input::SandboxRemoved),
        }
    }
}

pub fn exit(code: i32) -> Exit {
    Exit {
        code,
        cause: Cause::Exited,
        message: String::new(),
    }
}

fn state_line(state: &v1::ContainerState) -> String {
    if let Some(waiting) = &state.waiting {
        let message = waiting
            .message
            .as_ref()
            .map_or(String::new(), |message| format!(": {message}"));
        return format!("Waiting {}{message}", waiting.reason.as_ref().unwrap());
    }
    if state.running.is_some() {
        return "Running".into();
    }
    let ended = state.terminated.as_ref().unwrap();
    let message = ended
        .message
        .as_ref()
        .map_or(String::new(), |message| format!(": {message}"));
    format!(
        "Terminated {} {}{message}",
        ended.reason.as_ref().unwrap(),
        ended.exit_code
    )
}
