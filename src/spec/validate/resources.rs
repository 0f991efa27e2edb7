//! Requests and limits.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use crate::spec::names;
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};

type List = BTreeMap<String, Written>;

pub fn pod(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    if let Some(resources) = &spec.resources {
        check(resources, &path.field("resources"), report);
    }
    for (name, quantity) in spec.overhead.iter().flatten() {
        non_negative(&quantity.0, &path.field("overhead").key(name), report);
    }
}

pub fn check(resources: &v1::ResourceRequirements, path: &Path, report: &mut Report) {
    let (limits_path, requests_path) = (path.field("limits"), path.field("requests"));
    let none = List::new();
    let limits = resources.limits.as_ref().unwrap_or(&none);
    let requests = resources.requests.as_ref().unwrap_or(&none);
    for (list, path) in [(limits, &limits_path), (requests, &requests_path)] {
        for (name, quantity) in list {
            resource(name, &quantity.0, &path.key(name), report);
        }
    }
    for (name, request) in requests {
        against_limit(
            name,
            &request.0,
            limits.get(name),
            (&limits_path, &requests_path),
            report,
        );
    }
}

fn against_limit(
    name: &str,
    request: &str,
    limit: Option<&Written>,
    paths: (&Path, &Path),
    report: &mut Report,
) {
    let (limits_path, requests_path) = paths;
    let exact = !can_be_overcommitted(name);
    let Some(limit) = limit else {
        if exact {
            report.required(
                &limits_path.key(name),
                "Limit must be set for non overcommitable resources",
            );
        }
        return;
    };
    let (Ok(wanted), Ok(allowed)) = (request.parse::<Quantity>(), limit.0.parse::<Quantity>())
    else {
        return;
    };
    if exact && wanted != allowed {
        report.invalid(
            requests_path,
            request,
            &format!("must be equal to {name} limit of {}", limit.0),
        );
    } else if wanted > allowed {
        report.invalid(
            requests_path,
            request,
            &format!("must be less than or equal to {name} limit of {}", limit.0),
        );
    }
}

fn is_standard(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

/// Huge pages and extended resources are handed out, not shared.
fn can_be_overcommitted(name: &str) -> bool {
    !name.starts_with("hugepages-") && (!name.contains('/') || name.contains("kubernetes.io/"))
}

fn resource(name: &str, quantity: &str, path: &Path, report: &mut Report) {
    report.invalid_each(path, name, names::qualified_name(name));
    if !name.contains('/') && !is_standard(name) {
        report.invalid(path, name, "must be a standard resource for containers");
    }
    non_negative(quantity, path, report);
}

pub fn non_negative(quantity: &str, path: &Path, report: &mut Report) {
    match quantity.parse::<Quantity>() {
        Ok(value) if value.is_negative() => {
            report.invalid(path, quantity, "must be greater than or equal to 0")
        }
        Ok(_) => {}
        Err(error) => report.invalid(path, quantity, &error.to_string()),
    }
}
