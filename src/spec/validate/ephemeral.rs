//! Ephemeral containers (`validateEphemeralContainers`): they look into a pod and are no part of what it does.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::container::{self, Context, Part};
use super::filled;
use crate::spec::ephemeral::as_container;
use crate::spec::report::{Path, Report};

const DETAIL: &str = "cannot be set for an Ephemeral Container";

pub fn check(spec: &v1::PodSpec, context: &Context, path: &Path, report: &mut Report) {
    let path = path.field("ephemeralContainers");
    let inits = spec.init_containers.iter().flatten();
    let targets: HashSet<&str> = inits
        .chain(&spec.containers)
        .map(|container| container.name.as_str())
        .collect();
    let ephemeral = spec.ephemeral_containers.as_deref().unwrap_or_default();
    let all: Vec<v1::Container> = ephemeral.iter().map(as_container).collect();
    let mut names = targets.clone();
    for (index, (one, container)) in ephemeral.iter().zip(&all).enumerate() {
        let path = path.index(index);
        container::check(
            container,
            Part::Ephemeral,
            context,
            &mut names,
            &path,
            report,
        );
        allowed(container, &path, report);
        if let Some(target) = one.target_container_name.as_deref()
            && !target.is_empty()
            && !targets.contains(target)
        {
            report.not_found(&path.field("targetContainerName"), target);
        }
    }
}

fn allowed(container: &v1::Container, path: &Path, report: &mut Report) {
    let resources = container.resources.as_ref();
    let given = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("ports", filled(&container.ports)),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("resizePolicy", filled(&container.resize_policy)),
        (
            "resources",
            resources.is_some_and(|resources| *resources != v1::ResourceRequirements::default()),
        ),
        ("restartPolicy", container.restart_policy.is_some()),
        (
            "restartPolicyRules",
            filled(&container.restart_policy_rules),
        ),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| *given) {
        report.forbidden(&path.field(field), DETAIL);
    }
    let list_path = path.field("volumeMounts");
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let path = list_path.index(index);
        for (field, text) in [
            ("subPath", &mount.sub_path),
            ("subPathExpr", &mount.sub_path_expr),
        ] {
            if text.as_deref().is_some_and(|text| !text.is_empty()) {
                report.forbidden(&path.field(field), DETAIL);
            }
        }
    }
}
