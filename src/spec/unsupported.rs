//! What this version would have to ignore, and therefore refuses: nothing that is accepted is ignored.
//!
//! Every field of the objects that make up a pod is either in a list of honoured fields here or in a table of refused
//! ones; a test holds the two against the fields Kubernetes has. Whoever implements a field moves its row.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::complaint::{ComplaintKind, Severity};
use super::ephemeral;
use super::report::{Path, Report};
use super::validate::{filled, sources, written};

/// A field that is not honoured yet, and whether an object uses it in a way that matters.
type Row<T> = (&'static str, fn(&T) -> bool);

const METADATA: &[Row<ObjectMeta>] = &[
    ("finalizers", |m| filled(&m.finalizers)),
    ("ownerReferences", |m| filled(&m.owner_references)),
    ("deletionGracePeriodSeconds", |m| {
        m.deletion_grace_period_seconds.is_some()
    }),
    ("deletionTimestamp", |m| m.deletion_timestamp.is_some()),
];

const SPEC: &[Row<v1::PodSpec>] = &[
    ("hostIPC", |s| s.host_ipc == Some(true)),
    ("hostPID", |s| s.host_pid == Some(true)),
    ("hostUsers", |s| s.host_users == Some(false)),
    ("imagePullSecrets", |s| filled(&s.image_pull_secrets)),
    ("os", |s| s.os.as_ref().is_some_and(|os| os.name != "linux")),
    ("overhead", |s| {
        s.overhead
            .as_ref()
            .is_some_and(|overhead| !overhead.is_empty())
    }),
    ("preemptionPolicy", |s| {
        s.preemption_policy
            .as_deref()
            .is_some_and(|policy| policy != "PreemptLowerPriority")
    }),
    ("priority", |s| {
        s.priority.is_some_and(|priority| priority != 0)
    }),
    ("priorityClassName", |s| written(&s.priority_class_name)),
    ("resourceClaims", |s| filled(&s.resource_claims)),
    ("resources", |s| {
        s.resources
            .as_ref()
            .is_some_and(|resources| *resources != v1::ResourceRequirements::default())
    }),
    ("runtimeClassName", |s| written(&s.runtime_class_name)),
    ("schedulingGroup", |s| s.scheduling_group.is_some()),
    ("shareProcessNamespace", |s| {
        s.share_process_namespace == Some(true)
    }),
    ("topologySpreadConstraints", |s| {
        filled(&s.topology_spread_constraints)
    }),
];

const CONTAINER: &[Row<v1::Container>] = &[
    ("lifecycle", |c| {
        c.lifecycle
            .as_ref()
            .is_some_and(|lifecycle| *lifecycle != v1::Lifecycle::default())
    }),
    ("livenessProbe", |c| c.liveness_probe.is_some()),
    ("readinessProbe", |c| c.readiness_probe.is_some()),
    ("resizePolicy", |c| filled(&c.resize_policy)),
    ("securityContext", |c| {
        c.security_context
            .as_ref()
            .is_some_and(|context| *context != v1::SecurityContext::default())
    }),
    ("startupProbe", |c| c.startup_probe.is_some()),
    ("volumeDevices", |c| filled(&c.volume_devices)),
];

/// What an ephemeral container has beside a container's fields.
const EPHEMERAL: &[Row<v1::EphemeralContainer>] =
    &[("targetContainerName", |e| written(&e.target_container_name))];

const PORT: &[Row<v1::ContainerPort>] = &[("protocol", |p| p.protocol.as_deref() == Some("SCTP"))];

const MOUNT: &[Row<v1::VolumeMount>] = &[("mountPropagation", |m| {
    m.mount_propagation
        .as_deref()
        .is_some_and(|mode| mode != "None")
})];

/// Huge pages, and what Kubernetes does not know either.
const EMPTY_DIR: &[Row<v1::EmptyDirVolumeSource>] = &[("medium", |d| {
    !matches!(d.medium.as_deref(), None | Some("" | "Memory"))
})];

/// The kinds of volume that are honoured.
const VOLUMES: [&str; 7] = [
    "configMap",
    "downwardAPI",
    "emptyDir",
    "hostPath",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

const PROJECTION: &[Row<v1::VolumeProjection>] = &[
    ("clusterTrustBundle", |p| p.cluster_trust_bundle.is_some()),
    ("podCertificate", |p| p.pod_certificate.is_some()),
];

/// A guest is no user of the machine: only the owner of volumes is a matter of this version.
const SECURITY: &[Row<v1::PodSecurityContext>] = &[
    ("appArmorProfile", |c| c.app_armor_profile.is_some()),
    ("runAsGroup", |c| c.run_as_group.is_some()),
    ("runAsNonRoot", |c| c.run_as_non_root == Some(true)),
    ("runAsUser", |c| c.run_as_user.is_some()),
    ("seLinuxChangePolicy", |c| {
        c.se_linux_change_policy.is_some()
    }),
    ("seLinuxOptions", |c| c.se_linux_options.is_some()),
    ("seccompProfile", |c| c.seccomp_profile.is_some()),
    ("supplementalGroups", |c| filled(&c.supplemental_groups)),
    ("supplementalGroupsPolicy", |c| {
        c.supplemental_groups_policy.is_some()
    }),
    ("sysctls", |c| filled(&c.sysctls)),
    ("windowsOptions", |c| c.windows_options.is_some()),
];

/// What can be asked for and limited. A request is a matter of admission and of the status; a limit must be a wall.
const REQUESTS: [&str; 2] = ["cpu", "memory"];
const LIMITS: [&str; 1] = ["memory"];

pub fn pod(pod: &v1::Pod, severity: Severity, report: &mut Report) {
    let mut check = Check { severity, report };
    check.rows(METADATA, &pod.metadata, &Path::ROOT.field("metadata"));
    let Some(spec) = &pod.spec else { return };
    let path = Path::ROOT.field("spec");
    check.rows(SPEC, spec, &path);
    if let Some(context) = &spec.security_context {
        check.rows(SECURITY, context, &path.field("securityContext"));
    }
    for (field, containers) in [
        (
            "initContainers",
            spec.init_containers.as_deref().unwrap_or_default(),
        ),
        ("containers", &spec.containers),
    ] {
        let path = path.field(field);
        for (index, container) in containers.iter().enumerate() {
            check.container(container, &path.index(index));
        }
    }
    let list_path = path.field("ephemeralContainers");
    for (index, one) in spec.ephemeral_containers.iter().flatten().enumerate() {
        let path = list_path.index(index);
        check.container(&ephemeral::as_container(one), &path);
        check.rows(EPHEMERAL, one, &path);
    }
    let path = path.field("volumes");
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        check.volume(volume, &path.index(index));
    }
}

struct Check<'r> {
    severity: Severity,
    report: &'r mut Report,
}

