//! Label selectors (`apimachinery/pkg/apis/meta/v1/validation/validation.go`, `ValidateLabelSelector`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::filled;
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub fn check(selector: &LabelSelector, path: &Path, report: &mut Report) {
    let labels = path.field("matchLabels");
    for (key, value) in selector.match_labels.iter().flatten() {
        report.invalid_each(&labels, key, names::qualified_name(key));
        report.invalid_each(&labels, value, names::label_value(value));
    }
    let expressions = selector.match_expressions.iter().flatten().enumerate();
    for (index, expression) in expressions {
        let path = path.field("matchExpressions");
        requirement(expression, &path.index(index), report);
    }
}

fn requirement(wanted: &LabelSelectorRequirement, path: &Path, report: &mut Report) {
    let (values, given) = (path.field("values"), filled(&wanted.values));
    match wanted.operator.as_str() {
        "In" | "NotIn" if !given => report.required(
            &values,
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        "Exists" | "DoesNotExist" if given => report.forbidden(
            &values,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => report.invalid(
            &path.field("operator"),
            other,
            "not a valid selector operator",
        ),
    }
    report.invalid_each(
        &path.field("key"),
        &wanted.key,
        names::qualified_name(&wanted.key),
    );
    for (index, value) in wanted.values.iter().flatten().enumerate() {
        report.invalid_each(&values.index(index), value, names::label_value(value));
    }
}
