//! API objects of one kind on disk: one file each, without status.
//!
//! Any number of processes may write: each change is made under the lock of all writers, from a fresh reading. Readers need
//! no lock, because a file is always whole.

mod naming;
mod read;

use std::io;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::disk::{Draft, Durable, Folder};
use super::error::{STALE, StoreError, doing};
use super::kind::Kind;
use super::seal::{self, Called, Key};
use super::writers::{Turn, Writers, now, version_of};
use super::{Layout, names};
use crate::spec;

/// What became of an object that was to be as given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    Created,
    Configured,
    Unchanged,
}

/// The objects of one kind. Cheap to clone.
#[derive(Debug)]
pub struct Objects<K> {
    layout: Layout,
    /// What secrets are encrypted with.
    key: Option<Key>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Objects<K> {
    fn clone(&self) -> Objects<K> {
        Objects {
            layout: self.layout.clone(),
            key: self.key.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: Kind> Objects<K> {
    pub(super) fn new(layout: Layout, key: Option<Key>) -> Objects<K> {
        Objects {
            layout,
            key,
            kind: PhantomData,
        }
    }

    /// As messages name them.
    const PLURAL: &'static str = K::IS.qualified_plural();
    const FOLDER: &'static str = K::IS.plural();

    /// The folder of this namespace; none if it cannot be the name of one. What is in no namespace has a folder of its own, as
    /// no namespace is called.
    fn home(namespace: &str) -> Option<&str> {
        if !K::IS.namespaced() {
            return Some(names::CLUSTER);
        }
        names::is_namespace(namespace).then_some(namespace)
    }

    /// What lies on disk for this content.
    fn sealed(&self, home: &str, file: &str, content: Vec<u8>) -> io::Result<Vec<u8>> {
        match &self.key {
            Some(key) if K::IS == spec::Kind::Secret => {
                key.seal(Self::called(home, file), &content)
            }
            _ => Ok(content),
        }
    }

    /// Puts the content of what lies on disk in its place.
    fn open(&self, home: &str, file: &str, content: &mut Vec<u8>) -> Result<(), String> {
        if K::IS != spec::Kind::Secret {
            return Ok(());
        }
        seal::open(self.key.as_ref(), Self::called(home, file), content)
            .map_err(|closed| closed.to_string())
    }

    /// Whether it was written before there was a key: then any writing seals it, also one that changes nothing.
    fn lies_open(&self, namespace: &str, name: &str) -> Result<bool, StoreError> {
        if self.key.is_none() || K::IS != spec::Kind::Secret {
            return Ok(false);
        }
        let Some(folder) = self.namespace(namespace)? else {
            return Ok(false);
        };
        let file = names::object_file(name);
        let mut content = Vec::new();
        folder
            .read(&file, &mut content)
            .map_err(doing("read", &folder.path().join(&file)))?;
        Ok(!seal::is_sealed(&content))
    }

    /// The file's name is the object's, or as good as it where that is too long for one.
    fn called<'n>(home: &'n str, file: &'n str) -> Called<'n> {
        Called {
            plural: Self::FOLDER,
            namespace: home,
            name: file.strip_suffix(".json").unwrap_or(file),
        }
    }

    fn not_found(name: &str) -> StoreError {
        StoreError::not_found(Self::PLURAL, name)
    }

    fn invalid(name: &str, message: String) -> StoreError {
        StoreError::Invalid {
            kind: K::IS.qualified_kind(),
            name: name.to_owned(),
            message,
        }
    }

    /// Stores a new object, with all that the store gives it filled in.
    ///
    /// # Errors
    /// `AlreadyExists`, `Invalid`, or the machine's.
    pub fn create(&self, object: K) -> Result<K, StoreError> {
        self.create_if(object, |_, _| Ok(()))
    }

    /// The same, if `allowed` (given namespace and name) says so while nobody else can change anything.
    pub(super) fn create_if(
        &self,
        object: K,
        allowed: impl FnOnce(&str, &str) -> Result<(), StoreError>,
    ) -> Result<K, StoreError> {
        let created = self.create_as(object, allowed, |_| Ok(()), |_, ()| ());
        created.map(|(object, ())| object)
    }

    /// The same; what `decide` makes of the object, which has its name and uid by then, is stored, and `then` happens before
    /// anybody else can change it.
    pub(super) fn create_as<T>(
        &self,
        mut object: K,
        allowed: impl FnOnce(&str, &str) -> Result<(), StoreError>,
        decide: impl FnOnce(&mut K) -> Result<T, StoreError>,
        then: impl FnOnce(&K, &T),
    ) -> Result<(K, T), StoreError> {
        object.begin();
        object.strip();
        let namespace = Self::settle_namespace(object.metadata_mut())?;
        let mut writers = Writers::lock(&self.layout, Turn::Await)?;
        allowed(
            &namespace,
            object.metadata().name.as_deref().unwrap_or_default(),
        )?;
        let name = self.choose_name(&namespace, object.metadata())?;
        if let Some(old) = self.find(&namespace, &name)? {
            return Err(StoreError::AlreadyExists {
                kind: Self::PLURAL,
                name,
                deleting: old.metadata().deletion_timestamp.is_some(),
            });
        }
        let meta = object.metadata_mut();
        meta.name = Some(name);
        if !meta.uid.as_deref().is_some_and(names::is_uid) {
            meta.uid = Some(uuid::Uuid::new_v4().to_string());
        }
        meta.creation_timestamp = Some(now());
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        meta.generation = K::GENERATIONS.then_some(1);
        meta.resource_version = Some(writers.version(0)?);
        let decided = decide(&mut object)?;
        self.write(&object)?;
        then(&object, &decided);
        object.dress(&self.layout);
        Ok((object, decided))
    }

    /// Every object of a namespaced kind is in one; the others are in none.
    fn settle_namespace(meta: &mut ObjectMeta) -> Result<String, StoreError> {
        if !K::IS.namespaced() {
            meta.namespace = None;
            return Ok(String::new());
        }
        let default = || "default".to_owned();
        let namespace = meta.namespace.get_or_insert_with(default).clone();
        if names::is_namespace(&namespace) {
            Ok(namespace)
        } else {
            Err(Self::invalid(
                meta.name.as_deref().unwrap_or_default(),
                format!("metadata.namespace: Invalid value: {namespace:?}"),
            ))
        }
    }

    /// Changes an object from a fresh reading. The identity and what the store gives cannot be changed.
    ///
    /// # Errors
    /// What `change` returns; `Conflict` when it leaves a `resourceVersion` that is older than the object; `NotFound`, or
    /// the machine's.
    pub fn update(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K) -> Result<(), StoreError>,
    ) -> Result<(K, Applied), StoreError> {
        let mut writers = Writers::lock(&self.layout, Turn::Await)?;
        let mut old = self
            .find(namespace, name)?
            .ok_or_else(|| Self::not_found(name))?;
        let mut new = old.clone();
        change(&mut new)?;
        new.strip();
        let given = new.metadata_mut().resource_version.take();
        self.check_version(name, given, old.metadata())?;
        keep_identity(new.metadata_mut(), old.metadata());
        if new == old {
            if self.lies_open(namespace, name)? {
                self.write(&old)?;
            }
            old.dress(&self.layout);
            return Ok((old, Applied::Unchanged));
        }
        let marked = |meta: &ObjectMeta| meta.deletion_timestamp.is_some();
        let wish = old.wish_differs(&new) || marked(new.metadata()) != marked(old.metadata());
        let floor = version_of(old.metadata()).max(old.seen_version(&self.layout));
        let meta = new.metadata_mut();
        meta.resource_version = Some(writers.version(floor)?);
        if wish && K::GENERATIONS {
            meta.generation = Some(meta.generation.unwrap_or(0) + 1);
        }
        self.write(&new)?;
        new.dress(&self.layout);
        Ok((new, Applied::Configured))
    }

    /// A version that was given must not be older than the object. It may be newer: a reader sees the version of the
    /// status when that was written later.
    fn check_version(
        &self,
        name: &str,
        given: Option<String>,
        old: &ObjectMeta,
    ) -> Result<(), StoreError> {
        let Some(given) = given.filter(|given| !given.is_empty()) else {
            return Ok(());
        };
        let version: u64 = given.parse().map_err(|_| {
            let message = format!("metadata.resourceVersion: Invalid value: {given:?}");
            Self::invalid(name, message)
        })?;
        if version < version_of(old) {
            return Err(StoreError::Conflict {
                kind: Self::PLURAL,
                name: name.to_owned(),
                message: STALE.to_owned(),
            });
        }
        Ok(())
    }

    /// Removes the object if it is still the one with this uid. Whether it was.
    ///
    /// # Errors
    /// The machine's.
    pub fn remove(&self, namespace: &str, name: &str, uid: &str) -> Result<bool, StoreError> {
        self.remove_in(Turn::Await, namespace, name, uid)
    }

    pub(super) fn remove_in(
        &self,
        turn: Turn,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<bool, StoreError> {
        self.remove_if(turn, namespace, name, uid, |_| Ok(true))
    }

    /// The same, if `allowed` says so while nobody else can change anything.
    pub(super) fn remove_if(
        &self,
        turn: Turn,
        namespace: &str,
        name: &str,
        uid: &str,
        allowed: impl FnOnce(&K) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let _writers = Writers::lock(&self.layout, turn)?;
        match self.find(namespace, name)? {
            Some(object) if object.metadata().uid.as_deref() == Some(uid) => {
                Ok(allowed(&object)? && self.unlink(namespace, name)?)
            }
            _ => Ok(false),
        }
    }

    /// Removes the folders of namespaces that hold nothing any more: whoever removed the last object was killed before he
    /// could.
    ///
    /// # Errors
    /// The machine's.
    pub fn tidy(&self) -> Result<(), StoreError> {
        let _writers = Writers::lock(&self.layout, Turn::Await)?;
        let Some(all) = self.folder()? else {
            return Ok(());
        };
        let tidy = || {
            let names = all.names()?;
            names.iter().try_for_each(|name| all.tidy_sub(name))
        };
        tidy().map_err(doing("tidy", all.path()))
    }

    /// Removes a file that cannot be understood as an object; one that can is left alone. Whether it was removed.
    ///
    /// # Errors
    /// The machine's.
    pub fn discard(&self, namespace: &str, name: &str) -> Result<bool, StoreError> {
        let _writers = Writers::lock(&self.layout, Turn::Await)?;
        match self.find(namespace, name) {
            Err(StoreError::Corrupt { .. }) => self.unlink(namespace, name),
            other => other.map(|_| false),
        }
    }

    fn unlink(&self, namespace: &str, name: &str) -> Result<bool, StoreError> {
        let Some(folder) = self.namespace(namespace)? else {
            return Ok(false);
        };
        let removed = folder
            .remove(&names::object_file(name), Draft::OfFolder, Durable::Yes)
            .map_err(doing("remove", &folder.path().join(name)))?;
        if let Some(all) = self.folder()? {
            let name = Self::home(namespace).unwrap_or_default();
            all.tidy_sub(name).map_err(doing("remove", folder.path()))?;
        }
        Ok(removed)
    }

    fn write(&self, object: &K) -> Result<(), StoreError> {
        let meta = object.metadata();
        let name = meta.name.as_deref().unwrap_or_default();
        let home = Self::home(meta.namespace.as_deref().unwrap_or_default())
            .ok_or_else(|| Self::not_found(name))?;
        let path = self.layout.objects().join(Self::FOLDER).join(home);
        let file = names::object_file(name);
        let write = || -> io::Result<()> {
            let content = self.sealed(home, &file, serde_json::to_vec(object)?)?;
            Folder::make(&self.layout.objects())?
                .make_sub(Self::FOLDER)?
                .make_sub(home)?
                .replace(&file, &content, Draft::OfFolder, Durable::Yes)
        };
        write().map_err(doing("write", &path.join(&file)))
    }
}

/// What no writer can change.
fn keep_identity(new: &mut ObjectMeta, old: &ObjectMeta) {
    new.namespace.clone_from(&old.namespace);
    new.name.clone_from(&old.name);
    new.uid.clone_from(&old.uid);
    new.generation = old.generation;
    new.creation_timestamp.clone_from(&old.creation_timestamp);
    new.resource_version.clone_from(&old.resource_version);
}
