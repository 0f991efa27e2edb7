//! Who is asked whether what a token names is still there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::StoreError;

/// The objects that tokens are bound to. None: there is no such one.
pub trait Register {
    /// # Errors
    /// The machine's.
    fn account(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError>;

    /// # Errors
    /// The machine's.
    fn pod(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError>;

    /// # Errors
    /// The machine's.
    fn secret(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError>;

    /// # Errors
    /// The machine's.
    fn node(&self, name: &str) -> Result<Option<ObjectMeta>, StoreError>;
}
