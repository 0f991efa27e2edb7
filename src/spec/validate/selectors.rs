//! What the downward API may be asked for, in variables and in files.

use k8s_openapi::api::core::v1;

use super::one_of;
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};
use crate::spec::{fieldpath, names};

/// The fields that a variable can have.
pub const ENV_FIELDS: [&str; 9] = [
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

/// The fields that a file can have.
pub const FILE_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

/// The fields that the API server knows for one of the two, or once knew.
const CONVERTED: [&str; 15] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.host",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.phase",
    "status.podIP",
    "status.podIPs",
];

const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

const BYTE_DIVISORS: [&str; 13] = [
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
];

pub fn field(
    selector: &v1::ObjectFieldSelector,
    allowed: &[&str],
    path: &Path,
    report: &mut Report,
) {
    let text = selector.field_path.as_str();
    let field_path = path.field("fieldPath");
    match selector.api_version.as_deref() {
        None | Some("") => return report.required(&path.field("apiVersion"), ""),
        _ if text.is_empty() => return report.required(&field_path, ""),
        Some("v1") => {}
        Some(version) => {
            let detail = format!("error converting fieldPath: unsupported pod version: {version}");
            return report.invalid(&field_path, text, &detail);
        }
    }
    match fieldpath::subscript(text) {
        Some(("metadata.annotations", key)) => {
            let key = key.to_lowercase();
            report.invalid_each(path, &key, names::qualified_name(&key));
        }
        Some(("metadata.labels", key)) => {
            report.invalid_each(path, key, names::qualified_name(key));
        }
        Some(_) => {
            let detail = format!(
                "error converting fieldPath: field label does not support subscript: {text}"
            );
            report.invalid(&field_path, text, &detail);
        }
        None if !CONVERTED.contains(&text) => {
            let detail = format!("error converting fieldPath: field label not supported: {text}");
            report.invalid(&field_path, text, &detail);
        }
        None => {
            let text = fieldpath::current(text);
            one_of(Some(text), allowed, &field_path, report);
        }
    }
}

pub fn resource(
    selector: &v1::ResourceFieldSelector,
    in_file: bool,
    path: &Path,
    report: &mut Report,
) {
    let name = selector.resource.as_str();
    let container = selector.container_name.as_deref().unwrap_or_default();
    if in_file && container.is_empty() {
        report.required(&path.field("containerName"), "");
    } else if name.is_empty() {
        report.required(&path.field("resource"), "");
    } else if !is_huge(name) {
        one_of(Some(name), &RESOURCES, &path.field("resource"), report);
    }
    if let Some(divisor) = &selector.divisor {
        self::divisor(name, &divisor.0, &path.field("divisor"), report);
    }
}

fn is_huge(name: &str) -> bool {
    name.starts_with("limits.hugepages-") || name.starts_with("requests.hugepages-")
}

/// The API server quotes the resource and not the divisor.
fn divisor(name: &str, divisor: &str, path: &Path, report: &mut Report) {
    let divisor = match divisor.parse::<Quantity>() {
        Ok(divisor) if divisor == Quantity::ZERO => return,
        Ok(divisor) => divisor.to_string(),
        Err(error) => return report.invalid(path, divisor, &error.to_string()),
    };
    let (allowed, of): (&[&str], &str) = match name {
        "limits.cpu" | "requests.cpu" => (&["1m", "1"], "cpu"),
        "limits.memory" | "requests.memory" => (&BYTE_DIVISORS, "memory"),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
            (&BYTE_DIVISORS, "local ephemeral storage")
        }
        name if is_huge(name) => (&BYTE_DIVISORS, "hugepages"),
        // It has been complained about.
        _ => return,
    };
    if !allowed.contains(&divisor.as_str()) {
        let list = match of {
            "cpu" => allowed.join(" and "),
            _ => allowed.join(", "),
        };
        let detail = format!("only divisor's values {list} are supported with the {of} resource");
        report.invalid(path, name, &detail);
    }
}
