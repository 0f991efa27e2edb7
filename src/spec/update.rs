//! Whether a pod that exists may become another one (`pkg/apis/core/validation/validation.go`, `ValidatePodUpdate`,
//! `ValidatePodEphemeralContainersUpdate`).
//!
//! The new object is validated by whoever admits it ([`super::admit_object`]); here the two are only compared.

use k8s_openapi::api::core::v1;
use serde_json::Value;

use super::complaint::Complaints;
use super::quantity::Quantity;
use super::report::{Path, Report};
use super::{default, names};

const ALLOWED: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Complains about every change that Kubernetes forbids: all but labels, annotations, images, a deadline that comes
/// earlier, more tolerations, fewer scheduling gates, and what a gated pod selects.
pub fn check(old: &v1::Pod, new: &v1::Pod) -> Result<(), Complaints> {
    let (old, new) = (defaulted(old), defaulted(new));
    let mut report = Report::default();
    metadata(&old, &new, &mut report);
    spec(&old, &new, &mut report);
    finish(&new, report)
}

/// The same for adding ephemeral containers, which is a wish of its own: nothing else may change with it.
pub fn check_ephemeral(old: &v1::Pod, new: &v1::Pod) -> Result<(), Complaints> {
    let (mut old, mut new) = (defaulted(old), defaulted(new));
    let mut report = Report::default();
    metadata(&old, &new, &mut report);
    only_added(
        &take_ephemeral(&mut old),
        &take_ephemeral(&mut new),
        &mut report,
    );
    let changes = differences(&old.spec, &new.spec);
    if !changes.is_empty() {
        let detail = format!(
            "only ephemeral containers may be added\n{}",
            changes.join("\n")
        );
        report.forbidden(&Path::ROOT.field("spec"), &detail);
    }
    finish(&new, report)
}

/// For a pod that runs and may hear of several changes at once: what either of the other two allows.
pub fn check_running(old: &v1::Pod, new: &v1::Pod) -> Result<(), Complaints> {
    let (mut old, mut new) = (defaulted(old), defaulted(new));
    let mut report = Report::default();
    metadata(&old, &new, &mut report);
    only_added(
        &take_ephemeral(&mut old),
        &take_ephemeral(&mut new),
        &mut report,
    );
    spec(&old, &new, &mut report);
    finish(&new, report)
}

/// A new pod has no ephemeral containers yet (`ValidatePodCreate`).
pub fn check_new(new: &v1::Pod) -> Result<(), Complaints> {
    let mut report = Report::default();
    if new
        .spec
        .as_ref()
        .is_some_and(|spec| count(&spec.ephemeral_containers) > 0)
    {
        let path = Path::ROOT.field("spec");
        report.forbidden(
            &path.field("ephemeralContainers"),
            "cannot be set on create",
        );
    }
    finish(new, report)
}

fn only_added(old: &[v1::EphemeralContainer], new: &[v1::EphemeralContainer], report: &mut Report) {
    let path = Path::ROOT.field("spec");
    let path = path.field("ephemeralContainers");
    for one in old {
        let refused = |what: &str| {
            format!(
                "existing ephemeral containers {:?} may not be {what}\n",
                one.name
            )
        };
        match new.iter().find(|other| other.name == one.name) {
            None => report.forbidden(&path, &refused("removed")),
            Some(other) => {
                let changes = differences(one, other);
                if !changes.is_empty() {
                    let detail = refused("changed") + &changes.join("\n");
                    report.forbidden(&path, &detail);
                }
            }
        }
    }
}

fn take_ephemeral(pod: &mut v1::Pod) -> Vec<v1::EphemeralContainer> {
    let spec = pod.spec.as_mut();
    spec.and_then(|spec| spec.ephemeral_containers.take())
        .unwrap_or_default()
}

fn defaulted(pod: &v1::Pod) -> v1::Pod {
    let mut pod = pod.clone();
    default::defaults(&mut pod);
    pod
}

fn finish(new: &v1::Pod, report: Report) -> Result<(), Complaints> {
    if report.found.is_empty() {
        Ok(())
    } else {
        Err(super::complaints_about(new, report))
    }
}

/// `ValidateObjectMetaUpdate`. What a client leaves out it does not want to change.
fn metadata(old: &v1::Pod, new: &v1::Pod, report: &mut Report) {
    let path = Path::ROOT.field("metadata");
    let (old, new) = (&old.metadata, &new.metadata);
    let texts = [
        ("name", &old.name, &new.name),
        ("namespace", &old.namespace, &new.namespace),
        ("uid", &old.uid, &new.uid),
    ];
    for (field, old, new) in texts {
        if let Some(new) = new.as_deref().filter(|new| old.as_deref() != Some(*new)) {
            report.invalid(&path.field(field), new, "field is immutable");
        }
    }
    if let Some(new) = &new.creation_timestamp
        && old.creation_timestamp.as_ref() != Some(new)
    {
        report.invalid(
            &path.field("creationTimestamp"),
            &new.0.to_string(),
            "field is immutable",
        );
    }
}

