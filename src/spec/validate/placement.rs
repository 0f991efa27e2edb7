//! Where a pod may run: the labels of nodes it asks for, the pods it wants beside it, the taints it bears.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::{label_selector, one_of};
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub fn check(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    let selector_path = path.field("nodeSelector");
    for (key, value) in spec.node_selector.iter().flatten() {
        report.invalid_each(&selector_path, key, names::qualified_name(key));
        report.invalid_each(&selector_path, value, names::label_value(value));
    }
    if let Some(affinity) = &spec.affinity {
        self::affinity(affinity, &path.field("affinity"), report);
    }
    let path = path.field("tolerations");
    for (index, one) in spec.tolerations.iter().flatten().enumerate() {
        toleration(one, &path.index(index), report);
    }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn affinity(affinity: &v1::Affinity, path: &Path, report: &mut Report) {
    if let Some(node) = &affinity.node_affinity {
        node_affinity(node, &path.field("nodeAffinity"), report);
    }
    if let Some(pods) = &affinity.pod_affinity {
        let path = path.field("podAffinity");
        let (required, preferred) = (
            &pods.required_during_scheduling_ignored_during_execution,
            &pods.preferred_during_scheduling_ignored_during_execution,
        );
        pod_terms(required.as_deref(), preferred.as_deref(), &path, report);
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        let path = path.field("podAntiAffinity");
        let (required, preferred) = (
            &pods.required_during_scheduling_ignored_during_execution,
            &pods.preferred_during_scheduling_ignored_during_execution,
        );
        pod_terms(required.as_deref(), preferred.as_deref(), &path, report);
    }
}

fn node_affinity(affinity: &v1::NodeAffinity, path: &Path, report: &mut Report) {
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        let path = path.field(REQUIRED);
        let path = path.field("nodeSelectorTerms");
        if required.node_selector_terms.is_empty() {
            report.required(&path, "must have at least one node selector term");
        }
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            node_term(term, true, &path.index(index), report);
        }
    }
    let preferred = &affinity.preferred_during_scheduling_ignored_during_execution;
    let path = path.field(PREFERRED);
    for (index, term) in preferred.iter().flatten().enumerate() {
        let path = path.index(index);
        weight(term.weight, &path, report);
        node_term(&term.preference, false, &path.field("preference"), report);
    }
}

fn weight(weight: i32, path: &Path, report: &mut Report) {
    if !(1..=100).contains(&weight) {
        report.invalid(&path.field("weight"), &weight, "must be in the range 1-100");
    }
}

/// Of a preference the API server does not check the values.
fn node_term(term: &v1::NodeSelectorTerm, values: bool, path: &Path, report: &mut Report) {
    let list_path = path.field("matchExpressions");
    for (index, one) in term.match_expressions.iter().flatten().enumerate() {
        node_requirement(one, values, &list_path.index(index), report);
    }
    let list_path = path.field("matchFields");
    for (index, one) in term.match_fields.iter().flatten().enumerate() {
        field_requirement(one, &list_path.index(index), report);
    }
}

