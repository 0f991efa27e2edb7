//! Which pods this machine takes: `taint`, `cordon`, `uncordon`, `drain`, and what pods ask of their place.

use nix::sys::signal::Signal;
use serde_json::json;

use super::common::{Host, container, eventually, free_port, pod};
use super::{apply_pod, field, host_with, idle, idler, pid, ready, refuses, traces};

fn machine() -> String {
    let name = nix::unistd::gethostname().expect("a machine has a name");
    name.to_string_lossy().to_lowercase()
}

/// Reason and message of the condition that says where the pod is to run.
#[track_caller]
fn scheduled(host: &Host, name: &str) -> String {
    let path = r#"{.status.conditions[?(@.type=="PodScheduled")].status} {.status.conditions[?(@.type=="PodScheduled")].reason}: {.status.conditions[?(@.type=="PodScheduled")].message}"#;
    field(host, name, path)
}

const NOT_HELPFUL: &str =
    "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
const NO_VICTIMS: &str =
    "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";

#[track_caller]
fn waits(host: &Host, name: &str, why: &str) {
    assert_eq!(field(host, name, "{.status.phase}"), "Pending");
    assert_eq!(field(host, name, "{.spec.nodeName}"), "");
    let message = format!("0/1 nodes are available: 1 {why}");
    assert_eq!(
        scheduled(host, name),
        format!("False Unschedulable: {message}")
    );
    let events = host
        .run(["events", "--for", &format!("pod/{name}")])
        .success();
    assert!(events.stdout.contains("FailedScheduling"), "{events}");
    assert!(events.stdout.contains(&message), "{events}");
}

#[test]
fn a_cordoned_machine_takes_pods_when_it_is_uncordoned() {
    let host = host_with("old", &idler("old"));
    let node = machine();
    let run = host.run(["cordon", &node]).success();
    assert_eq!(run.stdout, format!("node/{node} cordoned\n"));
    let run = host.run(["cordon", &node]).success();
    assert_eq!(run.stdout, format!("node/{node} already cordoned\n"));
    host.file("new.yaml", idler("new").to_string());
    let run = host.run(["apply", "-f", "new.yaml"]).success();
    assert_eq!(run.stdout, "pod/new created\n");
    waits(
        &host,
        "new",
        &format!("node(s) were unschedulable. {NOT_HELPFUL}"),
    );
    // Those that are here stay, and nothing changes by looking again.
    let process = pid(&host, "old");
    let run = host.run(["apply", "-f", "new.yaml"]).success();
    assert_eq!(run.stdout, "pod/new unchanged\n");
    let run = host.run(["uncordon", &node]).success();
    assert_eq!(run.stdout, format!("node/{node} uncordoned\n"));
    ready(&host, "new");
    assert_eq!(field(&host, "new", "{.spec.nodeName}"), node);
    assert!(scheduled(&host, "new").starts_with("True"));
    assert_eq!(pid(&host, "old"), process);
    host.run(["delete", "pod", "old", "new"]).success();
}

#[test]
fn a_pod_without_a_place_can_be_deleted() {
    let host = Host::new();
    let picky = idler("web").set("spec.nodeSelector", json!({ "gpu": "yes" }));
    apply_pod(&host, &picky);
    waits(
        &host,
        "web",
        &format!("node(s) didn't match Pod's node affinity/selector. {NOT_HELPFUL}"),
    );
    assert!(host.processes().is_empty());
    host.run(["delete", "pod", "web"]).success();
    assert_eq!(traces(&host), [] as [&str; 0]);
}

#[test]
fn taints_keep_pods_away_and_drive_them_out() {
    let host = host_with("web", &idler("web"));
    let node = machine();
    let taint = |change: &str| host.run(["taint", "nodes", &node, change]);
    let run = taint("dedicated=gpu:NoSchedule").success();
    assert_eq!(run.stdout, format!("node/{node} tainted\n"));
    refuses(
        taint("dedicated=other:NoSchedule"),
        1,
        &format!(
            "error: node {node} already has dedicated taint(s) with same effect(s) and --overwrite is false"
        ),
    );
    apply_pod(&host, &idler("late"));
    waits(
        &host,
        "late",
        &format!("node(s) had untolerated taint(s). {NOT_HELPFUL}"),
    );
    let tolerates = json!([{ "key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule" }]);
    apply_pod(&host, &idler("gpu").set("spec.tolerations", tolerates));
    ready(&host, "gpu");
    let run = taint("dedicated:NoSchedule-").success();
    assert_eq!(run.stdout, format!("node/{node} untainted\n"));
    ready(&host, "late");
    refuses(
        taint("dedicated-"),
        1,
        "error: taint \"dedicated\" not found",
    );
    let tolerates = json!([{ "operator": "Exists" }]);
    apply_pod(&host, &idler("steady").set("spec.tolerations", tolerates));
    ready(&host, "steady");
    taint("away:NoExecute").success();
    for name in ["web", "late", "gpu"] {
        host.run(["wait", "--for=delete", &format!("pod/{name}")])
            .success();
    }
    ready(&host, "steady");
    host.run(["delete", "pod", "steady"]).success();
}

