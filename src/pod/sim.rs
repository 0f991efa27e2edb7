//! A machine that is not there: scripted exits and virtual time.
//!
//! A container's script is its annotation `wasmpod.dev/sim.<container>`: what its instances do, one after another, the
//! last one again and again:
//!
//! ```text
//! wasmpod.dev/sim.web: "exit 1 after 2s, exit 0 after 500ms, run"
//! ```
//!
//! Without a script an init container exits 0 after a second, and any other one runs until it is stopped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::machine::{Happened, Machine};
use crate::lifecycle::{Action, Cause, Exit, Input, Signal, Time};
use crate::spec::annotation::SIM;
use crate::spec::pod::{Container, Pod, Role, Slot};

/// Virtual times the machine takes for things.
const SANDBOX: Duration = Duration::from_millis(1);
const START: Duration = Duration::from_millis(1);
const STOP: Duration = Duration::from_millis(10);
/// A pod that crashes for ever would be simulated for ever: after this virtual time it is stopped.
const HORIZON: Duration = Duration::from_secs(3600);

/// What one instance of a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Run,
    Exit { code: i32, after: Duration },
}

pub(super) struct Sim {
    now: Time,
    end: Time,
    scripts: Vec<Vec<Act>>,
    running: Vec<Option<u32>>,
    coming: BinaryHeap<Reverse<Coming>>,
    /// Breaks ties: what was scheduled first comes first.
    count: u64,
}

/// Something that will happen.
struct Coming {
    at: Time,
    order: u64,
    /// The instance it is about; it does not happen when that one is gone.
    instance: Option<(Slot, u32)>,
    input: Input,
}

impl PartialEq for Coming {
    fn eq(&self, other: &Coming) -> bool {
        self.order == other.order
    }
}

