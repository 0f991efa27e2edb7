//! Changing a pod that runs.

use k8s_openapi::api::core::v1;

use super::error::StoreError;
use super::voice::{Control, Voice};
use super::{Applied, Process, Store};

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
        // One that has ended meanwhile needs no telling.
        && let Process::Living { .. } = store.process(uid)?
    {
        return Err(StoreError::Process(error.to_string()));
    }
    Ok((pod, applied))
}