fn node_requirement(
    one: &v1::NodeSelectorRequirement,
    check_values: bool,
    path: &Path,
    report: &mut Report,
) {
    let values = one.values.as_deref().unwrap_or_default();
    let values_path = path.field("values");
    match one.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => report.required(
            &values_path,
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        "Exists" | "DoesNotExist" if !values.is_empty() => report.forbidden(
            &values_path,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        "Gt" | "Lt" if values.len() != 1 => report.required(
            &values_path,
            "must be specified single value when `operator` is 'Lt' or 'Gt'",
        ),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => report.invalid(
            &path.field("operator"),
            other,
            "not a valid selector operator",
        ),
    }
    report.invalid_each(
        &path.field("key"),
        &one.key,
        names::qualified_name(&one.key),
    );
    if check_values {
        for (index, value) in values.iter().enumerate() {
            report.invalid_each(&values_path.index(index), value, names::label_value(value));
        }
    }
}

fn field_requirement(one: &v1::NodeSelectorRequirement, path: &Path, report: &mut Report) {
    let values = one.values.as_deref().unwrap_or_default();
    let values_path = path.field("values");
    match one.operator.as_str() {
        "In" | "NotIn" if values.len() != 1 => report.required(
            &values_path,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ),
        "In" | "NotIn" => {}
        other => report.invalid(
            &path.field("operator"),
            other,
            "not a valid selector operator",
        ),
    }
    if one.key != "metadata.name" {
        let detail = "not a valid field selector key";
        return report.invalid(&path.field("key"), &one.key, detail);
    }
    for (index, value) in values.iter().enumerate() {
        report.invalid_each(
            &values_path.index(index),
            value,
            names::dns_subdomain(value),
        );
    }
}

fn pod_terms(
    required: Option<&[v1::PodAffinityTerm]>,
    preferred: Option<&[v1::WeightedPodAffinityTerm]>,
    path: &Path,
    report: &mut Report,
) {
    let list_path = path.field(REQUIRED);
    for (index, term) in required.unwrap_or_default().iter().enumerate() {
        pod_term(term, &list_path.index(index), report);
    }
    let list_path = path.field(PREFERRED);
    for (index, term) in preferred.unwrap_or_default().iter().enumerate() {
        let path = list_path.index(index);
        weight(term.weight, &path, report);
        pod_term(
            &term.pod_affinity_term,
            &path.field("podAffinityTerm"),
            report,
        );
    }
}

fn pod_term(term: &v1::PodAffinityTerm, path: &Path, report: &mut Report) {
    for (field, selector) in [
        ("labelSelector", &term.label_selector),
        ("namespaceSelector", &term.namespace_selector),
    ] {
        if let Some(selector) = selector {
            label_selector::check(selector, &path.field(field), report);
        }
    }
    label_keys(term, path, report);
    for name in term.namespaces.iter().flatten() {
        report.invalid_each(&path.field("namespace"), name, names::dns_label(name));
    }
    let key = &term.topology_key;
    let path = path.field("topologyKey");
    if key.is_empty() {
        report.required(&path, "can not be empty");
    }
    report.invalid_each(&path, key, names::qualified_name(key));
}

/// `validateMatchLabelKeysAndMismatchLabelKeys`. A key that is in the selector as well is none: creation put it there.
fn label_keys(term: &v1::PodAffinityTerm, path: &Path, report: &mut Report) {
    let matching = term.match_label_keys.as_deref().unwrap_or_default();
    let other = term.mismatch_label_keys.as_deref().unwrap_or_default();
    for (field, keys) in [("matchLabelKeys", matching), ("mismatchLabelKeys", other)] {
        let path = path.field(field);
        if !keys.is_empty() && term.label_selector.is_none() {
            report.forbidden(&path, "must not be specified when labelSelector is not set");
            continue;
        }
        for (index, key) in keys.iter().enumerate() {
            report.invalid_each(&path.index(index), key, names::qualified_name(key));
        }
    }
    let other: HashSet<&String> = other.iter().collect();
    let path = path.field("matchLabelKeys");
    for (index, key) in matching
        .iter()
        .enumerate()
        .filter(|(_, key)| other.contains(key))
    {
        let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
        report.invalid(&path.index(index), key, detail);
    }
}

fn toleration(one: &v1::Toleration, path: &Path, report: &mut Report) {
    let key = one.key.as_deref().unwrap_or_default();
    let operator = one.operator.as_deref().unwrap_or_default();
    let effect = one.effect.as_deref().unwrap_or_default();
    let value = one.value.as_deref().unwrap_or_default();
    let (operator_path, effect_path) = (path.field("operator"), path.field("effect"));
    if key.is_empty() {
        if operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            report.invalid(&operator_path, operator, detail);
        }
    } else {
        report.invalid_each(&path.field("key"), key, names::qualified_name(key));
    }
    if one.toleration_seconds.is_some() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        report.invalid(&effect_path, effect, detail);
    }
    match operator {
        "" | "Equal" => {
            let wrong = names::label_value(value);
            if !wrong.is_empty() {
                report.invalid(&operator_path, value, &wrong.join(";"));
            }
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            report.invalid(&operator_path, value, detail);
        }
        "Exists" => {}
        other => report.not_supported(&operator_path, other, &["Equal", "Exists"]),
    }
    if !effect.is_empty() {
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        one_of(Some(effect), &effects, &effect_path, report);
    }
}
