//! Whether a container can write any more.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use k8s_openapi::api::core::v1;

use super::choose::status;
use super::follow::Course;
use crate::node::{Process, Store, StoreError, Watch};

/// The course of one container of a stored pod.
pub struct PodCourse {
    store: Store,
    watch: Watch,
    namespace: String,
    name: String,
    uid: String,
    container: String,
    /// Something may have changed since the last look.
    stale: bool,
}

impl PodCourse {
    /// # Errors
    /// The machine's: no watch to be had.
    pub fn new(store: &Store, pod: &v1::Pod, container: &str) -> io::Result<PodCourse> {
        let metadata = pod.metadata.clone();
        let namespace = metadata.namespace.unwrap_or_default();
        Ok(PodCourse {
            store: store.clone(),
            watch: Watch::new(store, Some(&namespace))?,
            namespace,
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            container: container.to_owned(),
            stale: true,
        })
    }

    fn look(&self) -> Result<bool, StoreError> {
        let sight = match self.store.sight(&self.namespace, &self.name) {
            Err(error) if error.is_not_found() => return Ok(true),
            sight => sight?,
        };
        let is_another = sight.pod.metadata.uid.as_deref() != Some(&self.uid);
        let lives = matches!(sight.process, Process::Living { .. });
        Ok(is_another || !lives || has_ended(&sight.pod, &self.container))
    }
}

impl Course for PodCourse {
    fn fd(&self) -> BorrowedFd<'_> {
        self.watch.fd()
    }

    fn is_over(&mut self) -> io::Result<bool> {
        // Asked whenever the log grows; the pod is looked at when something became of it.
        self.stale |= self.watch.wait(Some(Instant::now()))?;
        if !std::mem::take(&mut self.stale) {
            return Ok(false);
        }
        self.look().map_err(io::Error::other)
    }
}

/// Whether the container has ended and will not be started again.
fn has_ended(pod: &v1::Pod, container: &str) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return true;
    }
    let state = status(pod, container).and_then(|status| status.state.as_ref());
    let Some(exit) = state.and_then(|state| state.terminated.as_ref()) else {
        return false;
    };
    pod.metadata.deletion_timestamp.is_some() || !starts_again(pod, container, exit.exit_code)
}

/// The rules of restarting (kubelet `pkg/kubelet/container/helpers.go`, `ShouldContainerBeRestarted`).
fn starts_again(pod: &v1::Pod, container: &str, code: i32) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let named = |all: &'_ [v1::Container]| all.iter().find(|one| one.name == container).cloned();
    let init = spec.init_containers.as_deref().and_then(named);
    // One for debugging is in neither list, and is never started again.
    let Some(found) = init.clone().or_else(|| named(&spec.containers)) else {
        return false;
    };
    if let Some(rules) = &found.restart_policy_rules
        && rules.iter().any(|rule| applies(rule, code))
    {
        return true;
    }
    let policy = found.restart_policy.as_deref();
    let is_init = init.is_some() && policy != Some("Always");
    match policy.or(spec.restart_policy.as_deref()) {
        Some("Never") => false,
        Some("OnFailure") => code != 0,
        // An init container that has done its work is done, whatever the pod's policy.
        _ => !is_init || code != 0,
    }
}

fn applies(rule: &v1::ContainerRestartRule, code: i32) -> bool {
    rule.exit_codes.as_ref().is_some_and(|codes| {
        let listed = codes.values.as_deref().unwrap_or_default().contains(&code);
        listed == (codes.operator == "In")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(policy: &str) -> v1::Pod {
        let value = json!({
            "metadata": { "name": "web" },
            "spec": {
                "restartPolicy": policy,
                "initContainers": [
                    { "name": "init" },
                    { "name": "side", "restartPolicy": "Always" },
                ],
                "containers": [
                    { "name": "app" },
                    { "name": "ruled", "restartPolicy": "Never", "restartPolicyRules": [
                        { "action": "Restart", "exitCodes": { "operator": "In", "values": [3] } },
                    ] },
                ],
                "ephemeralContainers": [{ "name": "debug" }],
            },
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn who_starts_again_after_which_exit() {
        let table = [
            ("Always", "app", 0, true),
            ("Always", "app", 1, true),
            ("OnFailure", "app", 0, false),
            ("OnFailure", "app", 1, true),
            ("Never", "app", 1, false),
            ("Always", "init", 0, false),
            ("Always", "init", 1, true),
            ("Never", "init", 1, false),
            ("Never", "side", 0, true),
            ("Always", "ruled", 1, false),
            ("Always", "ruled", 3, true),
            ("Always", "debug", 1, false),
        ];
        for (policy, container, code, again) in table {
            assert_eq!(
                starts_again(&pod(policy), container, code),
                again,
                "{policy} {container} {code}"
            );
        }
    }

    #[test]
    fn a_running_container_of_a_running_pod_goes_on() {
        let mut pod = pod("Never");
        let status = |phase: &str, state: serde_json::Value| {
            let status = json!({ "phase": phase, "containerStatuses": [{
                "name": "app", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
            }] });
            serde_json::from_value::<v1::PodStatus>(status).ok()
        };
        pod.status = status("Running", json!({ "running": {} }));
        assert!(!has_ended(&pod, "app"));
        pod.status = status("Running", json!({ "terminated": { "exitCode": 0 } }));
        assert!(has_ended(&pod, "app"));
        pod.status = status("Failed", json!({ "waiting": {} }));
        assert!(has_ended(&pod, "app"));
    }
}
