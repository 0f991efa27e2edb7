//! What Kubernetes fills in (`pkg/apis/core/v1/defaults.go`). Doing it twice changes nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use super::quantity::Quantity;
use super::{ephemeral, image};

pub fn defaults(pod: &mut v1::Pod) {
    pod.metadata
        .namespace
        .get_or_insert_with(|| "default".to_owned());
    let spec = pod.spec.get_or_insert_default();
    set(&mut spec.restart_policy, "Always");
    set(&mut spec.dns_policy, "ClusterFirst");
    set(&mut spec.scheduler_name, "default-scheduler");
    spec.enable_service_links.get_or_insert(true);
    spec.security_context.get_or_insert_default();
    grace(&mut spec.termination_grace_period_seconds);
    service_account(spec);
    let host_network = spec.host_network == Some(true);
    for one in spec
        .init_containers
        .iter_mut()
        .flatten()
        .chain(&mut spec.containers)
    {
        container(one);
        ports(one, host_network);
    }
    for one in spec.ephemeral_containers.iter_mut().flatten() {
        ephemeral::edit(one, container);
    }
    spec.volumes.iter_mut().flatten().for_each(volume);
}

/// The empty string stands for "not given" in Go.
fn set(field: &mut Option<String>, default: &str) {
    if field.as_deref().is_none_or(str::is_empty) {
        *field = Some(default.to_owned());
    }
}

fn set_number<T: Copy + Default + PartialEq>(field: &mut Option<T>, default: T) {
    if field.is_none_or(|value| value == T::default()) {
        *field = Some(default);
    }
}

/// Negative grace periods are treated as one second (`pkg/registry/core/pod/strategy.go`).
fn grace(seconds: &mut Option<i64>) {
    *seconds = Some(seconds.map_or(30, |seconds| if seconds < 0 { 1 } else { seconds }));
}

/// `serviceAccount` is the old name of `serviceAccountName`, and is shown with it (`pkg/apis/core/v1/conversion.go`).
fn service_account(spec: &mut v1::PodSpec) {
    if spec
        .service_account_name
        .as_deref()
        .is_none_or(str::is_empty)
    {
        spec.service_account_name.clone_from(&spec.service_account);
    }
    spec.service_account.clone_from(&spec.service_account_name);
}

fn container(container: &mut v1::Container) {
    let image = container.image.as_deref().unwrap_or_default();
    set(
        &mut container.image_pull_policy,
        image::default_pull_policy(image),
    );
    set(
        &mut container.termination_message_path,
        "/dev/termination-log",
    );
    set(&mut container.termination_message_policy, "File");
    resources(container.resources.get_or_insert_default());
    for variable in container.env.iter_mut().flatten() {
        if let Some(from) = &mut variable.value_from {
            selectors(&mut from.field_ref, &mut from.resource_field_ref);
        }
    }
    for probe in [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ] {
        probe.iter_mut().for_each(self::probe);
    }
    if let Some(lifecycle) = &mut container.lifecycle {
        for handler in [&mut lifecycle.post_start, &mut lifecycle.pre_stop] {
            handler
                .iter_mut()
                .filter_map(|handler| handler.http_get.as_mut())
                .for_each(http_get);
        }
    }
}

fn ports(container: &mut v1::Container, host_network: bool) {
    for port in container.ports.iter_mut().flatten() {
        set(&mut port.protocol, "TCP");
        if host_network {
            set_number(&mut port.host_port, port.container_port);
        }
    }
}

fn probe(probe: &mut v1::Probe) {
    set_number(&mut probe.timeout_seconds, 1);
    set_number(&mut probe.period_seconds, 10);
    set_number(&mut probe.success_threshold, 1);
    set_number(&mut probe.failure_threshold, 3);
    probe.http_get.iter_mut().for_each(http_get);
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn http_get(get: &mut v1::HTTPGetAction) {
    set(&mut get.path, "/");
    set(&mut get.scheme, "HTTP");
}

/// Quantities are rounded up to milli and stored in their canonical form; a limit without a request is also the request.
fn resources(resources: &mut v1::ResourceRequirements) {
    resources
        .limits
        .iter_mut()
        .chain(&mut resources.requests)
        .for_each(canonical);
    let Some(limits) = resources
        .limits
        .as_ref()
        .filter(|limits| !limits.is_empty())
    else {
        return;
    };
    let requests = resources.requests.get_or_insert_default();
    for (name, limit) in limits {
        if !requests.contains_key(name) {
            requests.insert(name.clone(), limit.clone());
        }
    }
}

fn canonical(list: &mut BTreeMap<String, Written>) {
    for quantity in list.values_mut() {
        if let Ok(parsed) = quantity.0.parse::<Quantity>() {
            quantity.0 = parsed.round_up_to_milli().to_string();
        }
    }
}

/// As it is stored: the shortest way to write it.
fn shortest(quantity: &mut Written) {
    if let Ok(parsed) = quantity.0.parse::<Quantity>() {
        quantity.0 = parsed.to_string();
    }
}

/// What the downward API is asked for. A divisor of 0 stands for "not given" and is shown.
fn selectors(
    field: &mut Option<v1::ObjectFieldSelector>,
    resource: &mut Option<v1::ResourceFieldSelector>,
) {
    if let Some(field) = field {
        set(&mut field.api_version, "v1");
    }
    if let Some(resource) = resource {
        let zero = || Written("0".to_owned());
        shortest(resource.divisor.get_or_insert_with(zero));
    }
}

fn volume(volume: &mut v1::Volume) {
    if *volume
        == (v1::Volume {
            name: volume.name.clone(),
            ..v1::Volume::default()
        })
    {
        volume.empty_dir = Some(v1::EmptyDirVolumeSource::default());
    }
    if let Some(limit) = volume
        .empty_dir
        .as_mut()
        .and_then(|dir| dir.size_limit.as_mut())
    {
        shortest(limit);
    }
    if let Some(host_path) = &mut volume.host_path {
        host_path.type_.get_or_insert_default();
    }
    if let Some(secret) = &mut volume.secret {
        secret.default_mode.get_or_insert(0o644);
    }
    if let Some(config_map) = &mut volume.config_map {
        config_map.default_mode.get_or_insert(0o644);
    }
    if let Some(downward) = &mut volume.downward_api {
        downward.default_mode.get_or_insert(0o644);
        downward_items(&mut downward.items);
    }
    if let Some(projected) = &mut volume.projected {
        projected.default_mode.get_or_insert(0o644);
        for source in projected.sources.iter_mut().flatten() {
            if let Some(token) = &mut source.service_account_token {
                token.expiration_seconds.get_or_insert(3600);
            }
            if let Some(downward) = &mut source.downward_api {
                downward_items(&mut downward.items);
            }
        }
    }
}

fn downward_items(items: &mut Option<Vec<v1::DownwardAPIVolumeFile>>) {
    for item in items.iter_mut().flatten() {
        selectors(&mut item.field_ref, &mut item.resource_field_ref);
    }
}
