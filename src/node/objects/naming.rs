//! What a new object is called.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::error::StoreError;
use super::super::kind::Kind;
use super::super::names;
use super::Objects;

impl<K: Kind> Objects<K> {
    /// The name as written, or a free one that begins with `generateName` (`apiserver/pkg/storage/names/generate.go`).
    pub(super) fn choose_name(
        &self,
        namespace: &str,
        meta: &ObjectMeta,
    ) -> Result<String, StoreError> {
        const TRIES: usize = 8;
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        if let Some(name) = meta.name.as_deref().filter(|name| !name.is_empty()) {
            return if names::is_name(name) {
                Ok(name.to_owned())
            } else {
                Err(Self::invalid(
                    name,
                    format!("metadata.name: Invalid value: {name:?}"),
                ))
            };
        }
        let base = meta.generate_name.as_deref().unwrap_or_default();
        let base = &base[..base.floor_char_boundary(base.len().min(58))];
        for _ in 0..TRIES {
            let chance = uuid::Uuid::new_v4().into_bytes();
            // The last five bytes of such a uuid are all chance.
            let letters = chance[11..]
                .iter()
                .map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
            let name: String = base.chars().chain(letters.map(char::from)).collect();
            if base.is_empty() || !names::is_name(&name) {
                let message = "metadata.name: Required value: name or generateName is required";
                return Err(Self::invalid(base, message.to_owned()));
            }
            if self.find(namespace, &name)?.is_none() {
                return Ok(name);
            }
        }
        Err(Self::invalid(
            base,
            "metadata.generateName: no free name found".to_owned(),
        ))
    }
}
