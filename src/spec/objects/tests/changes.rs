//! What may become of an object that exists.

use super::*;
use crate::spec::validate_update;

fn changes(kind: Kind, old: Value, new: Value) -> Vec<String> {
    let read = |value| Object::from_value(kind, value).unwrap();
    match validate_update(&read(old), &read(new)) {
        Ok(()) => Vec::new(),
        Err(complaints) => complaints
            .iter()
            .map(|complaint| format!("{}: {}", complaint.path, complaint.message))
            .collect(),
    }
}

#[test]
fn what_is_immutable_may_not_change_nor_become_mutable() {
    const IMMUTABLE: &str = "Forbidden: field is immutable when `immutable` is set";
    for kind in [Kind::ConfigMap, Kind::Secret] {
        let object = |immutable: Value, data: Value| json!({ "metadata": { "name": "a" }, "immutable": immutable, "data": data });
        let fixed = || object(json!(true), json!({ "k": "dg==" }));
        assert!(changes(kind, fixed(), fixed()).is_empty());
        assert_eq!(
            changes(kind, fixed(), object(json!(null), json!({ "k": "dw==" }))),
            [
                format!("immutable: {IMMUTABLE}"),
                format!("data: {IMMUTABLE}")
            ]
        );
        let free = object(json!(false), json!({}));
        assert!(changes(kind, free, fixed()).is_empty());
        // None and empty are one.
        let empty = object(json!(true), json!({}));
        assert!(changes(kind, empty, object(json!(true), json!(null))).is_empty());
    }
    let binary = |value: &str| json!({ "metadata": { "name": "a" }, "immutable": true, "binaryData": { "k": value } });
    assert_eq!(
        changes(Kind::ConfigMap, binary("dg=="), binary("dw==")),
        [format!("binaryData: {IMMUTABLE}")]
    );
}

#[test]
fn a_secret_keeps_its_type() {
    let of = |kind: &str| json!({ "metadata": { "name": "a" }, "type": kind });
    assert_eq!(
        changes(Kind::Secret, of("Opaque"), of("kubernetes.io/tls")),
        ["type: Invalid value: \"kubernetes.io/tls\": field is immutable"]
    );
}

#[test]
fn nothing_is_renamed() {
    let named = |name: &str, namespace: &str| json!({ "metadata": { "name": name, "namespace": namespace, "uid": name } });
    assert_eq!(
        changes(Kind::ServiceAccount, named("a", "x"), named("b", "y")),
        [
            "metadata.name: Invalid value: \"b\": field is immutable",
            "metadata.namespace: Invalid value: \"y\": field is immutable",
            "metadata.uid: Invalid value: \"b\": field is immutable",
        ]
    );
}

#[test]
fn a_claim_that_is_bound_may_grow_and_nothing_else() {
    let claim = |volume: Value, size: &str, mode: &str| {
        with_spec(json!({
            "accessModes": [mode],
            "volumeName": volume,
            "resources": { "requests": { "storage": size } },
        }))
    };
    let kind = Kind::PersistentVolumeClaim;
    let bound = || claim(json!("pvc-1"), "2Gi", "ReadWriteOnce");
    let free = || claim(json!(null), "2Gi", "ReadWriteOnce");
    assert!(changes(kind, free(), bound()).is_empty());
    assert!(changes(kind, bound(), claim(json!("pvc-1"), "3Gi", "ReadWriteOnce")).is_empty());
    assert!(
        changes(
            kind,
            bound(),
            claim(json!("pvc-1"), "2048Mi", "ReadWriteOnce")
        )
        .is_empty()
    );
    assert_eq!(
        changes(kind, bound(), claim(json!("pvc-1"), "1Gi", "ReadWriteOnce")),
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
    );
    assert_eq!(
        changes(kind, bound(), claim(json!("pvc-1"), "2Gi", "ReadWriteMany")),
        [
            "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\naccessModes[0]: \"ReadWriteOnce\" -> \"ReadWriteMany\""
        ]
    );
    let said = changes(kind, free(), claim(json!(null), "3Gi", "ReadWriteOnce"));
    assert!(
        said.len() == 1 && said[0].contains("\"2Gi\" -> \"3Gi\""),
        "{said:?}"
    );
    let said = changes(kind, bound(), free());
    assert!(said[0].contains("volumeName"), "{said:?}");
}
