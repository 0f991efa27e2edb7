//! Names, labels and annotations (`apimachinery/pkg/api/validation/objectmeta.go`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::spec::names;
use crate::spec::report::{Path, Report};

/// All keys and values of the annotations together.
const MAX_ANNOTATIONS: usize = 256 << 10;

pub fn object(metadata: &ObjectMeta, path: &Path, report: &mut Report) {
    let generate = metadata.generate_name.as_deref().unwrap_or_default();
    if !generate.is_empty() {
        // The dash at its end is followed by the suffix.
        let stem = generate.strip_suffix('-').unwrap_or(generate);
        report.invalid_each(
            &path.field("generateName"),
            generate,
            names::dns_subdomain(stem),
        );
    }
    match metadata.name.as_deref().unwrap_or_default() {
        "" if generate.is_empty() => {
            report.required(&path.field("name"), "name or generateName is required")
        }
        "" => {}
        name => report.invalid_each(&path.field("name"), name, names::dns_subdomain(name)),
    }
    if let Some(namespace) = &metadata.namespace {
        report.invalid_each(
            &path.field("namespace"),
            namespace,
            names::dns_label(namespace),
        );
    }
    let labels_path = path.field("labels");
    for (key, value) in metadata.labels.iter().flatten() {
        report.invalid_each(&labels_path, key, names::qualified_name(key));
        report.invalid_each(&labels_path, value, names::label_value(value));
    }
    annotations(metadata, &path.field("annotations"), report);
}

fn annotations(metadata: &ObjectMeta, path: &Path, report: &mut Report) {
    let mut size = 0;
    for (key, value) in metadata.annotations.iter().flatten() {
        report.invalid_each(path, key, names::qualified_name(&key.to_lowercase()));
        size += key.len() + value.len();
    }
    if size > MAX_ANNOTATIONS {
        report.too_long(path, MAX_ANNOTATIONS);
    }
}
