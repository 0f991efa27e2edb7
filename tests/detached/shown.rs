//! What the verbs that read say of detached pods.

use super::common::{Host, Run};
use super::{host_with, idler, kill_process, pid, ready};

/// The cells of each row of a table; the columns are at least two blanks apart.
fn rows(run: &Run) -> Vec<Vec<&str>> {
    run.stdout
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect()
}

fn web(host: &Host) -> Vec<String> {
    let run = host.run(["get", "pods", "--no-headers"]).success();
    let rows = rows(&run);
    assert_eq!(rows.len(), 1, "{run}");
    // Without its age.
    rows[0][..4].iter().map(|cell| (*cell).to_owned()).collect()
}

#[test]
fn a_pod_is_seen_from_its_first_moment_to_its_last() {
    let host = host_with("web", &idler("web"));
    assert_eq!(web(&host), ["web", "1/1", "Running", "0"]);
    host.run(["describe", "pod", "web"])
        .success()
        .says(&["Name:", "Status:", "Running", "Started"]);
    host.run(["delete", "pod", "web"]).success();
    for verb in ["pods", "events"] {
        let run = host.run(["get", verb]).success();
        assert_eq!(run.stderr, "No resources found in default namespace.\n");
    }
    host.run(["get", "pod", "web"])
        .assert_code(1)
        .says(&["Error from server (NotFound): pods \"web\" not found"]);
}

#[test]
fn a_killed_process_is_told_by_get_describe_and_events() {
    let host = host_with("web", &idler("web"));
    kill_process(&host, "web");
    assert_eq!(web(&host), ["web", "0/1", "ContainerStatusUnknown", "0"]);
    host.run(["describe", "pod", "web"]).success().says(&[
        "Status:           Failed",
        "Reason:           SandboxLost",
        "Message:          Error from the sandbox: the pod process ended (signal 9)",
        "Message:      The container could not be located when the pod was terminated",
        "Exit Code:    137",
        "SandboxChanged",
    ]);
    host.run(["events"]).success().says(&[
        "SandboxChanged",
        "Pod sandbox changed, it will be killed and re-created.",
    ]);
    host.run(["apply", "-f", "web.yaml"]).success();
    ready(&host, "web");
    let restarted = web(&host);
    assert_eq!(restarted[..3], ["web", "1/1", "Running"]);
    assert!(restarted[3].starts_with("1 ("), "{restarted:?}");
}

#[test]
fn a_script_finds_what_it_looks_for() {
    let host = host_with("web", &idler("web").set("metadata.labels.app", "a"));
    let run = host
        .run(["get", "pods", "-l", "app=a", "-o", "json"])
        .success();
    let list: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let pod = &list["items"][0];
    assert_eq!(pod["apiVersion"], "v1");
    assert_eq!(pod["kind"], "Pod");
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(
        pod["metadata"]["annotations"]["wasmpod.dev/pid"],
        pid(&host, "web").to_string()
    );
    let run = host.run(["get", "po", "-o", "name"]).success();
    assert_eq!(run.stdout, "pod/web\n");
}

#[test]
fn a_template_without_a_form_is_not_ignored() {
    let host = host_with("web", &idler("web"));
    super::refuses(
        host.run(["get", "pods", "--template={{.kind}}"]),
        1,
        "error: output format \"go-template\" is not supported: use jsonpath or custom-columns instead",
    );
}
