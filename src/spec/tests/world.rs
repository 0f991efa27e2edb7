//! A pod, and what there is around it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;

use crate::spec::pod::Pod;
use crate::spec::{Allocatable, Facts, Lookup, resolve};

/// The pod `web` in `shop`, with these labels and annotations in YAML.
pub fn pod_with(metadata: &str, spec: &str) -> Pod {
    let yaml = |text: &str| serde_yaml::from_str::<serde_json::Value>(text).expect("YAML");
    let mut object = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": yaml(metadata),
        "spec": yaml(spec),
    });
    object["metadata"]["name"] = "web".into();
    object["metadata"]["namespace"] = "shop".into();
    let object = serde_json::from_value(object).expect("a pod");
    resolve(
        object,
        Path::new("/m"),
        "u-1".to_owned(),
        Timestamp::UNIX_EPOCH,
    )
    .unwrap_or_else(|complaints| panic!("{complaints}"))
}

pub fn pod(spec: &str) -> Pod {
    pod_with("{}", spec)
}

/// A machine of 8 cores and 1000 MiB, with two addresses, as its pod has.
pub fn facts() -> Facts {
    let ip = |text: &str| text.parse().expect("an address");
    Facts {
        node_name: "machine".to_owned(),
        host_ips: vec![ip("10.0.0.1"), ip("fd00::1")],
        pod_ips: vec![ip("192.0.0.8"), ip("fd00::8")],
        allocatable: Allocatable {
            cpu_milli: 8000,
            memory: 1000 << 20,
            ephemeral_storage: 5 << 30,
        },
    }
}

#[derive(Default)]
pub struct World {
    config_maps: BTreeMap<String, Arc<v1::ConfigMap>>,
    secrets: BTreeMap<String, Arc<v1::Secret>>,
    files: BTreeMap<(usize, String), Vec<u8>>,
    /// What every look-up fails with.
    broken: Option<String>,
}

impl World {
    /// One that cannot be read.
    pub fn broken(text: &str) -> World {
        World {
            broken: Some(text.to_owned()),
            ..World::default()
        }
    }

    pub fn config_map(mut self, name: &str, data: &[(&str, &str)]) -> World {
        let map = v1::ConfigMap {
            data: Some(
                data.iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
            ..Default::default()
        };
        self.config_maps.insert(name.to_owned(), Arc::new(map));
        self
    }

    /// Adds to a ConfigMap that is there.
    pub fn binary(mut self, name: &str, key: &str, value: &[u8]) -> World {
        let map = self.config_maps.get_mut(name).expect("a ConfigMap");
        let data = Arc::make_mut(map).binary_data.get_or_insert_default();
        data.insert(key.to_owned(), ByteString(value.to_vec()));
        self
    }

    pub fn secret(mut self, name: &str, data: &[(&str, &[u8])]) -> World {
        let secret = v1::Secret {
            data: Some(
                data.iter()
                    .map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec())))
                    .collect(),
            ),
            ..Default::default()
        };
        self.secrets.insert(name.to_owned(), Arc::new(secret));
        self
    }

    pub fn file(mut self, volume: usize, path: &str, text: &str) -> World {
        self.files.insert((volume, path.to_owned()), text.into());
        self
    }

    fn answer<T>(&self, found: Option<T>) -> Result<Option<T>, String> {
        match &self.broken {
            Some(text) => Err(text.clone()),
            None => Ok(found),
        }
    }
}

impl Lookup for World {
    fn config_map(&self, name: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        self.answer(self.config_maps.get(name).cloned())
    }

    fn secret(&self, name: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        self.answer(self.secrets.get(name).cloned())
    }

    fn file(&self, volume: usize, path: &str) -> Result<Option<Vec<u8>>, String> {
        self.answer(self.files.get(&(volume, path.to_owned())).cloned())
    }
}
