//! What happens: commands, and kills.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::account::{self, Account, Worker};
use super::common::{Host, Process, container, pod};

const NAMES: [&str; 5] = ["ant", "bee", "cat", "dog", "eel"];

/// A command that takes longer to answer hangs, whatever else the machine does.
const PROMPT: Duration = Duration::from_secs(10);

pub struct Story {
    host: Host,
    chance: Chance,
    up: Option<Process>,
    /// How long a command takes that is left alone: kills are to hit it anywhere.
    span: Duration,
    /// What was done, for the one who reads why it failed.
    told: Vec<String>,
}

impl Story {
    pub fn new(seed: u64) -> Story {
        let host = Host::new();
        for (number, name) in NAMES.iter().enumerate() {
            host.file(&format!("{name}.yaml"), manifest(name, number));
        }
        host.file("all.yaml", {
            let all = NAMES.iter().enumerate();
            let all: Vec<String> = all.map(|(number, name)| manifest(name, number)).collect();
            all.join("\n---\n")
        });
        let began = Instant::now();
        host.run(["apply", "-f", "ant.yaml"]).success();
        Story {
            host,
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            up: None,
            span: began
                .elapsed()
                .clamp(Duration::from_millis(5), Duration::from_millis(200)),
            told: vec![format!("seed {seed}")],
        }
    }

    pub fn round(&mut self, round: u64) {
        let name = NAMES[self.chance.below(NAMES.len())];
        let file = format!("{name}.yaml");
        let label = format!("round=r{round}");
        match self.chance.below(22) {
            0..=4 => self.command(&["apply", "-f", &file]),
            5 => self.command(&["apply", "-f", "all.yaml"]),
            6 => self.at_once(&["apply", "-f", &file], &["apply", "-f", &file]),
            7 => self.at_once(&["apply", "-f", &file], &["delete", "pod", name, "--now"]),
            8 => self.command(&["replace", "--force", "-f", &file]),
            9..=10 => self.command(&["delete", "pod", name, "--now", "--ignore-not-found"]),
            11 => self.command(&["delete", "pod", name, "--now", "--wait=false"]),
            12 => self.command(&["delete", "pod", name, "--force", "--grace-period=0"]),
            13 => self.command(&["label", "pod", name, "--overwrite", &label]),
            14 => self.command(&["exec", name, "--", "true"]),
            15 => self.command(&["logs", name, "--all-containers"]),
            16..=18 => self.kill_a_pod(),
            19 => self.kill_whatever_starts(&file),
            20 => self.supervise(),
            _ => drop(self.known()),
        }
    }

    fn tell(&mut self, what: String) {
        self.told.push(what);
    }

    /// A command that may be killed on its way. One that is left alone must come to an end by itself, whatever it says.
    fn command(&mut self, args: &[&str]) {
        let process = self.host.spawn(args);
        let killed = self.chance.below(2) == 0;
        if killed {
            self.moment();
            process.signal(Signal::SIGKILL);
        }
        let code = self.hear(&args.join(" "), process, killed);
        // Alone, there is nothing that could be in its way.
        let must = args[0] == "apply" || args.contains(&"--ignore-not-found");
        assert!(killed || !must || code == 0, "{}", self.so_far());
    }

    fn at_once(&mut self, one: &[&str], other: &[&str]) {
        let first = self.host.spawn(one);
        if self.chance.below(2) == 0 {
            self.moment();
        }
        let second = self.host.spawn(other);
        let killed = self.chance.below(2) == 0;
        if killed {
            self.moment();
            first.signal(Signal::SIGKILL);
        }
        self.hear(&one.join(" "), first, killed);
        self.hear(&other.join(" "), second, false);
    }

    fn hear(&mut self, what: &str, process: Process, killed: bool) -> i32 {
        let run = process.wait();
        let killed = if killed { " (killed)" } else { "" };
        self.tell(format!(
            "{what}{killed}: {}\n{}{}",
            run.code(),
            run.stdout,
            run.stderr
        ));
        let panicked = run.stderr.contains("panicked at");
        // One that was told to end before it could listen has ended all the same.
        let early = what == "up" && run.code() == 128 + Signal::SIGTERM as i32;
        let ended = run.code() < 128 || early || !killed.is_empty();
        assert!(ended && !panicked, "{}", self.so_far());
        run.code()
    }

    /// Somewhere in the time that a command takes.
    fn moment(&mut self) {
        // Most commands are shorter than the one that was measured.
        let most = self.chance.below(self.span.as_micros() as usize) + 1;
        sleep(Duration::from_micros(self.chance.below(most) as u64));
    }

