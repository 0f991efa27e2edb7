//! Volume mounts.
//!
//! Where the API server leaves the index of a mount out of a field's path (`volumeMounts.subPath`), it is in it here: the
//! line in the manifest is found by it.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::one_of;
use super::volumes::{Volumes, descending};
use crate::spec::guestpath;
use crate::spec::report::{Path, Report};

pub fn check(container: &v1::Container, volumes: &Volumes, path: &Path, report: &mut Report) {
    let privileged = container
        .security_context
        .as_ref()
        .is_some_and(|context| context.privileged == Some(true));
    let mut taken = HashSet::new();
    let list_path = path.field("volumeMounts");
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let path = list_path.index(index);
        named(mount, volumes, &path.field("name"), report);
        target(mount, &mut taken, &path.field("mountPath"), report);
        sub_paths(mount, &path, report);
        modes(mount, privileged, &path, report);
    }
}

fn named(mount: &v1::VolumeMount, volumes: &Volumes, path: &Path, report: &mut Report) {
    if mount.name.is_empty() {
        report.required(path, "");
    }
    if !volumes.contains_key(mount.name.as_str()) {
        report.not_found(path, &mount.name);
    }
}

fn target(mount: &v1::VolumeMount, taken: &mut HashSet<String>, path: &Path, report: &mut Report) {
    let target = mount.mount_path.as_str();
    if target.is_empty() {
        return report.required(path, "");
    }
    if target.contains(':') {
        report.invalid(path, target, "must not contain ':'");
    }
    // Two ways to write one place are one place.
    if !taken.insert(guestpath::clean(target)) {
        report.invalid(path, target, "must be unique");
    }
}

fn sub_paths(mount: &v1::VolumeMount, path: &Path, report: &mut Report) {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (plain, expr) = (given(&mount.sub_path), given(&mount.sub_path_expr));
    if plain.is_some() && expr.is_some() {
        report.invalid(
            &path.field("subPathExpr"),
            expr.as_deref().unwrap_or_default(),
            "subPathExpr and subPath are mutually exclusive",
        );
    }
    for (field, text) in [("subPath", plain), ("subPathExpr", expr)] {
        if let Some(text) = text {
            descending(&text, &path.field(field), report);
        }
    }
}

fn modes(mount: &v1::VolumeMount, privileged: bool, path: &Path, report: &mut Report) {
    let propagation_path = path.field("mountPropagation");
    let propagation = mount.mount_propagation.as_deref();
    one_of(
        propagation,
        &["Bidirectional", "HostToContainer", "None"],
        &propagation_path,
        report,
    );
    if propagation == Some("Bidirectional") && !privileged {
        report.forbidden(
            &propagation_path,
            "Bidirectional mount propagation is available only to privileged containers",
        );
    }
    let recursive = mount.recursive_read_only.as_deref();
    let path = path.field("recursiveReadOnly");
    one_of(
        recursive,
        &["Disabled", "Enabled", "IfPossible"],
        &path,
        report,
    );
    if matches!(recursive, Some("Enabled" | "IfPossible")) {
        if mount.read_only != Some(true) {
            report.forbidden(&path, "may only be specified when readOnly is true");
        }
        if propagation.is_some_and(|mode| mode != "None") {
            let detail = "may only be specified when mountPropagation is None or not specified";
            report.forbidden(&path, detail);
        }
    }
}
