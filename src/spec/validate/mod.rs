//! What the API server checks before it accepts a pod (`pkg/apis/core/validation/validation.go`), in its words.
//!
//! Expects a defaulted object. Everything wrong is reported, not only the first thing.

mod container;
mod env;
mod ephemeral;
mod handler;
mod metadata;
mod mounts;
mod ports;
mod resources;
mod volumes;

pub use volumes::sources;

use std::collections::HashSet;
use std::net::IpAddr;

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
    dns(spec, &path, report);
    host_aliases(spec, &path.field("hostAliases"), report);
    readiness_gates(spec, &path.field("readinessGates"), report);
    resources::pod(spec, &path, report);
}

fn containers(spec: &v1::PodSpec, volumes: &HashSet<&str>, path: &Path, report: &mut Report) {
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

fn dns(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    const MAX_NAMESERVERS: usize = 3;
    const MAX_SEARCHES: usize = 32;
    const MAX_SEARCH_CHARACTERS: usize = 2048;
    let path = path.field("dnsConfig");
    let servers_path = path.field("nameservers");
    let none = spec.dns_policy.as_deref() == Some("None");
    let Some(config) = &spec.dns_config else {
        if none {
            report.required(&path, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let servers = config.nameservers.as_deref().unwrap_or_default();
    if none && servers.is_empty() {
        report.required(
            &servers_path,
            "must provide at least one DNS nameserver when `dnsPolicy` is None",
        );
    }
    if servers.len() > MAX_NAMESERVERS {
        report.invalid(
            &servers_path,
            &servers.join(" "),
            &format!("must not have more than {MAX_NAMESERVERS} nameservers"),
        );
    }
    for (index, server) in servers.iter().enumerate() {
        ip(server, &servers_path.index(index), report);
    }
    let searches = config.searches.as_deref().unwrap_or_default();
    let searches_path = path.field("searches");
    if searches.len() > MAX_SEARCHES {
        report.invalid(
            &searches_path,
            &searches.join(" "),
            &format!("must not have more than {MAX_SEARCHES} search paths"),
        );
    }
    if searches.join(" ").len() > MAX_SEARCH_CHARACTERS {
        let detail = format!(
            "must not have more than {MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        );
        report.invalid(&searches_path, &searches.join(" "), &detail);
    }
    let options = config.options.iter().flatten().enumerate();
    for (index, _) in options.filter(|(_, option)| option.name.as_deref().is_none_or(str::is_empty))
    {
        report.required(&path.field("options").index(index), "must not be empty");
    }
}

fn host_aliases(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let path = path.index(index);
        ip(&alias.ip, &path.field("ip"), report);
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            report.invalid_each(
                &path.field("hostnames").index(index),
                name,
                names::dns_subdomain(name),
            );
        }
    }
}

fn ip(text: &str, path: &Path, report: &mut Report) {
    if text.parse::<IpAddr>().is_err() {
        report.invalid(
            path,
            text,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
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
