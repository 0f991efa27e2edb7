//! The objects that one start asks for: each is looked up once, so that all variables tell of the same state of it.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1;

use crate::spec::facts::Lookup;
use crate::spec::gotext;

pub struct Objects<'l> {
    lookup: &'l dyn Lookup,
    config_maps: HashMap<String, Option<Arc<v1::ConfigMap>>>,
    secrets: HashMap<String, Option<Arc<v1::Secret>>>,
}

impl<'l> Objects<'l> {
    pub fn new(lookup: &'l dyn Lookup) -> Objects<'l> {
        Objects {
            lookup,
            config_maps: HashMap::new(),
            secrets: HashMap::new(),
        }
    }

    /// None only if it is missing and may be.
    pub fn config_map(
        &mut self,
        name: &str,
        optional: bool,
    ) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        let found = match self.config_maps.get(name) {
            Some(found) => found.clone(),
            None => {
                let found = self.lookup.config_map(name)?;
                self.config_maps.insert(name.to_owned(), found.clone());
                found
            }
        };
        if found.is_none() && !optional {
            return Err(not_found("configmap", name));
        }
        Ok(found)
    }

    /// None only if it is missing and may be.
    pub fn secret(
        &mut self,
        name: &str,
        optional: bool,
    ) -> Result<Option<Arc<v1::Secret>>, String> {
        let found = match self.secrets.get(name) {
            Some(found) => found.clone(),
            None => {
                let found = self.lookup.secret(name)?;
                self.secrets.insert(name.to_owned(), found.clone());
                found
            }
        };
        if found.is_none() && !optional {
            return Err(not_found("secret", name));
        }
        Ok(found)
    }
}

/// The API server's text (`apimachinery/pkg/api/errors/errors.go`, `NewNotFound`).
pub fn not_found(kind: &str, name: &str) -> String {
    format!("{kind} {} not found", gotext::quoted(name))
}
