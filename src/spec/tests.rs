//! The room as a whole: manifests in, complaints or pods out.

use std::path::Path;

use super::*;

fn source(text: impl Into<Vec<u8>>) -> Source {
    Source {
        name: "pod.yaml".to_owned(),
        base: "/m".into(),
        text: text.into(),
    }
}

/// What is said about a manifest, one line each.
fn complaints(text: impl Into<Vec<u8>>, validate: Validate) -> Vec<String> {
    match load(&source(text), validate) {
        Ok(loaded) => loaded.warnings.iter().map(ToString::to_string).collect(),
        Err(complaints) => complaints.iter().map(ToString::to_string).collect(),
    }
}

fn refused(text: &str) -> Vec<String> {
    assert!(
        load(&source(text), Validate::Strict).is_err(),
        "this loads:\n{text}"
    );
    complaints(text, Validate::Strict)
}

fn loaded(text: &str) -> Vec<k8s_openapi::api::core::v1::Pod> {
    let loaded =
        load(&source(text), Validate::Strict).unwrap_or_else(|complaints| panic!("{complaints}"));
    loaded.pods.into_iter().map(|pod| pod.object).collect()
}

/// A pod with one container, and something added to the container, then to the spec.
fn pod(container: &str, spec: &str) -> String {
    let indented = |text: &str, by: &str| {
        text.lines()
            .map(|line| format!("{by}{line}\n"))
            .collect::<String>()
    };
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: app\n    image: ./app.wasm\n{}{}",
        indented(container, "    "),
        indented(spec, "  ")
    )
}

/// Container part, spec part, and what is said (paths from `spec.` on).
fn table(rows: &[(&str, &str, &[&str])]) {
    for (container, spec, expected) in rows {
        let text = pod(container, spec);
        let said: Vec<String> = refused(&text)
            .iter()
            .map(|line| {
                line.split_once("\"web\": ")
                    .expect("about the pod")
                    .1
                    .to_owned()
            })
            .collect();
        assert_eq!(said, *expected, "{text}");
    }
}

const GOOD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: app, image: ./app.wasm}
";

mod configuration;

mod documents;

mod bounds;

mod form;

mod rules;

mod readers;

mod placement;

mod scale;

mod volumes;

pub(super) mod world;

#[test]
fn the_whole_road_from_text_to_resolved_pod() {
    let text = pod(
        "args: [serve]\nresources: {limits: {memory: 0.5Gi}}",
        "terminationGracePeriodSeconds: -5",
    );
    let loaded =
        load(&source(text), Validate::Strict).unwrap_or_else(|complaints| panic!("{complaints}"));
    let LoadedPod { object, base, .. } = loaded.pods.into_iter().next().expect("one pod");
    let created = "2026-01-31T12:00:00Z".parse().expect("a time");
    let pod = resolve(object, &base, "uid".to_owned(), created)
        .unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(
        pod.containers[0].image,
        pod::Image::File {
            written: "./app.wasm".to_owned(),
            path: Path::new("/m/app.wasm").into()
        }
    );
    assert_eq!(pod.containers[0].resources.memory_request, Some(512 << 20));
    assert_eq!(pod.termination_grace.as_secs(), 1);
    let printed = serde_json::to_value(&pod.object).expect("prints");
    assert_eq!(
        printed["spec"]["containers"][0]["resources"]["limits"]["memory"],
        "512Mi"
    );
    assert_eq!(
        printed["metadata"]["creationTimestamp"],
        "2026-01-31T12:00:00Z"
    );
    assert_eq!(printed["metadata"]["namespace"], "default");
}

#[test]
fn what_was_written_is_kept_without_defaults() {
    let text = pod("resources: {limits: {memory: 0.5Gi, cpu: 1}}", "");
    let loaded = load(&source(text), Validate::Warn).unwrap_or_else(|c| panic!("{c}"));
    let expected = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{
            "name": "app",
            "image": "./app.wasm",
            "resources": {"limits": {"memory": "0.5Gi", "cpu": "1"}},
        }]},
    });
    assert_eq!(loaded.pods[0].written, expected);
}
