//! Order, restarts and back-off, with real guests and on the simulated machine.

use super::common::{Host, container, pod};
use super::{exits, run, run_with, wat};

#[test]
fn init_containers_run_in_order_before_the_application() {
    let host = Host::new();
    let pod = pod("ordered")
        .restart("Never")
        .init(container("first").command(["echo", "first"]))
        .init(container("second").command(["echo", "second"]))
        .container(container("app").command(["echo", "app"]));
    let run = run(&host, &pod).success();
    assert_eq!(run.stdout, "first\nsecond\napp\n");
}

#[test]
fn a_sidecar_is_stopped_when_the_application_is_done() {
    let host = Host::new();
    let sidecar = container("sidecar")
        .command(["sleep", "3600"])
        .set("restartPolicy", "Always");
    let pod = pod("sidecar")
        .restart("Never")
        .init(sidecar)
        .container(container("app").command(["echo", "app"]));
    run_with(&host, &pod, &["-o", "events"])
        .success()
        .says(&["Stopping container sidecar"]);
}

#[test]
fn a_container_that_fails_is_started_again_under_on_failure() {
    let host = Host::new();
    // `mv` succeeds once the first attempt has moved the file away for the second one to find.
    let pod = pod("again")
        .restart("OnFailure")
        .empty_dir("work")
        .init(
            container("seed")
                .command(["touch", "/work/a"])
                .mount("work", "/work"),
        )
        .container(
            container("app")
                .command(["mkdir", "/work/dir", "/work/a"])
                .mount("work", "/work"),
        );
    let process = super::spawn(&host, &pod, &["-o", "events"]);
    process
        .stdout
        .wait_for("Back-off restarting failed container app in pod again_default(");
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.wait();
}

#[test]
fn a_crash_loop_on_the_simulated_machine_shows_every_back_off() {
    let host = Host::new();
    let pod = pod("crash")
        .annotation("wasmpod.dev/sim.crash", "exit 1")
        .container(container("crash").command(["false"]));
    let run = run_with(&host, &pod, &["--sim", "-o", "json"]).assert_code(1);
    for delay in ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s"] {
        assert!(
            run.stdout.contains(&format!(
                "back-off {delay} restarting failed container=crash"
            )),
            "{delay}: {run}"
        );
    }
}

/// The rules of the manifest were passed over.
#[test]
fn a_simulated_pod_is_admitted_by_the_rules_of_its_manifest_too() {
    let host = Host::new();
    let range = "{apiVersion: v1, kind: LimitRange, metadata: {name: small}, \
                 spec: {limits: [{type: Container, max: {memory: 64Mi}}]}}";
    let pod = pod("greedy").container(container("app").set(
        "resources",
        serde_json::json!({"limits": {"memory": "1Gi"}}),
    ));
    let file = host.file("pod.yaml", format!("{range}\n---\n{pod}"));
    let run = host.run(["run".as_ref(), "--sim".as_ref(), file.as_os_str()]);
    assert_eq!(run.code(), 1, "{run}");
    let why = "maximum memory usage per Container is 64Mi, but limit is 1Gi";
    assert!(run.stderr.contains(why), "{run}");
    assert_eq!(host.state(), [""; 0]);
}

#[test]
fn a_restart_rule_decides_before_the_policy() {
    let host = Host::new();
    let image = wat(&host, "exit42.wasm", &exits(42));
    let rules = serde_json::json!([{ "action": "Restart", "exitCodes": { "operator": "In", "values": [42] } }]);
    let app = container("app")
        .image(image)
        .set("restartPolicy", "Never")
        .set("restartPolicyRules", rules);
    let pod = pod("rules").restart("Never").container(app);
    let process = super::spawn(&host, &pod, &["-o", "events"]);
    process
        .stdout
        .wait_for("Back-off restarting failed container app");
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.wait();
}

#[test]
fn three_hundred_containers_run_under_the_usual_limit_of_open_files() {
    let host = Host::new();
    let many = (0..300).map(|n| container(&format!("c{n}")).command(["true"]));
    let pod = many.fold(pod("many").restart("Never"), super::common::Pod::container);
    let file = host.file("pod.yaml", pod.to_string());
    let mut shell = std::process::Command::new("sh");
    let program = env!("CARGO_BIN_EXE_wasmpod");
    let script = format!(
        "ulimit -Sn 1024; exec {program} --root {} run {}",
        host.root().display(),
        file.display()
    );
    shell.args(["-c", &script]);
    host.spawn_command(shell).wait().success();
}
