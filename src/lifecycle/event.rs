//! Events as the kubelet words them (`pkg/kubelet/events/event.go`).

use std::borrow::Cow;

use super::{Probe, ProbeOutcome, Pulled, Time};
use crate::lifecycle::goduration::GoDuration;
use crate::spec::pod::{Pod, Role, Slot};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    /// One word, as `kubectl describe` shows it.
    pub reason: &'static str,
    pub message: Cow<'static, str>,
    /// The container it is about; none for the pod itself.
    pub slot: Option<Slot>,
    pub at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    Normal,
    Warning,
}

impl EventKind {
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Normal => "Normal",
            EventKind::Warning => "Warning",
        }
    }
}

impl Event {
    /// Who reports it: `From` in `kubectl describe`.
    pub fn component(&self) -> &'static str {
        match self.reason {
            "Scheduled" | "FailedScheduling" => "default-scheduler",
            "PodPresetConflict" => "podpreset-admission",
            _ => "kubelet",
        }
    }

    /// `involvedObject.fieldPath`.
    pub fn field_path(&self, pod: &Pod) -> Option<String> {
        let container = pod.containers.get(self.slot?)?;
        let list = match container.role {
            Role::Init | Role::Sidecar => "initContainers",
            Role::App => "containers",
            Role::Ephemeral => "ephemeralContainers",
        };
        Some(format!("spec.{list}{{{}}}", container.name))
    }
}

/// Kind, reason and message: an event that does not know yet when and where it happened.
pub type Text = (EventKind, &'static str, Cow<'static, str>);

pub fn normal(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Text {
    (EventKind::Normal, reason, message.into())
}

pub fn warning(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Text {
    (EventKind::Warning, reason, message.into())
}

/// `POD_NS(UID)`, the kubelet's way to name a pod.
pub fn pod_label(pod: &Pod) -> String {
    format!("{}_{}({})", pod.name, pod.namespace, pod.uid)
}

pub fn scheduled(pod: &Pod, node: &str) -> Text {
    normal(
        "Scheduled",
        format!(
            "Successfully assigned {}/{} to {node}",
            pod.namespace, pod.name
        ),
    )
}

pub fn sandbox_failed(error: &str) -> Text {
    warning(
        "FailedCreatePodSandBox",
        format!("Failed to create pod sandbox: {error}"),
    )
}

/// (`pkg/volume/util/operationexecutor`, `pkg/volume/util/types`: `SetUp` is the step that local volumes have.)
pub fn mount_failed(volume: &str, error: &str) -> Text {
    warning(
        "FailedMount",
        format!("MountVolume.SetUp failed for volume {volume:?} : {error}"),
    )
}

/// The node takes the pod's place away.
pub fn evicted(message: &str) -> Text {
    warning(super::status::EVICTED, message.to_owned())
}

/// Its process was lost, and with it everything that ran in it.
pub fn sandbox_changed() -> Text {
    normal(
        "SandboxChanged",
        "Pod sandbox changed, it will be killed and re-created.",
    )
}

pub fn deadline_exceeded() -> Text {
    normal("DeadlineExceeded", DEADLINE_MESSAGE)
}

/// Also `status.message` (`pkg/kubelet/active_deadline.go`).
pub const DEADLINE_MESSAGE: &str = "Pod was active on the node longer than the specified deadline";

pub fn pulling(image: &str) -> Text {
    normal("Pulling", format!("Pulling image {image:?}"))
}

pub fn pulled(image: &str, pulled: Option<Pulled>) -> Text {
    let message = match pulled {
        None => format!(
            "Container image {image:?} already present on machine and can be accessed by the pod"
        ),
        Some(Pulled {
            took,
            waited,
            bytes,
        }) => format!(
            "Successfully pulled image {image:?} in {} ({} including waiting). Image size: {bytes} bytes.",
            GoDuration(whole_millis(took)),
            GoDuration(whole_millis(waited)),
        ),
    };
    normal("Pulled", message)
}

fn whole_millis(duration: std::time::Duration) -> std::time::Duration {
    std::time::Duration::new(duration.as_secs(), duration.subsec_millis() * 1_000_000)
}

pub fn created() -> Text {
    normal("Created", "Container created")
}

pub fn started() -> Text {
    normal("Started", "Container started")
}

/// An image or a start failed; `what` is the reason, or the runtime's text.
pub fn failed(what: &str) -> Text {
    warning("Failed", format!("Error: {what}"))
}

pub fn restart_backoff(pod: &Pod, container: &str) -> Text {
    warning(
        "BackOff",
        format!(
            "Back-off restarting failed container {container} in pod {}",
            pod_label(pod)
        ),
    )
}

pub fn pull_backoff(image: &str) -> Text {
    normal("BackOff", format!("Back-off pulling image {image:?}"))
}

pub fn killing(message: impl Into<Cow<'static, str>>) -> Text {
    normal("Killing", message)
}

pub fn probe_attempt(probe: Probe, outcome: &ProbeOutcome) -> Text {
    let name = probe.as_str();
    match outcome {
        ProbeOutcome::Failed(output) => {
            warning("Unhealthy", format!("{name} probe failed: {output}"))
        }
        ProbeOutcome::Warning(output) => {
            warning("ProbeWarning", format!("{name} probe warning: {output}"))
        }
        ProbeOutcome::Errored(error) => warning(
            "Unhealthy",
            format!("{name} probe errored and resulted in unknown state: {error}"),
        ),
    }
}
