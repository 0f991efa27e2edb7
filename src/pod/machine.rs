//! The one seam between what should happen and what this machine does about it.

use std::future::Future;
use std::sync::Arc;

use crate::lifecycle::{Action, Input, Time};
use crate::spec::pod::Pod;

/// A machine that can run one pod: [`super::real`] over the sandbox, [`super::sim`] with scripted exits and virtual time.
///
/// The verbs of [`Action`] only begin things. What comes of them is told later, as an [`Input`].
pub trait Machine {
    /// The time now. Never goes back.
    fn now(&self) -> Time;

    /// Begins one action and returns at once.
    fn begin(&mut self, action: Action);

    /// The pod is defined otherwise from now on: its containers keep their slots, and there may be more of them.
    fn update(&mut self, pod: &Arc<Pod>);

    /// Waits until something happened or `wake_at` has come, whichever is first. Safe to drop.
    fn next(&mut self, wake_at: Option<Time>) -> impl Future<Output = Happened>;

    /// Something that has happened already, without waiting for it.
    fn pending(&mut self) -> Option<Input>;
}

/// Why [`Machine::next`] returned.
#[derive(Debug)]
pub enum Happened {
    Fact(Input),
    /// `wake_at` has come.
    Time,
    /// Nothing is under way, and no time was given: without a wish from outside nothing will ever happen. Only a
    /// simulated machine knows that.
    Nothing,
}
