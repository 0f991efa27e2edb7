//! Which pods are to leave a machine that is drained (`kubectl/pkg/drain/filters.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;

use super::published::is_terminal;
use crate::spec::admission::preset::is_mirror;

const DAEMONS_FATAL: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const DAEMONS: &str = "ignoring DaemonSet-managed Pods";
const LOCAL_FATAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const ALONE_FATAL: &str = "cannot delete Pods that declare no controller (use --force to override)";
const ALONE: &str = "deleting Pods that declare no controller";

/// What the one who drains agrees to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Pods that nobody makes again.
    pub force: bool,
    pub ignore_daemon_sets: bool,
    pub delete_empty_dirs: bool,
}

/// The pods of a machine that is drained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drain {
    pub leave: Vec<v1::Pod>,
    /// With the pods that it is about; in the order of the texts.
    warnings: BTreeMap<&'static str, Vec<String>>,
    refused: BTreeMap<&'static str, Vec<String>>,
}

enum Verdict {
    Skip,
    Leave(Option<&'static str>),
    Stay(&'static str),
    Refuse(&'static str),
}

impl Drain {
    pub fn of(pods: Vec<v1::Pod>, consent: Consent) -> Drain {
        let mut drain = Drain::default();
        for pod in pods {
            let name = || {
                let meta = &pod.metadata;
                let part = |text: &Option<String>| text.clone().unwrap_or_default();
                format!("{}/{}", part(&meta.namespace), part(&meta.name))
            };
            match verdict(&pod, consent) {
                Verdict::Skip => {}
                Verdict::Leave(warning) => {
                    if let Some(warning) = warning {
                        drain.warnings.entry(warning).or_default().push(name());
                    }
                    drain.leave.push(pod);
                }
                Verdict::Stay(warning) => drain.warnings.entry(warning).or_default().push(name()),
                Verdict::Refuse(text) => drain.refused.entry(text).or_default().push(name()),
            }
        }
        drain
    }

    /// What is worth telling before; none if nothing is.
    pub fn warning(&self) -> Option<String> {
        let texts = self.warnings.iter();
        let texts: Vec<String> = texts.map(|(text, pods)| sentence(text, pods)).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// What stands in the way; then nothing is done. One error each.
    pub fn errors(&self) -> Vec<String> {
        let texts = self.refused.iter().map(|(text, pods)| {
            let sentence = sentence(text, pods);
            if sentence.starts_with("cannot delete") {
                sentence
            } else {
                format!("cannot delete {sentence}")
            }
        });
        texts.collect()
    }
}

fn sentence(text: &str, pods: &[String]) -> String {
    format!("{text}: {}", pods.join(", "))
}

/// Of several warnings the original keeps the last; so nothing is said of local storage that may be deleted.
fn verdict(pod: &v1::Pod, consent: Consent) -> Verdict {
    let owners = pod.metadata.owner_references.iter().flatten();
    let controller = owners
        .into_iter()
        .find(|owner| owner.controller == Some(true));
    let ended = pod.status.as_ref().is_some_and(is_terminal);
    if !ended && controller.is_some_and(|owner| owner.kind == "DaemonSet") {
        return if consent.ignore_daemon_sets {
            Verdict::Stay(DAEMONS)
        } else {
            Verdict::Refuse(DAEMONS_FATAL)
        };
    }
    if is_mirror(pod) {
        return Verdict::Skip;
    }
    if ended {
        return Verdict::Leave(None);
    }
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let local = volumes.into_iter().any(|volume| volume.empty_dir.is_some());
    match (local, controller) {
        (true, _) if !consent.delete_empty_dirs => Verdict::Refuse(LOCAL_FATAL),
        (_, None) if !consent.force => Verdict::Refuse(ALONE_FATAL),
        (_, None) => Verdict::Leave(Some(ALONE)),
        (_, Some(_)) => Verdict::Leave(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str, metadata: Value, volumes: Value, phase: &str) -> v1::Pod {
        let mut metadata = metadata;
        metadata["name"] = json!(name);
        metadata["namespace"] = json!("default");
        serde_json::from_value(json!({
            "metadata": metadata,
            "spec": { "containers": [], "volumes": volumes },
            "status": { "phase": phase },
        }))
        .unwrap()
    }

    fn owned(kind: &str) -> Value {
        json!({ "ownerReferences": [{ "apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "u", "controller": true }] })
    }

    fn empty_dir() -> Value {
        json!([{ "name": "v", "emptyDir": {} }])
    }

    fn pods() -> Vec<v1::Pod> {
        vec![
            pod("alone", json!({}), json!([]), "Running"),
            pod("alone-local", json!({}), empty_dir(), "Running"),
            pod("set", owned("ReplicaSet"), json!([]), "Running"),
            pod("set-local", owned("ReplicaSet"), empty_dir(), "Pending"),
            pod("daemon", owned("DaemonSet"), json!([]), "Running"),
            pod("done", json!({}), empty_dir(), "Succeeded"),
            pod(
                "mirror",
                json!({ "annotations": { "kubernetes.io/config.mirror": "x" } }),
                empty_dir(),
                "Running",
            ),
        ]
    }

    fn names(drain: &Drain) -> Vec<&str> {
        let names = drain
            .leave
            .iter()
            .filter_map(|pod| pod.metadata.name.as_deref());
        names.collect()
    }

    #[test]
    fn what_nobody_agreed_to_stands_in_the_way() {
        let drain = Drain::of(pods(), Consent::default());
        assert_eq!(names(&drain), ["set", "done"]);
        assert_eq!(
            drain.errors(),
            [
                "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/daemon",
                "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/alone-local, default/set-local",
                "cannot delete Pods that declare no controller (use --force to override): default/alone",
            ]
        );
        assert_eq!(drain.warning(), None);
    }

    #[test]
    fn what_was_agreed_to_is_done_and_told() {
        let consent = Consent {
            force: true,
            ignore_daemon_sets: true,
            delete_empty_dirs: true,
        };
        let drain = Drain::of(pods(), consent);
        assert_eq!(
            names(&drain),
            ["alone", "alone-local", "set", "set-local", "done"]
        );
        assert_eq!(drain.errors(), [] as [&str; 0]);
        assert_eq!(
            drain.warning().unwrap(),
            "deleting Pods that declare no controller: default/alone, default/alone-local; \
             ignoring DaemonSet-managed Pods: default/daemon"
        );
    }
}