fn spec(old: &v1::Pod, new: &v1::Pod, report: &mut Report) {
    // Defaulting leaves no object without one.
    let (Some(old), Some(new)) = (&old.spec, &new.spec) else {
        return;
    };
    let path = Path::ROOT.field("spec");
    let lists = [
        ("containers", old.containers.len(), new.containers.len()),
        (
            "initContainers",
            count(&old.init_containers),
            count(&new.init_containers),
        ),
    ];
    for (field, old, new) in lists {
        if old != new {
            report.forbidden(
                &path.field(field),
                "pod updates may not add or remove containers",
            );
        }
    }
    if !report.found.is_empty() {
        return;
    }
    deadline(old, new, &path, report);
    let added = tolerations(old, new, &path, report);
    let mut munged = new.clone();
    images_of(old, &mut munged);
    munged.active_deadline_seconds = old.active_deadline_seconds;
    if added {
        munged.tolerations.clone_from(&old.tolerations);
    }
    gates(old, new, &path, report);
    munged.scheduling_gates.clone_from(&old.scheduling_gates);
    if is_gated(old) && selects_more(old, new) {
        munged.node_selector.clone_from(&old.node_selector);
    }
    let changes = differences(old, &munged);
    if !changes.is_empty() {
        let detail = format!(
            "pod updates may not change fields other than {ALLOWED}\n{}",
            changes.join("\n")
        );
        report.forbidden(&path, &detail);
    }
}

fn count<T>(list: &Option<Vec<T>>) -> usize {
    list.as_ref().map_or(0, Vec::len)
}

fn deadline(old: &v1::PodSpec, new: &v1::PodSpec, path: &Path, report: &mut Report) {
    let path = path.field("activeDeadlineSeconds");
    match (old.active_deadline_seconds, new.active_deadline_seconds) {
        (_, Some(new)) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            report.invalid(&path, &new, &names::between(0, i32::MAX.into()));
        }
        (Some(old), Some(new)) if old < new => {
            report.invalid(&path, &new, "must be less than or equal to previous value")
        }
        (Some(_), None) => report.push(
            &path,
            super::ComplaintKind::Invalid,
            super::Severity::Error,
            "Invalid value: null: must not update from a positive integer to nil value".to_owned(),
        ),
        _ => {}
    }
}

/// Whether all tolerations there were are still there; more are welcome.
fn tolerations(old: &v1::PodSpec, new: &v1::PodSpec, path: &Path, report: &mut Report) -> bool {
    let list = |spec: &v1::PodSpec| spec.tolerations.clone().unwrap_or_default();
    let (old, new) = (list(old), list(new));
    let kept = old.iter().all(|one| new.contains(one));
    if !kept {
        report.forbidden(
            &path.field("tolerations"),
            "existing toleration can not be modified except its tolerationSeconds",
        );
    }
    kept
}

/// Gates are only ever taken away.
fn gates(old: &v1::PodSpec, new: &v1::PodSpec, path: &Path, report: &mut Report) {
    let path = path.field("schedulingGates");
    let known = old.scheduling_gates.as_deref().unwrap_or_default();
    let gates = new.scheduling_gates.iter().flatten().enumerate();
    for (index, gate) in gates.filter(|(_, gate)| !known.contains(gate)) {
        let detail = format!(
            "only deletion is allowed, but found new scheduling gate '{}'",
            gate.name
        );
        report.forbidden(&path.index(index), &detail);
    }
}

fn is_gated(spec: &v1::PodSpec) -> bool {
    count(&spec.scheduling_gates) > 0
}

/// As long as nobody has looked for a place, the pod may become more choosy.
fn selects_more(old: &v1::PodSpec, new: &v1::PodSpec) -> bool {
    let new = new.node_selector.as_ref();
    let mut all = old.node_selector.iter().flatten();
    all.all(|(key, value)| new.and_then(|new| new.get(key)) == Some(value))
}

fn images_of(old: &v1::PodSpec, new: &mut v1::PodSpec) {
    let of = old.init_containers.iter().flatten().chain(&old.containers);
    let to = new.init_containers.iter_mut().flatten();
    for (old, new) in of.zip(to.chain(&mut new.containers)) {
        new.image.clone_from(&old.image);
    }
}

/// One line for each field that differs: `spec.containers[0].args: ["a"] -> ["b"]`.
pub(super) fn differences<T: serde::Serialize>(old: &T, new: &T) -> Vec<String> {
    // Both are plain structs of the API.
    let value = |object: &T| serde_json::to_value(object).unwrap_or_default();
    let mut lines = Vec::new();
    compare(&Path::ROOT, &value(old), &value(new), &mut lines);
    lines
}

fn compare(path: &Path, old: &Value, new: &Value, lines: &mut Vec<String>) {
    static NULL: Value = Value::Null;
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                let (old, new) = (a.get(key).unwrap_or(&NULL), b.get(key).unwrap_or(&NULL));
                if !(matches!(key.as_str(), "limits" | "requests") && are_same_amounts(old, new)) {
                    compare(&path.field(key), old, new, lines);
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (old, new)) in a.iter().zip(b).enumerate() {
                compare(&path.index(index), old, new, lines);
            }
        }
        _ if is_same(old, new) => {}
        _ => lines.push(format!("{path}: {old} -> {new}")),
    }
}

/// Nothing, an empty list and an empty text are one to Kubernetes (`equality.Semantic`).
fn is_same(old: &Value, new: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    old == new || (empty(old) && empty(new))
}

/// 1 and 1000m are the same amount.
fn are_same_amounts(old: &Value, new: &Value) -> bool {
    let amounts = |list: &Value| -> Option<Vec<(String, Quantity)>> {
        let amount =
            |(name, text): (&String, &Value)| Some((name.clone(), text.as_str()?.parse().ok()?));
        list.as_object()?.iter().map(amount).collect()
    };
    amounts(old).is_some_and(|old| amounts(new) == Some(old))
}

#[cfg(test)]
mod tests;
