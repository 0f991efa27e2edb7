//! Node (`ValidateNode`, `validateNodeTaints`).

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::{Refusal, filled, written};
use crate::spec::names;
use crate::spec::report::{Path, Report};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub fn check(node: &v1::Node, report: &mut Report) {
    let taints = node.spec.iter().flat_map(|spec| &spec.taints).flatten();
    let path = Path::ROOT.field("spec");
    let path = path.field("taints");
    let mut known = HashSet::new();
    for (index, taint) in taints.enumerate() {
        let path = path.index(index);
        report.invalid_each(
            &path.field("key"),
            &taint.key,
            names::qualified_name(&taint.key),
        );
        let value = taint.value.as_deref().unwrap_or_default();
        report.invalid_each(&path.field("value"), value, names::label_value(value));
        effect(&taint.effect, &path.field("effect"), report);
        if !known.insert((&taint.key, &taint.effect)) {
            report.duplicate(&path, &taint.key);
        }
    }
}

fn effect(effect: &str, path: &Path, report: &mut Report) {
    if effect.is_empty() {
        report.required(path, "");
    } else if !EFFECTS.contains(&effect) {
        report.not_supported(path, effect, &EFFECTS);
    }
}

/// This machine's network is its own business.
pub fn unsupported(node: &v1::Node, refusal: &mut Refusal) {
    let Some(spec) = &node.spec else { return };
    let path = Path::ROOT.field("spec");
    refusal.field(spec.config_source.is_some(), &path.field("configSource"));
    refusal.field(written(&spec.pod_cidr), &path.field("podCIDR"));
    refusal.field(filled(&spec.pod_cidrs), &path.field("podCIDRs"));
}
