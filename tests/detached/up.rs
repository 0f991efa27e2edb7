//! `up`: pods that are seen to.

use std::fs;

use nix::sys::signal::{Signal, kill};

use super::common::{Host, Process};
use super::{field, host_with, idler, pid, ready, refuses, traces};

/// The supervisor of a host's pods, as soon as it is one.
fn up(host: &Host, args: &[&str]) -> Process {
    let before = fs::read_to_string(host.root().join("run/up.lock")).unwrap_or_default();
    let process = host.spawn([&["up"], args].concat());
    let is_there = || {
        let now = fs::read_to_string(host.root().join("run/up.lock")).unwrap_or_default();
        (now != before && !now.is_empty()).then_some(())
    };
    super::common::eventually("up takes its lock", is_there);
    process
}

fn machine() -> String {
    let name = nix::unistd::gethostname().expect("a machine has a name");
    name.to_string_lossy().to_lowercase()
}

#[test]
fn a_pod_whose_process_dies_is_started_again() {
    let host = host_with("web", &idler("web"));
    let first = pid(&host, "web");
    let up = up(&host, &[]);
    kill(first, Signal::SIGKILL).expect("a process of ours");
    up.stdout.wait_for("pod default/web started");
    ready(&host, "web");
    assert_ne!(pid(&host, "web"), first);
    assert_eq!(
        field(&host, "web", "{.status.containerStatuses[0].restartCount}"),
        "1"
    );
    up.signal(Signal::SIGTERM);
    let run = up.wait().success();
    assert!(run.stdout.contains("stopping 1 pods"), "{run}");
    assert!(host.processes().is_empty());
    // Stopped, not deleted: the next one starts it.
    let next = self::up(&host, &[]);
    next.stdout.wait_for("pod default/web started");
    ready(&host, "web");
    next.signal(Signal::SIGTERM);
    next.wait().success();
}

#[test]
fn pods_of_others_are_left_running() {
    let host = host_with("web", &idler("web"));
    let up = up(&host, &[]);
    up.signal(Signal::SIGINT);
    up.wait().success();
    ready(&host, "web");
}

#[test]
fn there_is_one_supervisor() {
    let host = Host::new();
    let first = up(&host, &[]);
    let words = format!(
        "error: another supervisor (process {}) sees to these pods: {} is locked",
        first.pid(),
        host.root().join("run/up.lock").display()
    );
    refuses(host.run(["up"]), 1, &words);
    first.signal(Signal::SIGTERM);
    first.wait().success();
}

#[test]
fn files_are_pods() {
    let host = Host::new();
    let dir = host.work().join("static");
    fs::create_dir(&dir).expect("a fresh directory");
    let (name, file) = (format!("web-{}", machine()), dir.join("web.yaml"));
    let up = up(&host, &["--manifests", "static"]);
    fs::write(&file, idler("web").to_string()).expect("a manifest");
    up.stdout.wait_for(&format!("pod default/{name} started"));
    ready(&host, &name);
    let uid = field(&host, &name, "{.metadata.uid}");
    let hash = r"{.metadata.annotations.kubernetes\.io/config\.hash}";
    assert_eq!(field(&host, &name, hash), uid);
    let first = pid(&host, &name);
    // Another text is another pod.
    let other = idler("web").annotation("note", "changed");
    let changed = host.file("changed", other.to_string());
    fs::rename(changed, &file).expect("the same disk");
    up.stdout
        .wait_for(&format!("pod default/{name} is being deleted"));
    up.stdout.wait_for(&format!("pod default/{name} started"));
    ready(&host, &name);
    assert_ne!(field(&host, &name, "{.metadata.uid}"), uid);
    assert_ne!(pid(&host, &name), first);
    let gone = host.spawn(["wait", "--for=delete", &format!("pod/{name}")]);
    fs::remove_file(&file).expect("the manifest");
    gone.wait().success();
    up.signal(Signal::SIGTERM);
    up.wait().success();
    assert_eq!(traces(&host), [] as [&str; 0]);
}

#[test]
fn a_supervisor_that_is_killed_is_followed_by_another() {
    let host = Host::new();
    let dir = host.work().join("static");
    fs::create_dir(&dir).expect("a fresh directory");
    fs::write(dir.join("web.yaml"), idler("web").to_string()).expect("a manifest");
    let name = format!("web-{}", machine());
    let first = up(&host, &["--manifests", "static"]);
    first
        .stdout
        .wait_for(&format!("pod default/{name} started"));
    ready(&host, &name);
    let process = pid(&host, &name);
    first.signal(Signal::SIGKILL);
    first.wait().assert_code(137);
    ready(&host, &name);
    let next = up(&host, &["--manifests", "static"]);
    assert_eq!(pid(&host, &name), process);
    // It stops what its predecessor started.
    next.signal(Signal::SIGTERM);
    next.wait().success();
    assert!(host.processes().is_empty());
}
