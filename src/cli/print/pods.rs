//! The rows of `get pods` (`pkg/printers/internalversion/printers.go`, `printPod`).

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use k8s_openapi::jiff::Timestamp;

use super::age::human;
use super::since;

pub const HEAD: [&str; 5] = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"];
pub const WIDE: [&str; 4] = ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"];

const NONE: &str = "<none>";

/// The cells of one pod, without its name.
pub fn row(pod: &Pod, wide: bool, now: Timestamp) -> Vec<String> {
    let seen = Seen::of(pod);
    let restarts = match seen.last_exit.filter(|_| seen.restarts != 0) {
        Some(time) => format!(
            "{} ({} ago)",
            seen.restarts,
            human(now.duration_since(time))
        ),
        None => seen.restarts.to_string(),
    };
    let mut cells = vec![
        format!("{}/{}", seen.ready, seen.total),
        seen.reason,
        restarts,
        since(pod.metadata.creation_timestamp.as_ref(), now),
    ];
    if wide {
        cells.extend(wide_cells(pod));
    }
    cells
}

fn wide_cells(pod: &Pod) -> [String; 4] {
    let status = pod.status.as_ref();
    let ips = status.and_then(|status| status.pod_ips.as_ref());
    let ip = ips.and_then(|ips| ips.first()).map(|ip| ip.ip.as_str());
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let nominated = status.and_then(|status| status.nominated_node_name.as_deref());
    let or_none = |text: Option<&str>| {
        text.filter(|text| !text.is_empty())
            .unwrap_or(NONE)
            .to_owned()
    };
    [or_none(ip), or_none(node), or_none(nominated), gates(pod)]
}

fn gates(pod: &Pod) -> String {
    let gates = pod
        .spec
        .iter()
        .flat_map(|spec| spec.readiness_gates.iter().flatten());
    let (mut all, mut open) = (0, 0);
    for gate in gates {
        all += 1;
        open += usize::from(condition(pod.status.as_ref(), &gate.condition_type) == Some("True"));
    }
    match all {
        0 => NONE.to_owned(),
        _ => format!("{open}/{all}"),
    }
}

fn condition<'p>(status: Option<&'p PodStatus>, kind: &str) -> Option<&'p str> {
    let mut conditions = status?.conditions.iter().flatten();
    conditions
        .find(|found| found.type_ == kind)
        .map(|found| found.status.as_str())
}

/// What a walk over the statuses of the containers has found.
#[derive(Default)]
struct Seen {
    total: usize,
    ready: usize,
    restarts: i32,
    last_exit: Option<Timestamp>,
    reason: String,
}

impl Seen {
    fn of(pod: &Pod) -> Seen {
        let empty = PodStatus::default();
        let status = pod.status.as_ref().unwrap_or(&empty);
        let phase = status.phase.as_deref().unwrap_or_default();
        let reason = status.reason.as_deref().filter(|reason| !reason.is_empty());
        let mut seen = Seen {
            reason: reason.unwrap_or(phase).to_owned(),
            ..Seen::default()
        };
        let spec = pod.spec.as_ref();
        let containers = spec.map_or(0, |spec| spec.containers.len());
        let sidecars = spec
            .iter()
            .flat_map(|spec| spec.init_containers.iter().flatten());
        seen.total = containers
            + sidecars
                .filter(|c| c.restart_policy.as_deref() == Some("Always"))
                .count();
        let gated = |c: &&k8s_openapi::api::core::v1::PodCondition| {
            c.type_ == "PodScheduled" && c.reason.as_deref() == Some("SchedulingGated")
        };
        if status.conditions.iter().flatten().find(gated).is_some() {
            seen.reason = "SchedulingGated".to_owned();
        }
        let initialized = seen.init_containers(pod, status);
        if initialized || condition(Some(status), "Initialized") == Some("True") {
            seen.containers(pod, status);
        }
        seen.deletion(pod, phase);
        seen
    }

