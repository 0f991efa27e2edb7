//! Objects of a kind that is told when the program runs.

use k8s_openapi::api::core::v1;
use serde_json::{Value, json};

use super::{Fake, pod, store, uid, wish};
use crate::node::{Applied, Deleted, Store, StoreError, delete_object};
use crate::spec::{Kind, Object, Validate, admit_any};

/// One that is admitted, of any kind that people write.
fn object(kind: Kind, name: &str) -> Object {
    let mut value = match kind {
        Kind::Pod => serde_json::to_value(pod(name)).unwrap(),
        Kind::PersistentVolumeClaim => json!({ "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": { "requests": { "storage": "1Gi" } },
        } }),
        Kind::LimitRange => json!({ "spec": { "limits": [
            { "type": "Container", "max": { "cpu": "1" } },
        ] } }),
        Kind::PodPreset => json!({ "spec": { "env": [{ "name": "A", "value": "1" }] } }),
        _ => json!({}),
    };
    value["metadata"]["name"] = name.into();
    let object = Object::from_value(kind, value).unwrap();
    admit_any(object, Validate::Strict).unwrap().0
}

fn written() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Event)
}

/// A pod is stored by a road of its own, and refused on this one.
fn create(store: &Store, kind: Kind, name: &str) -> Result<Object, StoreError> {
    match object(kind, name) {
        Object::Pod(pod) => {
            let refused = store.any(kind).create(Object::Pod(pod.clone()));
            assert_eq!(refused.unwrap_err().reason(), "MethodNotAllowed");
            store.create(*pod).map(Object::from)
        }
        other => store.any(kind).create(other),
    }
}

fn names(store: &Store, kind: Kind, namespace: Option<&str>) -> Vec<String> {
    let all = store.any(kind).list(namespace).unwrap();
    all.iter().map(|one| one.name().to_owned()).collect()
}

#[test]
fn every_kind_is_stored_listed_changed_and_removed() {
    for kind in written() {
        let (_dir, store) = store();
        let objects = store.any(kind);
        let made = create(&store, kind, "a").unwrap();
        assert!(uid_of(&made).len() > 10 && made.metadata().resource_version.is_some());
        let home = if kind.namespaced() { "default" } else { "" };
        assert_eq!(made.namespace(), home, "{kind:?}");
        let again = create(&store, kind, "a").unwrap_err();
        let text = format!("{} \"a\" already exists", kind.qualified_plural());
        assert_eq!(again.to_string(), text);
        assert!(names(&store, kind, Some("default")).contains(&"a".to_owned()));
        assert!(names(&store, kind, None).contains(&"a".to_owned()));

        let label = |object: &mut Object| {
            let labels = object.metadata_mut().labels.get_or_insert_default();
            labels.insert("x".to_owned(), "y".to_owned());
            Ok(())
        };
        let (changed, applied) = objects.update(home, "a", label).unwrap();
        assert_eq!(applied, Applied::Configured, "{kind:?}");
        assert_eq!(changed.metadata().labels.as_ref().unwrap()["x"], "y");
        let (same, applied) = objects.update(home, "a", label).unwrap();
        assert_eq!(applied, Applied::Unchanged, "{kind:?}");
        if kind != Kind::Pod {
            // A pod is seen with what its process says.
            assert_eq!(same, objects.get(home, "a").unwrap(), "{kind:?}");
        }

        let gone = delete_object(&store, &Fake::default(), kind, &wish(home, "a")).unwrap();
        assert_eq!(gone, Deleted::Gone, "{kind:?}");
        let error = objects.get(home, "a").unwrap_err();
        let text = format!("{} \"a\" not found", kind.qualified_plural());
        assert_eq!(error.to_string(), text);
    }
}

fn uid_of(object: &Object) -> &str {
    object.metadata().uid.as_deref().unwrap()
}

#[test]
fn what_is_in_no_namespace_is_in_none_whatever_was_said() {
    let (dir, store) = store();
    let mut node = v1::Node::default();
    node.metadata.name = Some("here".to_owned());
    node.metadata.namespace = Some("default".to_owned());
    let made = store.objects().create(node).unwrap();
    assert_eq!(made.metadata.namespace, None);
    assert!(dir.path().join("data/objects/nodes/_/here.json").exists());
    assert!(store.any(Kind::Node).get("anywhere", "here").is_ok());
}