#[test]
fn a_supervisor_evicts_when_the_time_of_a_toleration_is_over() {
    let host = Host::new();
    let node = machine();
    let up = host.spawn(["up"]);
    let tolerates = json!([{ "key": "away", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1 }]);
    apply_pod(&host, &idler("web").set("spec.tolerations", tolerates));
    ready(&host, "web");
    host.run(["taint", "nodes", &node, "away:NoExecute"])
        .success();
    up.stdout.wait_for("pod default/web is evicted");
    host.run(["wait", "--for=delete", "pod/web"]).success();
    up.signal(Signal::SIGTERM);
    up.wait().success();
}

#[test]
fn a_supervisor_starts_what_fits_by_now() {
    let host = Host::new();
    let node = machine();
    host.run(["cordon", &node]).success();
    apply_pod(&host, &idler("web"));
    let up = host.spawn(["up"]);
    waits(
        &host,
        "web",
        &format!("node(s) were unschedulable. {NOT_HELPFUL}"),
    );
    host.run(["uncordon", &node]).success();
    ready(&host, "web");
    host.run(["delete", "pod", "web"]).success();
    up.signal(Signal::SIGTERM);
    up.wait().success();
}

#[test]
fn a_port_of_the_machine_goes_to_the_next_when_its_pod_is_gone() {
    let port = free_port();
    let web = |name: &str| {
        let serve = container("app")
            .command(["sleep", "100000"])
            .host_port(8080, port);
        pod(name).container(serve).grace(1)
    };
    let host = host_with("one", &web("one"));
    apply_pod(&host, &web("two"));
    waits(
        &host,
        "two",
        &format!("node(s) didn't have free ports for the requested pod ports. {NO_VICTIMS}"),
    );
    host.run(["delete", "pod", "one"]).success();
    ready(&host, "two");
    host.run(["delete", "pod", "two"]).success();
}

