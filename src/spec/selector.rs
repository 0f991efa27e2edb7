//! Who is meant by selectors: of labels (`apimachinery/pkg/apis/meta/v1/helpers.go` `LabelSelectorAsSelector`), of nodes
//! (`component-helpers/scheduling/corev1/nodeaffinity`), and what a toleration tolerates
//! (`component-helpers/scheduling/corev1/helpers.go`).
//!
//! Selectors are those of validated objects; one with an operator that does not exist selects nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

pub type Labels = BTreeMap<String, String>;

/// The labels of an object that may have none.
pub fn labels(labels: &Option<Labels>) -> &Labels {
    static NONE: Labels = Labels::new();
    labels.as_ref().unwrap_or(&NONE)
}

/// No selector selects nothing; an empty one selects everything.
pub fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = selector else {
        return false;
    };
    let equal = selector.match_labels.iter().flatten();
    let wanted = selector.match_expressions.iter().flatten();
    equal
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && wanted.into_iter().all(|one| {
            let values = one.values.as_deref().unwrap_or_default();
            holds(&one.operator, labels.get(&one.key), values)
        })
}

/// One requirement against the value that there is, if there is one.
fn holds(operator: &str, value: Option<&String>, values: &[String]) -> bool {
    match operator {
        "In" => value.is_some_and(|value| values.contains(value)),
        // What is not there has no forbidden value either.
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compares(value, values, |value, bound| value > bound),
        "Lt" => compares(value, values, |value, bound| value < bound),
        _ => false,
    }
}

/// Both must be whole numbers (`apimachinery/pkg/labels/selector.go`).
fn compares(value: Option<&String>, values: &[String], rule: fn(i64, i64) -> bool) -> bool {
    let number = |text: &String| text.parse::<i64>().ok();
    let [bound] = values else {
        return false;
    };
    match (value.and_then(number), number(bound)) {
        (Some(value), Some(bound)) => rule(value, bound),
        _ => false,
    }
}

/// Whether one of the terms selects the node. A term without a requirement selects none.
pub fn selects_node(selector: &v1::NodeSelector, node: &v1::Node) -> bool {
    let mut terms = selector.node_selector_terms.iter();
    terms.any(|term| term_selects(term, node))
}

fn term_selects(term: &v1::NodeSelectorTerm, node: &v1::Node) -> bool {
    let labels = labels(&node.metadata.labels);
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let met = |one: &v1::NodeSelectorRequirement, value: Option<&String>| {
        holds(
            &one.operator,
            value,
            one.values.as_deref().unwrap_or_default(),
        )
    };
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|one| met(one, labels.get(&one.key)))
        && fields
            .iter()
            // No other field of a node can be asked for.
            .all(|one| one.key == "metadata.name" && met(one, node.metadata.name.as_ref()))
}

/// Whether the toleration is for this taint.
pub fn tolerates(toleration: &v1::Toleration, taint: &v1::Taint) -> bool {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if given(&toleration.effect).is_some_and(|effect| effect != taint.effect)
        || given(&toleration.key).is_some_and(|key| key != taint.key)
    {
        return false;
    }
    let wanted = toleration.value.as_deref().unwrap_or_default();
    let value = taint.value.as_deref().unwrap_or_default();
    match toleration.operator.as_deref() {
        None | Some("" | "Equal") => wanted == value,
        Some("Exists") => true,
        Some("Gt") => is_beyond(value, wanted, |value, bound| value > bound),
        Some("Lt") => is_beyond(value, wanted, |value, bound| value < bound),
        Some(_) => false,
    }
}

/// The taint's value against the toleration's (KEP-5471): both must be whole numbers.
fn is_beyond(value: &str, bound: &str, rule: fn(i64, i64) -> bool) -> bool {
    match (value.parse(), bound.parse()) {
        (Ok(value), Ok(bound)) => rule(value, bound),
        _ => false,
    }
}

#[cfg(test)]
#[path = "selector/tests.rs"]
mod tests;
