//! The objects of a manifest, around the one pod of it that is run in the foreground.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::core::v1;
use tokio::sync::watch;

use super::{issued, root_ca};
use crate::cli::Failure;
use crate::node::identity::{Bound, Identity, Named, TokenRequest};
use crate::node::{Store, StoreError, capacity};
use crate::pod::{Surroundings, Token};
use crate::spec::admission::service_account::{self, DEFAULT, ROOT_CA};
use crate::spec::admission::{self, Account, Admitted, Refusal};
use crate::spec::{Allocatable, Object, PodPreset, TokenWish, Validate};

/// What the manifest of a pod says of the objects around it. Claims and the keys that sign tokens are the installation's: they
/// are to outlive the pod.
pub struct InManifest {
    store: Store,
    namespace: String,
    config_maps: HashMap<String, Arc<v1::ConfigMap>>,
    secrets: HashMap<String, Arc<v1::Secret>>,
    accounts: HashMap<String, v1::ServiceAccount>,
    presets: Vec<PodPreset>,
    limits: Vec<v1::LimitRange>,
}

impl InManifest {
    /// Of all objects of the manifest those in the pod's namespace. A claim among them is stored, if it is not yet: it is a
    /// directory that stays when the pod is gone.
    pub fn new(store: Store, namespace: &str, objects: Vec<Object>) -> anyhow::Result<InManifest> {
        let mut around = InManifest {
            store,
            namespace: namespace.to_owned(),
            config_maps: HashMap::new(),
            secrets: HashMap::new(),
            accounts: HashMap::new(),
            presets: Vec::new(),
            limits: Vec::new(),
        };
        for object in objects {
            let metadata = object.metadata();
            let own = metadata.namespace.as_deref().unwrap_or("default");
            if own != namespace {
                continue;
            }
            let name = metadata.name.clone().unwrap_or_default();
            match object {
                Object::ConfigMap(object) => {
                    around.config_maps.insert(name, Arc::from(object));
                }
                Object::Secret(object) => {
                    around.secrets.insert(name, Arc::from(object));
                }
                Object::ServiceAccount(object) => {
                    around.accounts.insert(name, *object);
                }
                Object::PersistentVolumeClaim(object) => around.store_claim(*object)?,
                Object::PodPreset(object) => around.presets.push(*object),
                Object::LimitRange(object) => around.limits.push(*object),
                // They change nothing for one pod.
                _ => {}
            }
        }
        around
            .presets
            .sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        around
            .limits
            .sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        Ok(around)
    }

    fn store_claim(&self, claim: v1::PersistentVolumeClaim) -> anyhow::Result<()> {
        let name = claim.metadata.name.clone().unwrap_or_default();
        let claims = self.store.objects::<v1::PersistentVolumeClaim>();
        let stored = match claims.get(&self.namespace, &name) {
            Err(StoreError::NotFound { .. }) => {
                let made = self.store.ensure_namespace(&self.namespace);
                made.and_then(|()| claims.create(claim)).map(|_| ())
            }
            found => found.map(|_| ()),
        };
        stored.with_context(|| format!("persistentvolumeclaim {name:?}"))
    }

    /// What the manifest's own presets and limit ranges make of the pod, and its account, if it asks for one: in the foreground a
    /// pod is nobody unless it says otherwise.
    ///
    /// # Errors
    /// There is no such account, what was made of the pod is not valid, or it has no place here.
    pub fn admit(&self, pod: v1::Pod, validate: Validate) -> Result<v1::Pod, Failure> {
        let account =
            asks_for_account(&pod).then(|| self.account(service_account::account_of(&pod)).ok());
        let pod = self.admit_as(pod, account, validate)?;
        if let Some(why) = self.store.misplaced(&pod).map_err(anyhow::Error::new)? {
            let name = pod.metadata.name.unwrap_or_default();
            let why = anyhow!("pod {name:?} has no place on this machine: {why}");
            return Err(Failure::Machine(why));
        }
        Ok(pod)
    }

    /// The same for a simulation: of this machine nothing is asked, so the pod has no account.
    ///
    /// # Errors
    /// What was made of the pod is not valid.
    pub fn admit_simulated(&self, pod: v1::Pod, validate: Validate) -> Result<v1::Pod, Failure> {
        self.admit_as(pod, None, validate)
    }

    fn admit_as(
        &self,
        pod: v1::Pod,
        account: Option<Option<v1::ServiceAccount>>,
        validate: Validate,
    ) -> Result<v1::Pod, Failure> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let chance = *uuid::Uuid::new_v4().as_bytes();
        let surroundings = admission::Surroundings {
            account: account.as_ref().map(|account| Account {
                object: account.as_ref(),
                chance: [chance[0], chance[1], chance[2], chance[3], chance[4]],
            }),
            presets: &self.presets,
            limits: &self.limits,
        };
        let admitted = admission::admit(pod, &surroundings, validate);
        let (Admitted { pod, notes }, warnings) = admitted.map_err(|refusal| match refusal {
            Refusal::Forbidden(why) => {
                Failure::Plain(format!("error: pods {name:?} is forbidden: {why}"))
            }
            Refusal::Invalid(complaints) => Failure::Manifest(complaints),
        })?;
        for note in notes {
            eprintln!("warning: {}: {}", note.reason, note.message);
        }
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        Ok(pod)
    }

    /// The account of the manifest, or the one that is stored; every namespace has one called `default`.
    fn account(&self, name: &str) -> Result<v1::ServiceAccount, String> {
        if let Some(account) = self.accounts.get(name) {
            return Ok(account.clone());
        }
        if name == DEFAULT {
            let made = self.store.ensure_namespace(&self.namespace);
            made.map_err(|error| error.to_string())?;
        }
        let accounts = self.store.objects::<v1::ServiceAccount>();
        let found = accounts.get(&self.namespace, name);
        found.map_err(|error| error.to_string())
    }
}

fn asks_for_account(pod: &v1::Pod) -> bool {
    let spec = pod.spec.as_ref();
    spec.is_some_and(|spec| {
        let names = [&spec.service_account_name, &spec.service_account];
        let mut names = names.into_iter().flatten();
        names.any(|name| !name.is_empty()) || spec.automount_service_account_token == Some(true)
    })
}

impl Surroundings for InManifest {
    fn config_map(&self, name: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        match name {
            ROOT_CA => root_ca(&self.store, &self.namespace).map(Some),
            _ => Ok(self.config_maps.get(name).cloned()),
        }
    }

    fn secret(&self, name: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        Ok(self.secrets.get(name).cloned())
    }

    fn claim(&self, name: &str) -> Result<PathBuf, String> {
        let bound = self.store.bind_claim(&self.namespace, name);
        bound.map_err(|error| error.to_string())
    }

    /// Not bound to the pod, of which no one but this process knows.
    fn token(&self, wish: &TokenWish) -> Result<Token, String> {
        let name = match wish.service_account.as_str() {
            "" => DEFAULT,
            name => name,
        };
        let account = self.account(name)?;
        let uid = account.metadata.uid.unwrap_or_default();
        let request = TokenRequest {
            namespace: wish.namespace.clone(),
            account: Named::new(name, uid),
            audiences: wish.audience.iter().cloned().collect(),
            lifetime: wish.expiration,
            bound: Bound::Account,
        };
        let signed = Identity::open(self.store.layout()).sign(&request);
        signed
            .map(issued)
            .map_err(|error| format!("failed to fetch token: {error}"))
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    fn allocatable(&self) -> Allocatable {
        capacity(&self.store.layout().data)
    }
}
