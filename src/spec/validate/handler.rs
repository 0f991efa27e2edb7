//! Probes and lifecycle hooks.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::one_of;
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub fn probes(container: &v1::Container, path: &Path, report: &mut Report) {
    let all = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    for (field, given) in all {
        if let Some(given) = given {
            probe(given, field == "readinessProbe", &path.field(field), report);
        }
    }
}

fn probe(probe: &v1::Probe, readiness: bool, path: &Path, report: &mut Report) {
    one_handler(
        &[
            ("exec", probe.exec.is_some()),
            ("httpGet", probe.http_get.is_some()),
            ("tcpSocket", probe.tcp_socket.is_some()),
            ("grpc", probe.grpc.is_some()),
        ],
        path,
        report,
    );
    actions(
        probe.exec.as_ref(),
        probe.http_get.as_ref(),
        probe.tcp_socket.as_ref(),
        path,
        report,
    );
    if let Some(grpc) = &probe.grpc {
        port(
            &IntOrString::Int(grpc.port),
            &path.field("grpc").field("port"),
            report,
        );
    }
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, value) in numbers {
        if let Some(value) = value.filter(|value| *value < 0) {
            report.invalid(
                &path.field(field),
                &value,
                "must be greater than or equal to 0",
            );
        }
    }
    if let Some(value) = probe
        .success_threshold
        .filter(|value| !readiness && *value > 1)
    {
        report.invalid(&path.field("successThreshold"), &value, "must be 1");
    }
    let grace_path = path.field("terminationGracePeriodSeconds");
    match probe.termination_grace_period_seconds {
        Some(value) if readiness => {
            report.invalid(&grace_path, &value, "must not be set for readinessProbes")
        }
        Some(value) if value < 1 => report.invalid(&grace_path, &value, "must be greater than 0"),
        _ => {}
    }
}

pub fn lifecycle(container: &v1::Container, grace: i64, path: &Path, report: &mut Report) {
    let Some(lifecycle) = &container.lifecycle else {
        return;
    };
    let path = path.field("lifecycle");
    for (field, given) in [
        ("postStart", &lifecycle.post_start),
        ("preStop", &lifecycle.pre_stop),
    ] {
        let Some(given) = given else { continue };
        hook(given, grace, &path.field(field), report);
    }
}

fn hook(hook: &v1::LifecycleHandler, grace: i64, path: &Path, report: &mut Report) {
    one_handler(
        &[
            ("exec", hook.exec.is_some()),
            ("httpGet", hook.http_get.is_some()),
            ("tcpSocket", hook.tcp_socket.is_some()),
            ("sleep", hook.sleep.is_some()),
        ],
        path,
        report,
    );
    actions(
        hook.exec.as_ref(),
        hook.http_get.as_ref(),
        hook.tcp_socket.as_ref(),
        path,
        report,
    );
    if let Some(sleep) = &hook.sleep
        && !(0..=grace).contains(&sleep.seconds)
    {
        let detail =
            format!("must be non-negative and at most terminationGracePeriodSeconds ({grace})");
        report.invalid(&path.field("sleep"), &sleep.seconds, &detail);
    }
}

fn one_handler(handlers: &[(&str, bool)], path: &Path, report: &mut Report) {
    let mut given = handlers.iter().filter(|(_, given)| *given);
    if given.next().is_none() {
        report.required(path, "must specify a handler type");
    }
    for (field, _) in given {
        report.forbidden(
            &path.field(field),
            "may not specify more than 1 handler type",
        );
    }
}

fn actions(
    exec: Option<&v1::ExecAction>,
    http: Option<&v1::HTTPGetAction>,
    tcp: Option<&v1::TCPSocketAction>,
    path: &Path,
    report: &mut Report,
) {
    if exec.is_some_and(|exec| exec.command.as_deref().unwrap_or_default().is_empty()) {
        report.required(&path.field("exec").field("command"), "");
    }
    if let Some(http) = http {
        http_get(http, &path.field("httpGet"), report);
    }
    if let Some(tcp) = tcp {
        port(&tcp.port, &path.field("tcpSocket").field("port"), report);
    }
}

fn http_get(get: &v1::HTTPGetAction, path: &Path, report: &mut Report) {
    port(&get.port, &path.field("port"), report);
    one_of(
        get.scheme.as_deref(),
        &["HTTP", "HTTPS"],
        &path.field("scheme"),
        report,
    );
    for header in get.http_headers.iter().flatten() {
        report.invalid_each(
            &path.field("httpHeaders"),
            &header.name,
            names::http_header_name(&header.name),
        );
    }
}

/// A number, or the name of a port.
fn port(port: &IntOrString, path: &Path, report: &mut Report) {
    match port {
        IntOrString::Int(number) => {
            for detail in names::port_number(*number) {
                report.invalid(path, number, &detail);
            }
        }
        IntOrString::String(name) => report.invalid_each(path, name, names::port_name(name)),
    }
}
