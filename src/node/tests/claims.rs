use std::os::unix::fs::PermissionsExt;

use k8s_openapi::api::core::v1;

use super::{Fake, claim, claimant, store, uid, wish};
use crate::node::disk::step::fill;
use crate::node::{Deleted, Store, StoreError, delete_object};
use crate::spec::{Kind, Object};

fn delete(store: &Store, name: &str) -> Result<Deleted, StoreError> {
    let wish = wish("default", name);
    delete_object(store, &Fake::default(), Kind::PersistentVolumeClaim, &wish)
}

fn seen(store: &Store) -> v1::PersistentVolumeClaim {
    store.objects().get("default", "data").unwrap()
}

#[test]
fn a_claim_is_bound_when_it_is_first_used_and_stays_what_it_is() {
    let (dir, store) = store();
    let made = store.objects().create(claim("default", "data")).unwrap();
    assert_eq!(made.status.unwrap().phase.as_deref(), Some("Pending"));
    let path = store.bind_claim("default", "data").unwrap();
    assert_eq!(path.parent().unwrap(), dir.path().join("data/claims"));
    assert_eq!(
        path.metadata().unwrap().permissions().mode() & 0o7777,
        0o777
    );
    let above = path.parent().unwrap().metadata().unwrap();
    assert_eq!(above.permissions().mode() & 0o7777, 0o700);

    let bound = seen(&store);
    let uid = bound.metadata.uid.clone().unwrap();
    let spec = bound.spec.as_ref().unwrap();
    assert_eq!(spec.volume_name, Some(format!("pvc-{uid}")));
    let status = bound.status.as_ref().unwrap();
    assert_eq!(status.phase.as_deref(), Some("Bound"));
    assert_eq!(status.capacity.as_ref().unwrap()["storage"].0, "1Gi");
    assert_eq!(status.access_modes.as_ref().unwrap(), &["ReadWriteOnce"]);

    std::fs::write(path.join("file"), "kept").unwrap();
    assert_eq!(store.bind_claim("default", "data").unwrap(), path);
    assert_eq!(seen(&store), bound);
    assert_eq!(std::fs::read_to_string(path.join("file")).unwrap(), "kept");
}

#[test]
fn one_that_was_copied_from_a_bound_one_has_a_directory_of_its_own() {
    let (_dir, store) = store();
    store.objects().create(claim("default", "data")).unwrap();
    let first = store.bind_claim("default", "data").unwrap();
    let mut copy = seen(&store);
    copy.metadata.name = Some("copy".to_owned());
    copy.metadata.uid = None;
    let copy = store.objects().create(copy).unwrap();
    assert_eq!(copy.status.unwrap().phase.as_deref(), Some("Pending"));
    assert_ne!(store.bind_claim("default", "copy").unwrap(), first);
}

#[test]
fn a_claim_that_a_pod_names_waits_for_it() {
    let (_dir, store) = store();
    store.objects().create(claim("default", "data")).unwrap();
    let path = store.bind_claim("default", "data").unwrap();
    let one = store.create(claimant("default", "one", "data")).unwrap();
    let two = store.create(claimant("default", "two", "data")).unwrap();
    assert!(matches!(
        delete(&store, "data").unwrap(),
        Deleted::Stopping { .. }
    ));
    assert!(seen(&store).metadata.deletion_timestamp.is_some() && path.exists());
    let error = store.bind_claim("default", "data").unwrap_err();
    assert_eq!(
        error.to_string(),
        "error processing PVC default/data: PVC is being deleted"
    );
    store.finish_delete("default", "one", uid(&one)).unwrap();
    assert!(path.exists());
    store.finish_delete("default", "two", uid(&two)).unwrap();
    assert!(!path.exists());
    assert!(delete(&store, "data").unwrap_err().is_not_found());
}

#[test]
fn a_claim_that_nobody_uses_goes_at_once() {
    let (_dir, store) = store();
    store.create(claimant("default", "web", "other")).unwrap();
    store.objects().create(claim("default", "data")).unwrap();
    let path = store.bind_claim("default", "data").unwrap();
    assert_eq!(delete(&store, "data").unwrap(), Deleted::Gone);
    assert!(!path.exists());
    // One that was never bound, too.
    store.objects().create(claim("default", "data")).unwrap();
    assert_eq!(delete(&store, "data").unwrap(), Deleted::Gone);
}

