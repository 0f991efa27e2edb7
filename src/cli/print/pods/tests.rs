use serde_json::{Value, json};

use super::*;
use crate::cli::print::fixtures::{NOW, now};

/// STATUS, READY and RESTARTS of a pod with these init containers, containers and statuses.
fn cells(spec: Value, status: Value) -> (String, String, String) {
    let object = json!({"metadata": {"name": "web", "creationTimestamp": NOW}, "spec": spec, "status": status});
    let cells = row(&serde_json::from_value(object).unwrap(), false, now());
    (cells[0].clone(), cells[1].clone(), cells[2].clone())
}

fn check(spec: &Value, status: Value, ready: &str, text: &str, restarts: &str) {
    let found = cells(spec.clone(), status);
    assert_eq!((&*found.0, &*found.1, &*found.2), (ready, text, restarts));
}

fn container(name: &str, ready: bool, state: Value) -> Value {
    json!({"name": name, "ready": ready, "restartCount": 0, "image": "", "imageID": "", "state": state})
}

fn restarted(name: &str, ready: bool, count: i32, last: &str, state: Value) -> Value {
    let mut status = container(name, ready, state);
    status["restartCount"] = json!(count);
    status["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": last}});
    status
}

fn running() -> Value {
    json!({"running": {}})
}

fn ended(code: i32, reason: &str) -> Value {
    json!({"terminated": {"exitCode": code, "reason": reason}})
}

fn waiting(reason: &str) -> Value {
    json!({"waiting": {"reason": reason}})
}

#[test]
fn regular_containers() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let status =
        |phase: &str, a: Value, b: Value| json!({"phase": phase, "containerStatuses": [a, b]});
    let go = |status, ready, text, restarts| check(&spec, status, ready, text, restarts);
    go(json!({"phase": "Pending"}), "0/2", "Pending", "0");
    go(
        json!({"phase": "Failed", "reason": "Evicted"}),
        "0/2",
        "Evicted",
        "0",
    );
    go(
        status(
            "Running",
            container("a", true, running()),
            container("b", true, running()),
        ),
        "2/2",
        "Running",
        "0",
    );
    go(
        status(
            "Pending",
            container("a", false, waiting("ContainerCreating")),
            container("b", false, waiting("ContainerCreating")),
        ),
        "0/2",
        "ContainerCreating",
        "0",
    );
    // The first by name wins.
    go(
        status(
            "Running",
            container("a", false, waiting("CrashLoopBackOff")),
            container("b", false, ended(1, "Error")),
        ),
        "0/2",
        "CrashLoopBackOff",
        "0",
    );
    go(
        status(
            "Running",
            container("a", true, running()),
            container("b", false, ended(2, "")),
        ),
        "1/2",
        "ExitCode:2",
        "0",
    );
    go(
        status(
            "Failed",
            container(
                "a",
                false,
                json!({"terminated": {"exitCode": 137, "signal": 9}}),
            ),
            container("b", false, ended(0, "Completed")),
        ),
        "0/2",
        "Signal:9",
        "0",
    );
    go(
        status(
            "Running",
            container("a", false, ended(0, "Completed")),
            container("b", true, running()),
        ),
        "1/2",
        "NotReady",
        "0",
    );
    go(
        status(
            "Running",
            restarted("a", true, 3, "2026-01-31T11:59:20Z", running()),
            restarted("b", true, 1, "2026-01-31T11:00:00Z", running()),
        ),
        "2/2",
        "Running",
        "4 (40s ago)",
    );
}

#[test]
fn something_completed_and_something_runs() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
    let with = |ready: &str, b: Value| {
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
               "containerStatuses": [container("a", false, ended(0, "Completed")), container("b", false, b), container("c", true, running())]})
    };
    check(
        &spec,
        with("True", ended(0, "Completed")),
        "1/3",
        "Running",
        "0",
    );
    check(
        &spec,
        with("False", ended(0, "Completed")),
        "1/3",
        "NotReady",
        "0",
    );
    check(&spec, with("False", ended(1, "Error")), "1/3", "Error", "0");
}

#[test]
fn init_containers_and_sidecars() {
    let spec = json!({"initContainers": [{"name": "i1"}, {"name": "side", "restartPolicy": "Always"}, {"name": "i2"}], "containers": [{"name": "a"}]});
    let status = |first: Value, side: Value, second: Value| json!({"phase": "Pending", "initContainerStatuses": [first, side, second], "containerStatuses": [container("a", false, waiting("PodInitializing"))]});
    let side = |started: bool, ready: bool| {
        let mut status = restarted("side", ready, 2, "2026-01-31T11:50:00Z", running());
        status["started"] = json!(started);
        status
    };
    let init = || waiting("PodInitializing");
    let go = |status, ready, text, restarts| check(&spec, status, ready, text, restarts);
    go(
        status(
            container("i1", false, running()),
            container("side", false, init()),
            container("i2", false, init()),
        ),
        "0/2",
        "Init:0/3",
        "0",
    );
    go(
        status(
            container("i1", false, ended(1, "Error")),
            container("side", false, init()),
            container("i2", false, init()),
        ),
        "0/2",
        "Init:Error",
        "0",
    );
    go(
        status(
            container("i1", false, ended(7, "")),
            container("side", false, init()),
            container("i2", false, init()),
        ),
        "0/2",
        "Init:ExitCode:7",
        "0",
    );
    go(
        status(
            container("i1", false, waiting("CrashLoopBackOff")),
            container("side", false, init()),
            container("i2", false, init()),
        ),
        "0/2",
        "Init:CrashLoopBackOff",
        "0",
    );
    go(
        status(
            container("i1", true, ended(0, "Completed")),
            side(false, false),
            container("i2", false, init()),
        ),
        "0/2",
        "Init:1/3",
        "2 (10m ago)",
    );
    go(
        status(
            container("i1", true, ended(0, "Completed")),
            side(true, true),
            container("i2", false, running()),
        ),
        "1/2",
        "Init:2/3",
        "2 (10m ago)",
    );
    // Restarts of init containers are forgotten once they are done, those of sidecars are not.
    let mut done = status(
        restarted("i1", true, 5, "2026-01-31T11:59:00Z", ended(0, "Completed")),
        side(true, true),
        container("i2", true, ended(0, "Completed")),
    );
    done["containerStatuses"] = json!([restarted("a", true, 1, "2026-01-31T11:40:00Z", running())]);
    done["phase"] = json!("Running");
    go(done, "2/2", "Running", "3 (10m ago)");
}

#[test]
fn a_pod_on_its_way_out() {
    let pod = |phase: &str, reason: &str| {
        let object = json!({"metadata": {"name": "web", "deletionTimestamp": NOW}, "status": {"phase": phase, "reason": reason}});
        row(&serde_json::from_value(object).unwrap(), false, now())[1].clone()
    };
    assert_eq!(pod("Running", ""), "Terminating");
    assert_eq!(pod("Failed", ""), "Failed");
    assert_eq!(pod("Running", "NodeLost"), "Unknown");
}

#[test]
fn wide_columns() {
    let object = json!({
        "metadata": {"name": "web", "creationTimestamp": "2026-01-31T10:00:00Z"},
        "spec": {"nodeName": "box", "containers": [], "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]},
        "status": {"podIPs": [{"ip": "10.0.0.7"}], "conditions": [{"type": "y", "status": "True"}]},
    });
    let cells = row(&serde_json::from_value(object).unwrap(), true, now());
    assert_eq!(cells[3..], ["120m", "10.0.0.7", "box", "<none>", "1/2"]);
}
