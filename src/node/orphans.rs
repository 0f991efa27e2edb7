//! What is left of pods that are stored no more: somebody was killed on the last steps of a deletion.
//!
//! The object goes before the lock does, so whoever is killed in between leaves a lock without an object; and an event may be
//! written about a pod that is just being deleted. Logs are not searched for: root's lie where a kubelet keeps its own.

use std::collections::HashSet;
use std::io;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::disk::Folder;
use super::error::{StoreError, doing};
use super::lock::{Process, tidy, uids};
use super::sight::place;
use super::{Machinery, Sight, Store, names};

/// Whether there is a lock that no process holds and none of these pods has. It need not be an orphan's: more pods may be
/// stored than these. Costs little when all is well.
pub(super) fn are_likely(store: &Store, sights: &[Sight]) -> Result<bool, StoreError> {
    let running = store.layout().running();
    let Some(folder) = place(Folder::open(&running)).map_err(doing("open", &running))? else {
        return Ok(false);
    };
    let locked = uids(&folder).map_err(doing("list", &running))?;
    let uid = |sight: &'_ Sight| sight.pod.metadata.uid.clone();
    let known: HashSet<String> = sights.iter().filter_map(uid).collect();
    for uid in locked.iter().filter(|uid| !known.contains(*uid)) {
        if matches!(store.process(uid)?, Process::Dead { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes what is left of them. How many there were.
pub(super) fn sweep(
    store: &Store,
    machinery: &dyn Machinery,
    put_in_order: impl Fn(&Store, &dyn Machinery, &v1::Pod) -> bool,
) -> Result<usize, StoreError> {
    let running = store.layout().running();
    if place(Folder::open(&running))
        .map_err(doing("open", &running))?
        .is_some()
    {
        tidy(&running).map_err(doing("tidy", &running))?;
    }
    // The traces first: an object is there before anything else of its pod, so a trace without one has lost it.
    let traces = traces(store)?;
    let stored = store.stored_all(None)?.into_iter();
    let known: HashSet<String> = stored.filter_map(|pod| pod.metadata.uid).collect();
    let mut count = 0;
    for uid in traces.difference(&known) {
        // One that lives is about to end: it removes its object itself.
        if store.process(uid)?.pid().is_none() {
            let orphan = v1::Pod {
                metadata: ObjectMeta {
                    uid: Some(uid.clone()),
                    ..ObjectMeta::default()
                },
                ..v1::Pod::default()
            };
            count += usize::from(put_in_order(store, machinery, &orphan));
        }
    }
    Ok(count)
}

/// The uids of all pods that have left something in places that are ours alone.
fn traces(store: &Store) -> Result<HashSet<String>, StoreError> {
    let layout = store.layout();
    let mut found = HashSet::new();
    for (path, suffix) in [
        (layout.running(), ".lock"),
        (layout.running(), ".sock"),
        (layout.statuses(), ".json"),
        (layout.events(), ".json"),
    ] {
        let names = || -> io::Result<Vec<String>> {
            let folder = place(Folder::open(&path))?;
            folder.map_or(Ok(Vec::new()), |folder| folder.names())
        };
        let names = names().map_err(doing("list", &path))?.into_iter();
        let uids = names.filter_map(|name| name.strip_suffix(suffix).map(str::to_owned));
        found.extend(uids.filter(|uid| names::is_uid(uid)));
    }
    Ok(found)
}