    /// Kills the process of one pod as the kernel would when memory runs out.
    fn kill_a_pod(&mut self) {
        let pids: Vec<i32> = self.known().iter().filter_map(account::pid).collect();
        if let Some(&victim) = pids.get(self.chance.below(pids.len().max(1))) {
            self.end(victim);
        }
    }

    /// Kills a pod's process that may not yet have said a word.
    fn kill_whatever_starts(&mut self, file: &str) {
        let command = self.host.spawn(["apply", "-f", file]);
        self.moment();
        let workers = self.workers();
        if let Some(youngest) = workers.iter().max_by_key(|worker| worker.began) {
            self.end(youngest.pid);
        }
        self.hear(
            &format!("apply -f {file}, and it was killed"),
            command,
            false,
        );
    }

    fn end(&mut self, victim: i32) {
        match kill(Pid::from_raw(victim), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => panic!("cannot kill {victim}: {error}"),
        }
        self.tell(format!("killed {victim}"));
    }

    /// Starts the supervisor, or ends the one that runs: mostly without asking.
    fn supervise(&mut self) {
        let Some(up) = self.up.take() else {
            self.tell("up".to_owned());
            self.up = Some(self.host.spawn(["up"]));
            return;
        };
        let kindly = self.chance.below(4) == 0;
        up.signal(if kindly {
            Signal::SIGTERM
        } else {
            Signal::SIGKILL
        });
        self.hear("up", up, !kindly);
    }

    /// What `get` says. It must always answer, soon, and tell of no process that is not there.
    fn known(&mut self) -> Vec<Value> {
        let began = Instant::now();
        let said = self.host.run(["get", "pods", "-o", "json"]);
        let took = began.elapsed();
        assert!(took < PROMPT, "get took {took:?}\n{}", self.so_far());
        let pods = account::items(&said.success());
        for pod in &pods {
            if let Some(fault) = self.lie(pod) {
                panic!("{fault}\n{}", self.so_far());
            }
        }
        pods
    }

    /// A process may end between the answer and our look at it; the next answer must know of that.
    fn lie(&self, pod: &Value) -> Option<String> {
        let fault = account::lie(pod, &self.workers())?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let again = self
            .host
            .run(["get", "pod", name, "-o", "json", "--ignore-not-found"])
            .success();
        if again.stdout.is_empty() {
            return None;
        }
        let again: Value = serde_json::from_str(&again.stdout)
            .unwrap_or_else(|error| panic!("{error} in {again}"));
        let same = account::pid(pod) == account::pid(&again);
        (same && account::lie(&again, &self.workers()).is_some()).then_some(fault)
    }

    fn workers(&self) -> Vec<Worker> {
        let processes = self.host.processes().into_iter();
        processes
            .filter_map(|pid| Worker::look(pid.as_raw()))
            .collect()
    }

    /// When nothing is under way any more, all that is there must fit together.
    pub fn account(&mut self) {
        let deadline = Instant::now() + super::common::patience();
        loop {
            let pods = self.known();
            let account = Account {
                pods: &pods,
                workers: &self.workers(),
                supervised: self.up.is_some(),
                root: &self.host.root(),
            };
            let faults = account.faults();
            if faults.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{faults:#?}\n{}", self.so_far());
            sleep(Duration::from_millis(5));
        }
    }

    /// The end of everything: nothing may be left.
    pub fn clear(&mut self) {
        if let Some(up) = self.up.take() {
            up.signal(Signal::SIGTERM);
            self.hear("up", up, false);
        }
        let delete = self.host.spawn(["delete", "pods", "--all", "--now"]);
        self.hear("delete pods --all", delete, false);
        self.account();
        assert!(self.known().is_empty(), "{}", self.so_far());
        let left = account::left(&self.host);
        assert!(left.is_empty(), "left behind: {left:#?}\n{}", self.so_far());
        assert!(
            self.workers().is_empty(),
            "processes are left\n{}",
            self.so_far()
        );
        self.told.truncate(1);
    }

    fn so_far(&self) -> String {
        const ENOUGH: usize = 40;
        let late = self.told.len().saturating_sub(ENOUGH).max(1);
        format!(
            "{}, of late:\n{}",
            self.told[0],
            self.told[late..].join("\n")
        )
    }
}

fn manifest(name: &str, number: usize) -> String {
    let policy = ["Always", "OnFailure", "Never"][number % 3];
    let first = container("first")
        .command(["echo", "begun"])
        .mount("data", "/data");
    let then = container("app")
        .command(["sleep", "1000000"])
        .mount("data", "/data");
    pod(name)
        .restart(policy)
        .grace(1)
        .init(first)
        .container(then)
        .empty_dir("data")
        .to_string()
}

/// Reproducible chance (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
