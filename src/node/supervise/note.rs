//! What a supervisor tells.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use super::super::LaunchError;
use crate::lifecycle::GoDuration;

/// What a supervisor has to say.
#[derive(Debug)]
pub enum Note {
    /// `namespace/name`, and the process.
    Started {
        pod: String,
        pid: u32,
    },
    Ended {
        pod: String,
        status: ExitStatus,
    },
    /// It is started again after this long.
    BackOff {
        pod: String,
        delay: Duration,
    },
    NotStarted {
        pod: String,
        error: LaunchError,
    },
    /// A static pod.
    Created {
        pod: String,
    },
    Deleting {
        pod: String,
    },
    /// A taint drives it away.
    Evicting {
        pod: String,
    },
    Manifest(String),
    Stopping {
        pods: usize,
    },
    /// One that did not end within its grace.
    Killing {
        pod: String,
    },
    Trouble(String),
}

impl Note {
    /// Whether something is not as it should be.
    pub fn is_trouble(&self) -> bool {
        matches!(
            self,
            Note::NotStarted { .. } | Note::Manifest(_) | Note::Trouble(_) | Note::Killing { .. }
        )
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Started { pod, pid } => write!(f, "pod {pod} started (process {pid})"),
            Note::Ended { pod, status } => write!(f, "pod {pod} ended ({status})"),
            Note::BackOff { pod, delay } => {
                write!(f, "pod {pod} is started again in {}", GoDuration(*delay))
            }
            Note::NotStarted { pod, error } => write!(f, "pod {pod} could not be started: {error}"),
            Note::Created { pod } => write!(f, "pod {pod} created"),
            Note::Evicting { pod } => write!(
                f,
                "pod {pod} is evicted: the node has a taint that it does not tolerate"
            ),
            Note::Deleting { pod } => write!(f, "pod {pod} is being deleted"),
            Note::Manifest(problem) | Note::Trouble(problem) => f.write_str(problem),
            Note::Stopping { pods } => write!(f, "stopping {pods} pods"),
            Note::Killing { pod } => write!(f, "pod {pod} did not end in time and is killed"),
        }
    }
}
