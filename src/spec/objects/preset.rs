//! PodPreset (`pkg/apis/settings/validation/validation.go` of 1.19): what it adds is judged as the pod would be that has
//! nothing else.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Refusal, filled};
use crate::spec::preset::{PodPreset, PodPresetSpec};
use crate::spec::report::{Path, Report};
use crate::spec::validate::{self, label_selector};
use crate::spec::{default, unsupported as of_pod};

pub fn defaults(preset: &mut PodPreset) {
    let spec = preset.spec.get_or_insert_default();
    let mut pod = as_pod(spec);
    default::defaults(&mut pod);
    let Some(mut filled_in) = pod.spec else {
        return;
    };
    if let Some(container) = filled_in.containers.pop() {
        spec.env = container.env;
        spec.env_from = container.env_from;
        spec.volume_mounts = container.volume_mounts;
    }
    spec.volumes = filled_in.volumes;
}

/// Makes the relative paths of its volumes absolute: pods that it is merged into were written somewhere else.
pub fn anchor(preset: &mut PodPreset, base: &std::path::Path) {
    if let Some(spec) = &mut preset.spec {
        let mut pod = as_pod(spec);
        crate::spec::anchor(&mut pod, base);
        spec.volumes = pod.spec.and_then(|spec| spec.volumes);
    }
}

pub fn check(preset: &PodPreset, report: &mut Report) {
    let none = PodPresetSpec::default();
    let spec = preset.spec.as_ref().unwrap_or(&none);
    let path = Path::ROOT.field("spec");
    if let Some(wanted) = &spec.selector {
        label_selector::check(wanted, &path.field("selector"), report);
    }
    let says_nothing = !filled(&spec.volumes)
        && !filled(&spec.env)
        && !filled(&spec.env_from)
        && !filled(&spec.volume_mounts);
    if says_nothing {
        report.required(
            &path.field("volumes.env.envFrom.volumeMounts"),
            "must specify at least one",
        );
    }
    about(spec, report, validate::pod);
}

pub fn unsupported(preset: &PodPreset, refusal: &mut Refusal) {
    let severity = refusal.severity;
    if let Some(spec) = &preset.spec {
        about(spec, refusal.report, |pod, report| {
            of_pod::pod(pod, severity, report);
        });
    }
}

/// Passes on what is said about the pod, as said about the preset.
fn about(spec: &PodPresetSpec, report: &mut Report, check: impl FnOnce(&v1::Pod, &mut Report)) {
    const CONTAINER: &str = "spec.containers[0].";
    let mut pod = as_pod(spec);
    default::defaults(&mut pod);
    let mut said = Report::default();
    check(&pod, &mut said);
    report
        .found
        .extend(said.found.into_iter().map(|mut complaint| {
            if let Some(rest) = complaint.path.strip_prefix(CONTAINER) {
                complaint.path = format!("spec.{rest}");
            }
            complaint
        }));
}

fn as_pod(spec: &PodPresetSpec) -> v1::Pod {
    let container = v1::Container {
        name: "any".to_owned(),
        image: Some("any".to_owned()),
        env: spec.env.clone(),
        env_from: spec.env_from.clone(),
        volume_mounts: spec.volume_mounts.clone(),
        ..v1::Container::default()
    };
    v1::Pod {
        metadata: ObjectMeta {
            name: Some("any".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(v1::PodSpec {
            containers: vec![container],
            volumes: spec.volumes.clone(),
            ..v1::PodSpec::default()
        }),
        status: None,
    }
}
