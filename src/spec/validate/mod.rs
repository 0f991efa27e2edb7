//! What the API server checks before it accepts a pod (`pkg/apis/core/validation/validation.go`), in its words.
//!
//! Expects a defaulted object. Everything wrong is reported, not only the first thing.

mod container;
mod env;
mod ephemeral;
mod handler;
pub mod label_selector;
mod metadata;
mod mounts;
mod network;
mod placement;
mod ports;
mod resources;
mod selectors;
mod volumes;

pub use metadata::object as metadata;
use volumes::Volumes;
pub use volumes::sources;

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::names;
use super::report::{Path, Report};

pub fn pod(pod: &v1::Pod, report: &mut Report) {
    let metadata_path = Path::ROOT.field("metadata");
    metadata::object(&pod.metadata, &metadata_path, report);
    let no_spec = v1::PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    super::annotation::check(
        &pod.metadata,
        spec,
        &metadata_path.field("annotations"),
        report,
    );
    let path = Path::ROOT.field("spec");
    let volumes = volumes::check(
        spec.volumes.as_deref().unwrap_or_default(),
        &path.field("volumes"),
        report,
    );
    containers(spec, &volumes, &path, report);
    policies(spec, &path, report);
    naming(spec, &path, report);
    host_access(spec, &path, report);
    network::dns(spec, &path, report);
    network::host_aliases(spec, &path.field("hostAliases"), report);
    placement::check(spec, &path, report);
    volume_owner(spec, &path.field("securityContext"), report);
    readiness_gates(spec, &path.field("readinessGates"), report);
    resources::pod(spec, &path, report);
}

fn containers(spec: &v1::PodSpec, volumes: &Volumes, path: &Path, report: &mut Report) {
    let (list_path, init_path) = (path.field("containers"), path.field("initContainers"));
    if spec.containers.is_empty() {
        report.required(&list_path, "");
    }
    let grace = spec.termination_grace_period_seconds.unwrap_or(30);
    let context = container::Context {
        volumes,
        grace,
        host_network: spec.host_network == Some(true),
    };
    let mut names = HashSet::new();
    for (index, one) in spec.containers.iter().enumerate() {
        container::check(
            one,
            container::Part::App,
            &context,
            &mut names,
            &list_path.index(index),
            report,
        );
    }
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for (index, one) in init.iter().enumerate() {
        let part = match one.restart_policy.as_deref() {
            Some("Always") => container::Part::Sidecar,
            _ => container::Part::Init,
        };
        container::check(
            one,
            part,
            &context,
            &mut names,
            &init_path.index(index),
            report,
        );
    }
    ephemeral::check(spec, &context, path, report);
    ports::host_conflicts(spec, path, report);
}

/// Enumerations: what is allowed is told.
fn one_of(value: Option<&str>, allowed: &[&str], path: &Path, report: &mut Report) {
    match value {
        Some(value) if !allowed.contains(&value) => report.not_supported(path, value, allowed),
        _ => {}
    }
}

fn policies(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    one_of(
        spec.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
        &path.field("restartPolicy"),
        report,
    );
    let dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(
        spec.dns_policy.as_deref(),
        &dns,
        &path.field("dnsPolicy"),
        report,
    );
    let preemption = ["PreemptLowerPriority", "Never"];
    one_of(
        spec.preemption_policy.as_deref(),
        &preemption,
        &path.field("preemptionPolicy"),
        report,
    );
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        report.invalid(
            &path.field("activeDeadlineSeconds"),
            &seconds,
            &names::between(1, i32::MAX.into()),
        );
    }
    if let Some(os) = &spec.os {
        let path = path.field("os");
        if os.name.is_empty() {
            report.required(&path.field("name"), "");
        } else {
            one_of(
                Some(&os.name),
                &["linux", "windows"],
                &path.field("name"),
                report,
            );
        }
    }
}

fn naming(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    let labels = [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)];
    for (field, value) in labels {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            report.invalid_each(&path.field(field), value, names::dns_label(value));
        }
    }
    let subdomains = [
        ("serviceAccountName", &spec.service_account_name),
        ("nodeName", &spec.node_name),
        ("priorityClassName", &spec.priority_class_name),
        ("runtimeClassName", &spec.runtime_class_name),
        ("hostnameOverride", &spec.hostname_override),
    ];
    for (field, value) in subdomains {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            report.invalid_each(&path.field(field), value, names::dns_subdomain(value));
        }
    }
    hostname_override(spec, path, report);
}

/// It is all there is to the pod's name (KEP-4762).
fn hostname_override(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    const LONGEST: usize = 64;
    let Some(name) = spec.hostname_override.as_deref() else {
        return;
    };
    if name.len() > LONGEST {
        report.too_long(&path.field("hostnameOverride"), LONGEST);
    }
    let others = [
        ("setHostnameAsFQDN", spec.set_hostname_as_fqdn),
        ("hostNetwork", spec.host_network),
    ];
    for (field, _) in others.into_iter().filter(|(_, value)| *value == Some(true)) {
        report.forbidden(&path.field(field), "when `hostnameOverride` is set");
    }
}

fn host_access(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        report.invalid(
            &path.field("shareProcessNamespace"),
            &true,
            "ShareProcessNamespace and HostPID cannot both be enabled",
        );
    }
    if spec.host_users == Some(false) {
        let host = [
            ("hostNetwork", spec.host_network),
            ("hostPID", spec.host_pid),
            ("hostIPC", spec.host_ipc),
        ];
        for (field, _) in host.into_iter().filter(|(_, value)| *value == Some(true)) {
            report.forbidden(&path.field(field), "when `hostUsers` is false");
        }
    }
}

/// The group that volumes belong to.
fn volume_owner(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    let Some(context) = &spec.security_context else {
        return;
    };
    if let Some(group) = context.fs_group
        && !(0..=i64::from(i32::MAX)).contains(&group)
    {
        report.invalid(
            &path.field("fsGroup"),
            &group,
            &names::between(0, i32::MAX.into()),
        );
    }
    one_of(
        context.fs_group_change_policy.as_deref(),
        &["Always", "OnRootMismatch"],
        &path.field("fsGroupChangePolicy"),
        report,
    );
}

fn readiness_gates(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let wrong = names::qualified_name(&gate.condition_type);
        report.invalid_each(
            &path.index(index).field("conditionType"),
            &gate.condition_type,
            wrong,
        );
    }
}

/// Whether there is anything in a list that may be missing.
pub fn filled<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

/// Whether there is anything in a text that may be missing.
pub fn written(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
}
