//! Putting in order what a process that was killed has left.
//!
//! Whoever finds a pod whose process is gone without its last word does this, under the pod's lock: say that nobody knows (phase
//! Unknown), remove what is left of the sandbox, say what happened (phase Failed). Every step can be repeated, so it
//! does not matter where somebody who does it is killed himself.

use std::borrow::Cow;
use std::io;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use nix::sys::signal::Signal;

use super::disk::Durable;
use super::error::{StoreError, doing};
use super::lock::{HoldError, Lock, Process};
use super::lost::lost_status;
use super::pidfd::PidFd;
use super::published::Published;
use super::record::note_after_death;
use super::writers::{Turn, micros, now};
use super::{Layout, Machinery, Sight, Store, is_unplaced, orphans, remove, supervise};
use crate::lifecycle::{Event, EventKind, Time};

/// What became of a pod whose process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// There was nothing to do, or somebody else does it.
    Fine,
    /// The pod is Failed now.
    Failed,
    /// It was to be deleted, and now is.
    Deleted,
    /// It had come to its end; leftovers were removed.
    Swept,
}

/// All pods, or those of a namespace, in order: what reading verbs show.
///
/// # Errors
/// As [`Store::list`].
pub fn list(
    store: &Store,
    machinery: &dyn Machinery,
    namespace: Option<&str>,
) -> Result<Vec<Sight>, StoreError> {
    let sights = store.sights(namespace)?;
    let mut changed = false;
    for sight in sights.iter().filter(|sight| needs_order(sight)) {
        changed |= attempt(store, machinery, &sight.pod);
    }
    remind(store, &sights);
    // Nobody would come by them: they are shown nowhere.
    if orphans::are_likely(store, &sights)? {
        orphans::sweep(store, machinery, attempt)?;
    }
    if changed {
        return store.sights(namespace);
    }
    Ok(sights)
}

/// One pod, in order.
///
/// # Errors
/// As [`Store::get`].
pub fn get(
    store: &Store,
    machinery: &dyn Machinery,
    namespace: &str,
    name: &str,
) -> Result<Sight, StoreError> {
    let sight = store.sight(namespace, name)?;
    remind(store, std::slice::from_ref(&sight));
    if needs_order(&sight) && attempt(store, machinery, &sight.pod) {
        return store.sight(namespace, name);
    }
    Ok(sight)
}

/// Every pod of the machine, and what is left of pods that are no more. How many needed it.
///
/// # Errors
/// The pods cannot be listed. What cannot be put in order is said and left.
pub fn reconcile(store: &Store, machinery: &dyn Machinery) -> Result<usize, StoreError> {
    let sights = store.sights(None)?;
    let mut count = 0;
    for sight in sights.iter().filter(|sight| needs_order(sight)) {
        count += usize::from(attempt(store, machinery, &sight.pod));
    }
    remove::resume(store, machinery)?;
    store.tidy()?;
    supervise::tidy(store);
    Ok(count + orphans::sweep(store, machinery, attempt)?)
}

/// One pod, if it needs it.
///
/// # Errors
/// The machine's; the pod is as it was, or somewhere on the way.
pub fn reconcile_pod(
    store: &Store,
    machinery: &dyn Machinery,
    pod: &v1::Pod,
) -> Result<Reconciled, StoreError> {
    in_turn(store, machinery, pod, Turn::Await)
}

fn in_turn(
    store: &Store,
    machinery: &dyn Machinery,
    pod: &v1::Pod,
    turn: Turn,
) -> Result<Reconciled, StoreError> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let (lock, found) = match Lock::clean(store.layout(), uid, turn) {
        Ok(taken) => taken,
        Err(HoldError::Running { .. } | HoldError::Busy { .. }) => return Ok(Reconciled::Fine),
        Err(HoldError::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
            return Ok(Reconciled::Fine);
        }
        Err(error) => return Err(StoreError::Process(error.to_string())),
    };
    let done = put_in_order(store, machinery, pod, uid, found, turn)?;
    lock.remove()
        .map_err(doing("remove", &store.layout().lock(uid)))?;
    Ok(done)
}

/// Whether a dead process has left something to do.
fn needs_order(sight: &Sight) -> bool {
    let deleted = sight.pod.metadata.deletion_timestamp.is_some();
    match sight.process {
        Process::Living { .. } => false,
        Process::Dead { .. } => true,
        Process::None => sight.lost || deleted,
    }
}

