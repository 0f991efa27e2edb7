//! The status of a pod whose process was lost.

use k8s_openapi::api::core::v1;

use super::Process;
use super::writers::now;
use crate::lifecycle::SANDBOX_LOST;

/// As the kubelet reports a pod whose containers it cannot find any more (`pkg/kubelet/kubelet_pods.go`
/// `convertToAPIContainerStatuses`, `pkg/kubelet/status/generate.go`).
pub(super) fn lost_status(status: &mut v1::PodStatus, pod: &v1::Pod, found: Process) {
    let how = how_it_ended(found);
    status.phase = Some("Failed".to_owned());
    status.reason = Some(SANDBOX_LOST.to_owned());
    status.message = Some(format!(
        "Error from the sandbox: the pod process ended ({how})"
    ));
    status.start_time.get_or_insert_with(now);
    let spec = pod.spec.as_ref();
    let inits = spec.and_then(|spec| spec.init_containers.as_deref());
    fill(
        &mut status.init_container_statuses,
        inits.unwrap_or_default(),
    );
    let containers = spec.map(|spec| spec.containers.as_slice());
    fill(
        &mut status.container_statuses,
        containers.unwrap_or_default(),
    );
    let lists = [
        &mut status.init_container_statuses,
        &mut status.container_statuses,
        &mut status.ephemeral_container_statuses,
    ];
    lists
        .into_iter()
        .flatten()
        .flatten()
        .for_each(lost_container);
    conditions_of_failed(status);
}

/// Containers of which nothing was published yet are part of the pod all the same.
fn fill(statuses: &mut Option<Vec<v1::ContainerStatus>>, containers: &[v1::Container]) {
    for container in containers {
        let statuses = statuses.get_or_insert_default();
        if !statuses.iter().any(|status| status.name == container.name) {
            statuses.push(v1::ContainerStatus {
                name: container.name.clone(),
                image: container.image.clone().unwrap_or_default(),
                ..Default::default()
            });
        }
    }
}

fn lost_container(container: &mut v1::ContainerStatus) {
    container.ready = false;
    container.started = Some(false);
    let state = container.state.get_or_insert_default();
    if state.terminated.is_some() {
        return;
    }
    let started_at = state.running.take().and_then(|running| running.started_at);
    *state = v1::ContainerState {
        terminated: Some(v1::ContainerStateTerminated {
            exit_code: 137,
            reason: Some("ContainerStatusUnknown".to_owned()),
            message: Some(
                "The container could not be located when the pod was terminated".to_owned(),
            ),
            started_at,
            finished_at: Some(now()),
            container_id: container.container_id.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
}

fn conditions_of_failed(status: &mut v1::PodStatus) {
    for condition in status.conditions.iter_mut().flatten() {
        let reason = match condition.type_.as_str() {
            "Ready" | "ContainersReady" => Some("PodFailed".to_owned()),
            "PodReadyToStartContainers" => None,
            _ => continue,
        };
        if condition.status != "False" {
            condition.last_transition_time = Some(now());
        }
        condition.status = "False".to_owned();
        condition.reason = reason;
        condition.message = None;
    }
}

fn how_it_ended(found: Process) -> String {
    match found {
        Process::Dead {
            restarted: false,
            last_words,
        } => format!("signal {}", last_words.unwrap_or(9)),
        // Without a trace there was a restart: the place of the locks is lost with it.
        Process::Dead { .. } | Process::Living { .. } | Process::None => {
            "the machine restarted".to_owned()
        }
    }
}
