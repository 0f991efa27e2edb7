//! The annotations that are wasmpod's own.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::report::{Path, Report};

/// Everything below this prefix is ours; what we do not know there is a mistake.
const PREFIX: &str = "wasmpod.dev/";
/// `wasmpod.dev/interrupt.<container>: none` compiles a container without interruption checks.
const INTERRUPT: &str = "wasmpod.dev/interrupt.";
const NONE: &str = "none";
/// `wasmpod.dev/size-limit.<volume>: enforce` makes writing past the `sizeLimit` of an emptyDir fail (`ENOSPC`), where the
/// kubelet evicts the pod some time later.
const SIZE_LIMIT: &str = "wasmpod.dev/size-limit.";
const ENFORCE: &str = "enforce";
/// `wasmpod.dev/sim.<container>: SCRIPT` is what the container does on the simulated machine, which reads the script.
pub const SIM: &str = "wasmpod.dev/sim.";
/// Which process a stored pod has: shown to readers and never kept. An object that was printed may come back with it.
pub const PID: &str = "wasmpod.dev/pid";
/// The container that is meant when none is named (KEP-2227).
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// `wasmpod.dev/manifest: FILE` is on a static pod: the file it was made of.
pub const MANIFEST: &str = "wasmpod.dev/manifest";

/// Whether the code of a container is compiled with interruption checks.
pub fn interruptible(metadata: &ObjectMeta, container: &str) -> bool {
    let annotations = metadata.annotations.as_ref();
    let of_container =
        annotations.and_then(|annotations| annotations.get(&format!("{INTERRUPT}{container}")));
    of_container.map(String::as_str) != Some(NONE)
}

/// Whether the size limit of an emptyDir is a wall.
pub fn size_is_enforced(metadata: &ObjectMeta, volume: &str) -> bool {
    let annotations = metadata.annotations.as_ref();
    let of_volume =
        annotations.and_then(|annotations| annotations.get(&format!("{SIZE_LIMIT}{volume}")));
    of_volume.map(String::as_str) == Some(ENFORCE)
}

pub fn check(metadata: &ObjectMeta, spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    let ours = metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, _)| key.starts_with(PREFIX) && *key != PID);
    for (key, value) in ours {
        let path = path.key(key);
        if let Some(container) = key.strip_prefix(INTERRUPT) {
            check_container(spec, container, &path, report);
            if value != NONE {
                report.not_supported(&path, value, &[NONE]);
            }
        } else if let Some(container) = key.strip_prefix(SIM) {
            check_container(spec, container, &path, report);
        } else if let Some(volume) = key.strip_prefix(SIZE_LIMIT) {
            check_size_limit(spec, volume, &path, report);
            if value != ENFORCE {
                report.not_supported(&path, value, &[ENFORCE]);
            }
        } else if key != MANIFEST {
            let known = [INTERRUPT, SIM].map(|prefix| format!("{prefix}<container>"));
            let known = [&known[0], &known[1], &format!("{SIZE_LIMIT}<volume>")].map(String::clone);
            report.not_supported(&path, key, &known.each_ref().map(String::as_str));
        }
    }
}

fn check_container(spec: &v1::PodSpec, name: &str, path: &Path, report: &mut Report) {
    let mut containers = spec
        .init_containers
        .iter()
        .flatten()
        .chain(&spec.containers);
    let mut ephemeral = spec.ephemeral_containers.iter().flatten();
    if !containers.any(|container| container.name == name)
        && !ephemeral.any(|container| container.name == name)
    {
        report.not_found(path, name);
    }
}

fn check_size_limit(spec: &v1::PodSpec, name: &str, path: &Path, report: &mut Report) {
    let mut volumes = spec.volumes.iter().flatten();
    match volumes.find(|volume| volume.name == name) {
        None => report.not_found(path, name),
        Some(volume) => {
            let dir = volume.empty_dir.as_ref();
            if dir.is_none_or(|dir| dir.size_limit.is_none()) {
                report.forbidden(path, "may only be used for an emptyDir with a sizeLimit");
            }
        }
    }
}
