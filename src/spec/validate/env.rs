//! Environment variables and their sources.

use k8s_openapi::api::core::v1;

use super::one_of;
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub fn check(container: &v1::Container, path: &Path, report: &mut Report) {
    let env_path = path.field("env");
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let path = env_path.index(index);
        if variable.name.is_empty() {
            report.required(&path.field("name"), "");
        }
        report.invalid_each(
            &path.field("name"),
            &variable.name,
            names::env_name(&variable.name),
        );
        if let Some(from) = &variable.value_from {
            let has_value = variable
                .value
                .as_deref()
                .is_some_and(|value| !value.is_empty());
            value_from(from, has_value, &path.field("valueFrom"), report);
        }
    }
    let from_path = path.field("envFrom");
    for (index, from) in container.env_from.iter().flatten().enumerate() {
        env_from(from, &from_path.index(index), report);
    }
}

fn value_from(from: &v1::EnvVarSource, has_value: bool, path: &Path, report: &mut Report) {
    let given = [
        from.field_ref.is_some(),
        from.resource_field_ref.is_some(),
        from.config_map_key_ref.is_some(),
        from.secret_key_ref.is_some(),
        from.file_key_ref.is_some(),
    ];
    match given.into_iter().filter(|given| *given).count() {
        0 => report.invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"),
        _ if has_value => report.invalid(path, "", "may not be specified when `value` is not empty"),
        1 => {}
        _ => report.invalid(path, "", "may not have more than one field specified at a time"),
    }
    if let Some(field) = &from.field_ref {
        field_ref(field, &path.field("fieldRef"), report);
    }
    if let Some(key) = &from.config_map_key_ref {
        key_ref(&key.name, &key.key, &path.field("configMapKeyRef"), report);
    }
    if let Some(key) = &from.secret_key_ref {
        key_ref(&key.name, &key.key, &path.field("secretKeyRef"), report);
    }
    if let Some(resource) = &from.resource_field_ref {
        let known = [
            "limits.cpu",
            "limits.ephemeral-storage",
            "limits.memory",
            "requests.cpu",
            "requests.ephemeral-storage",
            "requests.memory",
        ];
        let is_huge = resource.resource.starts_with("limits.hugepages-")
            || resource.resource.starts_with("requests.hugepages-");
        let path = path.field("resourceFieldRef");
        let path = path.field("resource");
        match resource.resource.as_str() {
            "" => report.required(&path, ""),
            _ if is_huge => {}
            name => one_of(Some(name), &known, &path, report),
        }
    }
}

fn field_ref(field: &v1::ObjectFieldSelector, path: &Path, report: &mut Report) {
    let known = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    let path = path.field("fieldPath");
    match field.field_path.as_str() {
        "" => report.required(&path, ""),
        name if name.starts_with("metadata.labels['")
            || name.starts_with("metadata.annotations['") =>
        {
            let key = name
                .split_once("['")
                .and_then(|(_, rest)| rest.strip_suffix("']"));
            match key {
                Some(key) => {
                    report.invalid_each(&path, key, names::qualified_name(&key.to_lowercase()))
                }
                None => {
                    report.invalid(&path, name, "error converting fieldPath: invalid subscript")
                }
            }
        }
        name => one_of(Some(name), &known, &path, report),
    }
}

fn key_ref(name: &str, key: &str, path: &Path, report: &mut Report) {
    report.invalid_each(&path.field("name"), name, names::dns_subdomain(name));
    if key.is_empty() {
        report.required(&path.field("key"), "");
    } else {
        report.invalid_each(&path.field("key"), key, names::config_key(key));
    }
}

fn env_from(from: &v1::EnvFromSource, path: &Path, report: &mut Report) {
    if let Some(prefix) = from.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        report.invalid_each(&path.field("prefix"), prefix, names::env_name(prefix));
    }
    let sources = [
        (
            "configMapRef",
            from.config_map_ref.as_ref().map(|source| &source.name),
        ),
        (
            "secretRef",
            from.secret_ref.as_ref().map(|source| &source.name),
        ),
    ];
    match sources.iter().filter(|(_, name)| name.is_some()).count() {
        0 => report.invalid(
            path,
            "",
            "must specify one of: `configMapRef` or `secretRef`",
        ),
        1 => {}
        _ => report.invalid(
            path,
            "",
            "may not have more than one field specified at a time",
        ),
    }
    for (field, name) in sources {
        if let Some(name) = name {
            let path = path.field(field);
            if name.is_empty() {
                report.required(&path.field("name"), "");
            } else {
                report.invalid_each(&path.field("name"), name, names::dns_subdomain(name));
            }
        }
    }
}
