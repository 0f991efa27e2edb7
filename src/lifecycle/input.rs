//! The facts the planner is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Hook;
use crate::spec::pod::{Pod, Slot};

/// One fact. A fact that does not fit the state of its container (an answer that comes after the container has exited,
/// say) is ignored, so nobody needs to filter late answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Every volume is there that a container mounts.
    VolumesMounted,
    /// A volume cannot be mounted. An attempt with several of them is told of by several of these, one after another.
    MountFailed {
        /// Index into [`Pod::volumes`].
        volume: usize,
        error: String,
    },
    /// The pod's network exists; `ips` become `status.podIPs`.
    SandboxReady {
        ips: Vec<IpAddr>,
    },
    /// Nothing of the attempt is left behind. It will be tried again.
    SandboxFailed {
        error: String,
    },
    /// A registry is being asked for the image of a pull under way. Only for the event `Pulling`; not sent for an image that is present.
    Pulling {
        slot: Slot,
    },
    /// The image is present; `pulled` says what fetching it took, none if it was there already.
    ImageReady {
        slot: Slot,
        image_id: String,
        pulled: Option<Pulled>,
    },
    ImageFailed {
        slot: Slot,
        reason: ImageProblem,
        message: String,
    },
    /// The container's first instruction is about to run.
    Started {
        slot: Slot,
        container_id: String,
    },
    StartFailed {
        slot: Slot,
        reason: StartProblem,
        message: String,
    },
    Exited {
        slot: Slot,
        exit: Exit,
    },
    /// The error text of a failed postStart becomes the waiting message of its container.
    HookDone {
        slot: Slot,
        hook: Hook,
        result: Result<(), String>,
    },
    /// A published result, that is, one for which the threshold of equal attempts was reached.
    ProbeResult {
        slot: Slot,
        probe: Probe,
        healthy: bool,
    },
    /// One attempt of a probe that did not simply succeed. Only for the event.
    ProbeAttempt {
        slot: Slot,
        probe: Probe,
        outcome: ProbeOutcome,
    },
    /// The pod is to go; none means the grace period of its spec. May come again with less grace.
    Delete {
        grace: Option<Duration>,
    },
    /// End now: every container is killed without hook, grace or order. Kubernetes has no such word; a second Ctrl-C has.
    Abort,
    SandboxRemoved,
    /// The node takes the pod's place away, because it uses more than it may. `message` says what of.
    Evict {
        message: String,
    },
    /// Objects that the pod refers to have appeared, changed or gone. What could not be done for want of one is tried again.
    SurroundingsChanged,
    /// Something its author should know of the machine the pod runs on. Only for the event.
    Warned {
        reason: &'static str,
        message: String,
    },
    /// The pod is defined otherwise now. Its containers are the same by name and part, their images may be others, and
    /// new ephemeral containers are appended; whether a change is allowed is for [`crate::spec::update`] to say.
    Update(Arc<Pod>),
}

/// What a pull from a registry took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    pub took: Duration,
    /// With the time spent in the queue.
    pub waited: Duration,
    pub bytes: u64,
}

/// Why an image is not there (`pkg/kubelet/images/types.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageProblem {
    /// Fetching it failed.
    ErrImagePull,
    /// The registry cannot be reached.
    RegistryUnavailable,
    /// The image's signature was refused.
    SignatureValidationFailed,
    /// Not present, and the pull policy is Never. The message is ours; the one given is not used.
    ErrImageNeverPull,
    /// Looking for it on this machine failed.
    ImageInspectError,
    /// The name cannot be parsed.
    InvalidImageName,
}

impl ImageProblem {
    /// The waiting reason.
    pub fn as_str(self) -> &'static str {
        match self {
            ImageProblem::ErrImagePull => "ErrImagePull",
            ImageProblem::RegistryUnavailable => "RegistryUnavailable",
            ImageProblem::SignatureValidationFailed => "SignatureValidationFailed",
            ImageProblem::ErrImageNeverPull => "ErrImageNeverPull",
            ImageProblem::ImageInspectError => "ImageInspectError",
            ImageProblem::InvalidImageName => "InvalidImageName",
        }
    }
}

/// Why a container did not start (`pkg/kubelet/kuberuntime/kuberuntime_container.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartProblem {
    /// What its definition refers to is missing or refused.
    CreateContainerConfigError,
    /// It could not be made.
    CreateContainerError,
    /// It was made, but its first instruction was never reached. Counts as an instance that exited with 128.
    RunContainerError,
}

impl StartProblem {
    /// The waiting reason.
    pub fn as_str(self) -> &'static str {
        match self {
            StartProblem::CreateContainerConfigError => "CreateContainerConfigError",
            StartProblem::CreateContainerError => "CreateContainerError",
            StartProblem::RunContainerError => "RunContainerError",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: i32,
    pub cause: Cause,
    /// The termination message, if any; cut to its last 4096 bytes here.
    pub message: String,
}

/// What ended a container, as far as its exit code does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The code says it all: `Completed` or `Error`.
    Exited,
    /// Its memory limit.
    OutOfMemory,
    /// It was made but could not be started (`StartError`).
    StartError,
    /// Nobody knows (`Unknown`).
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    Liveness,
    Readiness,
    Startup,
}

impl Probe {
    /// As events begin with it.
    pub fn as_str(self) -> &'static str {
        match self {
            Probe::Liveness => "Liveness",
            Probe::Readiness => "Readiness",
            Probe::Startup => "Startup",
        }
    }
}

/// An attempt worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// It failed; the text is the probe's output.
    Failed(String),
    /// It succeeded with reservations, a redirect to another host for example.
    Warning(String),
    /// The prober itself erred: neither success nor failure.
    Errored(String),
}
