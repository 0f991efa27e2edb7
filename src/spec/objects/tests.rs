//! Manifests of the objects around pods: what is filled in, and what is said of the wrong ones.

mod changes;
mod kinds;
mod secrets;

use serde_json::{Value, json};

use crate::spec::{Kind, Object, Source, Validate, admit_any, load};

fn source(text: &str) -> Source {
    Source {
        name: "m.yaml".to_owned(),
        base: "/m".into(),
        text: text.into(),
    }
}

/// What is said of a manifest that does not load.
fn refused(text: &str) -> Vec<String> {
    match load(&source(text), Validate::Strict) {
        Ok(_) => panic!("this loads:\n{text}"),
        Err(complaints) => complaints.iter().map(ToString::to_string).collect(),
    }
}

/// The one object of a manifest, as JSON.
fn loaded(text: &str) -> Value {
    let loaded = load(&source(text), Validate::Strict);
    let mut loaded = loaded.unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(loaded.others.len(), 1);
    loaded.others.remove(0).object.value()
}

/// What is said of an object that a program has made, without its name.
fn wrong(kind: Kind, value: Value) -> Vec<String> {
    let object = Object::from_value(kind, value).unwrap();
    match admit_any(object, Validate::Strict) {
        Ok(_) => Vec::new(),
        Err(complaints) => complaints
            .iter()
            .map(|complaint| format!("{}: {}", complaint.path, complaint.message))
            .collect(),
    }
}

fn admitted(kind: Kind, value: Value) -> Object {
    let object = Object::from_value(kind, value).unwrap();
    admit_any(object, Validate::Strict)
        .unwrap_or_else(|error| panic!("{error}"))
        .0
}

/// `a`, with this spec.
fn with_spec(spec: Value) -> Value {
    json!({ "metadata": { "name": "a" }, "spec": spec })
}

#[test]
fn pods_and_others_keep_the_order_of_the_manifest() {
    use crate::spec::Place;
    let text = "apiVersion: v1
kind: ConfigMap
metadata: {name: app}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: app, image: ./app.wasm}]}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: s}}
- {apiVersion: settings.k8s.io/v1alpha1, kind: PodPreset, metadata: {name: p}, spec: {env: [{name: A}]}}
---
apiVersion: v1
kind: ServiceAccountList
items:
- {metadata: {name: robot}}
";
    let loaded = load(&source(text), Validate::Strict).unwrap();
    let order = [
        Place::Other(0),
        Place::Pod(0),
        Place::Other(1),
        Place::Other(2),
        Place::Other(3),
    ];
    assert_eq!(loaded.order, order);
    let kinds: Vec<Kind> = loaded.others.iter().map(|one| one.object.kind()).collect();
    let expected = [
        Kind::ConfigMap,
        Kind::Secret,
        Kind::PodPreset,
        Kind::ServiceAccount,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(loaded.others[3].object.name(), "robot");
}

#[test]
fn unknown_fields_versions_and_events_are_refused_with_their_line() {
    let rows = [
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatas: {}",
            "m.yaml:4: ConfigMap \"a\": datas: Unknown field: did you mean \"data\"?",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: 1",
            "m.yaml:5: ConfigMap \"a\": data[k]: Invalid value: 1: must be a string (write it in quotes: \"1\")",
        ),
        (
            "apiVersion: settings.k8s.io/v1\nkind: PodPreset\nmetadata: {name: a}",
            "m.yaml:1: PodPreset \"a\": apiVersion: Unsupported value: \"settings.k8s.io/v1\": supported values: \"settings.k8s.io/v1alpha1\"",
        ),
        (
            "apiVersion: v1\nkind: Event\nmetadata: {name: a}",
            "m.yaml:1: Event \"a\": kind \"Event\" (v1) is not supported yet",
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}",
            "m.yaml:3: Namespace \"a.b\": metadata.name: Invalid value: \"a.b\": must not contain dots",
        ),
        (
            "apiVersion: settings.k8s.io/v1alpha1\nkind: PodPreset\nmetadata: {name: a}\nspec:\n  volume: []\n  env: [{name: A}]",
            "m.yaml:5: PodPreset \"a\": spec.volume: Unknown field: did you mean \"volumes\"?",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(refused(text), [expected]);
    }
}

#[test]
fn defaults_twice_are_defaults_once() {
    let claim = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } });
    let rows = [
        (
            Kind::Secret,
            json!({ "metadata": { "name": "a" }, "stringData": { "k": "v" } }),
        ),
        (Kind::Namespace, json!({ "metadata": { "name": "a" } })),
        (Kind::PersistentVolumeClaim, with_spec(claim)),
        (
            Kind::LimitRange,
            with_spec(json!({ "limits": [{ "type": "Container", "max": { "cpu": "1" } }] })),
        ),
        (
            Kind::PodPreset,
            with_spec(json!({ "volumes": [{ "name": "v" }] })),
        ),
    ];
    for (kind, value) in rows {
        let once = admitted(kind, value);
        assert_eq!(admitted(kind, once.value()), once);
    }
}
