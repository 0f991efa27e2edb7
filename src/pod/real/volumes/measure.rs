//! How much a volume may hold, and how much it does (kubelet `pkg/volume/emptydir`, `calculateEmptyDirMemorySize`;
//! `pkg/kubelet/eviction/eviction_manager.go`, `emptyDirLimitEviction`).

use std::path::PathBuf;

use super::{Place, Volumes};
use crate::sandbox::volume::usage;
use crate::spec::Allocatable;
use crate::spec::pod::{EmptyDir, Medium, Pod, Role, VolumeSource};

/// A look at volumes that nothing but our own looking keeps within their limits. It can be made on any thread.
pub(in crate::pod::real) struct Measurement(Vec<Watched>);

struct Watched {
    volume: String,
    path: PathBuf,
    bytes: u64,
    written: String,
}

/// A volume that holds more than it may.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pod::real) struct Overflow {
    /// The kubelet's text; its end is a blank.
    pub message: String,
}

impl Volumes {
    /// None: there is nothing to watch.
    pub fn measurement(&self, pod: &Pod, allocatable: &Allocatable) -> Option<Measurement> {
        let watched = pod
            .volumes
            .iter()
            .enumerate()
            .filter_map(|(index, volume)| {
                let VolumeSource::EmptyDir(dir) = &volume.source else {
                    return None;
                };
                // The kernel itself holds what is enforced, and what lies in memory.
                let Place::At(path) = &**self.place(index)? else {
                    return None;
                };
                let (bytes, written) = limit(dir, pod, allocatable).filter(|_| !dir.enforced)?;
                Some(Watched {
                    volume: volume.name.clone(),
                    path: path.clone(),
                    bytes,
                    written,
                })
            });
        let watched: Vec<Watched> = watched.collect();
        (!watched.is_empty()).then_some(Measurement(watched))
    }
}

impl Measurement {
    /// The first volume that holds too much.
    pub fn take(&self) -> Option<Overflow> {
        self.0.iter().find_map(|watched| {
            let used = usage(&watched.path)
                .inspect_err(|error| {
                    tracing::warn!("volume {:?} could not be measured: {error}", watched.volume);
                })
                .ok()?;
            (used > watched.bytes).then(|| Overflow {
                message: format!(
                    "Usage of EmptyDir volume {:?} exceeds the limit {:?}. ",
                    watched.volume, watched.written
                ),
            })
        })
    }
}

/// A limit, and how it is told.
fn limit(dir: &EmptyDir, pod: &Pod, allocatable: &Allocatable) -> Option<(u64, String)> {
    let written = dir.size_limit.as_ref();
    let written = written.map(|limit| (limit.bytes, limit.written.clone()));
    match dir.medium {
        Medium::Disk => written,
        // It should be in memory and is not.
        Medium::Memory => {
            let bytes = memory_size(dir, pod, allocatable)?;
            written
                .filter(|(limit, _)| *limit == bytes)
                .or_else(|| Some((bytes, bytes.to_string())))
        }
    }
}

/// The size of a tmpfs: the smallest of what the machine has, what the pod may have and what is written.
pub(super) fn memory_size(dir: &EmptyDir, pod: &Pod, allocatable: &Allocatable) -> Option<u64> {
    let written = dir.size_limit.as_ref().map(|limit| limit.bytes);
    let machine = Some(allocatable.memory).filter(|bytes| *bytes > 0);
    let all = [machine, memory_limit(pod), written];
    all.into_iter().flatten().min()
}

/// The memory limit of the pod. None: some container has none.
fn memory_limit(pod: &Pod) -> Option<u64> {
    let (mut together, mut alone) = (0_u64, 0_u64);
    for container in &pod.containers {
        let limit = match container.role {
            Role::Ephemeral => continue,
            _ => container.resources.memory_limit?,
        };
        match container.role {
            // It runs beside the sidecars before it, and before all others.
            Role::Init => alone = alone.max(together.saturating_add(limit)),
            _ => together = together.saturating_add(limit),
        }
    }
    Some(together.max(alone))
}
