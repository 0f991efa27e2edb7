//! `delete`.

use super::common::{Host, eventually};
use super::{has_ended, host_with, idler, pid, refuses, traces};

#[test]
fn a_deleted_pod_leaves_nothing() {
    let host = host_with("web", &idler("web"));
    let process = pid(&host, "web");
    host.run(["delete", "pod", "web"]).success();
    let once = host.state();
    assert_eq!(traces(&host), Vec::<String>::new());
    eventually("its process has ended", || has_ended(process).then_some(()));
    host.run(["apply", "-f", "web.yaml"]).success();
    let run = host.run(["delete", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod \"web\" deleted from default namespace\n");
    assert_eq!(host.state(), once);
}

#[test]
fn pods_are_deleted_by_name_label_field_and_all_together() {
    let host = Host::new();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        let pod = idler(name).set("metadata.labels.name", name);
        host.file(&format!("pods/{name}.yaml"), pod.to_string());
    }
    host.run(["apply", "-f", "pods"]).success();
    let deleted = |args: &[&str]| {
        let run = host.run([&["delete", "--now", "-o", "name"], args].concat());
        let stdout = run.success().stdout;
        let mut names: Vec<String> = stdout.lines().map(str::to_owned).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(deleted(&["pod/a"]), "pod/a");
    assert_eq!(deleted(&["pods", "-l", "name in (b)"]), "pod/b");
    assert_eq!(
        deleted(&["po", "--field-selector", "metadata.name=c"]),
        "pod/c"
    );
    assert_eq!(deleted(&["pods", "--all"]), "pod/d pod/e");
    assert_eq!(deleted(&["pods", "--all"]), "No resources found");
    assert_eq!(traces(&host), Vec::<String>::new());
}

#[test]
fn what_is_not_there_is_said_unless_it_may_be_missing() {
    let host = host_with("web", &idler("web"));
    let run = host.run(["delete", "pod", "web", "other"]).assert_code(1);
    assert_eq!(run.stdout, "pod \"web\" deleted from default namespace\n");
    assert_eq!(
        run.stderr,
        "Error from server (NotFound): pods \"other\" not found\n"
    );
    refuses(
        host.run(["delete", "-f", "web.yaml"]),
        1,
        "Error from server (NotFound): error when deleting \"web.yaml\": pods \"web\" not found",
    );
    host.run(["delete", "pod", "web", "--ignore-not-found"])
        .success();
}

#[test]
fn force_does_not_wait_for_the_pod() {
    let stubborn = idler("web").grace(1000);
    let host = host_with("web", &stubborn);
    let run = host
        .run(["delete", "pod", "web", "--force", "--grace-period=0"])
        .success();
    assert_eq!(
        run.stdout,
        "pod \"web\" force deleted from default namespace\n"
    );
    assert!(
        run.stderr.starts_with("Warning: Immediate deletion"),
        "{run}"
    );
    assert_eq!(traces(&host), Vec::<String>::new());
}

#[test]
fn what_contradicts_itself_is_refused_in_kubectls_words() {
    let host = Host::new();
    let cases: [(&[&str], &str); 8] = [
        (
            &["pods"],
            "error: resource(s) were provided, but no name was specified",
        ),
        (
            &["widgets", "a"],
            "error: the server doesn't have a resource type \"widgets\"",
        ),
        (
            &["pod", "a", "-l", "x=y"],
            "error: name cannot be provided when a selector is specified",
        ),
        (
            &["pods", "--all", "-l", "x=y"],
            "error: cannot set --all and --selector at the same time",
        ),
        (
            &["pod", "a", "--now", "--grace-period=3"],
            "error: --now and --grace-period cannot be specified together",
        ),
        (
            &["pod", "a", "--force", "--grace-period=3"],
            "error: --force and --grace-period greater than 0 cannot be specified together",
        ),
        (
            &["pod", "a", "-o", "yaml"],
            "error: unexpected -o output mode: yaml. We only support '-o name'",
        ),
        (
            &["-f", "nope.yaml"],
            "error: the path \"nope.yaml\" does not exist",
        ),
    ];
    for (args, words) in cases {
        refuses(host.run([&["delete"], args].concat()), 1, words);
    }
}

#[test]
fn whoever_is_asked_may_say_no() {
    let host = host_with("web", &idler("web"));
    let asked = "You are about to delete the following 1 resource(s):\npod/web\nDo you want to continue? (y/n): ";
    for (answer, then) in [
        ("n\n", "deletion is cancelled\n"),
        ("y\n", "pod \"web\" deleted from default namespace\n"),
    ] {
        let run = host.run_with_input(["delete", "pod", "web", "-i"], answer);
        assert_eq!(run.success().stdout, format!("{asked}{then}"));
    }
}
