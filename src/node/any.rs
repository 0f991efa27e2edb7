//! Objects of a kind that is only known when the program runs.

use crate::spec::{
    Complaints, Kind, Object, PodPreset, Typed, Validate, admit_any, validate_update,
};
use k8s_openapi::api::core::v1;

use super::{Applied, Objects, Store, StoreError};

/// The objects of one kind. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AnyObjects {
    store: Store,
    kind: Kind,
}

/// Does the same for whatever type stands behind a kind; pods and events are told apart by the caller.
macro_rules! typed {
    ($kind:expr, $type:ident => $body:expr, else => $other:expr) => {
        match $kind {
            Kind::ConfigMap => {
                type $type = v1::ConfigMap;
                $body
            }
            Kind::Secret => {
                type $type = v1::Secret;
                $body
            }
            Kind::ServiceAccount => {
                type $type = v1::ServiceAccount;
                $body
            }
            Kind::PersistentVolumeClaim => {
                type $type = v1::PersistentVolumeClaim;
                $body
            }
            Kind::LimitRange => {
                type $type = v1::LimitRange;
                $body
            }
            Kind::Namespace => {
                type $type = v1::Namespace;
                $body
            }
            Kind::Node => {
                type $type = v1::Node;
                $body
            }
            Kind::PodPreset => {
                type $type = PodPreset;
                $body
            }
            Kind::Pod | Kind::Event => $other,
        }
    };
}

impl AnyObjects {
    pub(super) fn new(store: Store, kind: Kind) -> AnyObjects {
        AnyObjects { store, kind }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// All of them, or those of a namespace, as a reader sees them: by namespace and name. Events in order of time.
    ///
    /// # Errors
    /// The machine's. A file that cannot be understood is said and passed over.
    pub fn list(&self, namespace: Option<&str>) -> Result<Vec<Object>, StoreError> {
        self.store.prepare(self.kind, namespace);
        let mut all: Vec<Object> = typed!(self.kind, T => {
            let all = self.typed::<T>().list(namespace)?;
            all.into_iter().map(Object::from).collect()
        }, else => {
            return self.list_special(namespace);
        });
        all.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
        Ok(all)
    }

    /// Pods with their status, and events, which are not stored one by one.
    fn list_special(&self, namespace: Option<&str>) -> Result<Vec<Object>, StoreError> {
        if self.kind == Kind::Pod {
            let pods = self.store.list(namespace)?;
            return Ok(pods.into_iter().map(Object::from).collect());
        }
        let events = self.store.events(namespace)?;
        Ok(events.into_iter().map(Object::from).collect())
    }

    /// One, as a reader sees it. The namespace counts for nothing where the kind has none.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, or the machine's.
    pub fn get(&self, namespace: &str, name: &str) -> Result<Object, StoreError> {
        self.store.prepare(self.kind, Some(namespace));
        typed!(self.kind, T => {
            Ok(self.typed::<T>().get(namespace, name)?.into())
        }, else => {
            if self.kind == Kind::Pod {
                return Ok(self.store.get(namespace, name)?.into());
            }
            let mut events = self.list(Some(namespace))?.into_iter();
            let found = events.find(|event| event.name() == name);
            found.ok_or_else(|| StoreError::not_found(self.kind.qualified_plural(), name))
        })
    }

    /// The same without putting anything in order first.
    pub(super) fn find(&self, namespace: &str, name: &str) -> Result<Object, StoreError> {
        typed!(self.kind, T => {
            Ok(self.typed::<T>().get(namespace, name)?.into())
        }, else => Err(StoreError::MethodNotAllowed))
    }

    /// The names of those in a namespace, also of those that cannot be understood.
    pub(super) fn names(&self, namespace: &str) -> Result<Vec<String>, StoreError> {
        typed!(self.kind, T => self.typed::<T>().names(namespace), else => {
            self.typed::<v1::Pod>().names(namespace)
        })
    }

    /// Stores a new object in a namespace that is there, with all that the store gives it filled in.
    ///
    /// # Errors
    /// `NotFound` (the namespace), `Forbidden` (it is on its way out), `AlreadyExists`, `Invalid`, or the machine's.
    pub fn create(&self, object: Object) -> Result<Object, StoreError> {
        self.same_kind(&object)?;
        let store = &self.store;
        if let Object::PersistentVolumeClaim(claim) = &object {
            store.check_limits(claim)?;
        }
        match object {
            // It would be one that nobody has admitted: `create_pod` does both.
            Object::Pod(_) => Err(StoreError::MethodNotAllowed),
            object => typed!(self.kind, T => {
                let object = T::of_object(admitted(object)?).ok_or(StoreError::MethodNotAllowed)?;
                Ok(store.create_any(object)?.into())
            }, else => Err(StoreError::MethodNotAllowed)),
        }
    }

    /// Changes an object from a fresh reading. What may not be changed is refused, whoever asks; of a pod, `change` has to
    /// see to that.
    ///
    /// # Errors
    /// What `change` returns; `Invalid`; `Conflict` when it leaves a `resourceVersion` that is older than the object;
    /// `NotFound`, or the machine's.
    pub fn update(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Object) -> Result<(), StoreError>,
    ) -> Result<(Object, Applied), StoreError> {
        if self.kind == Kind::Pod {
            let change = |pod: &mut v1::Pod| change_as(pod, change).map(|_| ());
            let (pod, applied) = self.store.update(namespace, name, change)?;
            return Ok((pod.into(), applied));
        }
        typed!(self.kind, T => {
            let change = |object: &mut T| {
                let old = Object::from(object.clone());
                let new = admitted(change_as(object, change)?)?;
                if let Object::PersistentVolumeClaim(claim) = &new {
                    self.store.check_limits(claim)?;
                }
                validate_update(&old, &new).map_err(invalid(&new))?;
                T::of_object(new).into_iter().for_each(|new| *object = new);
                Ok(())
            };
            let (object, applied) = self.typed::<T>().update(namespace, name, change)?;
            Ok((object.into(), applied))
        }, else => Err(StoreError::MethodNotAllowed))
    }

