//! Which instance of a container is meant (kubelet `pkg/kubelet/kubelet_pods.go`, `validateContainerLogStatus`).

use k8s_openapi::api::core::v1;

/// The number of the container's instance whose log `logs` shows, or (`previous`) of the one that ended before.
///
/// # Errors
/// In the kubelet's words, for a container that has no log yet.
pub fn instance(pod: &v1::Pod, container: &str, previous: bool) -> Result<u32, String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let of = format!("container {container:?} in pod {name:?}");
    let Some(status) = status(pod, container) else {
        return Err(format!("{of} is not available"));
    };
    let state = status.state.clone().unwrap_or_default();
    let was_before = status
        .last_state
        .as_ref()
        .is_some_and(|last| last.terminated.is_some());
    let count = u32::try_from(status.restart_count).unwrap_or_default();
    let has_started = state.running.is_some() || state.terminated.is_some();
    match (previous, has_started, was_before) {
        (true, _, false) => Err(format!("previous terminated {of} not found")),
        (true, true, true) => Ok(count.saturating_sub(1)),
        // Waiting to be started again: the last one that ran is both this one and the previous one.
        (_, false, true) | (false, true, _) => Ok(count),
        (false, false, false) => Err(waiting(&of, state.waiting)),
    }
}

fn waiting(of: &str, waiting: Option<v1::ContainerStateWaiting>) -> String {
    let Some(waiting) = waiting else {
        return format!("{of} is waiting to start - no logs yet");
    };
    let why = match waiting.reason.as_deref().unwrap_or_default() {
        "ErrImagePull" => "image can't be pulled",
        "ImagePullBackOff" => "trying and failing to pull image",
        reason => reason,
    };
    format!("{of} is waiting to start: {why}")
}

/// The container's status, whichever list it is in.
pub(super) fn status<'a>(pod: &'a v1::Pod, container: &str) -> Option<&'a v1::ContainerStatus> {
    let status = pod.status.as_ref()?;
    let lists = [
        &status.container_statuses,
        &status.init_container_statuses,
        &status.ephemeral_container_statuses,
    ];
    let mut all = lists.into_iter().flatten().flatten();
    all.find(|status| status.name == container)
}
