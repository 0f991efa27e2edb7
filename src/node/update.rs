//! Changing a pod that runs.

use std::time::Duration;

use k8s_openapi::api::core::v1;

use super::error::{StoreError, doing};
use super::pidfd::PidFd;
use super::voice::{Control, Voice};
use super::{Applied, Process, Store};
use crate::control::CallError;

/// Changes a stored pod and tells its process, if it has one. What may be changed is the caller's to check, in `change`.
///
/// # Errors
/// As [`Store::update`]; or the object is changed, but its process could not be told.
pub fn update_running(
    store: &Store,
    namespace: &str,
    name: &str,
    change: impl FnOnce(&mut v1::Pod) -> Result<(), StoreError>,
) -> Result<(v1::Pod, Applied), StoreError> {
    update_by(store, &Control, namespace, name, change)
}

pub(super) fn update_by(
    store: &Store,
    voice: &dyn Voice,
    namespace: &str,
    name: &str,
    change: impl FnOnce(&mut v1::Pod) -> Result<(), StoreError>,
) -> Result<(v1::Pod, Applied), StoreError> {
    let (pod, applied) = store.update(namespace, name, change)?;
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    if applied == Applied::Configured
        && let Process::Living { .. } = store.process(uid)?
        && let Err(error) = voice.update(store, uid, &pod)
        // One that ends meanwhile needs no telling.
        && let Process::Living { pid } = store.process(uid)?
        && !(matches!(error, CallError::Lost(_)) && parts(store, uid, pid)?)
    {
        return Err(StoreError::Process(error.to_string()));
    }
    Ok((pod, applied))
}

/// Whether a process that broke off a conversation is about to end. One that dies closes its connections before it lets go of
/// its lock.
pub(super) fn parts(store: &Store, uid: &str, pid: u32) -> Result<bool, StoreError> {
    // To take it apart is all that the kernel has to do.
    const PARTING: Duration = Duration::from_secs(2);
    let layout = store.layout();
    let parts = || match PidFd::of_pod(layout, uid, pid)? {
        Some(process) => process.wait(PARTING),
        None => Ok(true),
    };
    parts().map_err(doing("wait for the process of", &layout.lock(uid)))
}
