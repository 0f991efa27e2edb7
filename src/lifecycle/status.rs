//! The status as the API shows it, built only when somebody reads it (`pkg/kubelet/kubelet_pods.go` `generateAPIPodStatus`).

use k8s_openapi::api::core::v1;

use super::event::DEADLINE_MESSAGE;
use super::life::{Course, Life, Why};
use super::phase::Shown;
use super::record::Ended;
use super::{Time, qos};
use crate::spec::pod::Slot;

/// Who made a container: before its id.
pub(super) const ID_PREFIX: &str = "wasmpod://";
/// `status.reason` of a pod whose place was taken away, and the reason of the event (`pkg/kubelet/eviction/helpers.go`).
pub(super) const EVICTED: &str = "Evicted";

impl Life {
    /// The pod's status. Terminal or not, everything in it follows from what was observed.
    pub fn status(&self) -> v1::PodStatus {
        let phase = self.phase();
        let (reason, message) = self.verdict().unzip();
        let statuses = |slots: std::ops::Range<Slot>| {
            slots
                .map(|slot| self.container_status(slot))
                .collect::<Vec<_>>()
        };
        let sorted = |mut statuses: Vec<v1::ContainerStatus>| {
            statuses.sort_by(|a, b| a.name.cmp(&b.name));
            statuses
        };
        let inits = statuses(0..self.inits);
        let containers = sorted(statuses(self.inits..self.regular));
        let ephemeral = sorted(statuses(self.regular..self.records.len()));
        let host = |ip: &std::net::IpAddr| v1::HostIP { ip: ip.to_string() };
        let ips = if self.pod.host_network {
            &self.node.host_ips
        } else {
            &self.ips
        };
        v1::PodStatus {
            phase: Some(phase.as_str().to_owned()),
            conditions: Some(self.conditions(phase)),
            reason,
            message,
            start_time: Some(self.born.api()),
            host_ip: self.node.host_ips.first().map(ToString::to_string),
            host_ips: Some(self.node.host_ips.iter().map(host).collect())
                .filter(|ips: &Vec<_>| !ips.is_empty()),
            pod_ip: ips.first().map(ToString::to_string),
            pod_ips: Some(
                ips.iter()
                    .map(|ip| v1::PodIP { ip: ip.to_string() })
                    .collect(),
            )
            .filter(|ips: &Vec<_>| !ips.is_empty()),
            qos_class: Some(qos::class(&self.pod).to_owned()),
            container_statuses: Some(containers),
            init_container_statuses: Some(inits).filter(|statuses| !statuses.is_empty()),
            ephemeral_container_statuses: Some(ephemeral).filter(|statuses| !statuses.is_empty()),
            observed_generation: self.pod.object.metadata.generation,
            ..Default::default()
        }
    }

    /// Why the pod has failed, if its containers do not tell: reason and message.
    fn verdict(&self) -> Option<(String, String)> {
        let (reason, message) = match self.course {
            Course::Ending {
                why: Why::Deadline, ..
            } => ("DeadlineExceeded", DEADLINE_MESSAGE.to_owned()),
            Course::Ending {
                why: Why::Evicted, ..
            } => (EVICTED, self.evicted.clone()?),
            _ => return None,
        };
        Some((reason.to_owned(), message))
    }

    fn container_status(&self, slot: Slot) -> v1::ContainerStatus {
        let container = &self.pod.containers[slot];
        let record = &self.records[slot];
        let shown = self.shown(slot);
        let resources = self
            .written(slot)
            .and_then(|written| written.resources.clone());
        // The kubelet asks the runtime, which knows the image of what it made: a container that never was has none.
        let of_instance = (record.attempts > 0).then_some(record);
        let image = of_instance.and_then(|record| record.image.as_deref());
        v1::ContainerStatus {
            name: container.name.clone(),
            image: image.unwrap_or(container.image.written()).to_owned(),
            image_id: of_instance.map_or(String::new(), |record| record.image_id.clone()),
            container_id: self.container_id(slot),
            ready: record.ready,
            // The kubelet says it of those only whose start others may wait for.
            started: self.is_regular(slot).then(|| record.is_started()),
            restart_count: i32::try_from(record.restart_count()).unwrap_or(i32::MAX),
            last_state: last(shown).map(|ended| v1::ContainerState {
                terminated: Some(terminated(ended)),
                ..Default::default()
            }),
            state: Some(self.container_state(shown)),
            allocated_resources: resources
                .as_ref()
                .and_then(|resources| resources.requests.clone()),
            resources,
            volume_mounts: self.volume_mounts(slot),
            ..Default::default()
        }
    }

