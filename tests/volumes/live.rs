//! What changes around a running pod reaches its files, all at once; not its variables, and not parts of volumes.

use std::time::{Duration, Instant};

use super::*;

/// The promise of how soon a change is seen.
const SOON: Duration = Duration::from_secs(2);

fn config() -> Value {
    json!([{"name": "config", "configMap": {"name": "settings"}}])
}

/// Waits until a command in the container prints this, and not longer than is promised.
#[track_caller]
fn soon<const N: usize>(host: &Host, words: [&str; N], expected: &str) {
    let begin = Instant::now();
    eventually("the change is seen", || {
        (exec(host, words) == expected).then_some(())
    });
    assert!(begin.elapsed() < SOON, "after {:?}", begin.elapsed());
}

#[test]
fn a_changed_config_map_is_seen_whole_or_not_at_all() {
    let host = Host::new();
    // A file of equal lines, more than one reading takes, and a reader that never stops.
    let change = |round: u32| {
        let text = format!("{round}\n").repeat(20_000);
        around::config_map(&host, "settings", &[("a", &text)]);
    };
    change(1);
    let text = "while true; do \
                  cat /config/a > /tmp/seen || continue; \
                  if test $(sort -u /tmp/seen | wc -l) != 1; then echo HALF; exit 1; fi; \
                done";
    let app = script("app", text).mount("config", "/config");
    apply(
        &host,
        &volumes(
            pod("web").restart("Never").grace(1).container(app),
            config(),
        ),
    );
    ready(&host);
    for round in 2..40 {
        change(round);
        if round % 8 == 0 {
            soon(
                &host,
                ["head", "-n", "1", "/config/a"],
                &format!("{round}\n"),
            );
        }
    }
    soon(&host, ["head", "-n", "1", "/config/a"], "39\n");
    assert_eq!(field(&host, "{.status.phase}"), "Running");
}

#[test]
fn files_that_appear_and_go_do_so_in_the_volume_too() {
    let host = Host::new();
    around::config_map(&host, "settings", &[("a", "1")]);
    let app = container("app")
        .command(["sleep", "100000"])
        .mount("config", "/config");
    apply(
        &host,
        &volumes(pod("web").grace(1).container(app), config()),
    );
    ready(&host);
    around::config_map(&host, "settings", &[("b", "2")]);
    soon(&host, ["ls", "/config"], "b\n");
    // What was there stays when the object goes.
    around::delete_config_map(&host, "settings");
    told(&host, "FailedMount", "configmap \"settings\" not found");
    assert_eq!(exec(&host, ["cat", "/config/b"]), "2");
    around::config_map(&host, "settings", &[("c", "3")]);
    soon(&host, ["ls", "/config"], "c\n");
}

#[test]
fn a_changed_secret_is_seen() {
    let host = Host::new();
    around::secret(&host, "login", &[("pass", "old")]);
    let app = container("app")
        .command(["sleep", "100000"])
        .mount("login", "/login");
    let source = json!([{"name": "login", "secret": {"secretName": "login"}}]);
    apply(&host, &volumes(pod("web").grace(1).container(app), source));
    ready(&host);
    around::secret(&host, "login", &[("pass", "new")]);
    soon(&host, ["cat", "/login/pass"], "new");
}

#[test]
fn labels_and_annotations_are_seen_as_they_change() {
    let host = Host::new();
    let items = json!([
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "note", "fieldRef": {"fieldPath": "metadata.annotations['note']"}},
    ]);
    let app = container("app")
        .command(["sleep", "100000"])
        .mount("pod", "/pod");
    let pod = volumes(
        pod("web").grace(1).container(app),
        json!([{"name": "pod", "downwardAPI": {"items": items}}]),
    );
    apply(&host, &pod.set("metadata.labels.app", "a"));
    ready(&host);
    assert_eq!(
        exec(&host, ["cat", "/pod/labels", "/pod/note"]),
        "app=\"a\""
    );
    host.run(["label", "pod", "web", "zone=eu"]).success();
    soon(&host, ["cat", "/pod/labels"], "app=\"a\"\nzone=\"eu\"");
    host.run(["annotate", "pod", "web", "note=read me"])
        .success();
    soon(&host, ["cat", "/pod/note"], "read me");
}

#[test]
fn neither_variables_nor_parts_of_a_volume_ever_change_in_a_running_container() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    around::config_map(&host, "settings", &[("key", "old")]);
    let mounts = json!([
        {"name": "config", "mountPath": "/whole"},
        {"name": "config", "mountPath": "/part", "subPath": "key"},
    ]);
    let env = json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "key"}}}]);
    let app = container("app")
        .command(["sleep", "100000"])
        .set("volumeMounts", mounts)
        .set("env", env);
    apply(
        &host,
        &volumes(pod("web").grace(1).container(app), config()),
    );
    ready(&host);
    around::config_map(&host, "settings", &[("key", "new")]);
    soon(&host, ["cat", "/whole/key"], "new");
    assert_eq!(exec(&host, ["cat", "/part"]), "old");
    assert!(exec(&host, ["env"]).contains("X=old\n"));
}
