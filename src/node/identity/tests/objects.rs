//! Objects that are only said to be there.

use std::cell::RefCell;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::super::Register;
use super::at;
use crate::node::StoreError;

/// What there is, by kind and name.
#[derive(Default)]
pub struct Objects {
    there: BTreeMap<(&'static str, String), ObjectMeta>,
    pub broken: bool,
    pub asked: RefCell<Vec<String>>,
}

impl Objects {
    /// Everything that the tokens of these tests are bound to.
    pub fn all() -> Objects {
        let mut objects = Objects::default();
        for (kind, name, uid) in [
            ("account", "default/app", "sa-1"),
            ("pod", "default/web", "pod-1"),
            ("secret", "default/key", "secret-1"),
            ("node", "here", "node-1"),
        ] {
            objects.put(kind, name, uid, None);
        }
        objects
    }

    /// `ends`: when it will have ended, if it is on its way out.
    pub fn put(&mut self, kind: &'static str, name: &str, uid: &str, ends: Option<i64>) {
        let meta = ObjectMeta {
            uid: Some(uid.to_owned()),
            deletion_timestamp: ends.map(|second| Time(at(second))),
            ..Default::default()
        };
        self.there.insert((kind, name.to_owned()), meta);
    }

    pub fn without(kind: &'static str, name: &str) -> Objects {
        let mut objects = Objects::all();
        objects.there.remove(&(kind, name.to_owned())).unwrap();
        objects
    }

    fn find(&self, kind: &'static str, name: String) -> Result<Option<ObjectMeta>, StoreError> {
        if self.broken {
            return Err(StoreError::Process("broken".to_owned()));
        }
        self.asked.borrow_mut().push(format!("{kind} {name}"));
        Ok(self.there.get(&(kind, name)).cloned())
    }
}

impl Register for Objects {
    fn account(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
        self.find("account", format!("{namespace}/{name}"))
    }

    fn pod(&self, namespace: &str, name: &str) -> Result<Option<v1::Pod>, StoreError> {
        let found = self.find("pod", format!("{namespace}/{name}"))?;
        Ok(found.map(|metadata| pod(metadata, "app")))
    }

    fn secret(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
        self.find("secret", format!("{namespace}/{name}"))
    }

    fn node(&self, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
        self.find("node", name.to_owned())
    }
}

/// A pod of that account, on the node `here`.
pub fn pod(metadata: ObjectMeta, account: &str) -> v1::Pod {
    v1::Pod {
        metadata,
        spec: Some(v1::PodSpec {
            service_account_name: Some(account.to_owned()),
            node_name: Some("here".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
