//! What happens to a pod from outside its life: to its logs, and to the process that carries it.

use k8s_openapi::api::core::v1::PodStatus;

use super::{Event, Time, Trouble, now};
use crate::lifecycle::EventKind;
use crate::spec::pod::Pod as Spec;

/// Trouble with a container's log, as an event about the container.
pub fn log_trouble(spec: &Spec, container: &str, trouble: &Trouble) -> Event {
    let (kind, reason) = match trouble {
        Trouble::Failed(_) => (EventKind::Warning, "FailedLog"),
        Trouble::Resumed { .. } => (EventKind::Normal, "ResumedLog"),
    };
    let slot = spec.containers.iter().position(|one| one.name == container);
    let nanos = now().as_nanosecond();
    Event {
        kind,
        reason,
        message: format!("Log of container {container}: {trouble}").into(),
        slot,
        at: Time::from_nanos(u64::try_from(nanos).unwrap_or_default()),
    }
}

/// The pod ends because its node does, and not because it was deleted: then it has failed, whatever its containers say
/// (kubelet `pkg/kubelet/nodeshutdown/nodeshutdown_manager.go`). Not before the last of them has ended
/// (`pkg/kubelet/status/status_manager.go`, `mergePodStatus`).
pub fn end_with_node(status: &mut PodStatus) {
    let all = [
        &status.init_container_statuses,
        &status.container_statuses,
        &status.ephemeral_container_statuses,
    ];
    let mut states = all
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|one| one.state.as_ref());
    if states.any(|state| state.running.is_some()) {
        return;
    }
    status.phase = Some("Failed".to_owned());
    status.reason = Some("Terminated".to_owned());
    status.message = Some("Pod was terminated in response to imminent node shutdown.".to_owned());
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ContainerState, ContainerStateRunning, ContainerStatus};

    use super::*;

    fn status(phase: &str, state: ContainerState) -> PodStatus {
        let container = ContainerStatus {
            state: Some(state),
            ..ContainerStatus::default()
        };
        PodStatus {
            phase: Some(phase.to_owned()),
            container_statuses: Some(vec![container]),
            ..PodStatus::default()
        }
    }

    #[test]
    fn a_pod_that_ends_with_its_node_failed_once_its_containers_have_ended() {
        let running = ContainerState {
            running: Some(ContainerStateRunning::default()),
            ..ContainerState::default()
        };
        let mut ending = status("Running", running);
        end_with_node(&mut ending);
        assert_eq!(
            (ending.phase.as_deref(), ending.reason),
            (Some("Running"), None)
        );

        let mut ended = status("Succeeded", ContainerState::default());
        end_with_node(&mut ended);
        assert_eq!(ended.phase.as_deref(), Some("Failed"));
        assert_eq!(ended.reason.as_deref(), Some("Terminated"));
    }
}
