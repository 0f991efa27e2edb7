//! Pods that outlive the command that made them, through the real binary: every verb that changes them or waits for them, and
//! what those that read say of them.

#[path = "../common/mod.rs"]
mod common;

mod about;
mod admit;
mod apply;
mod change;
mod cold;
mod delete;
mod kinds;
mod lives;
mod logs;
mod place;
mod sessions;
mod shown;
mod up;
mod wait;
mod words;

use common::{Container, Host, Pod, Run, container, eventually, pod};
use nix::sys::signal::{Signal, kill};

/// A container that does nothing, for long.
fn idle() -> Container {
    container("app").command(["sleep", "100000"])
}

/// A pod of one such container, which goes at once when told.
fn idler(name: &str) -> Pod {
    pod(name).container(idle()).grace(1)
}

/// A host on which this pod runs and is ready; its manifest is NAME.yaml.
fn host_with(name: &str, pod: &Pod) -> Host {
    let host = Host::new();
    host.file(&format!("{name}.yaml"), pod.to_string());
    host.run(["apply", "-f", &format!("{name}.yaml")]).success();
    ready(&host, name);
    host
}

/// What a command says on stdout when all is well.
#[track_caller]
fn says(host: &Host, line: &str) -> String {
    host.run(line.split_whitespace()).success().stdout
}

#[track_caller]
fn apply_pod(host: &Host, pod: &Pod) {
    host.run_with_input(["apply", "-f", "-"], pod.to_string())
        .success();
}

#[track_caller]
fn ready(host: &Host, name: &str) {
    host.run(["wait", "--for=condition=Ready", &format!("pod/{name}")])
        .success();
}

/// A place in the object, as jsonpath names it.
#[track_caller]
fn field(host: &Host, name: &str, path: &str) -> String {
    let run = host.run([
        "wait",
        "--for=create",
        &format!("pod/{name}"),
        "-o",
        &format!("jsonpath={path}"),
    ]);
    run.success().stdout
}

#[track_caller]
fn pid(host: &Host, name: &str) -> nix::unistd::Pid {
    let pid = field(host, name, r"{.metadata.annotations.wasmpod\.dev/pid}");
    nix::unistd::Pid::from_raw(pid.parse().expect("a pod that runs"))
}

/// Kills the pod's process, and waits until the kernel has let go of it. Gives back which it was.
#[track_caller]
fn kill_process(host: &Host, name: &str) -> nix::unistd::Pid {
    let process = pid(host, name);
    kill(process, Signal::SIGKILL).expect("a process of ours");
    eventually("it has ended", || has_ended(process).then_some(()));
    process
}

/// Whether nothing of it runs any more. Where nobody collects orphans, an ended process keeps its number: then it is a
/// zombie, and its last thread.
fn has_ended(process: nix::unistd::Pid) -> bool {
    let place = std::path::PathBuf::from(format!("/proc/{process}"));
    let threads = std::fs::read_dir(place.join("task")).map_or(0, Iterator::count);
    let state = std::fs::read_to_string(place.join("stat")).unwrap_or_default();
    let zombie = state
        .rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with('Z'));
    zombie && threads <= 1
}

/// What is there of pods, without the folders that stay for the next one, and without what belongs to no pod: the namespace that
/// is always there, its account, this machine, and the keys.
fn traces(host: &Host) -> Vec<String> {
    let stays = [
        "data/objects/namespaces/",
        "data/objects/serviceaccounts/default/default.json",
        "data/objects/nodes/",
        "data/identity/",
    ];
    let mut state = host.state();
    state.retain(|path| {
        !path.ends_with("/.lock")
            && !host.root().join(path).is_dir()
            && !stays.iter().any(|place| path.starts_with(place))
    });
    state
}

/// Asserts what a command that must fail says on stderr.
#[track_caller]
fn refuses(run: Run, code: i32, words: &str) {
    let run = run.assert_code(code);
    assert_eq!(run.stderr.trim_end(), words, "{run}");
}