#[test]
fn a_pod_that_ends_makes_room_too() {
    let apart = |name: &str, seconds: &str| {
        let terms = json!([{ "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "one" } } }]);
        pod(name)
            .set("metadata.labels.app", "one")
            .set(
                "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
                terms,
            )
            .container(container("app").command(["sleep", seconds]))
            .restart("Never")
            .grace(1)
    };
    let host = host_with("first", &apart("first", "100000"));
    apply_pod(&host, &apart("second", "100000"));
    waits(
        &host,
        "second",
        &format!("node(s) didn't match pod anti-affinity rules. {NO_VICTIMS}"),
    );
    // One that minds nobody is kept away all the same.
    apply_pod(&host, &idler("third").set("metadata.labels.app", "one"));
    waits(
        &host,
        "third",
        &format!("node(s) didn't satisfy existing pods anti-affinity rules. {NO_VICTIMS}"),
    );
    host.run(["delete", "pod", "third"]).success();
    host.run(["exec", "first", "--", "true"]).success();
    host.run(["delete", "pod", "first"]).success();
    ready(&host, "second");
    host.run(["delete", "pod", "second"]).success();
}

#[test]
fn a_gated_pod_waits_until_its_gates_are_gone() {
    let host = Host::new();
    let gated = idler("web").set(
        "spec.schedulingGates",
        json!([{ "name": "example.com/hold" }]),
    );
    host.file("web.yaml", gated.to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(
        scheduled(&host, "web"),
        "False SchedulingGated: Scheduling is blocked due to non-empty scheduling gates"
    );
    let run = host.run(["get", "pods"]).success();
    assert!(run.stdout.contains("SchedulingGated"), "{run}");
    host.file("web.yaml", idler("web").to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    ready(&host, "web");
    host.run(["delete", "pod", "web"]).success();
}

#[test]
fn what_another_scheduler_places_is_left_to_it() {
    let host = Host::new();
    apply_pod(
        &host,
        &idler("web").set("spec.schedulerName", "my-scheduler"),
    );
    assert_eq!(field(&host, "web", "{.status}"), r#"{"phase":"Pending"}"#);
    let run = host.run(["events"]).success();
    assert!(!run.stdout.contains("web"), "{run}");
    host.run(["delete", "pod", "web"]).success();
}

#[test]
fn a_pod_may_name_this_machine_and_no_other() {
    let host = Host::new();
    let node = machine();
    host.file(
        "web.yaml",
        idler("web").set("spec.nodeName", "elsewhere").to_string(),
    );
    let run = host.run(["create", "-f", "web.yaml"]).assert_code(1);
    let words = format!(
        "spec.nodeName: Invalid value: \"elsewhere\": this machine is {node:?}, and there is no other"
    );
    assert!(run.stderr.contains(&words), "{run}");
    let fixed = |name: &str| idler(name).set("spec.nodeName", node.clone());
    host.run(["cordon", &node]).success();
    // Who names it needs no scheduler.
    apply_pod(&host, &fixed("web"));
    ready(&host, "web");
    apply_pod(
        &host,
        &fixed("picky").set("spec.nodeSelector", json!({ "gpu": "yes" })),
    );
    assert_eq!(
        field(
            &host,
            "picky",
            "{.status.phase} {.status.reason}: {.status.message}"
        ),
        "Failed NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    );
    host.run(["delete", "pod", "web", "picky"]).success();
}

#[test]
fn a_machine_is_drained_of_what_may_go() {
    let host = host_with("web", &idler("web"));
    apply_pod(
        &host,
        &pod("local").container(idle()).empty_dir("v").grace(1),
    );
    ready(&host, "local");
    let node = machine();
    let run = host.run(["drain", &node]).assert_code(1);
    assert_eq!(run.stdout, format!("node/{node} cordoned\n"));
    let local = "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/local";
    let alone =
        "cannot delete Pods that declare no controller (use --force to override): default/web";
    assert_eq!(
        run.stderr,
        format!(
            "error: unable to drain node {node:?} due to error: [{local}, {alone}], continuing command...\n\
             There are pending nodes to be drained:\n {node}\n{local}\n{alone}\n"
        )
    );
    let run = host
        .run(["drain", &node, "--force", "--delete-emptydir-data"])
        .success();
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    lines.sort_unstable();
    let mut expected = [
        format!("node/{node} already cordoned"),
        "evicting pod default/local".to_owned(),
        "evicting pod default/web".to_owned(),
        "pod/local evicted".to_owned(),
        "pod/web evicted".to_owned(),
        format!("node/{node} drained"),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!(
        run.stderr,
        "Warning: deleting Pods that declare no controller: default/local, default/web\n"
    );
    eventually("nothing runs any more", || {
        host.processes().is_empty().then_some(())
    });
}

#[test]
fn a_drain_that_is_only_tried_says_what_it_would_do() {
    let host = host_with("web", &idler("web"));
    let node = machine();
    let run = host.run(["drain", &node, "--force", "--dry-run"]).success();
    assert_eq!(
        run.stdout,
        format!(
            "node/{node} cordoned (dry run)\nevicting pod default/web (dry run)\nnode/{node} drained (dry run)\n"
        )
    );
    ready(&host, "web");
    apply_pod(&host, &idler("other"));
    ready(&host, "other");
    refuses(
        host.run(["drain", "elsewhere"]),
        1,
        "Error from server (NotFound): nodes \"elsewhere\" not found",
    );
    host.run(["delete", "pod", "web", "other"]).success();
}

#[test]
fn a_pod_starts_when_the_machine_has_what_it_selects() {
    let host = Host::new();
    let node = machine();
    apply_pod(
        &host,
        &idler("web").set("spec.nodeSelector", json!({ "gpu": "yes" })),
    );
    waits(
        &host,
        "web",
        &format!("node(s) didn't match Pod's node affinity/selector. {NOT_HELPFUL}"),
    );
    let run = host.run(["label", "node", &node, "gpu=yes"]).success();
    assert_eq!(run.stdout, format!("node/{node} labeled\n"));
    ready(&host, "web");
    host.run(["delete", "pod", "web"]).success();
}
