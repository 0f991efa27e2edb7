//! Whether a container that has exited starts again (`pkg/kubelet/container/helpers.go` `ShouldContainerBeRestarted`,
//! `pkg/api/v1/pod/util.go` `ContainerShouldRestart`, KEP-5307, KEP-5532).

use super::Cause;
use super::record::Reason;
use crate::spec::pod::{Container, ExitCodes, RestartPolicy, RestartRule, Role, RuleAction};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has run for the last time.
    Done,
    /// It starts again, under back-off.
    Again,
    /// It starts again, and every other container of the pod with it.
    AgainAll,
}

/// How an instance came to its end, as far as its restart depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub code: i32,
    pub cause: Cause,
    /// Why it was stopped; none if it ended by itself.
    pub stopped: Option<Reason>,
}

/// What becomes of a container of a pod that is not ending.
pub fn fate(container: &Container, end: End) -> Fate {
    if container.role == Role::Ephemeral {
        return Fate::Done;
    }
    if end.stopped == Some(Reason::Definition) {
        return Fate::Again;
    }
    if container.role == Role::Init && !init_failed(end) {
        return Fate::Done;
    }
    if end.stopped.is_some_and(Reason::is_probe) {
        // The kubelet decides this before the kill, so neither the exit code nor the rules are asked.
        return if container.restart_policy == RestartPolicy::Never {
            Fate::Done
        } else {
            Fate::Again
        };
    }
    match matching(&container.restart_rules, end.code) {
        Some(RuleAction::Restart) => return Fate::Again,
        Some(RuleAction::RestartAllContainers) => return Fate::AgainAll,
        None => {}
    }
    let again = match container.restart_policy {
        RestartPolicy::Always => true,
        // An init container that ran out of memory has failed even if it says 0.
        RestartPolicy::OnFailure => end.code != 0 || container.role == Role::Init,
        RestartPolicy::Never => false,
    };
    if again { Fate::Again } else { Fate::Done }
}

/// An init container has failed with any code but 0, and also with 0 when it ran out of memory.
pub fn init_failed(end: End) -> bool {
    end.code != 0 || end.cause == Cause::OutOfMemory
}

/// The action of the first rule that matches.
fn matching(rules: &[RestartRule], code: i32) -> Option<RuleAction> {
    let matches =
        |rule: &&RestartRule| rule.values.contains(&code) == (rule.operator == ExitCodes::In);
    rules.iter().find(matches).map(|rule| rule.action)
}
