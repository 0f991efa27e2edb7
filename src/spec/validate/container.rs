//! One container, whatever its part in the pod.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::volumes::Volumes;
use super::{env, handler, mounts, one_of, ports, resources};
use crate::spec::names;
use crate::spec::report::{Path, Report};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    App,
    Init,
    /// An init container that stays.
    Sidecar,
    /// One that looks into the pod.
    Ephemeral,
}

/// What is checked against the pod around it.
pub struct Context<'a> {
    pub volumes: &'a Volumes<'a>,
    pub grace: i64,
    pub host_network: bool,
}

pub fn check<'c>(
    container: &'c v1::Container,
    part: Part,
    context: &Context,
    names: &mut HashSet<&'c str>,
    path: &Path,
    report: &mut Report,
) {
    name(container, names, path, report);
    let image = container.image.as_deref().unwrap_or_default();
    if image.is_empty() {
        report.required(&path.field("image"), "");
    } else if image.trim() != image {
        report.invalid(
            &path.field("image"),
            image,
            "must not have leading or trailing whitespace",
        );
    }
    let pull = ["Always", "IfNotPresent", "Never"];
    one_of(
        container.image_pull_policy.as_deref(),
        &pull,
        &path.field("imagePullPolicy"),
        report,
    );
    message_policy(container, path, report);
    restart(container, path, report);
    match part {
        Part::Init => no_handlers(container, path, report),
        Part::App | Part::Sidecar => {
            handler::lifecycle(container, context.grace, path, report);
            handler::probes(container, path, report);
        }
        // What these are allowed to have is a list of its own.
        Part::Ephemeral => {}
    }
    if part != Part::Ephemeral {
        ports::check(
            container,
            context.host_network,
            &path.field("ports"),
            report,
        );
    }
    env::check(container, context.volumes, path, report);
    mounts::check(container, context.volumes, path, report);
    if let Some(resources) = &container.resources {
        resources::check(resources, &path.field("resources"), report);
    }
    security(container, path, report);
}

fn name<'c>(
    container: &'c v1::Container,
    names: &mut HashSet<&'c str>,
    path: &Path,
    report: &mut Report,
) {
    let path = path.field("name");
    if container.name.is_empty() {
        return report.required(&path, "");
    }
    report.invalid_each(&path, &container.name, names::dns_label(&container.name));
    if !names.insert(&container.name) {
        report.duplicate(&path, &container.name);
    }
}

fn message_policy(container: &v1::Container, path: &Path, report: &mut Report) {
    match container.termination_message_policy.as_deref() {
        None | Some("File" | "FallbackToLogsOnError") => {}
        Some(other) => {
            report.invalid(
                &path.field("terminationMessagePolicy"),
                other,
                "must be 'File' or 'FallbackToLogsOnError'",
            );
        }
    }
}

/// The container's own restart policy and its rules (KEP-5307).
fn restart(container: &v1::Container, path: &Path, report: &mut Report) {
    const MAX_RULES: usize = 20;
    let policy_path = path.field("restartPolicy");
    one_of(
        container.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
        &policy_path,
        report,
    );
    let rules = container
        .restart_policy_rules
        .as_deref()
        .unwrap_or_default();
    if !rules.is_empty() && container.restart_policy.is_none() {
        report.required(
            &policy_path,
            "must specify restartPolicy when restart rules are used",
        );
    }
    let path = path.field("restartPolicyRules");
    if rules.len() > MAX_RULES {
        report.too_many(&path, rules.len(), MAX_RULES);
    }
    for (index, rule) in rules.iter().enumerate() {
        restart_rule(rule, &path.index(index), report);
    }
}

fn restart_rule(rule: &v1::ContainerRestartRule, path: &Path, report: &mut Report) {
    const MAX_CODES: usize = 255;
    one_of(
        Some(&rule.action),
        &["Restart", "RestartAllContainers"],
        &path.field("action"),
        report,
    );
    let path = path.field("exitCodes");
    let Some(codes) = &rule.exit_codes else {
        return report.required(&path, "must be specified");
    };
    one_of(
        Some(&codes.operator),
        &["In", "NotIn"],
        &path.field("operator"),
        report,
    );
    let values = codes.values.as_deref().unwrap_or_default();
    let path = path.field("values");
    if values.is_empty() {
        report.required(&path, "must specify at least one exit code");
    }
    if values.len() > MAX_CODES {
        report.too_many(&path, values.len(), MAX_CODES);
    }
    for (index, value) in values
        .iter()
        .enumerate()
        .filter(|(_, value)| !(0..=255).contains(*value))
    {
        report.invalid(&path.index(index), value, &names::between(0, 255));
    }
}

fn no_handlers(container: &v1::Container, path: &Path, report: &mut Report) {
    let given = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| *given) {
        report.forbidden(
            &path.field(field),
            "may not be set for init containers without restartPolicy=Always",
        );
    }
}

fn security(container: &v1::Container, path: &Path, report: &mut Report) {
    let Some(context) = &container.security_context else {
        return;
    };
    let path = path.field("securityContext");
    let ids = [
        ("runAsUser", context.run_as_user),
        ("runAsGroup", context.run_as_group),
    ];
    for (field, id) in ids {
        if let Some(id) = id.filter(|id| !(0..=i64::from(u32::MAX)).contains(id)) {
            report.invalid(&path.field(field), &id, &names::between(0, u32::MAX.into()));
        }
    }
    if context.allow_privilege_escalation == Some(false) {
        let added = context
            .capabilities
            .iter()
            .flat_map(|capabilities| capabilities.add.iter().flatten());
        if context.privileged == Some(true) {
            report.invalid(
                &path,
                "",
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            );
        }
        if added.into_iter().any(|name| name == "CAP_SYS_ADMIN") {
            report.invalid(&path, "", "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
        }
    }
}
