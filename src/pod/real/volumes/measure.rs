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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::spec;

    const MIB: u64 = 1 << 20;

    fn pod(spec: &str) -> Pod {
        let text = format!("{{metadata: {{name: web, namespace: default}}, spec: {{{spec}}}}}");
        let object = serde_yaml::from_str(&text).unwrap();
        spec::resolve(object, Path::new("/"), "u-1".into(), crate::pod::now()).unwrap()
    }

    fn container(name: &str, memory: &str) -> String {
        let limits = match memory {
            "" => String::new(),
            memory => format!(", resources: {{limits: {{memory: {memory}}}}}"),
        };
        format!("{{name: {name}, image: wasmpod/toolbox{limits}}}")
    }

    #[test]
    fn a_volume_in_memory_is_as_large_as_the_smallest_of_three() {
        let alone = |memory: &str| format!("containers: [{}]", container("a", memory));
        let both = format!(
            "containers: [{}, {}], initContainers: [{}]",
            container("a", "16Mi"),
            container("b", "16Mi"),
            container("i", "64Mi"),
        );
        // What the containers may have, what is written, what the machine has, what comes of it: in MiB.
        let table = [
            (alone(""), None, 0, None),
            (alone(""), None, 100, Some(100)),
            (alone(""), Some(200), 100, Some(100)),
            (alone("32Mi"), None, 100, Some(32)),
            (alone("32Mi"), Some(8), 100, Some(8)),
            (both, None, 100, Some(64)),
            (
                format!(
                    "containers: [{}, {}]",
                    container("a", "8Mi"),
                    container("b", "")
                ),
                None,
                100,
                Some(100),
            ),
        ];
        for (spec, written, machine, expected) in table {
            let written: Option<u64> = written;
            let dir = EmptyDir {
                medium: Medium::Memory,
                size_limit: written.map(|mib| spec::pod::SizeLimit {
                    bytes: mib * MIB,
                    written: format!("{mib}Mi"),
                }),
                enforced: false,
            };
            let allocatable = Allocatable {
                memory: machine * MIB,
                ..Allocatable::default()
            };
            let size = memory_size(&dir, &pod(&spec), &allocatable);
            let expected: Option<u64> = expected;
            assert_eq!(size, expected.map(|mib| mib * MIB), "{spec}");
        }
    }

    #[test]
    fn what_holds_too_much_is_named_in_the_kubelets_words() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("file"), vec![1; 3 * MIB as usize]).unwrap();
        let measure = |bytes: u64| {
            Measurement(vec![Watched {
                volume: "cache".into(),
                path: scratch.path().into(),
                bytes,
                written: "1Mi".into(),
            }])
            .take()
        };
        assert_eq!(measure(16 * MIB), None);
        let message = "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Mi\". ";
        assert_eq!(measure(MIB).unwrap().message, message);
    }

    #[test]
    fn a_volume_that_is_gone_is_no_reason_to_evict() {
        let gone = Measurement(vec![Watched {
            volume: "cache".into(),
            path: "/no/such/folder".into(),
            bytes: 0,
            written: "1Mi".into(),
        }]);
        assert_eq!(gone.take(), None);
    }
}
