//! `PodPreset`: what is added to the pods that a selector names (`plugin/pkg/admission/podpreset/admission.go` of 1.19, the
//! last release that had it).
//!
//! All presets that match are merged, or none. What the pod and the presets say alike is no conflict. The original forgets to
//! look for conflicts of `envFrom` and then drops the pod's own sources; here that is a conflict as any other.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use serde::Serialize;
use serde_json::Value;

use super::Note;
use super::origin::Origins;
use crate::spec::preset::PodPreset;
use crate::spec::selector::{labels, selects};
use crate::spec::{default, ephemeral};

/// Says at a pod that no preset may change it (`pkg/apis/core/annotation_key_constants.go`).
pub const EXCLUDE: &str = "podpreset.admission.kubernetes.io/exclude";
/// Before the name of each preset that was merged; the value is its version.
pub const MERGED: &str = "podpreset.admission.kubernetes.io/podpreset-";
/// At what stands for a pod that was not made through the API.
pub const MIRROR: &str = "kubernetes.io/config.mirror";

/// Merges the presets that select the pod into it. A conflict leaves it as it is, with a note that says which.
pub(super) fn merge(
    pod: &mut v1::Pod,
    presets: &[PodPreset],
    origins: &mut Origins,
) -> Option<Note> {
    if is_mirror(pod) || annotation(pod, EXCLUDE) == Some("true") {
        return None;
    }
    let selector = |preset: &PodPreset| preset.spec.as_ref()?.selector.clone();
    let matching: Vec<Additions> = presets
        .iter()
        .filter(|preset| selects(selector(preset).as_ref(), labels(&pod.metadata.labels)))
        .map(Additions::of)
        .collect();
    if matching.is_empty() {
        return None;
    }
    let mut merged = pod.clone();
    let mut conflicts = Vec::new();
    into_pod(&mut merged, &matching, origins, &mut conflicts);
    if !conflicts.is_empty() {
        origins.forget_presets();
        return Some(Note {
            reason: "PodPresetConflict",
            message: aggregate(&conflicts),
        });
    }
    let annotations = merged.metadata.annotations.get_or_insert_default();
    for preset in &matching {
        annotations.insert(format!("{MERGED}{}", preset.name), preset.version.clone());
    }
    *pod = merged;
    None
}

/// Whether it stands for a pod that was not made through the API.
pub fn is_mirror(pod: &v1::Pod) -> bool {
    annotation(pod, MIRROR).is_some()
}

fn annotation<'p>(pod: &'p v1::Pod, key: &str) -> Option<&'p str> {
    let annotations = pod.metadata.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}

/// One error as it is, several in brackets (`apimachinery/pkg/util/errors` `NewAggregate`): each is told once.
pub(super) fn aggregate(errors: &[String]) -> String {
    let mut once: Vec<&str> = Vec::new();
    for error in errors {
        if !once.contains(&error.as_str()) {
            once.push(error);
        }
    }
    match once[..] {
        [one] => one.to_owned(),
        _ => format!("[{}]", once.join(", ")),
    }
}

/// What a preset adds, with the defaults that such things get in a pod: the pod's own have theirs.
struct Additions {
    name: String,
    version: String,
    env: Vec<v1::EnvVar>,
    env_from: Vec<v1::EnvFromSource>,
    volumes: Vec<v1::Volume>,
    mounts: Vec<v1::VolumeMount>,
}

impl Additions {
    fn of(preset: &PodPreset) -> Additions {
        let spec = preset.spec.clone().unwrap_or_default();
        let mut pod = v1::Pod {
            spec: Some(v1::PodSpec {
                containers: vec![v1::Container {
                    env: spec.env,
                    env_from: spec.env_from,
                    volume_mounts: spec.volume_mounts,
                    ..Default::default()
                }],
                volumes: spec.volumes,
                ..Default::default()
            }),
            ..Default::default()
        };
        default::defaults(&mut pod);
        let mut spec = pod.spec.unwrap_or_default();
        let container = spec.containers.pop().unwrap_or_default();
        Additions {
            name: preset.metadata.name.clone().unwrap_or_default(),
            version: preset.metadata.resource_version.clone().unwrap_or_default(),
            env: container.env.unwrap_or_default(),
            env_from: container.env_from.unwrap_or_default(),
            volumes: spec.volumes.unwrap_or_default(),
            mounts: container.volume_mounts.unwrap_or_default(),
        }
    }
}

fn into_pod(
    pod: &mut v1::Pod,
    presets: &[Additions],
    origins: &mut Origins,
    conflicts: &mut Vec<String>,
) {
    let spec = pod.spec.get_or_insert_default();
    volumes(&mut spec.volumes, presets, origins, conflicts);
    for (index, container) in spec.init_containers.iter_mut().flatten().enumerate() {
        let place = format!("spec.initContainers[{index}]");
        into_container(container, presets, &place, origins, conflicts);
    }
    for (index, container) in spec.containers.iter_mut().enumerate() {
        let place = format!("spec.containers[{index}]");
        into_container(container, presets, &place, origins, conflicts);
    }
    for one in spec.ephemeral_containers.iter_mut().flatten() {
        // Looked through for conflicts as the others, but left as they are.
        let mut container = ephemeral::as_container(one);
        into_container(
            &mut container,
            presets,
            "",
            &mut Origins::default(),
            conflicts,
        );
    }
}

