//! What is known of one container.

use std::borrow::Cow;

use super::backoff::Backoff;
use super::stop::Step;
use super::{Cause, Time};

/// The fold of everything seen of one container.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub state: State,
    /// The instance that ended last, and the one before it.
    pub newest: Option<Box<Ended>>,
    pub before: Option<Box<Ended>>,
    /// Why the last attempt to start did not lead to a running container (the kubelet's reason cache): set by a failure,
    /// removed by a success, shown only while the container is to be started.
    pub problem: Option<Box<Problem>>,
    /// Instances made so far; the number of the next one.
    pub attempts: u32,
    /// An instance exists or existed since the pod was set up last.
    pub seen: bool,
    /// Its instance was removed to restart the whole pod; counted as a restart before the next instance exists.
    pub renewed: bool,
    /// Of the image that was there last; `image` is how it was named then.
    pub image_id: String,
    pub image: Option<String>,
    /// Another image was demanded while a start was under way: what comes of that is not what is wanted.
    pub outdated: bool,
    /// Something it may refer to has changed while a start was under way, which may have looked before.
    pub stale: bool,
    pub crashes: Backoff,
    /// Whether it counts as ready and (an init container) as initialised; kept here so that sums need no scan.
    pub ready: bool,
    pub initialised: bool,
}

#[derive(Clone, Debug, Default)]
pub enum State {
    /// Its turn has not come yet. Made when the pod is set up; left for `Pulling` or `Idle`.
    #[default]
    Fresh,
    /// To be started at `not_before`, and when its turn has come. Made by exits and failed attempts.
    /// `from` is the exit that the back-off is measured from, none if there is no such exit.
    Idle {
        from: Option<Time>,
        not_before: Time,
    },
    /// Its image was asked for. Left by `ImageReady` (-> `Pulled`) or `ImageFailed` (-> `Idle`).
    Pulling,
    /// The image is there; the next plan starts it.
    Pulled,
    /// The start was asked for. Left by `Started` (-> `Running`) or `StartFailed` (-> `Idle`, `Done`).
    Starting,
    /// Left by `Exited` (-> `Idle` or `Done`), and by nothing else.
    Running(Box<Running>),
    /// It will not be started again while the pod stays set up as it is: it has completed, has failed for good, or the pod is ending.
    Done,
}

#[derive(Clone, Debug)]
pub struct Running {
    pub container_id: String,
    pub since: Time,
    pub post_start: PostStart,
    /// The startup probe has succeeded, or there is none.
    pub startup_passed: bool,
    /// The readiness probe's published result, true if there is none.
    pub readiness: bool,
    pub stopping: Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostStart {
    /// To be asked for by the next plan.
    Due,
    Asked,
    /// It has succeeded, or there is none.
    Passed,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopping {
    /// It may run on.
    No,
    /// Decided by a fact; the next plan begins it.
    Wanted(Reason),
    Under {
        reason: Reason,
        step: Step,
    },
}

/// Why the planner stops a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The whole pod goes, or everything in it is restarted.
    Pod,
    Liveness,
    Startup,
    PostStart,
    /// Its image is another one now.
    Definition,
}

impl Reason {
    pub fn is_probe(self) -> bool {
        matches!(self, Reason::Liveness | Reason::Startup)
    }

    /// The kubelet kills and restarts in one act: the back-off looks at the exit before the kill.
    pub fn restarts(self) -> bool {
        self.is_probe() || self == Reason::Definition
    }
}

/// An instance that has ended, as `terminated` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: i32,
    pub reason: Cow<'static, str>,
    pub message: String,
    pub started: Option<Time>,
    /// None for an instance that was removed: nobody saw it end, and no back-off is measured from it.
    pub finished: Option<Time>,
    pub container_id: String,
}

/// A waiting reason and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub reason: &'static str,
    pub message: String,
}

impl Record {
    /// A process exists or may exist.
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Starting | State::Running(_))
    }

    pub fn running(&self) -> Option<&Running> {
        match &self.state {
            State::Running(running) => Some(running),
            _ => None,
        }
    }

    pub fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.state {
            State::Running(running) => Some(running),
            _ => None,
        }
    }

    /// The gate of a sidecar, and `status.started`.
    pub fn is_started(&self) -> bool {
        self.running().is_some_and(|running| {
            running.post_start == PostStart::Passed && running.startup_passed
        })
    }

    /// When the newest instance ended.
    pub fn last_exit(&self) -> Option<Time> {
        self.newest.as_ref()?.finished
    }

    pub fn restart_count(&self) -> u32 {
        if self.renewed {
            self.attempts
        } else {
            self.attempts.saturating_sub(1)
        }
    }

    /// The newest instance has ended so.
    pub fn push_ended(&mut self, ended: Ended) {
        self.before = self.newest.replace(Box::new(ended));
    }

    pub fn set_problem(&mut self, reason: &'static str, message: String) {
        self.problem = Some(Box::new(Problem { reason, message }));
    }
}

/// The `terminated.reason` of an exit, as containerd words it.
pub fn exit_reason(code: i32, cause: Cause) -> &'static str {
    match cause {
        Cause::Exited if code == 0 => "Completed",
        Cause::Exited => "Error",
        Cause::OutOfMemory => "OOMKilled",
        Cause::StartError => "StartError",
        Cause::Unknown => "Unknown",
    }
}
