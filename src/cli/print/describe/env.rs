//! The environment of a container, as far as the object tells it.

use k8s_openapi::api::core::v1::{
    Container, EnvFromSource, EnvVar, EnvVarSource, Pod, ResourceFieldSelector,
};

use super::page::Page;
use crate::spec::Quantity;

pub fn all(page: &mut Page, pod: &Pod, container: &Container) {
    let sources = container.env_from.as_deref().unwrap_or_default();
    if !sources.is_empty() {
        page.line(2, "Environment Variables from:");
        sources
            .iter()
            .for_each(|source| page.line(3, &from(source)));
    }
    let variables = container.env.as_deref().unwrap_or_default();
    page.line(
        2,
        if variables.is_empty() {
            "Environment:\t<none>"
        } else {
            "Environment:"
        },
    );
    for variable in variables {
        match &variable.value_from {
            None => literal(page, variable),
            Some(source) => {
                if let Some(text) = value_from(pod, container, source) {
                    page.field(3, &variable.name, &text);
                }
            }
        }
    }
}

fn literal(page: &mut Page, variable: &EnvVar) {
    let value = variable.value.as_deref().unwrap_or_default();
    let mut lines = value.split('\n');
    page.field(3, &variable.name, lines.next().unwrap_or_default());
    lines.for_each(|line| page.line(3, &format!("\t{line}")));
}

fn from(source: &EnvFromSource) -> String {
    let (kind, name, optional) = match (&source.config_map_ref, &source.secret_ref) {
        (Some(map), _) => ("ConfigMap", map.name.as_str(), map.optional),
        (None, Some(secret)) => ("Secret", secret.name.as_str(), secret.optional),
        (None, None) => ("", "", None),
    };
    let prefix = source.prefix.as_ref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix
        .map(|prefix| format!(" with prefix '{prefix}'"))
        .unwrap_or_default();
    format!(
        "{name}\t{kind}{prefix}\tOptional: {}",
        optional == Some(true)
    )
}

fn value_from(pod: &Pod, container: &Container, source: &EnvVarSource) -> Option<String> {
    if let Some(field) = &source.field_ref {
        let version = field.api_version.as_deref().unwrap_or("v1");
        let value = metadata(pod, &field.field_path).unwrap_or_default();
        return Some(format!("{value} ({version}:{})", field.field_path));
    }
    if let Some(field) = &source.resource_field_ref {
        let mut value = amount(container, field).unwrap_or_default();
        if value == "0" && matches!(field.resource.as_str(), "limits.cpu" | "limits.memory") {
            value = "node allocatable".to_owned();
        }
        return Some(format!("{value} ({})", field.resource));
    }
    if let Some(key) = &source.secret_key_ref {
        let optional = key.optional == Some(true);
        return Some(format!(
            "<set to the key '{}' in secret '{}'>\tOptional: {optional}",
            key.key, key.name
        ));
    }
    let key = source.config_map_key_ref.as_ref()?;
    let optional = key.optional == Some(true);
    Some(format!(
        "<set to the key '{}' of config map '{}'>\tOptional: {optional}",
        key.key, key.name
    ))
}

/// Name and namespace; nothing else is looked up: kubectl knows the fields every kind has
/// (`apimachinery/pkg/runtime/converter.go`, `DefaultMetaV1FieldSelectorConversion`).
fn metadata(pod: &Pod, path: &str) -> Option<String> {
    match path {
        "metadata.name" => pod.metadata.name.clone(),
        "metadata.namespace" => pod.metadata.namespace.clone(),
        _ => None,
    }
}

/// `limits.memory` in units of the divisor, rounded up.
fn amount(container: &Container, field: &ResourceFieldSelector) -> Option<String> {
    let (side, name) = field.resource.split_once('.')?;
    let resources = container.resources.as_ref();
    let amounts = match side {
        "limits" => resources.and_then(|resources| resources.limits.as_ref()),
        "requests" => resources.and_then(|resources| resources.requests.as_ref()),
        _ => return None,
    };
    let parsed = |text: &str| text.parse::<Quantity>().ok();
    let amount = amounts
        .and_then(|amounts| amounts.get(name))
        .and_then(|amount| parsed(&amount.0));
    let divisor = field
        .divisor
        .as_ref()
        .and_then(|divisor| parsed(&divisor.0));
    let scale = |quantity: Quantity| match name {
        "cpu" => quantity.milli(),
        _ => quantity.units(),
    };
    let one = if name == "cpu" { 1000 } else { 1 };
    let divisor = divisor.map_or(one, scale);
    let divisor = if divisor == 0 { one } else { divisor };
    let amount = amount.map_or(0, scale);
    Some(((amount + divisor - 1) / divisor).to_string())
}
