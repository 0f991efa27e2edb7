//! What a pod finds around it: objects it refers to, directories that outlive it, somebody who vouches for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use k8s_openapi::api::core::v1;
use tokio::sync::watch;

use crate::spec::{Allocatable, TokenWish};

/// The world of one pod, in its namespace. Whoever starts a pod gives it one ([`Options::surroundings`](super::Options)).
///
/// Everything is asked for when it is needed and again when it may have changed, from the pod's own thread: an answer may take
/// a file's reading, not a network's.
pub trait Surroundings: Send + Sync {
    /// # Errors
    /// That it cannot be read, as text for the user. There being none is no error.
    fn config_map(&self, name: &str) -> Result<Option<Arc<v1::ConfigMap>>, String>;

    /// # Errors
    /// As there.
    fn secret(&self, name: &str) -> Result<Option<Arc<v1::Secret>>, String>;

    /// The directory of a PersistentVolumeClaim; found or made the first time it is asked for.
    ///
    /// # Errors
    /// There is no such claim, or it cannot be bound; as text for the user.
    fn claim(&self, name: &str) -> Result<PathBuf, String>;

    /// A token for the pod.
    ///
    /// # Errors
    /// Why there is none, as text for the user.
    fn token(&self, wish: &TokenWish) -> Result<Token, String>;

    /// Counts changes of what [`config_map`](Surroundings::config_map) and [`secret`](Surroundings::secret) answer. None: they
    /// never answer otherwise.
    fn changes(&self) -> Option<watch::Receiver<u64>>;

    /// What the machine has to give.
    fn allocatable(&self) -> Allocatable;
}

/// A token as it is issued.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub jwt: String,
    pub expires: SystemTime,
    /// When a new one is to take its place.
    pub renew: SystemTime,
}

/// Without the token itself: whoever reads a log is not to be the pod.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("expires", &self.expires)
            .field("renew", &self.renew)
            .finish_non_exhaustive()
    }
}

/// Nothing around: a pod that refers to nothing needs no more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Surroundings for Alone {
    fn config_map(&self, _: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        Ok(None)
    }

    fn secret(&self, _: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        Ok(None)
    }

    fn claim(&self, name: &str) -> Result<PathBuf, String> {
        Err(format!("persistentvolumeclaim {name:?} not found"))
    }

    fn token(&self, wish: &TokenWish) -> Result<Token, String> {
        Err(format!(
            "failed to fetch token: serviceaccounts {:?} not found",
            wish.service_account
        ))
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    fn allocatable(&self) -> Allocatable {
        Allocatable::default()
    }
}
