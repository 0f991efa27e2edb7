use k8s_openapi::api::core::v1;

use super::{
    Fake, born, claim, claimant, config_map, killed, pod, publish, status, store, uid, wish,
};
use crate::node::{Deleted, Store, StoreError, create_pod, delete_object};
use crate::spec::{Kind, Object, Validate};

fn delete(store: &Store, name: &str) -> Result<Deleted, StoreError> {
    delete_object(store, &Fake::default(), Kind::Namespace, &wish("", name))
}

fn phases(store: &Store) -> Vec<(String, String)> {
    let all = store.any(Kind::Namespace).list(None).unwrap();
    let phase = |object: &Object| match object {
        Object::Namespace(namespace) => namespace.status.clone().unwrap().phase.unwrap(),
        other => panic!("{other:?}"),
    };
    all.iter()
        .map(|one| (one.name().to_owned(), phase(one)))
        .collect()
}

fn accounts(store: &Store, namespace: Option<&str>) -> Vec<String> {
    let all = store.any(Kind::ServiceAccount).list(namespace).unwrap();
    all.iter()
        .map(|one| format!("{}/{}", one.namespace(), one.name()))
        .collect()
}

#[test]
fn there_is_always_default_and_its_account() {
    let (_dir, store) = store();
    assert!(store.namespace_exists("default").unwrap());
    assert_eq!(
        phases(&store),
        [("default".to_owned(), "Active".to_owned())]
    );
    assert_eq!(accounts(&store, None), ["default/default"]);
    let error = delete(&store, "default").unwrap_err();
    assert_eq!(
        error.to_string(),
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
    // Its controller makes it anew.
    let account = wish("default", "default");
    delete_object(&store, &Fake::default(), Kind::ServiceAccount, &account).unwrap();
    assert_eq!(accounts(&store, Some("default")), ["default/default"]);
}

#[test]
fn a_reader_of_one_account_finds_the_one_of_everybody() {
    let (_dir, store) = store();
    assert!(
        store
            .any(Kind::ServiceAccount)
            .get("default", "default")
            .is_ok()
    );
    assert!(store.any(Kind::Namespace).get("", "default").is_ok());
    let missing = store.any(Kind::ServiceAccount).get("nowhere", "default");
    assert!(missing.unwrap_err().is_not_found());
}

#[test]
fn nothing_is_made_in_a_namespace_that_is_not_there() {
    let (_dir, store) = store();
    assert!(!store.namespace_exists("team").unwrap());
    let object = config_map("team", "app", "v").into();
    let pod = claimant("team", "app", "data");
    for error in [
        store.any(Kind::ConfigMap).create(object).unwrap_err(),
        create_pod(&store, pod, Validate::Strict).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "namespaces \"team\" not found");
        assert_eq!(error.reason(), "NotFound");
    }
    let made = store
        .any(Kind::Namespace)
        .create(namespace("team"))
        .unwrap();
    assert!(made.metadata().uid.is_some());
    assert_eq!(accounts(&store, Some("team")), ["team/default"]);
    store
        .any(Kind::ConfigMap)
        .create(config_map("team", "app", "v").into())
        .unwrap();
}

fn namespace(name: &str) -> Object {
    let mut namespace = v1::Namespace::default();
    namespace.metadata.name = Some(name.to_owned());
    namespace.into()
}

#[test]
fn a_namespace_takes_all_that_is_in_it_along() {
    let (dir, store) = store();
    store.ensure_namespace("team").unwrap();
    store.create(claimant("team", "web", "data")).unwrap();
    store
        .objects()
        .create(config_map("team", "app", "v"))
        .unwrap();
    store.objects().create(claim("team", "data")).unwrap();
    let path = store.bind_claim("team", "data").unwrap();
    std::fs::write(
        dir.path().join("data/objects/configmaps/team/bad.json"),
        "{",
    )
    .unwrap();
    assert_eq!(delete(&store, "team").unwrap(), Deleted::Gone);
    assert!(!path.exists());
    assert_eq!(
        phases(&store),
        [("default".to_owned(), "Active".to_owned())]
    );
    assert!(store.list(Some("team")).unwrap().is_empty());
    assert!(delete(&store, "team").unwrap_err().is_not_found());
}

#[test]
fn a_namespace_waits_for_the_process_of_a_pod() {
    let (_dir, store) = store();
    store.ensure_namespace("team").unwrap();
    let mut web = pod("web");
    web.metadata.namespace = Some("team".to_owned());
    let web = store.create(web).unwrap();
    publish(&store, uid(&web), 0, status("Running"));
    // As if its process had been told: it stays until that lets go.
    let lock = born(&store, uid(&web));
    let marked = store.begin_delete("team", "web", None, None);
    assert!(marked.unwrap().metadata.deletion_timestamp.is_some());
    mark(&store, "team");
    assert!(
        !store
            .finish_namespace(crate::node::writers::Turn::Await, "team")
            .unwrap()
    );
    assert_eq!(
        phases(&store)[1],
        ("team".to_owned(), "Terminating".to_owned())
    );

    let error = store
        .any(Kind::ConfigMap)
        .create(config_map("team", "app", "v").into());
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "configmaps \"app\" is forbidden: unable to create new content in namespace team because it is being terminated"
    );
    assert_eq!(error.reason(), "Forbidden");

    killed(lock);
    store.finish_delete("team", "web", uid(&web)).unwrap();
    // The last one out has closed the door.
    assert_eq!(
        phases(&store),
        [("default".to_owned(), "Active".to_owned())]
    );
}

fn mark(store: &Store, name: &str) {
    let mark = |namespace: &mut v1::Namespace| {
        namespace.metadata.deletion_timestamp = Some(crate::node::writers::now());
        Ok(())
    };
    store.objects().update("", name, mark).unwrap();
}

#[test]
fn whoever_looks_finishes_a_namespace_that_was_left() {
    let (_dir, store) = store();
    store.ensure_namespace("team").unwrap();
    store
        .objects()
        .create(config_map("team", "app", "v"))
        .unwrap();
    mark(&store, "team");
    assert_eq!(
        phases(&store),
        [("default".to_owned(), "Active".to_owned())]
    );
}

#[test]
fn a_pod_in_a_namespace_that_was_left_is_deleted_by_whoever_puts_in_order() {
    let (_dir, store) = store();
    store.ensure_namespace("team").unwrap();
    store.create(claimant("team", "web", "data")).unwrap();
    mark(&store, "team");
    assert_eq!(phases(&store).len(), 2);
    crate::node::reconcile(&store, &Fake::default()).unwrap();
    assert!(store.list(None).unwrap().is_empty());
    assert_eq!(phases(&store).len(), 1);
}

#[test]
fn a_full_disk_keeps_nobody_from_reading() {
    let (dir, store) = store();
    crate::node::disk::step::fill(dir.path(), true);
    assert!(store.any(Kind::Namespace).list(None).unwrap().is_empty());
    assert!(
        store
            .any(Kind::ServiceAccount)
            .list(None)
            .unwrap()
            .is_empty()
    );
    crate::node::disk::step::fill(dir.path(), false);
}
