//! The room as a whole, on directories of its own. What needs another process starts this test program once more, as
//! [`child`].

mod any;
mod chaos;
pub(super) mod child;
mod claims;
mod crash;
mod delete;
mod launch;
mod namespaces;
mod place;
mod process;
mod reconcile;
mod seal;
mod speed;
mod store;
mod watch;

use std::path::Path;
use std::sync::Mutex;

use k8s_openapi::api::core::v1;
use serde_json::json;

use super::lock::Lock;
use super::published::Published;
use super::{Layout, Machinery, Store};
use crate::spec;

pub(super) fn layout(root: &Path) -> Layout {
    Layout {
        run: root.join("run"),
        data: root.join("data"),
        logs: root.join("logs"),
    }
}

pub(super) fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(layout(dir.path()));
    (dir, store)
}

pub(super) fn pod(name: &str) -> v1::Pod {
    serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": "default", "labels": { "app": name } },
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "initContainers": [{ "name": "init", "image": "wasmpod/toolbox" }],
            "containers": [{ "name": "app", "image": "wasmpod/toolbox", "args": ["sleep", "1d"] }],
        },
    }))
    .unwrap()
}

pub(super) fn claim(namespace: &str, name: &str) -> v1::PersistentVolumeClaim {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    }))
    .unwrap()
}

/// A pod that names a claim.
pub(super) fn claimant(namespace: &str, name: &str, claim: &str) -> v1::Pod {
    let mut pod = pod(name);
    pod.metadata.namespace = Some(namespace.to_owned());
    let volume = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim } }]);
    pod.spec.as_mut().unwrap().volumes = serde_json::from_value(volume).unwrap();
    pod
}

pub(super) fn config_map(namespace: &str, name: &str, value: &str) -> v1::ConfigMap {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": namespace },
        "data": { "key": value },
    }))
    .unwrap()
}

pub(super) fn wish(namespace: &str, name: &str) -> super::Deletion {
    super::Deletion {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Default::default()
    }
}

pub(super) fn resolved(object: &v1::Pod) -> std::sync::Arc<spec::pod::Pod> {
    let created = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    let uid = uid(object).to_owned();
    let spec = spec::resolve(object.clone(), Path::new("/"), uid, created);
    std::sync::Arc::new(spec.unwrap())
}

pub(super) fn uid(pod: &v1::Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap()
}

pub(super) fn status(phase: &str) -> v1::PodStatus {
    v1::PodStatus {
        phase: Some(phase.to_owned()),
        ..Default::default()
    }
}

/// As if the pod's process had published it.
pub(super) fn publish(store: &Store, uid: &str, attempt: u32, status: v1::PodStatus) {
    let mut published = Published {
        sandbox_attempt: attempt,
        resource_version: String::new(),
        status: std::borrow::Cow::Owned(status),
    };
    published
        .write(store.layout(), uid, super::disk::Durable::No)
        .unwrap();
}

/// This test program as the pod's process.
pub(super) fn born(store: &Store, uid: &str) -> Lock {
    Lock::take(store.layout(), uid).unwrap()
}

/// What a kill leaves: the lock file, and no lock.
pub(super) fn killed(lock: Lock) {
    drop(lock);
}

pub(super) fn phase(pod: &v1::Pod) -> &str {
    pod.status.as_ref().unwrap().phase.as_deref().unwrap()
}

/// Remembers what was swept.
#[derive(Default)]
pub(super) struct Fake {
    pub swept: Mutex<Vec<String>>,
    pub erased: Mutex<Vec<String>>,
    pub stuck: bool,
    /// What `sh` runs as the pod's process; `$1` to `$4` are namespace, name, uid and attempt.
    pub script: String,
}

impl Fake {
    pub fn running(script: &str) -> Fake {
        Fake {
            script: script.to_owned(),
            ..Fake::default()
        }
    }
}

impl Machinery for Fake {
    fn command(&self, ns: &str, name: &str, uid: &str, attempt: u32) -> std::process::Command {
        let mut command = std::process::Command::new("sh");
        command.args([
            "-c",
            &self.script,
            "pod",
            ns,
            name,
            uid,
            &attempt.to_string(),
        ]);
        command
    }

    fn sweep(&self, uid: &str) -> anyhow::Result<()> {
        anyhow::ensure!(!self.stuck, "device or resource busy");
        self.swept.lock().unwrap().push(uid.to_owned());
        Ok(())
    }

    fn erase(&self, uid: &str) -> anyhow::Result<()> {
        anyhow::ensure!(!self.stuck, "device or resource busy");
        self.erased.lock().unwrap().push(uid.to_owned());
        Ok(())
    }
}
