//! What is around a pod, as the store has it or as its own manifest says.

mod manifest;
mod refers;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch as channel;

use crate::node::identity::{self, Identity, OfPod};
use crate::node::{Kind, Store, StoreError, capacity};
use crate::pod::{Surroundings, Token};
use crate::spec::admission::service_account::ROOT_CA;
use crate::spec::pod::Pod as Spec;
use crate::spec::{Allocatable, TokenWish};

pub use manifest::InManifest;

/// The objects of a namespace, as a stored pod finds them.
pub struct Stored {
    store: Store,
    namespace: String,
    node: String,
    changes: Option<channel::Receiver<u64>>,
}

impl Stored {
    /// Begins to watch what `pod` refers to, if it refers to anything. Must be called inside a tokio runtime, which carries the
    /// watch.
    pub fn around(pod: &Spec, store: Store, node: String) -> Stored {
        let kinds = refers::kinds(pod);
        Stored {
            changes: watch::changes(&store, &pod.namespace, &kinds),
            namespace: pod.namespace.clone(),
            store,
            node,
        }
    }

    fn find<K: Kind>(&self, name: &str) -> Result<Option<Arc<K>>, String> {
        match self.store.objects::<K>().get(&self.namespace, name) {
            Ok(found) => Ok(Some(Arc::new(found))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Surroundings for Stored {
    fn config_map(&self, name: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        match name {
            ROOT_CA => root_ca(&self.store, &self.namespace).map(Some),
            _ => self.find(name),
        }
    }

    fn secret(&self, name: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        self.find(name)
    }

    fn claim(&self, name: &str) -> Result<PathBuf, String> {
        let bound = self.store.bind_claim(&self.namespace, name);
        bound.map_err(|error| error.to_string())
    }

    fn token(&self, wish: &TokenWish) -> Result<Token, String> {
        let of = OfPod {
            namespace: &wish.namespace,
            account: &wish.service_account,
            name: &wish.pod_name,
            uid: &wish.pod_uid,
            node: &self.node,
            audience: wish.audience.as_deref(),
            lifetime: wish.expiration,
        };
        let identity = Identity::open(self.store.layout());
        identity.token_for_pod(&self.store, &of).map(issued)
    }

    fn changes(&self) -> Option<channel::Receiver<u64>> {
        self.changes.clone()
    }

    fn allocatable(&self) -> Allocatable {
        capacity(&self.store.layout().data)
    }
}

/// The certificates by which an API server is known. There is no such object here: every namespace has it anyhow, as in a
/// cluster (`pkg/controller/certificates/rootcacertpublisher`), made of the installation's own authority.
fn root_ca(store: &Store, namespace: &str) -> Result<Arc<v1::ConfigMap>, String> {
    let pem = Identity::open(store.layout()).ca_pem();
    let pem = pem.map_err(|error| error.to_string())?;
    Ok(Arc::new(v1::ConfigMap {
        metadata: ObjectMeta {
            name: Some(ROOT_CA.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("ca.crt".to_owned(), pem)])),
        ..v1::ConfigMap::default()
    }))
}

fn issued(token: identity::Token) -> Token {
    Token {
        jwt: token.jwt,
        expires: clock(token.expires),
        renew: clock(token.renew),
    }
}

/// A time the API writes, which is not before 1970.
fn clock(time: Timestamp) -> SystemTime {
    let nanos = u64::try_from(time.as_nanosecond()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}