#[test]
fn what_is_written_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = store();
    for kind in [Kind::Secret, Kind::ConfigMap] {
        store.any(kind).create(object(kind, "a")).unwrap();
        let file = dir
            .path()
            .join("data/objects")
            .join(kind.plural())
            .join("default/a.json");
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o7777,
            0o600
        );
    }
}

#[test]
fn only_the_meant_one_is_deleted() {
    let (_dir, store) = store();
    for kind in written().filter(|kind| *kind != Kind::Pod) {
        store.any(kind).create(object(kind, "a")).unwrap();
        let mut wish = wish("default", "a");
        wish.uid = Some("other".to_owned());
        let error = delete_object(&store, &Fake::default(), kind, &wish).unwrap_err();
        assert_eq!(error.reason(), "Conflict", "{kind:?}");
        assert!(store.any(kind).get("default", "a").is_ok());
    }
}

#[test]
fn what_is_immutable_stays() {
    let (_dir, store) = store();
    for kind in [Kind::ConfigMap, Kind::Secret] {
        let value =
            json!({ "metadata": { "name": "a" }, "data": { "k": "dg==" }, "immutable": true });
        let fixed = admit_any(Object::from_value(kind, value).unwrap(), Validate::Strict);
        store.any(kind).create(fixed.unwrap().0).unwrap();
        let set = |field: &'static str, value: Value| {
            let change = |object: &mut Object| {
                let mut all = object.value();
                all[field] = value;
                *object = Object::from_value(kind, all).unwrap();
                Ok(())
            };
            store.any(kind).update("default", "a", change)
        };
        let data = set("data", json!({ "k": "dw==" })).unwrap_err();
        assert_eq!(
            data.to_string(),
            format!(
                "{} \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
                kind.kind()
            )
        );
        let flag = set("immutable", json!(false)).unwrap_err();
        assert!(flag.to_string().contains("immutable: Forbidden"), "{flag}");
        set("metadata", json!({ "name": "a", "labels": { "x": "y" } })).unwrap();
    }
}

#[test]
fn events_are_read_and_not_written() {
    let (_dir, store) = store();
    let events = store.any(Kind::Event);
    assert_eq!(events.list(None).unwrap(), []);
    assert!(events.get("default", "a").unwrap_err().is_not_found());
    let event = json!({ "metadata": { "name": "a" }, "involvedObject": {} });
    let event = Object::from_value(Kind::Event, event).unwrap();
    let error = events.create(event).unwrap_err();
    assert!(matches!(error, StoreError::MethodNotAllowed), "{error}");
    let wrong = store.any(Kind::Secret).create(object(Kind::ConfigMap, "a"));
    assert!(matches!(wrong, Err(StoreError::MethodNotAllowed)));
}

#[test]
fn pods_are_seen_as_by_the_store() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let seen = store.any(Kind::Pod).get("default", "web").unwrap();
    assert_eq!(seen, Object::from(store.get("default", "web").unwrap()));
    assert_eq!(uid_of(&seen), uid(&made));
}

#[test]
fn whoever_writes_only_what_is_whole_is_stored() {
    let (_dir, store) = store();
    let secrets = store.any(Kind::Secret);
    let secret = |data: Value| {
        let value = json!({ "metadata": { "name": "a" }, "stringData": data });
        Object::from_value(Kind::Secret, value).unwrap()
    };
    let error = secrets
        .create(secret(json!({ "a/b": "", "..": "" })))
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("Secret \"a\" is invalid: \n* data[..]: "),
        "{text}"
    );
    secrets.create(secret(json!({ "k": "old" }))).unwrap();
    let renew = |object: &mut Object| {
        let mut value = object.value();
        value["stringData"] = json!({ "k": "new" });
        value["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        *object = Object::from_value(Kind::Secret, value).unwrap();
        Ok(())
    };
    let (changed, applied) = secrets.update("default", "a", renew).unwrap();
    assert_eq!(applied, Applied::Configured);
    assert_eq!(changed.value()["data"], json!({ "k": "bmV3" }));
    assert!(changed.value().get("stringData").is_none());
    // Nobody marks an object by writing so.
    assert!(changed.metadata().deletion_timestamp.is_none());
    let broken = |object: &mut Object| {
        *object = secret(json!({ "a/b": "" }));
        Ok(())
    };
    assert_eq!(
        secrets.update("default", "a", broken).unwrap_err().reason(),
        "Invalid"
    );
    let other = |object: &mut Object| {
        *object = Object::from(v1::ConfigMap::default());
        Ok(())
    };
    let error = secrets.update("default", "a", other).unwrap_err();
    assert!(matches!(error, StoreError::MethodNotAllowed));
}
