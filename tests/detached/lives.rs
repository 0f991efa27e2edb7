//! What a stored pod outlives, and what it does not.

use std::process::Command;

use nix::unistd::getsid;

use super::common::{Host, pod};
use super::{field, host_with, idle, idler, kill_process, pid, ready};

#[test]
fn a_pod_survives_the_death_of_the_shell_that_started_it() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    let mut command = Command::new("/bin/sh");
    let script = format!(
        "{} --root {} apply -f web.yaml; exec cat",
        env!("CARGO_BIN_EXE_wasmpod"),
        host.root().display()
    );
    command.args(["-c", &script]);
    let shell = host.spawn_command(command);
    shell.stdout.wait_for("pod/web created");
    ready(&host, "web");
    let process = pid(&host, "web");
    // With its whole process group, as a terminal that is closed would.
    drop(shell);
    ready(&host, "web");
    assert_eq!(pid(&host, "web"), process);
    assert_eq!(getsid(Some(process)), Ok(process));
}

/// A pipe of the shell stayed open in the pod's process, and whoever read it waited for as long as the pod lived.
#[test]
fn a_pod_keeps_nothing_open_of_whoever_started_it() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    let mut command = Command::new("/bin/sh");
    let script = format!(
        "{{ {} --root {} apply -f web.yaml >&2; }} 3>&1 | cat; echo over",
        env!("CARGO_BIN_EXE_wasmpod"),
        host.root().display()
    );
    command.args(["-c", &script]);
    let run = host.spawn_command(command).wait().success();
    assert_eq!(run.stdout, "over\n");
    ready(&host, "web");
}

#[test]
fn a_pod_whose_process_was_killed_is_shown_as_failed_and_started_again() {
    let host = host_with("web", &idler("web"));
    let waiting = host.spawn(["wait", "pod/web", "--for=jsonpath={.status.phase}=Failed"]);
    let process = kill_process(&host, "web");
    waiting.wait().success();
    assert_eq!(field(&host, "web", "{.status.reason}"), "SandboxLost");
    assert_eq!(
        field(&host, "web", "{.status.message}"),
        "Error from the sandbox: the pod process ended (signal 9)"
    );
    let terminated = "{.status.containerStatuses[0].state.terminated";
    assert_eq!(
        field(&host, "web", &format!("{terminated}.exitCode}}")),
        "137"
    );
    assert_eq!(
        field(&host, "web", &format!("{terminated}.reason}}")),
        "ContainerStatusUnknown"
    );
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web started\n");
    ready(&host, "web");
    assert_ne!(pid(&host, "web"), process);
    assert_eq!(
        field(&host, "web", "{.status.containerStatuses[0].restartCount}"),
        "1"
    );
}

#[test]
fn a_pod_that_shall_not_restart_stays_as_its_process_left_it() {
    let host = host_with(
        "web",
        &pod("web").restart("Never").container(idle()).grace(1),
    );
    kill_process(&host, "web");
    host.run(["wait", "pod/web", "--for=jsonpath={.status.phase}=Failed"])
        .success();
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web unchanged\n");
    assert_eq!(field(&host, "web", "{.status.reason}"), "SandboxLost");
    host.run(["delete", "pod", "web"]).success();
    assert_eq!(super::traces(&host), Vec::<String>::new());
}

#[test]
fn a_pod_whose_process_was_killed_can_be_deleted() {
    let host = host_with("web", &idler("web"));
    kill_process(&host, "web");
    let run = host.run(["delete", "pod", "web"]).success();
    assert_eq!(run.stdout, "pod \"web\" deleted from default namespace\n");
    assert_eq!(super::traces(&host), Vec::<String>::new());
}
