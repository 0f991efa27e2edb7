//! How events, status and log lines look when they are printed.

use std::time::Duration;

use k8s_openapi::api::core::v1::PodStatus;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::pod::Stream;
use crate::pod::{Event, Time};
use crate::spec::pod::{Pod, Role};

/// The head above [`event_line`]s.
pub fn event_head() -> String {
    columns("TIME", "TYPE", "REASON", "OBJECT", "MESSAGE")
}

/// One event, with the time since the pod was accepted.
pub fn event_line(pod: &Pod, start: Time, event: &Event) -> String {
    let age = event.at.since(start);
    columns(
        &seconds(age),
        event.kind.as_str(),
        event.reason,
        &object(pod, event),
        &event.message,
    )
}

fn columns(time: &str, kind: &str, reason: &str, object: &str, message: &str) -> String {
    format!("{time:>10}  {kind:<7}  {reason:<19}  {object:<30}  {message}")
}

fn seconds(age: Duration) -> String {
    format!("{}.{:03}s", age.as_secs(), age.subsec_millis())
}

/// `spec.containers{web}`, as the kubelet's field path says it; `pod` for the pod as a whole.
fn object(pod: &Pod, event: &Event) -> String {
    let Some(container) = event.slot.map(|slot| &pod.containers[slot]) else {
        return "pod".to_owned();
    };
    match container.role {
        Role::App => format!("spec.containers{{{}}}", container.name),
        Role::Init | Role::Sidecar => format!("spec.initContainers{{{}}}", container.name),
        Role::Ephemeral => format!("spec.ephemeralContainers{{{}}}", container.name),
    }
}

pub fn event_json(pod: &Pod, event: &Event) -> String {
    json!({
        "event": {
            "time": rfc3339(event.at),
            "type": event.kind.as_str(),
            "reason": event.reason,
            "object": object(pod, event),
            "message": event.message,
        }
    })
    .to_string()
}

/// The pod as the API would show it now.
pub fn pod_json(pod: &Pod, status: &PodStatus) -> String {
    let mut object = pod.object.clone();
    object.status = Some(status.clone());
    json!({ "pod": object }).to_string()
}

pub fn log_line(container: &str, stream: Stream, line: &[u8]) -> String {
    let stream = stream.as_str();
    let time = crate::pod::now().to_string();
    let line = String::from_utf8_lossy(line);
    json!({ "log": { "time": time, "container": container, "stream": stream, "line": line } })
        .to_string()
}

fn rfc3339(time: Time) -> String {
    let nanos = i128::from(time.nanos());
    Timestamp::from_nanosecond(nanos)
        .unwrap_or_default()
        .to_string()
}
