//! What is known about a pod only where it runs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1;

/// The machine's part of what the downward API tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub node_name: String,
    /// The first one is `status.hostIP`.
    pub host_ips: Vec<IpAddr>,
    /// The first one is `status.podIP`.
    pub pod_ips: Vec<IpAddr>,
    pub allocatable: Allocatable,
}

/// What the machine has to give: the limits of a container that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocatable {
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub ephemeral_storage: u64,
}

/// The objects around a pod, in its namespace, as they are now. `Ok(None)` is "there is none"; an error is one of reading,
/// whose text is shown as it is.
pub trait Lookup {
    fn config_map(&self, name: &str) -> Result<Option<Arc<v1::ConfigMap>>, String>;
    fn secret(&self, name: &str) -> Result<Option<Arc<v1::Secret>>, String>;
    /// A file of a volume of the pod, found without leaving the volume; none if there is no such file. Of one that is longer than
    /// [`MAX_ENV_FILE`](super::MAX_ENV_FILE) no more than a byte past that need be read.
    fn file(&self, volume: usize, path: &str) -> Result<Option<Vec<u8>>, String>;
}

/// A world without objects and without files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Lookup for Nothing {
    fn config_map(&self, _: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        Ok(None)
    }

    fn secret(&self, _: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        Ok(None)
    }

    fn file(&self, _: usize, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// What a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenWish {
    pub namespace: String,
    pub service_account: String,
    /// The pod it is bound to.
    pub pod_name: String,
    pub pod_uid: String,
    /// None: whoever issues it is its audience.
    pub audience: Option<String>,
    pub expiration: Duration,
}