    /// Whether all of them are done. If not, the first that is not says what the pod is waiting for.
    fn init_containers(&mut self, pod: &Pod, status: &PodStatus) -> bool {
        let many = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.init_containers.as_ref())
            .map_or(0, Vec::len);
        for (at, container) in status.init_container_statuses.iter().flatten().enumerate() {
            self.count_restarts(container);
            let state = container.state.as_ref();
            let terminated = state.and_then(|state| state.terminated.as_ref());
            let waiting = state.and_then(|state| state.waiting.as_ref());
            let waits_for = waiting
                .and_then(|waiting| waiting.reason.as_deref())
                .unwrap_or_default();
            if terminated.is_some_and(|terminated| terminated.exit_code == 0) {
                continue;
            }
            if is_sidecar(pod, &container.name) && container.started == Some(true) {
                self.ready += usize::from(container.ready);
                continue;
            }
            self.reason = match terminated {
                Some(_) => format!("Init:{}", end(container).unwrap_or_default()),
                None if !matches!(waits_for, "" | "PodInitializing") => format!("Init:{waits_for}"),
                None => format!("Init:{at}/{many}"),
            };
            return false;
        }
        true
    }

    /// From the last to the first, so that the problem of the first is what is shown.
    fn containers(&mut self, pod: &Pod, status: &PodStatus) {
        // From here on only sidecars count of those that came before.
        self.restarts = 0;
        self.last_exit = None;
        let before = status.init_container_statuses.iter().flatten();
        before
            .filter(|container| is_sidecar(pod, &container.name))
            .for_each(|container| self.count_restarts(container));
        let (mut running, mut error) = (false, None);
        for container in status.container_statuses.iter().flatten().rev() {
            self.count_restarts(container);
            let state = container.state.as_ref();
            let waiting = state.and_then(|state| state.waiting.as_ref());
            let waits_for = waiting
                .and_then(|waiting| waiting.reason.as_deref())
                .filter(|reason| !reason.is_empty());
            if let Some(reason) = waits_for.map(str::to_owned).or_else(|| end(container)) {
                if reason != "Completed" {
                    error = Some(reason.clone());
                }
                self.reason = reason;
            } else if container.ready && state.is_some_and(|state| state.running.is_some()) {
                running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && running {
            self.reason = match (condition(Some(status), "Ready"), error) {
                (Some("True"), _) => "Running".to_owned(),
                (_, Some(error)) => error,
                (_, None) => "NotReady".to_owned(),
            };
        }
    }

    fn deletion(&mut self, pod: &Pod, phase: &str) {
        if pod.metadata.deletion_timestamp.is_none() {
            return;
        }
        if pod
            .status
            .as_ref()
            .and_then(|status| status.reason.as_deref())
            == Some("NodeLost")
        {
            self.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            self.reason = "Terminating".to_owned();
        }
    }

    fn count_restarts(&mut self, container: &ContainerStatus) {
        self.restarts += container.restart_count;
        let last = container
            .last_state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        let finished = last
            .and_then(|last| last.finished_at.as_ref())
            .map(|time| time.0);
        self.last_exit = self.last_exit.max(finished);
    }
}

/// How a container ended: its reason, else its signal or exit code. None while it has not.
fn end(container: &ContainerStatus) -> Option<String> {
    let terminated = container.state.as_ref()?.terminated.as_ref()?;
    Some(match (terminated.reason.as_deref(), terminated.signal) {
        (None | Some(""), None | Some(0)) => format!("ExitCode:{}", terminated.exit_code),
        (None | Some(""), Some(signal)) => format!("Signal:{signal}"),
        (Some(reason), _) => reason.to_owned(),
    })
}

fn is_sidecar(pod: &Pod, name: &str) -> bool {
    let mut containers = pod
        .spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten());
    containers.any(|c| c.name == name && c.restart_policy.as_deref() == Some("Always"))
}

#[cfg(test)]
mod tests;
