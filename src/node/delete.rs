//! Deleting pods: mark the object, tell the process, and where there is none, finish.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::error::{StoreError, doing};
use super::lock::Lock;
use super::pidfd::PidFd;
use super::reconcile::{Reconciled, erase, reconcile_pod};
use super::update::parts;
use super::voice::{Control, Voice};
use super::writers::Turn;
use super::{Machinery, Process, Store};
use crate::control::CallError;

/// A wish to delete one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    pub namespace: String,
    pub name: String,
    /// Only if it is still this one.
    pub uid: Option<String>,
    /// `--grace-period`; none: what the pod says.
    pub grace: Option<i64>,
    /// `--force`, which with a grace of 0 ends the process whatever it does.
    pub force: bool,
}

/// How far a deletion has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Nothing is left.
    Gone,
    /// Its process takes the pod down, and removes the object at the end: [`super::Watch`] tells.
    Stopping { uid: String },
}

/// A process that was told to end at once has this long to do it in order.
const FORCED: Duration = Duration::from_secs(3);
/// A killed process is gone as soon as the kernel has let go of what it was doing.
const KILLED: Duration = Duration::from_secs(10);
/// A process may end and another one be started while we look, but not for ever.
const TRIES: usize = 5;

/// Deletes a pod, or begins to. Doing it again is fine, and may shorten the grace.
///
/// # Errors
/// `NotFound`, `Conflict` (another uid); or the pod is marked, but its process could not be told or its leftovers not be
/// removed.
pub fn delete(
    store: &Store,
    machinery: &dyn Machinery,
    wish: &Deletion,
) -> Result<Deleted, StoreError> {
    delete_by(store, machinery, &Control, wish)
}

pub(super) fn delete_by(
    store: &Store,
    machinery: &dyn Machinery,
    voice: &dyn Voice,
    wish: &Deletion,
) -> Result<Deleted, StoreError> {
    let (namespace, name) = (wish.namespace.as_str(), wish.name.as_str());
    let marked = store.begin_delete(namespace, name, wish.uid.as_deref(), wish.grace);
    let pod = match marked {
        // Nobody can say which pod that was, so there is nobody to be told.
        Err(StoreError::Corrupt { .. }) if wish.force => {
            store.discard(namespace, name)?;
            return Ok(Deleted::Gone);
        }
        // To write the mark takes a little of what the deletion would give back.
        Err(error) if error.is_no_room() => {
            return without_mark(store, machinery, wish, error);
        }
        marked => marked?,
    };
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
    for _ in 0..TRIES {
        if let Process::Living { pid } = store.process(&uid)? {
            if tell(store, voice, &uid, pid, grace)? == Told::Stops
                && !(wish.force && grace.is_zero())
            {
                return Ok(Deleted::Stopping { uid });
            }
            end(store, &uid, pid)?;
        }
        if reconcile_pod(store, machinery, &pod)? == Reconciled::Deleted {
            return Ok(Deleted::Gone);
        }
        if let Err(StoreError::NotFound { .. }) = store.stored(namespace, name) {
            return Ok(Deleted::Gone);
        }
    }
    // Somebody else is at it.
    Ok(Deleted::Stopping { uid })
}

/// On a full disk a pod that has no process is removed all the same. Whoever is interrupted here leaves a pod that looks as if
/// it had never been started. One that runs is not told: at its end it would find no mark, and stay.
fn without_mark(
    store: &Store,
    machinery: &dyn Machinery,
    wish: &Deletion,
    error: StoreError,
) -> Result<Deleted, StoreError> {
    let (namespace, name) = (wish.namespace.as_str(), wish.name.as_str());
    let pod = store.stored(namespace, name)?;
    let uid = pod.metadata.uid.unwrap_or_default();
    if wish.uid.as_ref().is_some_and(|meant| *meant != uid) {
        return Err(error);
    }
    let Ok((lock, _)) = Lock::clean(store.layout(), &uid, Turn::Await) else {
        return Err(error);
    };
    erase(machinery, &uid)?;
    store.finish_delete(namespace, name, &uid)?;
    lock.remove()
        .map_err(doing("remove", &store.layout().lock(&uid)))?;
    Ok(Deleted::Gone)
}

#[derive(PartialEq, Eq)]
enum Told {
    Stops,
    /// It is gone, or would not listen.
    Deaf,
}

fn tell(
    store: &Store,
    voice: &dyn Voice,
    uid: &str,
    pid: u32,
    grace: Duration,
) -> Result<Told, StoreError> {
    let Err(error) = voice.stop(store, uid, grace) else {
        return Ok(Told::Stops);
    };
    let layout = store.layout();
    let find = || PidFd::of_pod(layout, uid, pid).map_err(doing("look at", &layout.lock(uid)));
    let Some(process) = find()? else {
        return Ok(Told::Deaf);
    };
    match error {
        // Without a socket it still hears a signal, and finds the mark on its object at the end.
        CallError::Unreachable { .. } => {
            process
                .send(Signal::SIGTERM)
                .map_err(doing("signal the process of", &layout.lock(uid)))?;
            Ok(Told::Stops)
        }
        _ if grace.is_zero() => Ok(Told::Deaf),
        CallError::Lost(_) if parts(store, uid, pid)? => Ok(Told::Deaf),
        error => Err(StoreError::Process(error.to_string())),
    }
}

/// Sees to it that a process ends that was told to end at once.
fn end(store: &Store, uid: &str, pid: u32) -> Result<(), StoreError> {
    let layout = store.layout();
    let end = || -> std::io::Result<bool> {
        let Some(process) = PidFd::of_pod(layout, uid, pid)? else {
            return Ok(true);
        };
        if process.wait(FORCED)? {
            return Ok(true);
        }
        process.send(Signal::SIGKILL)?;
        process.wait(KILLED)
    };
    if end().map_err(doing("end the process of", &layout.lock(uid)))? {
        return Ok(());
    }
    Err(StoreError::Process(format!(
        "error killing pod: process {pid} does not end"
    )))
}
