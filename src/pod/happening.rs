//! What happens to a pod from outside its life: to its logs, and to the process that carries it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Whether the pod ends because its node does. Shared by all who tell its status.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// From now on it does.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The status as it is told. A pod that ends with its node, and was not deleted, has failed, whatever its containers say
    /// (kubelet `pkg/kubelet/nodeshutdown/nodeshutdown_manager.go`); but not before the last of them has ended
    /// (`pkg/kubelet/status/status_manager.go`, `mergePodStatus`).
    pub fn show(&self, mut status: Arc<PodStatus>) -> Arc<PodStatus> {
        if self.0.load(Ordering::Relaxed) && !is_running(&status) {
            let status = Arc::make_mut(&mut status);
            status.phase = Some("Failed".to_owned());
            status.reason = Some("Terminated".to_owned());
            status.message =
                Some("Pod was terminated in response to imminent node shutdown.".to_owned());
        }
        status
    }
}

fn is_running(status: &PodStatus) -> bool {
    let all = [
        &status.init_container_statuses,
        &status.container_statuses,
        &status.ephemeral_container_statuses,
    ];
    let mut containers = all.into_iter().flatten().flatten();
    containers.any(|one| {
        one.state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ContainerState, ContainerStateRunning, ContainerStatus};

    use super::*;

    fn status(phase: &str, state: ContainerState) -> Arc<PodStatus> {
        let container = ContainerStatus {
            state: Some(state),
            ..ContainerStatus::default()
        };
        Arc::new(PodStatus {
            phase: Some(phase.to_owned()),
            container_statuses: Some(vec![container]),
            ..PodStatus::default()
        })
    }

    #[test]
    fn a_pod_that_ends_with_its_node_failed_once_its_containers_have_ended() {
        let running = ContainerState {
            running: Some(ContainerStateRunning::default()),
            ..ContainerState::default()
        };
        let running = status("Running", running);
        let ended = status("Succeeded", ContainerState::default());
        let ending = Ending::default();
        assert_eq!(ending.show(Arc::clone(&ended)), ended);

        ending.begin();
        assert_eq!(ending.show(Arc::clone(&running)), running);
        let shown = ending.show(ended);
        assert_eq!(shown.phase.as_deref(), Some("Failed"));
        assert_eq!(shown.reason.as_deref(), Some("Terminated"));
    }
}
