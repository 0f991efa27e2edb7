//! Pods that want to be near others, or away from them (`pkg/scheduler/framework/plugins/interpodaffinity/filtering.go`).
//!
//! With one node every topology has one domain, if the node has the topology's label, and none otherwise.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::{Neighbours, Obstacle, neighbour, node};
use crate::spec::selector::{labels, selects};

pub(super) fn satisfied(pod: &v1::Pod, on: &v1::Node, already: Neighbours) -> Result<(), Obstacle> {
    let has_topology =
        |term: &v1::PodAffinityTerm| labels(&on.metadata.labels).contains_key(&term.topology_key);
    let wanted: Vec<Term> = terms(pod).iter().map(|term| Term::of(pod, term)).collect();
    let is_wanted = |other: &v1::Pod| wanted.iter().all(|term| term.is_for(other, already));
    // The first of a group that wants to be together is let in alone.
    let nearby = wanted.is_empty() || already.pods.iter().any(is_wanted) || is_wanted(pod);
    if !(nearby && terms(pod).iter().all(has_topology)) {
        return Err(node(
            "InterPodAffinity",
            "node(s) didn't match pod affinity rules",
        ));
    }
    let repels = |one: &v1::Pod, other: &v1::Pod| {
        let mut terms = anti_terms(one).iter().filter(|term| has_topology(term));
        terms.any(|term| Term::of(one, term).is_for(other, already))
    };
    if already.pods.iter().any(|other| repels(pod, other)) {
        return Err(neighbour(
            "InterPodAffinity",
            "node(s) didn't match pod anti-affinity rules",
        ));
    }
    if already.pods.iter().any(|other| repels(other, pod)) {
        return Err(neighbour(
            "InterPodAffinity",
            "node(s) didn't satisfy existing pods anti-affinity rules",
        ));
    }
    Ok(())
}

pub(super) fn has_terms(pod: &v1::Pod) -> bool {
    !terms(pod).is_empty() || !anti_terms(pod).is_empty()
}

fn terms(pod: &v1::Pod) -> &[v1::PodAffinityTerm] {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let affinity = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
    let required = affinity.and_then(|one| {
        one.required_during_scheduling_ignored_during_execution
            .as_deref()
    });
    required.unwrap_or_default()
}

pub(super) fn anti_terms(pod: &v1::Pod) -> &[v1::PodAffinityTerm] {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let affinity = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let required = affinity.and_then(|one| {
        one.required_during_scheduling_ignored_during_execution
            .as_deref()
    });
    required.unwrap_or_default()
}

/// A term of a pod's affinity, with what it leaves to the pod.
struct Term<'a> {
    selector: Option<LabelSelector>,
    namespaces: Vec<&'a str>,
    namespace_selector: Option<&'a LabelSelector>,
}

impl<'a> Term<'a> {
    fn of(pod: &'a v1::Pod, term: &'a v1::PodAffinityTerm) -> Term<'a> {
        let namespaces = term.namespaces.as_deref().unwrap_or_default();
        let namespaces = if namespaces.is_empty() && term.namespace_selector.is_none() {
            vec![namespace(pod)]
        } else {
            namespaces.iter().map(String::as_str).collect()
        };
        Term {
            selector: with_own_labels(pod, term),
            namespaces,
            namespace_selector: term.namespace_selector.as_ref(),
        }
    }

    fn is_for(&self, other: &v1::Pod, already: Neighbours) -> bool {
        let name = namespace(other);
        let of_namespace = already.namespaces.and_then(|all| all.get(name));
        let selected = || {
            let nothing = labels(&None);
            selects(self.namespace_selector, of_namespace.unwrap_or(nothing))
        };
        (self.namespaces.contains(&name) || selected())
            && selects(self.selector.as_ref(), labels(&other.metadata.labels))
    }
}

/// `matchLabelKeys` stand for the pod's own values, `mismatchLabelKeys` for all others; keys that the pod does not have are
/// left out (`pkg/registry/core/pod/strategy.go` `applyMatchLabelKeysAndMismatchLabelKeys`).
fn with_own_labels(pod: &v1::Pod, term: &v1::PodAffinityTerm) -> Option<LabelSelector> {
    let mut selector = term.label_selector.clone()?;
    let own = labels(&pod.metadata.labels);
    let keys = [
        ("In", &term.match_label_keys),
        ("NotIn", &term.mismatch_label_keys),
    ];
    for (operator, keys) in keys {
        for key in keys.iter().flatten() {
            if let Some(value) = own.get(key) {
                let expressions = selector.match_expressions.get_or_insert_default();
                expressions.push(LabelSelectorRequirement {
                    key: key.clone(),
                    operator: operator.to_owned(),
                    values: Some(vec![value.clone()]),
                });
            }
        }
    }
    Some(selector)
}

fn namespace(pod: &v1::Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}
