//! Pods that a taint of the machine drives away, the part of the taint manager. Whoever changes taints does this, and
//! `wasmpod up` at the moment that a toleration's time is over.

use k8s_openapi::jiff::Timestamp;

use super::error::StoreError;
use super::{Deletion, Machinery, Sight, Store, delete, is_unplaced};
use crate::lifecycle::schedule::taints;
use crate::lifecycle::taint::{Stay, stay};

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrivenAway {
    /// `namespace/name` of the pods whose deletion was begun.
    pub pods: Vec<String>,
    /// When the next one has to go.
    pub next: Option<Timestamp>,
}

/// Begins to delete the pods that may stay no longer, with the grace they have themselves.
///
/// # Errors
/// The machine's object cannot be read. A pod that cannot be deleted is said and left.
pub fn drive_away(
    store: &Store,
    machinery: &dyn Machinery,
    sights: &[Sight],
    now: Timestamp,
) -> Result<DrivenAway, StoreError> {
    let mut done = DrivenAway::default();
    let node = store.node()?;
    if !taints(&node)
        .iter()
        .any(|taint| taint.effect == "NoExecute")
    {
        return Ok(done);
    }
    for sight in sights {
        let pod = &sight.pod;
        let meta = &pod.metadata;
        if is_unplaced(pod) || meta.deletion_timestamp.is_some() {
            continue;
        }
        let started = pod
            .status
            .as_ref()
            .and_then(|status| status.start_time.as_ref());
        let placed = started
            .or(meta.creation_timestamp.as_ref())
            .map_or(now, |time| time.0);
        match stay(pod, &node, placed) {
            Stay::Forever => {}
            Stay::Until(end) if end > now => {
                done.next = done.next.into_iter().chain([end]).min();
            }
            Stay::Until(_) => {
                let wish = Deletion {
                    namespace: meta.namespace.clone().unwrap_or_default(),
                    name: meta.name.clone().unwrap_or_default(),
                    uid: meta.uid.clone(),
                    ..Deletion::default()
                };
                let name = format!("{}/{}", wish.namespace, wish.name);
                match delete(store, machinery, &wish) {
                    Ok(_) => done.pods.push(name),
                    Err(error) if error.is_not_found() => {}
                    Err(error) => tracing::warn!("pod {name} is not evicted: {error}"),
                }
            }
        }
    }
    Ok(done)
}
