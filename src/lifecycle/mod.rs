//! What should happen next.
//!
//! [`Life`] is the fold of everything that was seen of one pod. Facts go in with [`Life::observe`], decisions come out of
//! [`Life::plan`], and [`Life::status`] tells the story in Kubernetes' words when somebody asks. The caller (the actor in
//! `pod`) is the only one who sleeps, and sleeps until [`Plan::wake_at`]:
//!
//! ```text
//! loop { plan -> carry out actions, publish events -> wait for an input or wake_at -> observe }
//! ```
//!
//! Absent from this room: clocks, files, environment, network, processes, threads, randomness. Time is an argument, and so
//! the same facts always give the same plan.
//!
//! The rules are the kubelet's (kubernetes/kubernetes v1.36); each file names the sources it follows.

#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this room is pure: the same facts at the same times give the same plan"
)]

mod action;
mod backoff;
mod conditions;
mod event;
mod eventlog;
mod evict;
mod goduration;
mod image;
mod input;
mod life;
mod observe;
mod phase;
mod plan;
mod qos;
mod record;
mod restart;
mod resume;
pub mod schedule;
mod start;
mod status;
mod stop;
pub mod taint;
#[cfg(test)]
mod tests;
mod time;
mod update;
mod volumes;

pub use action::{Action, Hook, Plan, Signal};
pub use backoff::{Backoff, Pace};
pub use event::{Event, EventKind};
pub use eventlog::{Entry, EventLog};
pub use goduration::GoDuration;
pub use input::{Cause, Exit, ImageProblem, Input, Probe, ProbeOutcome, Pulled, StartProblem};
pub use life::{Life, Node};
pub use phase::Phase;
pub use resume::SANDBOX_LOST;
pub use time::Time;
