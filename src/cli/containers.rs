//! Which container is meant when none, or one, is named (`k8s.io/kubectl/pkg/cmd/util/podcmd`).

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1;

use crate::spec::annotation::DEFAULT_CONTAINER;

/// The container that was named, or the one that is meant otherwise. With `tell`, guessing is said on stderr.
pub fn choose(pod: &v1::Pod, named: Option<&str>, tell: bool) -> Result<String> {
    let chosen = match named.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => default(pod, tell)?,
    };
    if all(pod).any(|(name, _)| name == chosen) {
        return Ok(chosen);
    }
    Err(anyhow!(
        "container {chosen} is not valid for pod {} out of: {}",
        pod.metadata.name.as_deref().unwrap_or_default(),
        all_names(pod)
    ))
}

fn default(pod: &v1::Pod, tell: bool) -> Result<String> {
    let annotations = pod.metadata.annotations.as_ref();
    let annotated = annotations.and_then(|all| all.get(DEFAULT_CONTAINER));
    if let Some(name) = annotated.filter(|name| !name.is_empty()) {
        if all(pod).any(|(known, _)| known == name) {
            return Ok(name.clone());
        }
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        eprintln!("Default container name {name:?} not found in pod {pod}");
    }
    let (first, _) = all(pod)
        .next()
        .ok_or_else(|| anyhow!("the pod has no containers"))?;
    if tell && all(pod).nth(1).is_some() {
        eprintln!("Defaulted container {first:?} out of: {}", all_names(pod));
    }
    Ok(first.to_owned())
}

/// Every container and what is said behind its name: regular ones first, as they are what is usually meant.
fn all(pod: &v1::Pod) -> impl Iterator<Item = (&str, &'static str)> {
    let spec = pod.spec.as_ref();
    let regular = spec.map(|spec| spec.containers.as_slice());
    let ephemeral = spec.and_then(|spec| spec.ephemeral_containers.as_deref());
    let init = spec.and_then(|spec| spec.init_containers.as_deref());
    let regular = regular
        .unwrap_or_default()
        .iter()
        .map(|one| (&*one.name, ""));
    let ephemeral = ephemeral.unwrap_or_default().iter();
    let init = init
        .unwrap_or_default()
        .iter()
        .map(|one| (&*one.name, " (init)"));
    regular
        .chain(ephemeral.map(|one| (&*one.name, " (ephem)")))
        .chain(init)
}

/// `a, b, debug (ephem), setup (init)`
pub fn all_names(pod: &v1::Pod) -> String {
    let names: Vec<String> = all(pod)
        .map(|(name, kind)| format!("{name}{kind}"))
        .collect();
    names.join(", ")
}

/// All of them in the order in which they start.
pub fn in_order(pod: &v1::Pod) -> Vec<String> {
    let of = |kind: &'static str| all(pod).filter(move |(_, is)| *is == kind);
    of(" (init)")
        .chain(of(""))
        .chain(of(" (ephem)"))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(default: Option<&str>) -> v1::Pod {
        let mut pod: v1::Pod = serde_json::from_value(json!({
            "metadata": { "name": "web" },
            "spec": {
                "initContainers": [{ "name": "setup" }],
                "containers": [{ "name": "a" }, { "name": "b" }],
                "ephemeralContainers": [{ "name": "debug" }],
            },
        }))
        .unwrap();
        pod.metadata.annotations =
            default.map(|name| [(DEFAULT_CONTAINER.to_owned(), name.to_owned())].into());
        pod
    }

    #[test]
    fn the_annotation_wins_over_the_first() {
        let chosen = |default, named| choose(&pod(default), named, true).unwrap();
        assert_eq!(chosen(None, None), "a");
        assert_eq!(chosen(Some("b"), None), "b");
        assert_eq!(chosen(Some("gone"), None), "a");
        assert_eq!(chosen(Some("b"), Some("setup")), "setup");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = choose(&pod(None), Some("c"), true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "container c is not valid for pod web out of: a, b, debug (ephem), setup (init)"
        );
    }

    #[test]
    fn containers_are_listed_as_they_start() {
        assert_eq!(in_order(&pod(None)), ["setup", "a", "b", "debug"]);
    }
}