/// Whoever marked a pod for deletion may have been killed before he told its process. A signal needs no answer, so nobody waits
/// for one that hangs; for one that has been told already it changes nothing.
fn remind(store: &Store, sights: &[Sight]) {
    for sight in sights {
        let Process::Living { pid } = sight.process else {
            continue;
        };
        let meta = &sight.pod.metadata;
        if !is_overdue(meta) {
            continue;
        }
        let uid = meta.uid.as_deref().unwrap_or_default();
        let reminded = match PidFd::of_pod(store.layout(), uid, pid) {
            Ok(Some(process)) => process.send(Signal::SIGTERM),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = reminded {
            tracing::warn!(
                "the process {pid} of a pod that is to be deleted cannot be told: {error}"
            );
        }
    }
}

/// Whether it was marked so long ago that its process must have heard of it.
fn is_overdue(meta: &ObjectMeta) -> bool {
    // Between the mark and the word lie milliseconds; times are whole seconds.
    const SECONDS: i64 = 2;
    let Some(end) = &meta.deletion_timestamp else {
        return false;
    };
    let grace = meta.deletion_grace_period_seconds.unwrap_or(0);
    now().0.as_second() - (end.0.as_second() - grace) >= SECONDS
}

/// Readers show what there is, whether or not it could be put in order.
fn attempt(store: &Store, machinery: &dyn Machinery, pod: &v1::Pod) -> bool {
    match in_turn(store, machinery, pod, Turn::Skip) {
        Ok(done) => done != Reconciled::Fine,
        Err(error) if error.io_kind() == Some(io::ErrorKind::WouldBlock) => false,
        Err(error) => {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            tracing::warn!("what the process of pod {name:?} has left: {error}");
            false
        }
    }
}

/// Under the pod's lock, so nothing of what is read here changes any more.
fn put_in_order(
    store: &Store,
    machinery: &dyn Machinery,
    pod: &v1::Pod,
    uid: &str,
    found: Process,
    turn: Turn,
) -> Result<Reconciled, StoreError> {
    let meta = &pod.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let name = meta.name.as_deref().unwrap_or_default();
    let pod = match store.stored(namespace, name) {
        Ok(pod) if pod.metadata.uid.as_deref() == Some(uid) => pod,
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            erase(machinery, uid)?;
            store.remove_remains(namespace, name, uid)?;
            return Ok(Reconciled::Deleted);
        }
        Err(error) => return Err(error),
    };
    if pod.metadata.deletion_timestamp.is_some() {
        erase(machinery, uid)?;
        store.finish_delete_in(turn, namespace, name, uid)?;
        return Ok(Reconciled::Deleted);
    }
    let published = store.published(uid)?;
    match (published, found) {
        (None, Process::None) => Ok(Reconciled::Fine),
        (Some(_), Process::None) if is_unplaced(&pod) => Ok(Reconciled::Fine),
        (Some(published), Process::None) if published.is_terminal() => Ok(Reconciled::Fine),
        (Some(published), _) if published.is_terminal() => {
            sweep(machinery, uid, &pod);
            Ok(Reconciled::Swept)
        }
        (published, found) => {
            fail(
                store.layout(),
                machinery,
                &pod,
                published.unwrap_or_default(),
                found,
            )?;
            Ok(Reconciled::Failed)
        }
    }
}

fn fail(
    layout: &Layout,
    machinery: &dyn Machinery,
    pod: &v1::Pod,
    mut published: Published<'static>,
    found: Process,
) -> Result<(), StoreError> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let write = |published: &mut Published<'static>, durable| {
        let path = layout.statuses().join(format!("{uid}.json"));
        published
            .write(layout, uid, durable)
            .map_err(doing("write", &path))
    };
    published.status.to_mut().phase = Some("Unknown".to_owned());
    write(&mut published, Durable::No)?;
    sweep(machinery, uid, pod);
    say(
        layout,
        pod,
        EventKind::Normal,
        "SandboxChanged",
        SANDBOX_CHANGED,
    );
    lost_status(published.status.to_mut(), pod, found);
    write(&mut published, Durable::Yes)
}

/// `pkg/kubelet/events/event.go` and `kuberuntime_manager.go`.
const SANDBOX_CHANGED: &str = "Pod sandbox changed, it will be killed and re-created.";

/// That the event is written is not worth failing for.
fn say(layout: &Layout, pod: &v1::Pod, kind: EventKind, reason: &'static str, message: &str) {
    let at = Time::from_nanos(micros().saturating_mul(1000));
    let event = Event {
        kind,
        reason,
        message: Cow::Owned(message.to_owned()),
        slot: None,
        at,
    };
    if let Err(error) = note_after_death(layout, pod, event) {
        tracing::warn!("the event {reason} is lost: {error}");
    }
}

/// The pod's state is to be known even if something stays; its deletion will try again.
fn sweep(machinery: &dyn Machinery, uid: &str, pod: &v1::Pod) {
    if let Err(error) = machinery.sweep(uid) {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        tracing::warn!("the sandbox of pod {name:?} is not removed: {error:#}");
    }
}

pub(super) fn erase(machinery: &dyn Machinery, uid: &str) -> Result<(), StoreError> {
    machinery
        .erase(uid)
        .map_err(|error| StoreError::Process(format!("error killing pod: {error:#}")))
}
