//! Stories of the objects around pods.

use k8s_openapi::api::core::v1;

use super::{Story, files, find, kill_at_every_change};
use crate::node::tests::{Fake, claim, claimant, config_map, wish};
use crate::node::{Store, StoreError, delete_object};
use crate::spec::Kind;

type Claim = v1::PersistentVolumeClaim;

/// The kinds that live in namespaces, where there may be files of them.
const HERE: [&str; 6] = [
    "pods",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "persistentvolumeclaims",
    "podpresets",
];

pub const STORIES: &[Story] = &[
    Story {
        name: "config map",
        before: |store| {
            drop(
                store
                    .objects()
                    .create(config_map("default", "app", "old"))
                    .unwrap(),
            )
        },
        tell: |store| {
            let new = |map: &mut v1::ConfigMap| {
                *map = config_map("default", "app", "new");
                Ok(())
            };
            store.objects().update("default", "app", new).unwrap();
        },
        whole: |store| assert!(["old", "new"].contains(&value(store).as_str())),
        after: |store| assert_eq!(value(store), "new"),
    },
    Story {
        name: "namespace",
        before: |_| (),
        tell: |store| store.ensure_namespace("team").unwrap(),
        whole: |_| (),
        after: |store| {
            assert_eq!(phase_of(store, "team").as_deref(), Some("Active"));
            let accounts = store.objects::<v1::ServiceAccount>();
            accounts.get("team", "default").unwrap();
        },
    },
    Story {
        name: "bind",
        before: |store| drop(store.objects().create(claim("default", "data")).unwrap()),
        tell: |store| drop(store.bind_claim("default", "data").unwrap()),
        whole: |store| {
            let claim = claim_of(store).unwrap();
            let path = store.layout().claims().join(claim.metadata.uid.unwrap());
            // What says that it has a directory has one.
            if claim.status.unwrap().phase.as_deref() == Some("Bound") {
                assert_eq!(mode(&path), 0o777);
            }
        },
        after: |store| {
            let path = store.bind_claim("default", "data").unwrap();
            assert_eq!(mode(&path), 0o777);
            let phase = claim_of(store).unwrap().status.unwrap().phase;
            assert_eq!(phase.as_deref(), Some("Bound"));
            assert_eq!(files(&store.layout().claims()), 1);
        },
    },
    Story {
        name: "delete claim",
        before: bound,
        tell: |store| delete(store, Kind::PersistentVolumeClaim, "default", "data"),
        whole: |store| {
            // Whoever has begun to delete has said so before anything was gone.
            if let Some(claim) = claim_of(store) {
                let marked = claim.metadata.deletion_timestamp.is_some();
                let path = store.layout().claims().join(claim.metadata.uid.unwrap());
                assert!(marked || path.join("file").exists());
            }
        },
        after: |store| {
            assert!(claim_of(store).is_none());
            assert_eq!(files(&store.layout().claims()), 0);
        },
    },
    Story {
        name: "last pod of a claim",
        before: |store| {
            bound(store);
            let made = store.create(claimant("default", "web", "data")).unwrap();
            delete(store, Kind::PersistentVolumeClaim, "default", "data");
            assert!(claim_of(store).is_some());
            drop(made);
        },
        tell: |store| {
            delete(store, Kind::Pod, "default", "web");
            // Whoever looks for the claim finishes what was left.
            let _ = store.any(Kind::PersistentVolumeClaim).list(Some("default"));
        },
        whole: |store| assert!(find(store).is_none() || claim_of(store).is_some()),
        after: |store| {
            assert!(find(store).is_none() && claim_of(store).is_none());
            assert_eq!(files(&store.layout().claims()), 0);
        },
    },
    Story {
        name: "delete namespace",
        before: |store| {
            store.ensure_namespace("team").unwrap();
            store.create(claimant("team", "web", "data")).unwrap();
            store
                .objects()
                .create(config_map("team", "app", "old"))
                .unwrap();
            store.objects().create(claim("team", "data")).unwrap();
            store.bind_claim("team", "data").unwrap();
        },
        tell: |store| {
            delete(store, Kind::Namespace, "", "team");
            // What a kill after the pod's end has left.
            crate::node::reconcile(store, &Fake::default()).unwrap();
        },
        whole: |store| match phase_of(store, "team").as_deref() {
            Some("Active") => assert!(HERE[..2].iter().all(|kind| in_team(store, kind) == 1)),
            Some("Terminating") => {}
            None => assert!(HERE.iter().all(|kind| in_team(store, kind) == 0)),
            Some(other) => panic!("{other}"),
        },
        after: |store| {
            assert_eq!(phase_of(store, "team"), None);
            for kind in HERE {
                assert_eq!(in_team(store, kind), 0, "{kind}");
            }
            assert_eq!(files(&store.layout().claims()), 0);
        },
    },
];

fn bound(store: &Store) {
    store.objects().create(claim("default", "data")).unwrap();
    let path = store.bind_claim("default", "data").unwrap();
    std::fs::write(path.join("file"), "data").unwrap();
}

fn delete(store: &Store, kind: Kind, namespace: &str, name: &str) {
    match delete_object(store, &Fake::default(), kind, &wish(namespace, name)) {
        Ok(_) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

fn value(store: &Store) -> String {
    let map: v1::ConfigMap = store.objects().get("default", "app").unwrap();
    map.data.unwrap()["key"].clone()
}

fn found<K>(result: Result<K, StoreError>) -> Option<K> {
    match result {
        Ok(object) => Some(object),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

fn claim_of(store: &Store) -> Option<Claim> {
    found(store.objects().get("default", "data"))
}

fn phase_of(store: &Store, name: &str) -> Option<String> {
    let namespace: Option<v1::Namespace> = found(store.objects().get("", name));
    namespace.and_then(|namespace| namespace.status?.phase)
}

fn in_team(store: &Store, kind: &str) -> usize {
    files(&store.layout().objects().join(kind).join("team"))
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_config_map_is_the_old_one_or_the_new_one() {
    kill_at_every_change("config map");
}

#[test]
fn a_namespace_and_its_account_are_made_or_can_be() {
    kill_at_every_change("namespace");
}

#[test]
fn a_claim_is_bound_once() {
    kill_at_every_change("bind");
}

#[test]
fn a_claim_that_is_to_go_can_be_removed() {
    kill_at_every_change("delete claim");
}

#[test]
fn a_claim_goes_with_its_last_pod() {
    kill_at_every_change("last pod of a claim");
}

#[test]
fn a_namespace_that_is_to_go_can_be_emptied() {
    kill_at_every_change("delete namespace");
}
