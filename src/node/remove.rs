//! Deleting objects of any kind.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::delete::{Deleted, Deletion, delete};
use super::error::StoreError;
use super::namespaces::DEFAULT;
use super::store::check_uid;
use super::writers::{Turn, now};
use super::{AnyObjects, Machinery, Store};
use crate::spec::Kind;

/// Deletes an object of any kind, or begins to: a pod's process has to end first, a claim waits for the pods that name it,
/// and a namespace for all that is in it. Doing it again is fine. [`super::Watch`] tells when it is gone.
///
/// # Errors
/// `NotFound`, `Conflict` (another uid), `Forbidden` (the namespace `default`); or as [`delete`].
pub fn delete_object(
    store: &Store,
    machinery: &dyn Machinery,
    kind: Kind,
    wish: &Deletion,
) -> Result<Deleted, StoreError> {
    if kind == Kind::Pod {
        return delete(store, machinery, wish);
    }
    let objects = store.any(kind);
    let (namespace, name) = (wish.namespace.as_str(), wish.name.as_str());
    let object = match objects.get(namespace, name) {
        // There is nothing in it by which anything else could be found.
        Err(StoreError::Corrupt { .. }) if wish.force => {
            objects.discard(namespace, name)?;
            return Ok(Deleted::Gone);
        }
        object => object?,
    };
    let meta = object.metadata();
    check_uid(kind.qualified_plural(), meta, wish.uid.as_deref())?;
    match kind {
        Kind::Namespace => namespace_with_all(store, machinery, meta, wish),
        Kind::PersistentVolumeClaim => claim(store, meta),
        Kind::ServiceAccount => {
            plain(&objects, meta)?;
            // As its controller does: the one of everybody comes back.
            match store.require_namespace(kind, name, namespace) {
                Ok(()) | Err(StoreError::NotFound { .. } | StoreError::Forbidden { .. }) => {
                    Ok(Deleted::Gone)
                }
                Err(error) => Err(error),
            }
        }
        _ => plain(&objects, meta),
    }
}

fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

fn name(meta: &ObjectMeta) -> &str {
    meta.name.as_deref().unwrap_or_default()
}

fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or_default()
}

fn plain(objects: &AnyObjects, meta: &ObjectMeta) -> Result<Deleted, StoreError> {
    if objects.remove(namespace(meta), name(meta), uid(meta))? {
        Ok(Deleted::Gone)
    } else {
        // Somebody else was faster.
        let kind = objects.kind().qualified_plural();
        Err(StoreError::not_found(kind, name(meta)))
    }
}

fn gone_or_waiting(gone: bool, meta: &ObjectMeta) -> Deleted {
    if gone {
        Deleted::Gone
    } else {
        Deleted::Stopping {
            uid: uid(meta).to_owned(),
        }
    }
}

fn claim(store: &Store, meta: &ObjectMeta) -> Result<Deleted, StoreError> {
    let (namespace, name) = (namespace(meta), name(meta));
    let gone = match store.mark_claim(namespace, name, uid(meta)) {
        Err(error) if error.is_no_room() => {
            if !store.remove_unmarked_claim(namespace, name, uid(meta))? {
                return Err(error);
            }
            true
        }
        marked => {
            marked?;
            store.finish_claim(Turn::Await, namespace, name)?
        }
    };
    Ok(gone_or_waiting(gone, meta))
}

/// The mark first: from then on nothing new can be made in it.
fn namespace_with_all(
    store: &Store,
    machinery: &dyn Machinery,
    meta: &ObjectMeta,
    wish: &Deletion,
) -> Result<Deleted, StoreError> {
    let name = name(meta);
    if name == DEFAULT {
        return Err(StoreError::Forbidden {
            kind: Kind::Namespace.qualified_plural(),
            name: name.to_owned(),
            message: "this namespace may not be deleted".to_owned(),
        });
    }
    let mark = |namespace: &mut v1::Namespace| {
        let found = &mut namespace.metadata;
        if found.uid == meta.uid {
            found.deletion_timestamp.get_or_insert_with(now);
        }
        Ok(())
    };
    match store.objects::<v1::Namespace>().update("", name, mark) {
        // It can still be emptied, which makes room; what is new in it meanwhile is deleted with the rest.
        Err(error) if error.is_no_room() => empty(store, machinery, name, wish).and(Err(error)),
        marked => {
            marked?;
            empty(store, machinery, name, wish)?;
            let gone = store.finish_namespace(Turn::Await, name)?;
            Ok(gone_or_waiting(gone, meta))
        }
    }
}

/// Goes on with the namespaces that somebody who was killed had begun to delete.
pub(super) fn resume(store: &Store, machinery: &dyn Machinery) -> Result<(), StoreError> {
    for name in store.leaving_namespaces()? {
        if let Err(error) = empty(store, machinery, &name, &Deletion::default()) {
            tracing::warn!("namespace {name} is not emptied: {error}");
        }
        store.finish_namespace(Turn::Await, &name)?;
    }
    Ok(())
}

/// Deletes all that is in a namespace, pods first: what they use is theirs as long as they run. One that cannot be deleted
/// keeps nobody from the others; the first such is told.
fn empty(
    store: &Store,
    machinery: &dyn Machinery,
    namespace: &str,
    wish: &Deletion,
) -> Result<(), StoreError> {
    let mut failed = Ok(());
    for name in store.any(Kind::Pod).names(namespace)? {
        let one = Deletion {
            namespace: namespace.to_owned(),
            name,
            uid: None,
            grace: wish.grace,
            force: wish.force,
        };
        failed = failed.and(missing_is_fine(delete(store, machinery, &one).map(|_| ())));
    }
    failed.and(empty_but_for_pods(store, namespace))
}

pub(super) fn empty_but_for_pods(store: &Store, namespace: &str) -> Result<(), StoreError> {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.namespaced());
    let mut failed = Ok(());
    for kind in kinds.filter(|kind| !matches!(kind, Kind::Pod | Kind::Event)) {
        for name in store.any(kind).names(namespace)? {
            failed = failed.and(missing_is_fine(remove_one(store, kind, namespace, &name)));
        }
    }
    failed
}

fn missing_is_fine(result: Result<(), StoreError>) -> Result<(), StoreError> {
    match result {
        Err(StoreError::NotFound { .. }) => Ok(()),
        result => result,
    }
}

/// One that lies in a namespace that is to go, whatever it holds.
fn remove_one(store: &Store, kind: Kind, namespace: &str, name: &str) -> Result<(), StoreError> {
    let objects = store.any(kind);
    match objects.find(namespace, name) {
        Err(StoreError::Corrupt { .. }) => objects.discard(namespace, name).map(|_| ()),
        object => {
            let object = object?;
            match kind {
                Kind::PersistentVolumeClaim => claim(store, object.metadata()).map(|_| ()),
                _ => plain(&objects, object.metadata()).map(|_| ()),
            }
        }
    }
}
