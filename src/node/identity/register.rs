//! Who is asked whether what a token names is still there.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::Store;
use super::StoreError;
use crate::spec::Kind;

/// The objects that tokens are bound to. None: there is no such one.
pub trait Register {
    /// # Errors
    /// The machine's.
    fn account(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError>;

    /// # Errors
    /// The machine's.
    fn pod(&self, namespace: &str, name: &str) -> Result<Option<v1::Pod>, StoreError>;

    /// # Errors
    /// The machine's.
    fn secret(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError>;

    /// # Errors
    /// The machine's.
    fn node(&self, name: &str) -> Result<Option<ObjectMeta>, StoreError>;
}

impl Register for Store {
    fn account(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
        found(self, Kind::ServiceAccount, namespace, name)
    }

    fn pod(&self, namespace: &str, name: &str) -> Result<Option<v1::Pod>, StoreError> {
        present(self.stored(namespace, name))
    }

    fn secret(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
        found(self, Kind::Secret, namespace, name)
    }

    fn node(&self, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
        found(self, Kind::Node, "", name)
    }
}

fn found(
    store: &Store,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<Option<ObjectMeta>, StoreError> {
    let found = store.any(kind).get(namespace, name);
    present(found.map(|object| object.metadata().clone()))
}

fn present<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
