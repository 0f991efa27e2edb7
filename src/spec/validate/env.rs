//! Environment variables and their sources.

use k8s_openapi::api::core::v1;

use super::selectors::{self, ENV_FIELDS};
use super::volumes::{Volumes, non_reserved};
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub fn check(container: &v1::Container, volumes: &Volumes, path: &Path, report: &mut Report) {
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
            value_from(from, has_value, volumes, &path.field("valueFrom"), report);
        }
    }
    let from_path = path.field("envFrom");
    for (index, from) in container.env_from.iter().flatten().enumerate() {
        env_from(from, &from_path.index(index), report);
    }
}

fn value_from(
    from: &v1::EnvVarSource,
    has_value: bool,
    volumes: &Volumes,
    path: &Path,
    report: &mut Report,
) {
    if let Some(field) = &from.field_ref {
        selectors::field(field, &ENV_FIELDS, &path.field("fieldRef"), report);
    }
    if let Some(resource) = &from.resource_field_ref {
        selectors::resource(resource, false, &path.field("resourceFieldRef"), report);
    }
    if let Some(key) = &from.config_map_key_ref {
        key_ref(&key.name, &key.key, &path.field("configMapKeyRef"), report);
    }
    if let Some(key) = &from.secret_key_ref {
        key_ref(&key.name, &key.key, &path.field("secretKeyRef"), report);
    }
    if let Some(key) = &from.file_key_ref {
        file_key_ref(key, volumes, &path.field("fileKeyRef"), report);
    }
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
}

fn key_ref(name: &str, key: &str, path: &Path, report: &mut Report) {
    report.invalid_each(&path.field("name"), name, names::dns_subdomain(name));
    if key.is_empty() {
        report.required(&path.field("key"), "");
    } else {
        report.invalid_each(&path.field("key"), key, names::config_key(key));
    }
}

/// The file lies in an emptyDir of the pod, which need not be mounted where it is read (KEP-3721).
fn file_key_ref(key: &v1::FileKeySelector, volumes: &Volumes, path: &Path, report: &mut Report) {
    let key_path = path.field("key");
    if key.key.is_empty() {
        report.required(&key_path, "");
    } else {
        report.invalid_each(&key_path, &key.key, names::env_name(&key.key));
    }
    let file_path = path.field("path");
    if key.path.is_empty() {
        report.required(&file_path, "");
    } else {
        non_reserved(&key.path, &file_path, report);
    }
    let volume_path = path.field("volumeName");
    if key.volume_name.is_empty() {
        return report.required(&volume_path, "");
    }
    match volumes.get(key.volume_name.as_str()) {
        None => report.not_found(&volume_path, &key.volume_name),
        Some(volume) if volume.empty_dir.is_none() => report.invalid(
            &volume_path,
            &key.volume_name,
            "referenced volume must be of type emptyDir",
        ),
        Some(_) => {}
    }
}

fn env_from(from: &v1::EnvFromSource, path: &Path, report: &mut Report) {
    if let Some(prefix) = from.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        report.invalid_each(&path.field("prefix"), prefix, names::env_name(prefix));
    }
    let config_map = from.config_map_ref.as_ref().map(|source| &source.name);
    let secret = from.secret_ref.as_ref().map(|source| &source.name);
    let sources = [("configMapRef", config_map), ("secretRef", secret)];
    for (field, name) in sources {
        if let Some(name) = name {
            let path = path.field(field);
            let path = path.field("name");
            match name.as_str() {
                "" => report.required(&path, ""),
                name => report.invalid_each(&path, name, names::dns_subdomain(name)),
            }
        }
    }
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
}
