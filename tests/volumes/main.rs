//! Volumes and configuration, whole: the real binary with the toolbox in its pods.

#[path = "../common/mod.rs"]
mod common;

mod around;
mod environment;
mod generated;
mod hostile;
mod kinds;
mod limits;
mod live;
mod lost;
mod missing;
mod parts;
mod tokens;

use common::{Container, Host, Pod, Run, container, eventually, pod};
use serde_json::{Value, json};

/// A container that runs this script of the toolbox's shell.
fn script(name: &str, text: &str) -> Container {
    container(name).command(["sh", "-c", text])
}

/// A pod of one such container, which is run once.
fn once(text: &str) -> Pod {
    alone(script("app", text))
}

fn alone(container: Container) -> Pod {
    pod("web").restart("Never").grace(1).container(container)
}

fn volumes(pod: Pod, volumes: Value) -> Pod {
    pod.set("spec.volumes", volumes)
}

/// Runs a pod in the foreground, with these objects in its manifest.
fn run_with(host: &Host, pod: &Pod, objects: &[Value]) -> Run {
    let documents = objects.iter().map(ToString::to_string);
    let all: Vec<String> = documents.chain([pod.to_string()]).collect();
    host.file("pod.yaml", all.join("\n---\n"));
    host.run(["run", "pod.yaml"])
}

fn run(host: &Host, pod: &Pod) -> Run {
    run_with(host, pod, &[])
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn secret(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

/// A host on which this pod was applied, and whether it can start nobody says.
fn host_with(pod: &Pod) -> Host {
    let host = Host::new();
    apply(&host, pod);
    host
}

fn apply(host: &Host, pod: &Pod) {
    host.file("web.yaml", pod.to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
}

#[track_caller]
fn ready(host: &Host) {
    host.run(["wait", "--for=condition=Ready", "pod/web"])
        .success();
}

/// A place in the pod's object, as jsonpath names it.
#[track_caller]
fn field(host: &Host, path: &str) -> String {
    let output = format!("jsonpath={path}");
    host.run(["get", "pod", "web", "-o", &output])
        .success()
        .stdout
}

/// What a command in the running container prints.
#[track_caller]
fn exec<const N: usize>(host: &Host, words: [&str; N]) -> String {
    let command = ["exec", "web", "--"].into_iter().chain(words);
    host.run(command).success().stdout
}

/// The events of one reason, each as `TYPE MESSAGE`.
fn events(host: &Host, reason: &str) -> Vec<String> {
    let path = "{range .items[*]}{.reason}{\"\\t\"}{.type}{\" \"}{.message}{\"\\n\"}{end}";
    let run = host.run(["get", "events", "-o", &format!("jsonpath={path}")]);
    let lines = run.stdout.lines();
    let of_reason = lines.filter_map(|line| line.strip_prefix(&format!("{reason}\t")));
    of_reason.map(str::to_owned).collect()
}

/// Waits for an event with this text in it.
#[track_caller]
fn told(host: &Host, reason: &str, text: &str) {
    eventually(&format!("{reason}: {text}"), || {
        let all = events(host, reason);
        all.iter().any(|event| event.contains(text)).then_some(())
    });
}

/// Asserts that nothing of any pod is left on disk.
#[track_caller]
fn assert_clean(host: &Host) {
    let mut left = host.state();
    left.retain(|path| path.starts_with("data/pods/"));
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Whether this user may mount: without that much is refused, which is tested elsewhere.
fn may_mount() -> bool {
    common::require("CAP_SYS_ADMIN", nix::unistd::geteuid().is_root())
}