impl Eq for Coming {}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Coming) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Coming {
    fn cmp(&self, other: &Coming) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl Sim {
    /// # Errors
    /// A script that cannot be read, naming its annotation.
    pub fn new(pod: &Pod) -> Result<Sim> {
        let scripts = pod.containers.iter();
        let scripts = scripts
            .map(|container| script_of(pod, container))
            .collect::<Result<Vec<_>>>()?;
        let now = Time::EPOCH;
        let running = vec![None; scripts.len()];
        Ok(Sim {
            now,
            end: now + HORIZON,
            scripts,
            running,
            coming: BinaryHeap::new(),
            count: 0,
        })
    }

    fn later(&mut self, after: Duration, instance: Option<(Slot, u32)>, input: Input) {
        self.count += 1;
        self.coming.push(Reverse(Coming {
            at: self.now + after,
            order: self.count,
            instance,
            input,
        }));
    }

    fn start(&mut self, slot: Slot, attempt: u32) {
        self.running[slot] = Some(attempt);
        let instance = Some((slot, attempt));
        let container_id = format!("sim-{slot}-{attempt}");
        self.later(START, instance, Input::Started { slot, container_id });
        let script = &self.scripts[slot];
        if let Act::Exit { code, after } = script[(attempt as usize).min(script.len() - 1)] {
            self.later(START + after, instance, exited(slot, code));
        }
    }

    fn signal(&mut self, slot: Slot, signal: Signal) {
        let Some(attempt) = self.running[slot] else {
            return;
        };
        let code = match signal {
            Signal::Term => 143,
            Signal::Kill => 137,
        };
        self.later(STOP, Some((slot, attempt)), exited(slot, code));
    }

    /// Takes what comes next, if it comes no later than `limit`, and moves the time there.
    fn take(&mut self, limit: Time) -> Option<Input> {
        while self
            .coming
            .peek()
            .is_some_and(|Reverse(next)| next.at <= limit)
        {
            let Reverse(next) = self.coming.pop()?;
            match next.instance {
                Some((slot, attempt)) if self.running[slot] != Some(attempt) => continue,
                _ => {}
            }
            self.now = self.now.max(next.at);
            if let Input::Exited { slot, .. } = next.input {
                self.running[slot] = None;
            }
            return Some(next.input);
        }
        None
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

/// What a container does by its annotation.
fn script_of(pod: &Pod, container: &Container) -> Result<Vec<Act>> {
    let key = format!("{SIM}{}", container.name);
    match pod.annotations.get(&key) {
        Some(text) => script(text).with_context(|| format!("annotation {key}: {text:?}")),
        None if container.role == Role::Init => Ok(vec![Act::Exit {
            code: 0,
            after: Duration::from_secs(1),
        }]),
        None => Ok(vec![Act::Run]),
    }
}

impl Machine for Sim {
    fn now(&self) -> Time {
        self.now
    }

    fn begin(&mut self, action: Action) {
        match action {
            Action::MountVolumes => self.later(Duration::ZERO, None, Input::VolumesMounted),
            Action::MakeSandbox { .. } => self.later(
                SANDBOX,
                None,
                Input::SandboxReady {
                    ips: vec![[192, 0, 0, 8].into()],
                },
            ),
            Action::Pull { slot } => {
                self.later(
                    Duration::ZERO,
                    None,
                    Input::ImageReady {
                        slot,
                        image_id: "sim".to_owned(),
                        pulled: None,
                    },
                );
            }
            Action::Start { slot, attempt } => self.start(slot, attempt),
            Action::Hook { slot, hook, .. } => self.later(
                Duration::ZERO,
                None,
                Input::HookDone {
                    slot,
                    hook,
                    result: Ok(()),
                },
            ),
            Action::Signal { slot, signal } => self.signal(slot, signal),
            Action::RemoveSandbox => self.later(Duration::ZERO, None, Input::SandboxRemoved),
        }
    }

    /// Who is there keeps to its script; a new container has the script it comes with.
    fn update(&mut self, pod: &Arc<Pod>) {
        for container in &pod.containers[self.scripts.len()..] {
            let script = script_of(pod, container).unwrap_or_else(|error| {
                tracing::warn!("{error:#}");
                vec![Act::Run]
            });
            self.scripts.push(script);
            self.running.push(None);
        }
    }

    async fn next(&mut self, wake_at: Option<Time>) -> Happened {
        // No real time passes here, but whoever listens gets a turn.
        tokio::task::yield_now().await;
        let limit = wake_at.unwrap_or(self.end).max(self.now);
        if let Some(input) = self.take(limit) {
            return Happened::Fact(input);
        }
        if limit >= self.end || wake_at.is_none() {
            // Once is enough; what follows the stop takes the time it takes.
            self.end = Time::from_nanos(u64::MAX);
            self.now = self.now.max(wake_at.unwrap_or(self.now));
            return Happened::Nothing;
        }
        self.now = limit;
        Happened::Time
    }

    fn pending(&mut self) -> Option<Input> {
        self.take(self.now)
    }
}

fn script(text: &str) -> Result<Vec<Act>> {
    text.split(',').map(|act| act_of(act.trim())).collect()
}

fn act_of(text: &str) -> Result<Act> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["run"] => Ok(Act::Run),
        ["exit", code] => Ok(Act::Exit {
            code: code.parse()?,
            after: Duration::ZERO,
        }),
        ["exit", code, "after", time] => Ok(Act::Exit {
            code: code.parse()?,
            after: duration(time)?,
        }),
        _ => bail!("{text:?} is neither \"run\" nor \"exit CODE [after TIME]\""),
    }
}

fn duration(text: &str) -> Result<Duration> {
    let bad = || format!("{text:?} is not a time such as 500ms, 2s or 5m");
    let split = text.find(|c: char| !c.is_ascii_digit()).with_context(bad)?;
    let number: u64 = text[..split].parse().with_context(bad)?;
    match &text[split..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => bail!(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_one_instance_after_another_does() {
        let acts = script("exit 1 after 2s, exit 0, run").unwrap();
        let expected = [
            Act::Exit {
                code: 1,
                after: Duration::from_secs(2),
            },
            Act::Exit {
                code: 0,
                after: Duration::ZERO,
            },
            Act::Run,
        ];
        assert_eq!(acts, expected);
    }

    #[test]
    fn a_bad_script_is_refused() {
        for text in [
            "",
            "stop",
            "exit",
            "exit x",
            "exit 1 after",
            "exit 1 after 2",
            "exit 1 after 2h",
        ] {
            assert!(script(text).is_err(), "{text}");
        }
    }
}