impl Check<'_> {
    fn refuse(&mut self, path: &Path, detail: &str) {
        let message = format!("Not supported yet: {detail}");
        self.report
            .push(path, ComplaintKind::Unsupported, self.severity, message);
    }

    fn rows<T>(&mut self, rows: &[Row<T>], object: &T, path: &Path) {
        for (field, _) in rows.iter().filter(|(_, used)| used(object)) {
            self.refuse(
                &path.field(field),
                "this version of wasmpod would ignore it",
            );
        }
    }

    fn container(&mut self, container: &v1::Container, path: &Path) {
        self.rows(CONTAINER, container, path);
        for (index, port) in container.ports.iter().flatten().enumerate() {
            self.rows(PORT, port, &path.field("ports").index(index));
        }
        for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
            self.rows(MOUNT, mount, &path.field("volumeMounts").index(index));
        }
        if let Some(resources) = &container.resources {
            self.resources(resources, &path.field("resources"));
        }
    }

    fn resources(&mut self, resources: &v1::ResourceRequirements, path: &Path) {
        if filled(&resources.claims) {
            self.refuse(
                &path.field("claims"),
                "this version of wasmpod would ignore it",
            );
        }
        let (limits_path, requests_path) = (path.field("limits"), path.field("requests"));
        for name in resources
            .limits
            .iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|name| !LIMITS.contains(&name.as_str()))
        {
            self.refuse(
                &limits_path.key(name),
                "this version of wasmpod would not enforce it",
            );
        }
        let limited = |name: &String| {
            resources
                .limits
                .as_ref()
                .is_some_and(|limits| limits.contains_key(name))
        };
        let requests = resources.requests.iter().flatten().map(|(name, _)| name);
        // A request that came from its limit has been told about already.
        for name in requests.filter(|name| !REQUESTS.contains(&name.as_str()) && !limited(name)) {
            self.refuse(
                &requests_path.key(name),
                "this version of wasmpod would ignore it",
            );
        }
    }

    fn volume(&mut self, volume: &v1::Volume, path: &Path) {
        for (field, _) in sources(volume)
            .into_iter()
            .filter(|(field, given)| *given && !VOLUMES.contains(field))
        {
            self.refuse(
                &path.field(field),
                &format!("only volumes of the kinds {} are", VOLUMES.join(", ")),
            );
        }
        if let Some(dir) = &volume.empty_dir {
            self.rows(EMPTY_DIR, dir, &path.field("emptyDir"));
        }
        let path = path.field("projected");
        let path = path.field("sources");
        let projected = volume.projected.iter();
        let sources = projected.flat_map(|volume| volume.sources.iter().flatten());
        for (index, source) in sources.enumerate() {
            self.rows(PROJECTION, source, &path.index(index));
        }
    }
}

#[cfg(test)]
mod tests;
