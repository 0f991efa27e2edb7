//! Objects as those who read see them: one by its name, or all that match.

use std::sync::Arc;

use anyhow::Error;

use super::print::selector::{FieldSelector, LabelSelector};
use super::{Context, Failure};
use crate::node::{self, Store, StoreError};
use crate::spec::{Kind, Object};

/// Which objects of a kind are meant: by label and field selectors together.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    labels: Option<LabelSelector>,
    fields: Option<FieldSelector>,
}

impl Filter {
    pub fn parse(labels: Option<&str>, fields: Option<&str>) -> Result<Filter, Error> {
        Ok(Filter {
            labels: labels.map(LabelSelector::parse).transpose()?,
            fields: fields.map(FieldSelector::parse).transpose()?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_none() && self.fields.is_none()
    }

    /// Refuses a field that objects of this kind cannot be asked for.
    pub fn check(&self, kind: Kind) -> Result<(), Error> {
        self.fields
            .as_ref()
            .map_or(Ok(()), |fields| fields.check(kind))
    }

    pub fn matches(&self, object: &Object) -> bool {
        let labels = object.metadata().labels.as_ref();
        self.labels
            .as_ref()
            .is_none_or(|selector| selector.matches(labels))
            && self
                .fields
                .as_ref()
                .is_none_or(|fields| fields.matches(object))
    }
}

/// The store, for those who only look.
#[derive(Clone)]
pub struct Reader {
    pub store: Store,
    pub machinery: Arc<dyn node::Machinery>,
}

impl Reader {
    pub fn new(context: &Context) -> Result<Reader, Failure> {
        Ok(Reader {
            store: context.store(),
            machinery: context.machinery()?,
        })
    }

    /// All that match, by namespace and name (events: by time); none: of all namespaces. What a dead process has left of a pod
    /// is put in order first.
    pub fn list(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        filter: &Filter,
    ) -> Result<Vec<Object>, Failure> {
        filter.check(kind)?;
        let namespace = namespace.filter(|_| kind.namespaced());
        let mut all = if kind == Kind::Pod {
            let sights = node::list(&self.store, self.machinery.as_ref(), namespace)?;
            let pods = sights.into_iter().map(|sight| sight.pod);
            pods.map(Object::from).collect()
        } else {
            self.prepare(kind)?;
            self.store.any(kind).list(namespace)?
        };
        all.retain(|object| filter.matches(object));
        Ok(all)
    }

    /// One, as [`Reader::list`] has it. The namespace counts for nothing where the kind has none.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Object, StoreError> {
        if kind == Kind::Pod {
            let sight = node::get(&self.store, self.machinery.as_ref(), namespace, name)?;
            return Ok(sight.pod.into());
        }
        self.prepare(kind)?;
        self.store.any(kind).get(namespace, name)
    }

    /// This machine is a node also before anybody has said anything of it.
    fn prepare(&self, kind: Kind) -> Result<(), StoreError> {
        match kind {
            Kind::Node => self.store.ensure_node(),
            _ => Ok(()),
        }
    }

    /// The object alone: of a pod, without what its process has published.
    pub fn stored(&self, kind: Kind, namespace: &str, name: &str) -> Result<Object, StoreError> {
        if kind == Kind::Pod {
            return Ok(self.store.stored(namespace, name)?.into());
        }
        self.prepare(kind)?;
        self.store.any(kind).get(namespace, name)
    }
}
