//! Namespaces: what is in one can only be made while it is there, and goes when it goes.
//!
//! `default` is always there, and every namespace has a ServiceAccount `default`; both are made when somebody first needs them
//! (`pkg/controlplane/controller/systemnamespaces`, `pkg/controller/serviceaccount/serviceaccounts_controller.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::error::{StoreError, doing};
use super::objects::Objects;
use super::writers::{Turn, Writers};
use super::{Kind, Store, names, remove};
use crate::spec;

/// The namespace that cannot be deleted (`plugin/pkg/admission/namespace/lifecycle/admission.go`).
pub(super) const DEFAULT: &str = "default";
/// The ServiceAccount of whoever names none.
const ACCOUNT: &str = "default";

impl Store {
    fn namespaces(&self) -> Objects<v1::Namespace> {
        self.objects()
    }

    /// Makes a namespace and its ServiceAccount `default`, where they are missing.
    ///
    /// # Errors
    /// `Invalid` (no name of a namespace), or the machine's.
    pub fn ensure_namespace(&self, name: &str) -> Result<(), StoreError> {
        if !names::is_namespace(name) {
            return Err(StoreError::Invalid {
                kind: spec::Kind::Namespace.qualified_kind(),
                name: name.to_owned(),
                message: format!("metadata.name: Invalid value: {name:?}"),
            });
        }
        if self.namespaces().find("", name)?.is_none() {
            made(self.namespaces().create(new_namespace(name)))?;
        }
        self.ensure_account(name)
    }

