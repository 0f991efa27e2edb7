//! How pods end, and what `run` then says to the shell.

use nix::sys::signal::Signal;

use super::common::{Host, container, pod};
use super::{GREEDY, SPINS, TRAPS, assert_clean, exits, run, run_with, spawn, wat};

#[test]
fn a_pod_that_succeeds_ends_with_0_and_leaves_nothing() {
    let host = Host::new();
    let pod = pod("hello")
        .restart("Never")
        .container(container("hello").command(["echo", "hello"]));
    let run = run(&host, &pod).success();
    assert_eq!(run.stdout, "hello\n");
    assert_eq!(run.stderr, "");
    assert_clean(&host);
}

#[test]
fn the_exit_code_is_that_of_the_container_that_failed_for_good() {
    let host = Host::new();
    let image = wat(&host, "seven.wasm", &exits(7));
    let pod = pod("fails")
        .restart("Never")
        .container(container("seven").image(image));
    run(&host, &pod).assert_code(7);
    assert_clean(&host);
}

#[test]
fn an_init_container_that_fails_under_never_fails_the_pod() {
    let host = Host::new();
    let image = wat(&host, "three.wasm", &exits(3));
    let pod = pod("init")
        .restart("Never")
        .init(container("prepare").image(image))
        .container(container("app").command(["echo", "never seen"]));
    let run = run(&host, &pod).assert_code(3);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_trap_ends_with_134_and_its_backtrace() {
    let host = Host::new();
    let image = wat(&host, "traps.wasm", TRAPS);
    let pod = pod("traps")
        .restart("Never")
        .container(container("traps").image(image));
    run(&host, &pod)
        .assert_code(134)
        .says(&["unreachable", "inner", "outer"]);
}

#[test]
fn a_guest_over_its_memory_limit_is_oom_killed() {
    let host = Host::new();
    let image = wat(&host, "greedy.wasm", GREEDY);
    let greedy = container("greedy")
        .image(image)
        .set("resources.limits.memory", "4Mi");
    let pod = pod("greedy").restart("Never").container(greedy);
    let run = run_with(&host, &pod, &["-o", "json"]).assert_code(137);
    assert!(run.stdout.contains(r#""reason":"OOMKilled""#), "{run}");
}

#[test]
fn the_first_interrupt_ends_a_server_gracefully() {
    let host = Host::new();
    let pod = pod("server")
        .grace(20)
        .container(container("sleeper").command(["sleep", "3600"]));
    let process = spawn(&host, &pod, &["-o", "events"]);
    process.stdout.wait_for("Started");
    process.signal(Signal::SIGINT);
    process
        .wait()
        .assert_code(143)
        .says(&["Stopping container sleeper"]);
    assert_clean(&host);
}

#[test]
fn a_spinning_guest_is_stopped_as_well() {
    let host = Host::new();
    let image = wat(&host, "spins.wasm", SPINS);
    let pod = pod("spins").container(container("spins").image(image));
    let process = spawn(&host, &pod, &["-o", "events"]);
    process.stdout.wait_for("Started");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(143);
    assert_clean(&host);
}

#[test]
fn a_spinning_guest_without_interruption_checks_is_stopped_as_well() {
    let host = Host::new();
    let image = wat(&host, "spins.wasm", SPINS);
    let pod = pod("spins")
        .annotation("wasmpod.dev/interrupt.spins", "none")
        .container(container("spins").image(image));
    let process = spawn(&host, &pod, &["-o", "events"]);
    process.stdout.wait_for("Started");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(143);
    assert_clean(&host);
}

#[test]
fn the_active_deadline_fails_the_pod() {
    let host = Host::new();
    let pod = pod("late")
        .set("spec.activeDeadlineSeconds", 1)
        .container(container("sleeper").command(["sleep", "3600"]));
    let run = run_with(&host, &pod, &["-o", "json"]).assert_code(143);
    assert!(
        run.stdout.contains(r#""reason":"DeadlineExceeded""#),
        "{run}"
    );
}
