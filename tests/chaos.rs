//! Everything may be killed at any moment: pod processes, commands in the middle of their work, the supervisor. What is
//! left must be known or gone.
//!
//! A seeded story of random commands and random kills, and after it an account: every pod runs and is known, or has ended
//! and says why; deleting them all leaves no file and no process behind. `WASMPOD_CHAOS_ROUNDS` makes it longer,
//! `WASMPOD_CHAOS_SEED` repeats one.

mod common;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use common::{Host, Process, Run, container, eventually, guest, pod};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Enough for CI to meet every kind of kill some times.
const ROUNDS: u64 = 60;
const NAMES: [&str; 5] = ["ant", "bee", "cat", "dog", "eel"];

#[test]
fn whatever_is_killed_every_pod_is_known_or_gone() {
    let seed = number("WASMPOD_CHAOS_SEED").unwrap_or(0x5eed);
    let mut story = Story::new(seed);
    for round in 0..number("WASMPOD_CHAOS_ROUNDS").unwrap_or(ROUNDS) {
        story.round(round);
    }
    story.account();
    story.clear();
}

struct Story {
    host: Host,
    chance: Chance,
    seed: u64,
    up: Option<Process>,
}

impl Story {
    fn new(seed: u64) -> Story {
        let host = Host::new();
        for (number, name) in NAMES.iter().enumerate() {
            host.file(&format!("{name}.yaml"), manifest(name, number));
        }
        Story {
            host,
            chance: Chance(seed | 1),
            seed,
            up: None,
        }
    }

    fn round(&mut self, round: u64) {
        let name = NAMES[self.chance.below(NAMES.len() as u64) as usize];
        let file = format!("{name}.yaml");
        match self.chance.below(10) {
            0..=2 => self.command(&["apply", "-f", &file]),
            3 => self.command(&["delete", "pod", name, "--ignore-not-found"]),
            4 => self.command(&[
                "delete",
                "pod",
                name,
                "--ignore-not-found",
                "--now",
                "--wait=false",
            ]),
            5 => self.command(&[
                "label",
                "pod",
                name,
                "--overwrite",
                &format!("round=r{round}"),
            ]),
            6..=7 => self.kill_a_pod(),
            8 => self.supervise(),
            _ => drop(self.known()),
        }
    }

    /// A command that may be killed on its way. One that is left alone must come to an end by itself, whatever it says.
    fn command(&mut self, args: &[&str]) {
        let process = self.host.spawn(args);
        if self.chance.below(2) == 0 {
            let moment = Duration::from_micros(self.chance.below(12_000));
            sleep(moment);
            process.signal(Signal::SIGKILL);
        }
        let _whatever_it_said = process.wait();
    }

    /// Kills the process of one pod as the kernel would when memory runs out.
    fn kill_a_pod(&mut self) {
        let pids: Vec<i32> = self.known().iter().filter_map(pid).collect();
        if let Some(&victim) = pids.get(self.chance.below(pids.len().max(1) as u64) as usize) {
            match kill(Pid::from_raw(victim), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => panic!("cannot kill {victim}: {error}"),
            }
        }
    }

    /// Starts the supervisor, or kills the one that runs.
    fn supervise(&mut self) {
        match self.up.take() {
            Some(up) => {
                up.signal(Signal::SIGKILL);
                up.wait();
            }
            None => self.up = Some(self.host.spawn(["up"])),
        }
    }

    /// What `get` says. It must always answer.
    fn known(&self) -> Vec<Value> {
        let said = self.host.run(["get", "pods", "-o", "json"]);
        items(said.success())
    }

    /// Every pod that says it runs has a living process, and every other says why it does not.
    fn account(&self) {
        for pod in self.known() {
            let name = &pod["metadata"]["name"];
            let phase = pod["status"]["phase"].as_str().unwrap_or_default();
            match (phase, pid(&pod)) {
                ("Pending" | "Running", Some(pid)) => {
                    assert!(alive(pid), "{name}: {phase} without a process")
                }
                // Stored by a command that was killed before it could start it.
                ("Pending", None) => {}
                ("Failed", None) => {
                    let message = pod["status"]["message"].as_str().unwrap_or_default();
                    assert!(
                        message.contains("the pod process ended"),
                        "{name}: failed without a word: {pod}"
                    );
                }
                _ if self.up.is_some() => {}
                (phase, pid) => panic!(
                    "seed {}: {name} is {phase} with process {pid:?}: {pod}",
                    self.seed
                ),
            }
        }
    }

    /// The end: nothing may be left of anything.
    fn clear(mut self) {
        if let Some(up) = self.up.take() {
            up.signal(Signal::SIGTERM);
            up.wait();
        }
        self.host
            .run(["delete", "pods", "--all", "--now"])
            .success();
        assert!(self.known().is_empty());
        let root = self.host.root().display().to_string();
        eventually("no process is left", || {
            processes(&root).is_empty().then_some(())
        });
        let left: Vec<String> = self
            .host
            .state()
            .into_iter()
            .filter(|path| names_a_pod(path))
            .collect();
        assert!(
            left.is_empty(),
            "seed {}: left behind: {left:#?}",
            self.seed
        );
    }
}

/// A path with a uid in it, or a pod's object.
fn names_a_pod(path: &str) -> bool {
    let uid = |part: &str| part.len() >= 36 && part.matches('-').count() >= 4;
    path.split(['/', '_', '.']).any(uid)
        || NAMES
            .iter()
            .any(|name| path.ends_with(&format!("/{name}.json")))
}

fn manifest(name: &str, number: usize) -> String {
    let policy = ["Always", "OnFailure", "Never"][number % 3];
    let toolbox = container("app")
        .image(guest("toolbox").display())
        .args(["sleep", "1000000"])
        .mount("data", "/data");
    pod(name)
        .restart(policy)
        .grace(1)
        .container(toolbox)
        .empty_dir("data")
        .to_string()
}

fn items(run: Run) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} in {run}"));
    list["items"].as_array().cloned().unwrap_or_default()
}

fn pid(pod: &Value) -> Option<i32> {
    pod["metadata"]["annotations"]["wasmpod.dev/pid"]
        .as_str()?
        .parse()
        .ok()
}

fn alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Processes that were started for this host: its state directory stands among their arguments.
fn processes(root: &str) -> BTreeSet<String> {
    let numbers = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let commands =
        numbers.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    commands.filter(|command| command.contains(root)).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is `{text}`, not a number")),
    )
}

/// Reproducible chance (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
