//! What the planner asks of the machine.

use super::{Event, Time};
use crate::spec::pod::Slot;

/// One answer of [`super::Life::plan`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be carried out, all at once; each is answered by an [`super::Input`] except a signal, which is answered by the exit.
    pub actions: Vec<Action>,
    /// What happened since the last plan, oldest first. Feed them to an [`super::EventLog`] and to whoever watches.
    pub events: Vec<Event>,
    /// Plan again at this time even if nothing was observed. Never in the past.
    pub wake_at: Option<Time>,
    /// The pod's phase is terminal (or it was deleted), nothing runs and the sandbox is gone: the end.
    pub finished: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make every volume present that a container mounts. Answered by `VolumesMounted`, or by one `MountFailed` for each that
    /// cannot be. Comes before `MakeSandbox`; not asked for a pod without volumes.
    MountVolumes,
    /// Answered by `SandboxReady` or `SandboxFailed` (which leaves nothing behind).
    MakeSandbox { attempt: u32 },
    /// Make the image present, asking the registry as the container's pull policy says. Answered by `ImageReady` or `ImageFailed`.
    Pull { slot: Slot },
    /// `attempt` is the restart count and the number of the log file. Answered by `Started` or `StartFailed`.
    Start { slot: Slot, attempt: u32 },
    /// Run the container's hook, not beyond `deadline`. Answered by `HookDone` unless the container exits first.
    Hook {
        slot: Slot,
        hook: Hook,
        deadline: Option<Time>,
    },
    /// Answered by `Exited`, sooner or later. `Kill` may come without `Term`.
    Signal { slot: Slot, signal: Signal },
    /// Everything has stopped: take the sandbox down, and the volumes. Also asked for where there are only volumes. Answered by `SandboxRemoved`.
    RemoveSandbox,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    PostStart,
    PreStop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    Term,
    Kill,
}
