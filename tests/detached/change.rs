//! `label`, `annotate`, `edit` and `diff`.

use super::common::Host;
use super::{field, host_with, idler, refuses};

#[test]
fn labels_are_set_listed_and_removed() {
    let host = host_with("web", &idler("web").set("metadata.labels.app", "a"));
    let said = |args: &[&str]| {
        host.run([&["label", "pod/web"], args].concat())
            .success()
            .stdout
    };
    assert_eq!(said(&["x=1"]), "pod/web labeled\n");
    assert_eq!(said(&["x=1"]), "pod/web not labeled\n");
    assert_eq!(said(&["--list"]), "app=a\nx=1\n");
    refuses(
        host.run(["label", "pod/web", "x=2"]),
        1,
        "error: 'x' already has a value (1), and --overwrite is false",
    );
    assert_eq!(said(&["x=2", "--overwrite"]), "pod/web labeled\n");
    assert_eq!(said(&["x-"]), "pod/web unlabeled\n");
    assert_eq!(
        said(&["x-"]),
        "label \"x\" not found.\npod/web not labeled\n"
    );
    assert_eq!(field(&host, "web", "{.metadata.labels}"), r#"{"app":"a"}"#);
    host.run(["label", "pods", "--all", "bad=a b"])
        .assert_code(1)
        .says(&["Invalid value: \"a b\""]);
    host.run(["label", "pod", "web", "y=1", "--resource-version=1"])
        .assert_code(1)
        .says(&["(Conflict)"]);
}

#[test]
fn annotations_are_any_text() {
    let host = host_with("web", &idler("web"));
    let said = |args: &[&str]| {
        let run = host.run([&["annotate", "pods", "--all"], args].concat());
        run.success().stdout
    };
    assert_eq!(said(&["note=a=b c"]), "pod/web annotated\n");
    assert_eq!(field(&host, "web", "{.metadata.annotations.note}"), "a=b c");
    assert_eq!(said(&["note-"]), "pod/web annotated\n");
    assert_eq!(field(&host, "web", "{.metadata.annotations.note}"), "");
}

#[test]
fn what_cannot_be_labelled_is_refused_in_kubectls_words() {
    let host = Host::new();
    refuses(
        host.run(["label"]),
        1,
        "error: one or more resources must be specified as <resource> <name> or <resource>/<name>",
    );
    refuses(
        host.run(["annotate", "pod", "web"]),
        1,
        "error: at least one annotation update is required",
    );
    refuses(
        host.run(["label", "pod", "web", "a=b"]),
        1,
        "Error from server (NotFound): pods \"web\" not found",
    );
}

/// An editor that is a script of sed.
fn editing(script: &str) -> Host {
    Host::new().env("EDITOR", format!("sed -i '{script}'"))
}

fn applied(host: Host) -> Host {
    host.file(
        "web.yaml",
        idler("web").set("metadata.labels.app", "a").to_string(),
    );
    host.run(["apply", "-f", "web.yaml"]).success();
    host
}

#[test]
fn an_edit_takes_effect() {
    let host = applied(editing("s/^    app: a$/    app: b/"));
    let run = host.run(["edit", "pod", "web"]).success();
    assert_eq!(run.stdout, "pod/web edited\n");
    assert_eq!(field(&host, "web", "{.metadata.labels.app}"), "b");
}

#[test]
fn an_edit_that_changes_nothing_or_empties_the_file_is_cancelled() {
    for (script, words) in [
        ("s/^# Please/# Yes/", "Edit cancelled, no changes made.\n"),
        ("d", "Edit cancelled, saved file was empty.\n"),
    ] {
        let host = applied(editing(script));
        let run = host.run(["edit", "pod/web"]).success();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", words));
        assert_eq!(left_in(&host), Vec::<String>::new());
    }
}

#[test]
fn a_forbidden_edit_comes_back_with_the_reason_and_is_kept() {
    // The second time it finds nothing more to change.
    let host = applied(editing("s/\"*100000\"*/\"7\"/"));
    let run = host.run(["edit", "pod", "web"]).assert_code(1);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines[0], "error: pods \"web\" is invalid");
    assert!(
        lines[1].starts_with("A copy of your changes has been stored to \""),
        "{run}"
    );
    assert_eq!(
        lines[2],
        "error: Edit cancelled, no valid changes were saved."
    );
    let kept = std::fs::read_to_string(lines[1].split('"').nth(1).expect("a path")).expect("kept");
    assert!(
        kept.starts_with("# Please edit the object below."),
        "{kept}"
    );
    assert!(
        kept.contains("# pods \"web\" was not valid:\n# * spec: Forbidden: "),
        "{kept}"
    );
}

fn left_in(host: &Host) -> Vec<String> {
    let folder = host
        .root()
        .parent()
        .expect("a scratch directory")
        .join("tmp");
    let entries = std::fs::read_dir(folder).expect("the folder for drafts");
    entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn a_difference_is_shown_and_is_the_exit_code() {
    let host = applied(Host::new());
    let run = host.run(["diff", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "");
    host.file(
        "web.yaml",
        idler("web").set("metadata.labels.app", "b").to_string(),
    );
    let run = host.run(["diff", "-f", "web.yaml"]).assert_code(1);
    assert!(run.stdout.contains("\n-    app: a\n+    app: b\n"), "{run}");
    assert_eq!(
        run.stdout
            .lines()
            .filter(|line| line.starts_with(['-', '+']))
            .count(),
        4,
        "{run}"
    );
    refuses(
        host.run(["diff"]),
        2,
        "error: must specify one of -f and -k",
    );
    host.file("new.yaml", idler("new").to_string());
    host.run(["diff", "-f", "new.yaml"])
        .assert_code(1)
        .says(&["+  name: new\n"]);
}

#[test]
fn the_difference_may_be_shown_by_a_program_of_ones_own() {
    let host = applied(Host::new().env("KUBECTL_EXTERNAL_DIFF", "sh -c 'ls \"$@\"; exit 1' ls"));
    let run = host.run(["diff", "-f", "web.yaml"]).assert_code(1);
    assert_eq!(run.stdout.matches("v1.Pod.default.web").count(), 2, "{run}");
    assert_eq!(left_in(&host), Vec::<String>::new());
}