    fn container_state(&self, shown: Shown<'_>) -> v1::ContainerState {
        let mut state = v1::ContainerState::default();
        match shown {
            Shown::Waiting { problem, .. } => {
                // Also for a pod whose init containers are through, and for later init containers.
                let making = if self.inits > 0 {
                    "PodInitializing"
                } else {
                    "ContainerCreating"
                };
                state.waiting = Some(v1::ContainerStateWaiting {
                    reason: Some(problem.map_or(making, |problem| problem.reason).to_owned()),
                    message: problem
                        .map(|problem| problem.message.clone())
                        .filter(|message| !message.is_empty()),
                });
            }
            Shown::Running { since, .. } => {
                state.running = Some(v1::ContainerStateRunning {
                    started_at: Some(since.api()),
                })
            }
            Shown::Terminated { ended, .. } => state.terminated = Some(terminated(ended)),
            Shown::Lost => {
                state.terminated = Some(v1::ContainerStateTerminated {
                    exit_code: 137,
                    reason: Some("ContainerStatusUnknown".to_owned()),
                    message: Some(
                        "The container could not be located when the pod was terminated".to_owned(),
                    ),
                    ..Default::default()
                });
            }
        }
        state
    }

    fn container_id(&self, slot: Slot) -> Option<String> {
        let record = &self.records[slot];
        let id = match record.running() {
            Some(running) if self.is_shown_running(slot) => &running.container_id,
            _ => &record.newest.as_ref()?.container_id,
        };
        full_id(id)
    }

    fn volume_mounts(&self, slot: Slot) -> Option<Vec<v1::VolumeMountStatus>> {
        let mounts = &self.pod.containers[slot].mounts;
        let status = |mount: &crate::spec::pod::Mount| v1::VolumeMountStatus {
            name: self.pod.volumes[mount.volume].name.clone(),
            mount_path: mount.path.clone(),
            read_only: mount.read_only.then_some(true),
            recursive_read_only: mount.read_only.then(|| {
                let recursive = mount.recursive_read_only;
                if recursive { "Enabled" } else { "Disabled" }.to_owned()
            }),
            ..Default::default()
        };
        Some(mounts.iter().map(status).collect()).filter(|mounts: &Vec<_>| !mounts.is_empty())
    }

    /// The container in the object as it was written; none for an ephemeral one, which is written otherwise.
    fn written(&self, slot: Slot) -> Option<&v1::Container> {
        let spec = self.pod.object.spec.as_ref()?;
        if !self.is_regular(slot) {
            return None;
        }
        match slot.checked_sub(self.inits) {
            Some(app) => spec.containers.get(app),
            None => spec.init_containers.as_ref()?.get(slot),
        }
    }
}

fn last(shown: Shown<'_>) -> Option<&Ended> {
    match shown {
        Shown::Waiting { last, .. }
        | Shown::Running { last, .. }
        | Shown::Terminated { last, .. } => last,
        Shown::Lost => None,
    }
}

fn terminated(ended: &Ended) -> v1::ContainerStateTerminated {
    v1::ContainerStateTerminated {
        exit_code: ended.code,
        reason: Some(ended.reason.clone().into_owned()),
        message: Some(ended.message.clone()).filter(|message| !message.is_empty()),
        started_at: ended.started.map(Time::api),
        finished_at: ended.finished.map(Time::api),
        container_id: full_id(&ended.container_id),
        signal: None,
    }
}

fn full_id(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| format!("{ID_PREFIX}{id}"))
}
