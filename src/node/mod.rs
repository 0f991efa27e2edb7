//! MANY PODS: objects on disk, launching and finding pod processes again.
//!
//! There is no daemon. Whoever wants to know reads files ([`Store`]) and waits for them to change ([`Watch`]); whoever wants
//! something done writes an object and starts a process for it ([`Launcher`]), or speaks to the one there is. A pod's process
//! holds a lock while it lives ([`Hold`]) and writes down what becomes of the pod ([`Record`]). What is left of one
//! that was killed is put in order by whoever finds it ([`reconcile()`]).
//!
//! ```text
//! create ──> object ──> launch ──> lock, status, events, logs ──> begin_delete ──> finish_delete: all gone, the object last
//! ```
//!
//! What is not on disk did not happen, and what is on disk is whole: every file is replaced, never changed. Any process can be
//! killed between any two steps, and the next one takes up the thread.
//!
//! Absent from this room: the sandbox. It reaches pods through [`crate::control`] and the [`Machinery`] it is given.

mod admit;
mod any;
mod capacity;
mod claims;
mod clear;
mod delete;
mod disk;
mod drain;
mod error;
mod evict;
mod hands;
mod hold;
pub mod identity;
mod kind;
mod launch;
mod layout;
mod lock;
pub mod logs;
mod lost;
mod machine;
pub mod manifests;
mod marks;
mod names;
mod namespaces;
mod objects;
mod orphans;
mod pidfd;
mod place;
mod published;
mod reconcile;
mod record;
mod remove;
pub mod seal;
mod sight;
mod store;
mod supervise;
mod unplaced;
mod update;
mod voice;
mod watch;
mod writers;

#[cfg(test)]
mod tests;

pub use admit::{Created, admit, admit_like, create_pod, note_event};
pub use any::AnyObjects;
pub use capacity::capacity;
pub use claims::ClaimError;
pub use delete::{Deleted, Deletion, delete};
pub use drain::{Consent, Drain};
pub use error::StoreError;
pub use evict::{DrivenAway, drive_away};
pub use hold::Hold;
pub use kind::Kind;
pub use launch::{LaunchError, Launched, Launcher, Machinery, due};
pub use layout::Layout;
pub use lock::{HoldError, Process};
pub use machine::{cordon, machine_name};
pub use objects::{Applied, Objects};
pub use place::{Among, Begun, Placement, is_unplaced, place, place_and_launch};
pub use published::Published;
pub use reconcile::{Reconciled, get, list, reconcile, reconcile_pod};
pub use record::Record;
pub use remove::delete_object;
pub use sight::Sight;
pub use store::Store;
pub use supervise::{Note, RosterError, Signalled, Signals, Supervisor, Tell};
pub use update::update_running;
pub use watch::Watch;

pub use crate::lifecycle::GoDuration;

/// On every pod a reader sees while its process lives. Never stored.
pub const PID_ANNOTATION: &str = crate::spec::annotation::PID;
