//! The vocabulary of the other tests, tested: a helper that cannot fail would make every test that leans on it pass.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Host, Output, container, free_port, pod, require_in};
use nix::sys::signal::Signal;

/// A host on which `host.spawn` is not used: these tests run the shell.
fn host() -> Host {
    Host::with_program(Path::new("/bin/sh"))
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

/// What `action` said when it failed; fails itself when it did not.
fn failure(action: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(action)).expect_err("it did not fail");
    panic
        .downcast::<String>()
        .map(|text| *text)
        .expect("a formatted message")
}

#[test]
fn a_run_has_both_streams_and_the_code() {
    let run = host()
        .spawn_command(shell("echo out; echo err >&2; exit 3"))
        .wait()
        .assert_code(3)
        .says(&["out", "err"]);
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("out\n", "err\n")
    );
}

#[test]
fn the_environment_is_clean_and_the_folders_are_ones_own() {
    let host = host().env("EXTRA", "yes");
    let run = host
        .spawn_command(shell("echo $EXTRA $CARGO_MANIFEST_DIR; pwd; echo $HOME"))
        .wait()
        .success();
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[..2], ["yes", host.work().to_str().unwrap()]);
    assert!(Path::new(lines[2]).starts_with(host.root().parent().unwrap()));
}

#[test]
fn a_host_leaves_nothing_behind() {
    let host = host();
    let root = host.root();
    std::fs::create_dir_all(root.join("pods/web")).unwrap();
    assert_eq!(host.state(), ["pods", "pods/web"]);
    drop(host);
    assert!(!root.parent().unwrap().exists());
}

#[test]
fn a_host_takes_along_what_was_detached_on_it() {
    let host = host();
    // The shell itself waits: a program it became would not bear the words by which a host knows its own.
    let script = "setsid sh -c 'read line <>fifo' sh --root $0 >out 2>&1 &";
    let mut command = shell(&format!("mkfifo fifo; {script} echo started"));
    command.arg(host.root());
    host.spawn_command(command).wait().success();
    let pid = common::eventually("it is there", || host.processes().pop());
    drop(host);
    // Gone, or waiting to be collected by whoever inherited it.
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(command.is_empty(), "{command:?}");
}

#[test]
fn input_reaches_the_process() {
    let mut process = host().spawn_command(shell("cat"));
    process.write(b"hello\n");
    process.stdout.wait_for("hello");
    assert_eq!(process.wait().success().stdout, "hello\n");
}

#[test]
fn lines_are_waited_for_in_order() {
    let process = host().spawn_command(shell("echo one; echo two; echo one more; cat"));
    assert_eq!(process.stdout.wait_for("one"), "one");
    assert_eq!(process.stdout.wait_for("one"), "one more");
}

#[test]
fn a_line_that_never_comes_fails_at_the_end_of_the_output() {
    let process = host().spawn_command(shell("echo something else"));
    let message = failure(|| drop(process.stdout.wait_for("hello")));
    assert!(
        message.contains("`hello`") && message.contains("something else"),
        "{message}"
    );
}

#[test]
fn a_line_counts_only_when_it_is_whole() {
    let output = Output::default();
    output.push(b"hel");
    output.close();
    assert!(failure(|| drop(output.wait_for("hel"))).contains("hel"));
}

#[test]
fn a_signal_ends_the_process_and_shows_in_its_code() {
    let process = host().spawn_command(shell("echo ready; exec cat"));
    process.stdout.wait_for("ready");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(143);
}

#[test]
fn a_dropped_process_is_gone_with_its_children() {
    let process = host().spawn_command(shell("sh -c 'echo ready; cat' & wait"));
    process.stdout.wait_for("ready");
    let output = process.stdout.clone();
    drop(process);
    assert!(
        output.wait_for_end(Instant::now() + Duration::from_secs(10)),
        "the child still holds the output"
    );
}

#[test]
fn a_wrong_code_shows_everything() {
    let run = host()
        .spawn_command(shell("echo the reason; exit 1"))
        .wait();
    assert!(failure(|| drop(run.success())).contains("the reason"));
}

#[test]
fn an_unmet_need_skips_here_and_fails_in_ci() {
    assert!(require_in(true, "nothing", true));
    assert!(!require_in(false, "a unicorn", false));
    assert!(failure(|| assert!(require_in(true, "a unicorn", false))).contains("needs a unicorn"));
}

#[test]
fn eventually_returns_what_it_found() {
    let mut looks = 0;
    let found = common::eventually("the third look", || {
        looks += 1;
        (looks == 3).then_some("here")
    });
    assert_eq!(found, "here");
}

#[test]
fn ports_are_given_once() {
    let ports: std::collections::BTreeSet<u16> = (0..20).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 20);
}

#[test]
fn a_guest_that_is_not_there_says_how_to_make_it() {
    assert!(failure(|| drop(common::guest("no-such-guest"))).contains("guests/build"));
}

#[test]
fn a_pod_is_written_as_kubernetes_knows_it() {
    let written = pod("web")
        .init(
            container("prepare")
                .args(["true"])
                .set("restartPolicy", "Always"),
        )
        .container(
            container("app")
                .image("./app.wasm")
                .args(["httpd", "-p", "80"])
                .env("A", "1")
                .mount("data", "/data")
                .host_port(80, 8080),
        )
        .empty_dir("data")
        .restart("Never")
        .annotation("wasmpod.dev/interrupt.app", "none");
    let read: serde_json::Value = serde_json::from_str(&written.to_string()).unwrap();
    let expected = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "web", "annotations": { "wasmpod.dev/interrupt.app": "none" } },
        "spec": {
            "restartPolicy": "Never",
            "initContainers": [{ "name": "prepare", "image": "wasmpod/toolbox", "args": ["true"], "restartPolicy": "Always" }],
            "containers": [{
                "name": "app",
                "image": "./app.wasm",
                "args": ["httpd", "-p", "80"],
                "env": [{ "name": "A", "value": "1" }],
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
                "ports": [{ "containerPort": 80, "hostPort": 8080 }],
            }],
            "volumes": [{ "name": "data", "emptyDir": {} }],
        },
    });
    assert_eq!(read, expected);
}
