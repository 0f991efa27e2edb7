//! Whether what is said, what runs and what lies on disk is the same story.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::common::{Host, Run};

/// A process of this host that is a pod's.
#[derive(Debug)]
pub struct Worker {
    pub pid: i32,
    pub uid: String,
    /// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
    pub began: u64,
}

impl Worker {
    /// None: it is something else, or nothing any more.
    pub fn look(pid: i32) -> Option<Worker> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
        let verb = words.iter().position(|word| word == b"__pod")?;
        let uid = String::from_utf8(words.get(verb + 3)?.to_vec()).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        // A killed process is there until the last of its threads has ended, whatever its first one looks like.
        let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        if rest.starts_with('Z') && threads <= 1 {
            return None;
        }
        let began = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
        Some(Worker { pid, uid, began })
    }
}

pub fn items(run: &Run) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} in {run}"));
    list["items"].as_array().cloned().unwrap_or_default()
}

pub fn pid(pod: &Value) -> Option<i32> {
    pod["metadata"]["annotations"]["wasmpod.dev/pid"]
        .as_str()?
        .parse()
        .ok()
}

fn text<'a>(pod: &'a Value, pointer: &str) -> &'a str {
    pod.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn uid(pod: &Value) -> &str {
    text(pod, "/metadata/uid")
}

/// What is wrong with an answer, whatever else is under way.
pub fn lie(pod: &Value, workers: &[Worker]) -> Option<String> {
    let told = format!(
        "{} {} with process {:?}",
        uid(pod),
        text(pod, "/status/phase"),
        pid(pod)
    );
    match pid(pod) {
        Some(pid)
            if !workers
                .iter()
                .any(|worker| worker.pid == pid && worker.uid == uid(pod)) =>
        {
            Some(format!(
                "{told}: this is not its process, which are {workers:?}"
            ))
        }
        None if text(pod, "/status/phase") == "Running" => Some(told),
        _ => None,
    }
}

/// All there is, when no command is under way.
pub struct Account<'a> {
    pub pods: &'a [Value],
    pub workers: &'a [Worker],
    /// Then pods may be on their way to run again.
    pub supervised: bool,
    pub root: &'a Path,
}

impl Account<'_> {
    pub fn faults(&self) -> Vec<String> {
        let pods = self.pods.iter().filter_map(|pod| self.fault(pod));
        let mut faults: Vec<String> = pods.collect();
        faults.extend(self.strays());
        faults.extend(self.litter());
        faults
    }

    fn fault(&self, pod: &Value) -> Option<String> {
        let name = text(pod, "/metadata/name");
        if pod["metadata"]["deletionTimestamp"].is_string() {
            return Some(format!("{name} is not deleted: {pod}"));
        }
        match (text(pod, "/status/phase"), pid(pod)) {
            ("Running", Some(_)) => None,
            // Stored by a command that was killed before it could start it.
            ("Pending", None) => None,
            ("Failed", None) if explained(pod) => None,
            // To be started again.
            (_, None) if self.supervised => None,
            (phase, pid) => Some(format!("{name} is {phase} with process {pid:?}: {pod}")),
        }
    }

    /// Processes that nobody knows of, or one too many.
    fn strays(&self) -> Vec<String> {
        let known: BTreeMap<i32, &str> = self
            .pods
            .iter()
            .filter_map(|pod| Some((pid(pod)?, uid(pod))))
            .collect();
        let stray = |worker: &&Worker| known.get(&worker.pid) != Some(&worker.uid.as_str());
        let strays = self.workers.iter().filter(stray);
        strays
            .map(|worker| format!("nobody knows of {worker:?}"))
            .collect()
    }

    /// Files of pods that are no more or have no process any more, and files that cannot be understood.
    fn litter(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let alive: Vec<&str> = self
            .pods
            .iter()
            .filter(|pod| pid(pod).is_some())
            .map(uid)
            .collect();
        let stored: Vec<&str> = self.pods.iter().map(uid).collect();
        let places = [
            ("run/pods", &alive),
            ("data/status", &stored),
            ("data/events", &stored),
            ("data/pods", &stored),
            ("logs", &stored),
        ];
        for (place, uids) in places {
            for entry in fs::read_dir(self.root.join(place))
                .into_iter()
                .flatten()
                .flatten()
            {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !uids.iter().any(|uid| name.contains(uid)) {
                    faults.push(format!("nobody needs {place}/{name}"));
                }
            }
        }
        for place in ["data/objects/pods/default", "data/status", "data/events"] {
            faults.extend(garbled(&self.root.join(place)));
        }
        faults
    }
}

/// Whether it says why it has failed.
fn explained(pod: &Value) -> bool {
    let reason = text(pod, "/status/reason");
    let lost = reason == "SandboxLost"
        && text(pod, "/status/message").contains("the pod process ended (signal 9)");
    // Its supervisor was told to end.
    lost || reason == "Terminated"
}

/// Files that are not whole.
fn garbled(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let drafts = |path: &std::path::PathBuf| {
        !path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let bad = paths.filter(drafts).filter_map(|path| {
        // It may be gone since.
        let content = fs::read(&path).ok()?;
        let error = serde_json::from_slice::<Value>(&content).err()?;
        Some(format!("{}: {error}", path.display()))
    });
    bad.collect()
}

/// What there is but for folders, the locks of all writers, what commands leave for the next one, and what every installation
/// has that was used: its keys, and the namespace of those who name none.
pub fn left(host: &Host) -> Vec<String> {
    let everybodys = |path: &str| {
        path.starts_with("data/identity/")
            || path == "data/objects/namespaces/_/default.json"
            || path == "data/objects/serviceaccounts/default/default.json"
    };
    let mut left = host.state();
    left.retain(|path| {
        !path.ends_with("/.lock") && !everybodys(path) && !host.root().join(path).is_dir()
    });
    left
}