    /// Makes the ServiceAccount `default` of a namespace that is there to stay.
    fn ensure_account(&self, namespace: &str) -> Result<(), StoreError> {
        let accounts = self.objects::<v1::ServiceAccount>();
        if accounts.find(namespace, ACCOUNT)?.is_some() {
            return Ok(());
        }
        let account = v1::ServiceAccount {
            metadata: ObjectMeta {
                name: Some(ACCOUNT.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            ..v1::ServiceAccount::default()
        };
        match made(self.create_here(account)) {
            // It went away meanwhile, or is about to.
            Err(StoreError::NotFound { .. } | StoreError::Forbidden { .. }) => Ok(()),
            made => made,
        }
    }

    /// Whether there is such a namespace. There is always `default`.
    ///
    /// # Errors
    /// `Corrupt`, or the machine's.
    pub fn namespace_exists(&self, name: &str) -> Result<bool, StoreError> {
        if name == DEFAULT {
            return self.ensure_namespace(name).map(|()| true);
        }
        Ok(self.namespaces().find("", name)?.is_some())
    }

    /// Whether an object of this kind and name may be made in a namespace, which is given what belongs to every namespace.
    ///
    /// # Errors
    /// `NotFound` (the namespace), `Forbidden` (it is on its way out), `Corrupt`, or the machine's.
    pub fn require_namespace(
        &self,
        kind: spec::Kind,
        name: &str,
        namespace: &str,
    ) -> Result<(), StoreError> {
        if namespace == DEFAULT {
            return self.ensure_namespace(namespace);
        }
        self.check_namespace(kind, name, namespace)?;
        self.ensure_account(namespace)
    }

    fn check_namespace(
        &self,
        kind: spec::Kind,
        name: &str,
        namespace: &str,
    ) -> Result<(), StoreError> {
        match self.namespaces().find("", namespace)? {
            None => Err(StoreError::not_found("namespaces", namespace)),
            Some(found) if found.metadata.deletion_timestamp.is_some() => {
                Err(StoreError::Forbidden {
                    kind: kind.qualified_plural(),
                    name: name.to_owned(),
                    message: format!(
                        "unable to create new content in namespace {namespace} because it is being terminated"
                    ),
                })
            }
            Some(_) => Ok(()),
        }
    }

    /// Stores a new object of any kind. If it is to be in a namespace, that has to be there.
    pub(super) fn create_any<K: Kind>(&self, object: K) -> Result<K, StoreError> {
        if K::IS.namespaced() {
            let meta = object.metadata();
            let namespace = meta.namespace.as_deref().unwrap_or(DEFAULT);
            let name = meta.name.as_deref().unwrap_or_default();
            self.require_namespace(K::IS, name, namespace)?;
            return self.create_here(object);
        }
        let made = self.objects().create(object)?;
        if K::IS == spec::Kind::Namespace {
            self.ensure_account(made.metadata().name.as_deref().unwrap_or_default())?;
        }
        Ok(made)
    }

    /// Stores an object whose namespace is looked up while nobody can take it away.
    fn create_here<K: Kind>(&self, object: K) -> Result<K, StoreError> {
        self.objects().create_if(object, |namespace, name| {
            self.check_namespace(K::IS, name, namespace)
        })
    }

    /// Stores a new pod in a namespace that is there, as `decide` makes it: see [`Objects::create_as`].
    pub(super) fn create_by<T>(
        &self,
        pod: v1::Pod,
        decide: impl FnOnce(&mut v1::Pod) -> Result<T, StoreError>,
        then: impl FnOnce(&v1::Pod, &T),
    ) -> Result<(v1::Pod, T), StoreError> {
        let kind = spec::Kind::Pod;
        let meta = &pod.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or(DEFAULT);
        self.require_namespace(kind, meta.name.as_deref().unwrap_or_default(), namespace)?;
        let allowed = |namespace: &str, name: &str| self.check_namespace(kind, name, namespace);
        self.objects().create_as(pod, allowed, decide, then)
    }

    /// What there should be when somebody looks, and what should be no more. A reader sees what there is all the same.
    pub(super) fn prepare(&self, kind: spec::Kind, namespace: Option<&str>) {
        let prepared = match kind {
            spec::Kind::Namespace => self.prepare_namespaces(),
            spec::Kind::ServiceAccount => self.prepare_accounts(namespace),
            spec::Kind::PersistentVolumeClaim => {
                namespace
                    .into_iter()
                    .for_each(|one| self.settle_claims(Turn::Skip, one));
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = prepared {
            tracing::debug!("passed over: {error}");
        }
    }

    fn prepare_namespaces(&self) -> Result<(), StoreError> {
        self.ensure_namespace(DEFAULT)?;
        let leaving = self.leaving_namespaces()?;
        leaving
            .iter()
            .for_each(|name| self.settle(Turn::Skip, name));
        Ok(())
    }

    fn prepare_accounts(&self, namespace: Option<&str>) -> Result<(), StoreError> {
        match namespace {
            Some(DEFAULT) => self.ensure_namespace(DEFAULT),
            Some(one) => match self.namespaces().find("", one)? {
                Some(_) => self.ensure_account(one),
                None => Ok(()),
            },
            None => {
                self.ensure_namespace(DEFAULT)?;
                let all = self.namespaces().list(None)?.into_iter();
                let mut names = all.filter_map(|one| one.metadata.name);
                names.try_for_each(|name| self.ensure_account(&name))
            }
        }
    }

    /// Finishes what could not be finished while a pod of this namespace was there, or what somebody was killed at. It may be
    /// tried again at any time.
    pub(super) fn settle(&self, turn: Turn, namespace: &str) {
        self.settle_claims(turn, namespace);
        if let Err(error) = self.settle_namespace(turn, namespace) {
            tracing::warn!("namespace {namespace} is not removed: {error}");
        }
    }

    fn settle_namespace(&self, turn: Turn, name: &str) -> Result<(), StoreError> {
        let found = self.namespaces().find("", name)?;
        if found.is_none_or(|found| found.metadata.deletion_timestamp.is_none()) {
            return Ok(());
        }
        // What its pods use is theirs as long as they are there.
        if self.objects::<v1::Pod>().names(name)?.is_empty() && self.is_my_turn(turn)? {
            remove::empty_but_for_pods(self, name)?;
        }
        self.finish_namespace(turn, name).map(|_| ())
    }

    /// Whether somebody who would not wait need not.
    fn is_my_turn(&self, turn: Turn) -> Result<bool, StoreError> {
        match Writers::lock(self.layout(), turn) {
            Ok(_) => Ok(true),
            Err(error) if error.io_kind() == Some(std::io::ErrorKind::WouldBlock) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names of those that are to go.
    pub(super) fn leaving_namespaces(&self) -> Result<Vec<String>, StoreError> {
        let all = self.namespaces().list(None)?.into_iter();
        let leaving = all.filter(|one| one.metadata.deletion_timestamp.is_some());
        Ok(leaving.filter_map(|one| one.metadata.name).collect())
    }

    /// Removes a namespace that is to go, if nothing is in it any more. Whether it is gone.
    pub(super) fn finish_namespace(&self, turn: Turn, name: &str) -> Result<bool, StoreError> {
        let namespaces = self.namespaces();
        let Some(found) = namespaces.find("", name)? else {
            return Ok(true);
        };
        if found.metadata.deletion_timestamp.is_none() {
            return Ok(false);
        }
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        namespaces.remove_if(turn, "", name, uid, |found| {
            Ok(found.metadata.deletion_timestamp.is_some() && self.is_empty(name)?)
        })
    }

    /// Whether no object of any kind is in a namespace, be it one that cannot be understood.
    fn is_empty(&self, namespace: &str) -> Result<bool, StoreError> {
        let path = self.layout().objects();
        for kind in spec::Kind::ALL.into_iter().filter(|kind| kind.namespaced()) {
            let path = path.join(kind.plural()).join(namespace);
            let names = match super::disk::Folder::open(&path) {
                Ok(folder) => folder.names().map_err(doing("list", &path))?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(doing("open", &path)(error)),
            };
            if !names.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Somebody else may have been faster.
fn made<K>(created: Result<K, StoreError>) -> Result<(), StoreError> {
    match created {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// As one comes out of defaulting (`pkg/apis/core/v1/defaults.go`, `SetDefaults_Namespace`;
/// `pkg/registry/core/namespace/strategy.go`).
fn new_namespace(name: &str) -> v1::Namespace {
    let label = ("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    v1::Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([label])),
            ..ObjectMeta::default()
        },
        spec: Some(v1::NamespaceSpec {
            finalizers: Some(vec!["kubernetes".to_owned()]),
        }),
        status: None,
    }
}