#[test]
fn what_is_missing_is_told_as_the_kubelet_tells_it() {
    let (_dir, store) = store();
    let error = store.bind_claim("default", "data").unwrap_err();
    assert_eq!(
        error.to_string(),
        "error processing PVC default/data: failed to fetch PVC from API server: persistentvolumeclaims \"data\" not found"
    );
    store.objects().create(claim("default", "data")).unwrap();
    let path = store.bind_claim("default", "data").unwrap();
    std::fs::remove_dir(&path).unwrap();
    let error = store.bind_claim("default", "data").unwrap_err().to_string();
    assert_eq!(error, format!("path {path:?} does not exist"));
    // An empty directory in its place would look like a loss that did not happen.
    assert!(!path.exists());
}

#[test]
fn a_symlink_in_the_place_of_the_directory_is_not_followed() {
    let (_dir, store) = store();
    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("file"), "foreign").unwrap();
    let made = store.objects().create(claim("default", "data")).unwrap();
    let place = store.layout().claims().join(made.metadata.uid.unwrap());
    std::fs::create_dir_all(store.layout().claims()).unwrap();
    std::os::unix::fs::symlink(foreign.path(), &place).unwrap();
    assert!(store.bind_claim("default", "data").is_err());
    assert!(delete(&store, "data").is_err() || !place.exists());
    assert!(foreign.path().join("file").exists());
}

#[test]
fn a_full_disk_does_not_keep_a_claim_from_being_removed() {
    let (dir, store) = store();
    store.objects().create(claim("default", "data")).unwrap();
    let path = store.bind_claim("default", "data").unwrap();
    let web = store.create(claimant("default", "web", "data")).unwrap();
    fill(dir.path(), true);
    assert!(delete(&store, "data").is_err() && path.exists());
    store.finish_delete("default", "web", uid(&web)).unwrap();
    assert_eq!(delete(&store, "data").unwrap(), Deleted::Gone);
    assert!(!path.exists());
    fill(dir.path(), false);
}

#[test]
fn many_who_bind_at_once_get_the_same_directory() {
    let (_dir, store) = store();
    store.objects().create(claim("default", "data")).unwrap();
    let paths: Vec<_> = std::thread::scope(|scope| {
        let bind = || scope.spawn(|| store.bind_claim("default", "data").unwrap());
        let all: Vec<_> = (0..8).map(|_| bind()).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(paths.iter().all(|path| *path == paths[0]));
    assert_eq!(
        std::fs::read_dir(store.layout().claims()).unwrap().count(),
        1
    );
}

#[test]
fn a_claim_keeps_within_the_limits_of_its_namespace() {
    let (_dir, store) = store();
    let range: v1::LimitRange = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "sizes" },
        "spec": { "limits": [{ "type": "PersistentVolumeClaim", "max": { "storage": "2Gi" } }] },
    }))
    .unwrap();
    store.any(Kind::LimitRange).create(range.into()).unwrap();
    let claims = store.any(Kind::PersistentVolumeClaim);
    claims.create(claim("default", "data").into()).unwrap();
    store.bind_claim("default", "data").unwrap();
    let refused = "persistentvolumeclaims \"data\" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi";
    let grown = |size: &'static str| {
        let grow = move |object: &mut Object| {
            let mut value = object.value();
            value["spec"]["resources"]["requests"]["storage"] = size.into();
            *object = Object::from_value(Kind::PersistentVolumeClaim, value).unwrap();
            Ok(())
        };
        claims.update("default", "data", grow)
    };
    grown("2Gi").unwrap();
    assert_eq!(grown("3Gi").unwrap_err().to_string(), refused);
    let mut large = claim("other", "data");
    large.metadata.namespace = None;
    large.spec.as_mut().unwrap().resources = serde_json::from_value(serde_json::json!({
        "requests": { "storage": "3Gi" },
    }))
    .unwrap();
    assert_eq!(
        claims.create(large.into()).unwrap_err().to_string(),
        refused
    );
}