fn into_container(
    container: &mut v1::Container,
    presets: &[Additions],
    place: &str,
    origins: &mut Origins,
    conflicts: &mut Vec<String>,
) {
    let mut list = List::of(&mut container.env, format!("{place}.env"), origins);
    let mut known = list.keyed(|variable| variable.name.clone());
    for (preset, variable) in each(presets, |preset| &preset.env) {
        match known.get(&variable.name) {
            None => {
                known.insert(variable.name.clone(), variable.clone());
                list.add(preset, variable);
            }
            Some(found) => conflicts.extend(differ(variable, found).map(|how| {
                format!(
                    "merging env for {preset} has a conflict on {}: {how} in container",
                    variable.name
                )
            })),
        }
    }
    mounts(container, presets, place, origins, conflicts);
    let mut list = List::of(&mut container.env_from, format!("{place}.envFrom"), origins);
    let own = list.keyed(source_key);
    for (preset, source) in each(presets, |preset| &preset.env_from) {
        match own.get(&source_key(source)) {
            None => list.add(preset, source),
            Some(found) => conflicts.extend(differ(source, found).map(|how| {
                format!("merging envFrom for {preset} has a conflict: {how} in container")
            })),
        }
    }
}

/// A volume is mounted once in a container, and a path holds one volume.
fn mounts(
    container: &mut v1::Container,
    presets: &[Additions],
    place: &str,
    origins: &mut Origins,
    conflicts: &mut Vec<String>,
) {
    let mut list = List::of(
        &mut container.volume_mounts,
        format!("{place}.volumeMounts"),
        origins,
    );
    let mut by_name = list.keyed(|mount| mount.name.clone());
    let mut by_path = list.keyed(|mount| mount.mount_path.clone());
    for (preset, mount) in each(presets, |preset| &preset.mounts) {
        let says = |what: &str, how: String| {
            format!(
                "merging volume mounts for {preset} has a conflict on {what}: {how} in container"
            )
        };
        match by_name.get(&mount.name) {
            None => {
                by_name.insert(mount.name.clone(), mount.clone());
                list.add(preset, mount);
            }
            Some(found) => {
                conflicts.extend(differ(mount, found).map(|how| says(&mount.name, how)));
            }
        }
        match by_path.get(&mount.mount_path) {
            None => {
                by_path.insert(mount.mount_path.clone(), mount.clone());
            }
            Some(found) => {
                let path = format!("mount path {}", mount.mount_path);
                conflicts.extend(differ(mount, found).map(|how| says(&path, how)));
            }
        }
    }
}

fn volumes(
    volumes: &mut Option<Vec<v1::Volume>>,
    presets: &[Additions],
    origins: &mut Origins,
    conflicts: &mut Vec<String>,
) {
    let mut list = List::of(volumes, "spec.volumes".to_owned(), origins);
    let mut known = list.keyed(|volume| volume.name.clone());
    for (preset, volume) in each(presets, |preset| &preset.volumes) {
        match known.get(&volume.name) {
            None => {
                known.insert(volume.name.clone(), volume.clone());
                list.add(preset, volume);
            }
            Some(found) => conflicts.extend(differ(volume, found).map(|how| {
                format!(
                    "merging volumes for {preset} has a conflict on {}: {how} in container",
                    volume.name
                )
            })),
        }
    }
}

fn each<'a, T: 'a>(
    presets: &'a [Additions],
    list: fn(&Additions) -> &Vec<T>,
) -> impl Iterator<Item = (&'a str, &'a T)> {
    presets
        .iter()
        .flat_map(move |preset| list(preset).iter().map(|one| (preset.name.as_str(), one)))
}

/// Two sources are the same one if prefix and names are.
fn source_key(source: &v1::EnvFromSource) -> (String, String, String) {
    (
        source.prefix.clone().unwrap_or_default(),
        source
            .config_map_ref
            .as_ref()
            .map(|from| from.name.clone())
            .unwrap_or_default(),
        source
            .secret_ref
            .as_ref()
            .map(|from| from.name.clone())
            .unwrap_or_default(),
    )
}

/// A list that is added to. An absent one stays absent if nothing is.
struct List<'a, T> {
    items: &'a mut Option<Vec<T>>,
    place: String,
    origins: &'a mut Origins,
}

impl<'a, T: Clone> List<'a, T> {
    fn of(items: &'a mut Option<Vec<T>>, place: String, origins: &'a mut Origins) -> List<'a, T> {
        List {
            items,
            place,
            origins,
        }
    }

    fn keyed<K: Ord>(&self, key: impl Fn(&T) -> K) -> BTreeMap<K, T> {
        let items = self.items.iter().flatten();
        items.map(|item| (key(item), item.clone())).collect()
    }

    fn add(&mut self, preset: &str, item: &T) {
        let items = self.items.get_or_insert_default();
        self.origins
            .preset(format!("{}[{}]", self.place, items.len()), preset);
        items.push(item.clone());
    }
}

/// How the two differ, if they do. The original shows them as Go would write them.
fn differ<T: Serialize>(added: &T, found: &T) -> Option<String> {
    let [added, found] =
        [added, found].map(|one| said(serde_json::to_value(one).unwrap_or_default()));
    (added != found).then(|| format!("\n{added}\ndoes not match\n{found}\n"))
}

/// Without what means the same as nothing said: Go's types know no difference.
fn said(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, said(value)));
            fields.filter(|(_, value)| !is_nothing(value)).collect()
        }
        Value::Array(items) => items.into_iter().map(said).collect(),
        other => other,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
