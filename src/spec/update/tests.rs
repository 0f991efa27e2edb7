//! Each row: a change, and what is said about it.

use serde_json::json;

use super::*;

fn pod() -> v1::Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "uid": "u", "labels": {"a": "b"}},
        "spec": {
            "initContainers": [{"name": "init", "image": "i"}],
            "containers": [{
                "name": "app", "image": "x", "args": ["a"],
                "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}},
            }],
            "activeDeadlineSeconds": 100,
            "tolerations": [{"key": "k", "operator": "Exists"}],
        },
    }))
    .expect("a pod")
}

/// What it is called, or what is said about it, and a change.
type Row = (&'static str, fn(&mut v1::Pod));

fn said(of: Result<(), Complaints>) -> String {
    of.err()
        .map(|complaints| complaints.to_string())
        .unwrap_or_default()
}

fn spec_of(pod: &mut v1::Pod) -> &mut v1::PodSpec {
    pod.spec.get_or_insert_default()
}

fn changed(change: impl FnOnce(&mut v1::Pod)) -> String {
    let mut new = pod();
    change(&mut new);
    said(check(&pod(), &new))
}

#[test]
fn what_may_change_may_change() {
    let rows: [Row; 9] = [
        ("nothing", |_| {}),
        ("labels", |p| p.metadata.labels = None),
        ("annotations", |p| {
            p.metadata.annotations = Some([("a".into(), "b".into())].into());
        }),
        ("image", |p| {
            spec_of(p).containers[0].image = Some("y".into())
        }),
        ("init image", |p| {
            spec_of(p).init_containers.as_mut().unwrap()[0].image = Some("y".into());
        }),
        ("sooner", |p| spec_of(p).active_deadline_seconds = Some(99)),
        ("more tolerations", |p| {
            let more = v1::Toleration {
                key: Some("l".into()),
                ..Default::default()
            };
            spec_of(p).tolerations.as_mut().unwrap().push(more);
        }),
        ("a default written out", |p| {
            spec_of(p).restart_policy = Some("Always".into());
        }),
        ("the same amount", |p| {
            let resources = spec_of(p).containers[0].resources.as_mut().unwrap();
            resources
                .requests
                .as_mut()
                .unwrap()
                .get_mut("cpu")
                .unwrap()
                .0 = "1000m".into();
        }),
    ];
    for (what, change) in rows {
        assert_eq!(changed(change), "", "{what}");
    }
}

#[test]
fn a_deadline_may_be_set_later_and_a_uid_left_out() {
    let mut old = pod();
    spec_of(&mut old).active_deadline_seconds = None;
    let mut new = pod();
    new.metadata.uid = None;
    assert_eq!(said(check(&old, &new)), "");
}

#[test]
fn other_changes_are_refused_in_kubernetes_words_with_what_differs() {
    let message = |difference: &str| {
        format!(
            "Pod \"web\": spec: Forbidden: pod updates may not change fields other than \
             `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
             `spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n{difference}"
        )
    };
    assert_eq!(
        changed(|p| spec_of(p).containers[0].args = Some(vec!["b".into()])),
        message("containers[0].args[0]: \"a\" -> \"b\"")
    );
    assert_eq!(
        changed(|p| spec_of(p).termination_grace_period_seconds = Some(5)),
        message("terminationGracePeriodSeconds: 30 -> 5")
    );
    assert_eq!(
        changed(|p| {
            spec_of(p).restart_policy = Some("Never".into());
            spec_of(p).containers[0].tty = Some(true);
        }),
        message("containers[0].tty: null -> true\nrestartPolicy: \"Always\" -> \"Never\"")
    );
}

#[test]
fn the_other_refusals() {
    let rows: [Row; 7] = [
        (
            "metadata.name: Invalid value: \"other\": field is immutable",
            |p| {
                p.metadata.name = Some("other".into());
            },
        ),
        (
            "metadata.uid: Invalid value: \"other\": field is immutable",
            |p| {
                p.metadata.uid = Some("other".into());
            },
        ),
        (
            "spec.containers: Forbidden: pod updates may not add or remove containers",
            |p| {
                let mut more = spec_of(p).containers[0].clone();
                more.name = "more".into();
                spec_of(p).containers.push(more);
            },
        ),
        (
            "spec.initContainers: Forbidden: pod updates may not add or remove containers",
            |p| spec_of(p).init_containers = None,
        ),
        (
            "spec.activeDeadlineSeconds: Invalid value: 101: must be less than or equal to previous value",
            |p| spec_of(p).active_deadline_seconds = Some(101),
        ),
        (
            "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
            |p| spec_of(p).active_deadline_seconds = None,
        ),
        (
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
            |p| spec_of(p).tolerations.as_mut().unwrap()[0].key = Some("z".into()),
        ),
    ];
    for (message, change) in rows {
        let all = changed(change);
        let first = all.lines().next().unwrap_or_default();
        let named = ["web", "other"].map(|name| format!("Pod {name:?}: {message}"));
        assert!(named.iter().any(|line| line == first), "{all}");
    }
}

fn ephemeral_container(name: &str) -> v1::EphemeralContainer {
    v1::EphemeralContainer {
        name: name.into(),
        image: Some("x".into()),
        ..Default::default()
    }
}

fn with_ephemeral(names: &[&str]) -> v1::Pod {
    let mut pod = pod();
    let list = names.iter().map(|name| ephemeral_container(name)).collect();
    spec_of(&mut pod).ephemeral_containers = Some(list);
    pod
}

#[test]
fn ephemeral_containers_are_only_added_and_only_by_their_own_wish() {
    assert_eq!(said(check_ephemeral(&pod(), &with_ephemeral(&["a"]))), "");
    assert_eq!(
        said(check_ephemeral(
            &with_ephemeral(&["a"]),
            &with_ephemeral(&["b", "a"])
        )),
        ""
    );
    assert!(said(check(&pod(), &with_ephemeral(&["a"]))).contains("may not change fields"));
    assert_eq!(
        said(check_ephemeral(&with_ephemeral(&["a"]), &pod())),
        "Pod \"web\": spec.ephemeralContainers: Forbidden: existing ephemeral containers \"a\" may not be removed\n"
    );
    let mut other = with_ephemeral(&["a"]);
    spec_of(&mut other).ephemeral_containers.as_mut().unwrap()[0].tty = Some(true);
    assert_eq!(
        said(check_ephemeral(&with_ephemeral(&["a"]), &other)),
        "Pod \"web\": spec.ephemeralContainers: Forbidden: existing ephemeral containers \"a\" may not be changed\ntty: null -> true"
    );
    let mut image = with_ephemeral(&["a"]);
    spec_of(&mut image).containers[0].image = Some("y".into());
    assert_eq!(
        said(check_ephemeral(&pod(), &image)),
        "Pod \"web\": spec: Forbidden: only ephemeral containers may be added\ncontainers[0].image: \"x\" -> \"y\""
    );
}

#[test]
fn a_running_pod_takes_all_that_is_allowed_at_once() {
    let mut new = with_ephemeral(&["a"]);
    spec_of(&mut new).containers[0].image = Some("y".into());
    assert_eq!(said(check_running(&pod(), &new)), "");
    assert!(said(check_running(&new, &pod())).contains("may not be removed"));
    spec_of(&mut new).host_network = Some(true);
    assert!(said(check_running(&pod(), &new)).contains("hostNetwork: null -> true"));
}

#[test]
fn a_new_pod_has_no_ephemeral_containers() {
    assert_eq!(said(check_new(&pod())), "");
    assert_eq!(
        said(check_new(&with_ephemeral(&["a"]))),
        "Pod \"web\": spec.ephemeralContainers: Forbidden: cannot be set on create"
    );
}

#[test]
fn scheduling_gates_are_only_taken_away_and_a_gated_pod_may_select_more() {
    let pod = |spec: Value| -> v1::Pod {
        let mut spec = spec;
        spec["containers"] = json!([{ "name": "app", "image": "wasmpod/toolbox" }]);
        let pod = json!({ "metadata": { "name": "web" }, "spec": spec });
        serde_json::from_value(pod).unwrap()
    };
    let gate = |names: &[&str]| {
        let gates = names.iter().map(|name| json!({ "name": name }));
        json!(gates.collect::<Vec<_>>())
    };
    let gated = |names: &[&str], selector: Value| {
        pod(json!({ "schedulingGates": gate(names), "nodeSelector": selector }))
    };
    let old = gated(&["a", "b"], json!({ "disk": "ssd" }));
    assert_eq!(
        check(&old, &gated(&["b"], json!({ "disk": "ssd" }))),
        Ok(())
    );
    assert_eq!(
        check(&old, &gated(&[], json!({ "disk": "ssd", "gpu": "1" }))),
        Ok(())
    );
    let refused = |new: &v1::Pod| check(&old, new).unwrap_err().to_string();
    assert_eq!(
        refused(&gated(&["a", "c"], json!({ "disk": "ssd" }))),
        "Pod \"web\": spec.schedulingGates[1]: Forbidden: only deletion is allowed, but found new scheduling gate 'c'"
    );
    assert!(refused(&gated(&["a", "b"], json!({ "disk": "hdd" }))).contains("nodeSelector"));
    let free = gated(&[], json!({ "disk": "ssd" }));
    assert!(check(&free, &gated(&[], json!({ "disk": "ssd", "gpu": "1" }))).is_err());
}
