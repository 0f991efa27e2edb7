//! `wait`.

use super::common::{Host, container, pod};
use super::{host_with, idler, refuses};

#[test]
fn conditions_fields_creation_and_deletion_are_waited_for() {
    let host = host_with("web", &idler("web"));
    let met = |condition: &str| {
        let run = host.run(["wait", &format!("--for={condition}"), "pod/web"]);
        assert_eq!(run.success().stdout, "pod/web condition met\n");
    };
    met("condition=ready=TRUE");
    met("jsonpath={.status.phase}=Running");
    met("create");
    let waiting = host.spawn(["wait", "--for=delete", "pod/web"]);
    host.run(["delete", "pod", "web", "--wait=false"]).success();
    let run = waiting.wait().success();
    assert!(
        matches!(run.stdout.as_str(), "" | "pod/web condition met\n"),
        "{run}"
    );
    host.run(["wait", "--for=delete", "pod/web"]).success();
}

#[test]
fn a_creation_is_waited_for_from_before() {
    let host = Host::new();
    let by_name = host.spawn(["wait", "--for=create", "pod/web"]);
    let by_label = host.spawn(["wait", "--for=create", "pods", "-l", "app=a"]);
    host.file(
        "web.yaml",
        idler("web").set("metadata.labels.app", "a").to_string(),
    );
    host.run(["apply", "-f", "web.yaml"]).success();
    for waiting in [by_name, by_label] {
        assert_eq!(waiting.wait().success().stdout, "pod/web condition met\n");
    }
}

#[test]
fn the_end_of_a_pod_is_seen() {
    let host = Host::new();
    let once = pod("once")
        .restart("Never")
        .container(container("app").command(["echo", "done"]));
    host.file("once.yaml", once.to_string());
    host.run(["apply", "-f", "once.yaml"]).success();
    host.run([
        "wait",
        "pod/once",
        "--for=jsonpath={.status.phase}=Succeeded",
    ])
    .success();
    let run = host.run(["apply", "-f", "once.yaml"]).success();
    assert_eq!(run.stdout, "pod/once unchanged\n");
}

#[test]
fn one_that_came_after_it_is_not_the_pod_whose_end_was_waited_for() {
    let host = host_with("web", &idler("web"));
    let waiting = host.spawn(["wait", "--for=delete", "pod/web", "-o", "name"]);
    for _ in 0..3 {
        host.run(["replace", "--force", "-f", "web.yaml"]).success();
    }
    host.run(["delete", "pod", "web", "--wait=false"]).success();
    waiting.wait().success();
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let host = host_with("web", &idler("web"));
    refuses(
        host.run([
            "wait",
            "pod/web",
            "--for=condition=Ready=false",
            "--timeout=10ms",
        ]),
        1,
        "error: timed out waiting for the condition on pods/web",
    );
    refuses(
        host.run(["wait", "pod/web", "--for=delete", "--timeout=0"]),
        1,
        "error: condition not met for pods/web",
    );
}

#[test]
fn what_cannot_be_waited_for_is_refused_in_kubectls_words() {
    let host = Host::new();
    refuses(
        host.run(["wait", "pod/web", "--for=condition=Ready"]),
        1,
        "Error from server (NotFound): pods \"web\" not found",
    );
    refuses(
        host.run(["wait", "pods", "--all", "--for=condition=Ready"]),
        1,
        "error: no matching resources found",
    );
    refuses(
        host.run(["wait", "pod/web"]),
        1,
        "error: unrecognized condition: \"\"",
    );
}