    /// Removes the object if it is still the one with this uid, whatever still needs it: see [`super::delete_object()`].
    ///
    /// # Errors
    /// The machine's.
    pub fn remove(&self, namespace: &str, name: &str, uid: &str) -> Result<bool, StoreError> {
        typed!(self.kind, T => self.typed::<T>().remove(namespace, name, uid), else => {
            Err(StoreError::MethodNotAllowed)
        })
    }

    /// Removes a file that cannot be understood as an object of this kind; one that can is left alone.
    ///
    /// # Errors
    /// The machine's.
    pub fn discard(&self, namespace: &str, name: &str) -> Result<bool, StoreError> {
        typed!(self.kind, T => self.typed::<T>().discard(namespace, name), else => {
            match self.kind {
                Kind::Pod => self.store.discard(namespace, name),
                _ => Ok(false),
            }
        })
    }

    /// Removes what somebody who was killed has left between the objects.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        typed!(self.kind, T => self.typed::<T>().tidy(), else => {
            self.typed::<v1::Pod>().tidy()
        })
    }

    fn typed<K: super::Kind>(&self) -> Objects<K> {
        self.store.objects()
    }

    fn same_kind(&self, object: &Object) -> Result<(), StoreError> {
        if object.kind() == self.kind {
            Ok(())
        } else {
            Err(StoreError::MethodNotAllowed)
        }
    }
}

/// Changes an object as one of any kind. What it has become. Whether it is to go is not the writer's to say.
fn change_as<K: super::Kind>(
    object: &mut K,
    change: impl FnOnce(&mut Object) -> Result<(), StoreError>,
) -> Result<Object, StoreError> {
    let mut any = object.clone().into_object();
    change(&mut any)?;
    let (old, new) = (object.metadata(), any.metadata_mut());
    new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    match K::of_object_ref(&any) {
        Some(changed) => object.clone_from(changed),
        None => return Err(StoreError::MethodNotAllowed),
    }
    Ok(any)
}

/// Whatever writes an object, only one that is whole and valid is stored. What this version would have to ignore was the
/// writer's to refuse.
fn admitted(object: Object) -> Result<Object, StoreError> {
    let invalid = invalid(&object);
    let admitted = admit_any(object, Validate::Ignore).map_err(invalid)?;
    Ok(admitted.0)
}

fn invalid(object: &Object) -> impl FnOnce(Complaints) -> StoreError + use<> {
    let (kind, name) = (object.kind(), object.name().to_owned());
    move |complaints| StoreError::Invalid {
        kind: kind.qualified_kind(),
        name,
        message: complaints.causes(),
    }
}
