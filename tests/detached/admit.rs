//! What the objects of a namespace, or of a manifest, make of its pods.

use serde_json::json;

use super::common::{Host, container, pod};
use super::{apply_pod, field, idler, ready, refuses};

/// The preset of the Kubernetes documentation, in other words, and limits, in the manifest of what is run.
#[test]
fn what_is_run_is_admitted_by_the_objects_beside_it() {
    let host = Host::new();
    let preset = json!({
        "apiVersion": "settings.k8s.io/v1alpha1",
        "kind": "PodPreset",
        "metadata": { "name": "cache" },
        "spec": {
            "selector": { "matchLabels": { "role": "frontend" } },
            "env": [{ "name": "DB_PORT", "value": "6379" }],
        },
    });
    let web = pod("web")
        .set("metadata.labels.role", "frontend")
        .container(container("app").command(["sh", "-c", "echo port $DB_PORT"]))
        .restart("Never");
    host.file("web.yaml", format!("{preset}\n---\n{web}\n"));
    host.run(["run", "web.yaml"]).success().says(&["port 6379"]);
    let range = json!({
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": { "name": "small" },
        "spec": { "limits": [{ "type": "Container", "max": { "memory": "64Mi" } }] },
    });
    let large = pod("large").container(
        container("app")
            .command(["true"])
            .set("resources.limits.memory", "128Mi"),
    );
    host.file("large.yaml", format!("{range}\n---\n{large}\n"));
    let run = host.run(["run", "large.yaml"]);
    assert_ne!(run.code(), 0);
    let words = "error: pods \"large\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 128Mi";
    assert_eq!(run.stderr.trim_end(), words);
    host.file(
        "picky.yaml",
        idler("picky")
            .set("spec.nodeSelector", json!({ "gpu": "yes" }))
            .to_string(),
    );
    let run = host.run(["run", "picky.yaml"]);
    assert_ne!(run.code(), 0);
    run.says(&[
        "error: pod \"picky\" has no place on this machine: 0/1 nodes are available: \
         1 node(s) didn't match Pod's node affinity/selector. preemption: ",
    ]);
}

#[test]
fn what_is_stored_is_admitted_by_the_objects_of_its_namespace() {
    let host = Host::new();
    let objects = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "settings.k8s.io/v1alpha1",
                "kind": "PodPreset",
                "metadata": { "name": "cache" },
                "spec": {
                    "selector": { "matchLabels": { "role": "frontend" } },
                    "env": [{ "name": "DB_PORT", "value": "6379" }],
                    "volumes": [{ "name": "cache-volume", "emptyDir": {} }],
                    "volumeMounts": [{ "name": "cache-volume", "mountPath": "/cache" }],
                },
            },
            {
                "apiVersion": "v1",
                "kind": "LimitRange",
                "metadata": { "name": "memory" },
                "spec": { "limits": [{ "type": "Container", "default": { "memory": "64Mi" }, "max": { "memory": "128Mi" } }] },
            },
        ],
    });
    host.file("objects.json", objects.to_string());
    host.run(["apply", "-f", "objects.json"]).success();
    let web = |name: &str| idler(name).set("metadata.labels.role", "frontend");
    host.file("web.yaml", web("web").to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    ready(&host, "web");
    host.run(["exec", "web", "--", "ls", "/cache"]).success();
    let env = host
        .run(["exec", "web", "--", "printenv", "DB_PORT"])
        .success();
    assert_eq!(env.stdout, "6379\n");
    assert_eq!(
        field(
            &host,
            "web",
            "{.spec.containers[0].resources.limits.memory}"
        ),
        "64Mi"
    );
    assert_eq!(
        field(
            &host,
            "web",
            r"{.metadata.annotations.kubernetes\.io/limit-ranger}"
        ),
        "LimitRanger plugin set: memory request for container app; memory limit for container app"
    );
    let version = host
        .run([
            "get",
            "podpreset",
            "cache",
            "-o",
            "jsonpath={.metadata.resourceVersion}",
        ])
        .success();
    assert_eq!(
        field(
            &host,
            "web",
            r"{.metadata.annotations.podpreset\.admission\.kubernetes\.io/podpreset-cache}"
        ),
        version.stdout
    );
    // What was added is neither taken back by applying nor in the way of replacing.
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web unchanged\n");
    host.file(
        "web.yaml",
        web("web").set("metadata.labels.more", "1").to_string(),
    );
    let run = host.run(["replace", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web replaced\n");
    assert_eq!(field(&host, "web", "{.metadata.labels.more}"), "1");
    let conflicting = container("app")
        .command(["sleep", "100000"])
        .env("DB_PORT", "1");
    let own = pod("own")
        .set("metadata.labels.role", "frontend")
        .container(conflicting)
        .grace(1);
    apply_pod(&host, &own);
    ready(&host, "own");
    let events = host.run(["events", "--for", "pod/own"]).success();
    assert!(events.stdout.contains("PodPresetConflict"), "{events}");
    assert!(
        events
            .stdout
            .contains("merging env for cache has a conflict on DB_PORT"),
        "{events}"
    );
    let large = container("app")
        .command(["sleep", "1"])
        .set("resources.limits.memory", "1Gi");
    host.file("large.yaml", pod("large").container(large).to_string());
    refuses(
        host.run(["create", "-f", "large.yaml"]),
        1,
        "Error from server (Forbidden): error when creating \"large.yaml\": pods \"large\" is forbidden: \
         maximum memory usage per Container is 128Mi, but limit is 1Gi",
    );
    host.run(["delete", "pod", "web", "own"]).success();
}
