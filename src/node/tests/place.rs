//! Admission and placement, on disk.

use std::sync::Barrier;

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::super::marks::Mark;
use super::super::{
    Among, Placement, Store, StoreError, admit_like, cordon, create_pod, drive_away, due,
    is_unplaced, machine_name, place, reconcile,
};
use super::{Fake, phase, pod, publish, status, store, uid};
use crate::lifecycle::schedule::Unplaced;
use crate::spec::{self, Validate};

fn with(name: &str, spec: Value) -> v1::Pod {
    let mut pod = serde_json::to_value(pod(name)).unwrap();
    for (field, value) in spec.as_object().unwrap() {
        pod["spec"][field] = value.clone();
    }
    serde_json::from_value(pod).unwrap()
}

/// One that needs a port of the machine.
fn serving(name: &str, port: u16) -> v1::Pod {
    with(
        name,
        json!({ "containers": [{ "name": "app", "image": "wasmpod/toolbox", "ports": [{ "containerPort": 1, "hostPort": port, "protocol": "TCP" }] }] }),
    )
}

fn change(store: &Store, cordoned: bool) {
    let change = |node: &mut v1::Node| {
        cordon(node, cordoned);
        Ok(())
    };
    store.change_node(&machine_name(), change).unwrap();
}

fn condition(store: &Store, name: &str) -> String {
    let pod = store.get("default", name).unwrap();
    let conditions = pod.status.unwrap().conditions.unwrap_or_default();
    let found = conditions.iter().find(|one| one.type_ == "PodScheduled");
    found.map_or_else(String::new, |one| {
        format!("{} {}", one.status, one.reason.as_deref().unwrap())
    })
}

#[test]
fn a_pod_that_fits_is_stored_with_its_machine_in_one_go() {
    let (_dir, store) = store();
    let (made, placement) = store.create_placed(pod("web")).unwrap();
    assert_eq!(placement, Placement::Here);
    let stored = store.stored("default", "web").unwrap();
    assert_eq!(stored, made);
    assert_eq!(stored.spec.unwrap().node_name, Some(machine_name()));
    assert!(store.published(uid(&made)).unwrap().is_none());
    assert!(!Mark::Waits.any(store.layout()));
}

#[test]
fn one_that_does_not_waits_without_a_process_and_says_why_once() {
    let (_dir, store) = store();
    change(&store, true);
    let (web, placement) = store.create_placed(pod("web")).unwrap();
    assert!(matches!(
        placement,
        Placement::Waits(Unplaced::Unschedulable(_))
    ));
    let sight = store.sight("default", "web").unwrap();
    assert_eq!(
        (phase(&sight.pod), due(&sight), sight.lost),
        ("Pending", None, false)
    );
    assert_eq!(condition(&store, "web"), "False Unschedulable");
    // Looking again is no news, and nobody takes it for lost.
    assert_eq!(place(&store, Among::All).unwrap(), []);
    assert_eq!(reconcile(&store, &Fake::default()).unwrap(), 0);
    let events = store.events_of(uid(&web)).unwrap();
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(event.reason.as_deref(), Some("FailedScheduling"));
    assert_eq!(event.count, Some(1));
    assert_eq!(
        event.source.as_ref().unwrap().component.as_deref(),
        Some("default-scheduler")
    );
    change(&store, false);
    let placed = place(&store, Among::Marked).unwrap();
    assert_eq!(placed.len(), 1);
    let sight = store.sight("default", "web").unwrap();
    assert_eq!(due(&sight), Some(0));
    assert_eq!(condition(&store, "web"), "");
    assert!(!Mark::Waits.any(store.layout()));
}

#[test]
fn those_who_wait_get_their_turn_in_the_order_of_their_birth() {
    let (_dir, store) = store();
    change(&store, true);
    for name in ["c", "a", "b"] {
        store.create_placed(pod(name)).unwrap();
    }
    change(&store, false);
    let placed = place(&store, Among::Marked).unwrap();
    let names: Vec<_> = placed
        .iter()
        .map(|pod| pod.metadata.name.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["c", "a", "b"]);
}

#[test]
fn what_only_one_can_have_is_given_once_however_many_ask_at_once() {
    let (_dir, store) = store();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (store, start) = (&store, &start);
            scope.spawn(move || {
                start.wait();
                store.create_placed(serving(&format!("p{n}"), 80)).unwrap();
            });
        }
    });
    let placed = || {
        let pods = store.stored_all(None).unwrap();
        pods.into_iter()
            .filter(|pod| !is_unplaced(pod))
            .collect::<Vec<_>>()
    };
    let first = placed();
    assert_eq!(first.len(), 1);
    // One that was interrupted comes back for it; one that is done does not.
    let mut interrupted = status("Failed");
    interrupted.reason = Some("Terminated".to_owned());
    publish(&store, uid(&first[0]), 0, interrupted);
    assert_eq!(place(&store, Among::Marked).unwrap(), []);
    publish(&store, uid(&first[0]), 0, status("Succeeded"));
    assert_eq!(place(&store, Among::Marked).unwrap().len(), 1);
    assert_eq!(placed().len(), 2);
}

#[test]
fn marks_that_mean_nothing_any_more_are_removed() {
    let (_dir, store) = store();
    change(&store, true);
    let (web, _) = store.create_placed(pod("web")).unwrap();
    store.finish_delete("default", "web", uid(&web)).unwrap();
    assert!(!Mark::Waits.any(store.layout()));
    // Somebody was killed before the pod was stored, or it is another one by now.
    Mark::Waits.put(store.layout(), &web).unwrap();
    assert_eq!(place(&store, Among::Marked).unwrap(), []);
    assert!(!Mark::Waits.any(store.layout()));
    // A pod whose mark was lost is found by who looks at all.
    let (web, _) = store.create_placed(pod("web")).unwrap();
    Mark::Waits.remove(store.layout(), &web).unwrap();
    change(&store, false);
    assert_eq!(place(&store, Among::Marked).unwrap(), []);
    assert_eq!(place(&store, Among::All).unwrap().len(), 1);
}

#[test]
fn a_pod_of_another_machine_is_refused() {
    let (_dir, store) = store();
    let refused = store.create_placed(with("web", json!({ "nodeName": "elsewhere" })));
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("spec.nodeName: Invalid value: \"elsewhere\""),
        "{text}"
    );
    assert_eq!(store.stored_all(None).unwrap(), []);
}

#[test]
fn a_taint_drives_pods_away_when_their_time_is_over() {
    let (_dir, store) = store();
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let now = k8s_openapi::jiff::Timestamp::from_second(4_000_000_000).unwrap();
    let tolerating = |seconds: Value| json!({ "tolerations": [{ "operator": "Exists", "tolerationSeconds": seconds, "effect": "NoExecute" }] });
    store
        .create_placed(with("stays", tolerating(Value::Null)))
        .unwrap();
    store
        .create_placed(with("later", tolerating(json!(60))))
        .unwrap();
    store.create_placed(pod("goes")).unwrap();
    let sights = store.sights(None).unwrap();
    let drive = |now| drive_away(&store, &Fake::default(), &sights, now).unwrap();
    assert_eq!(drive(now), super::super::DrivenAway::default());
    let taint = json!([{ "key": "away", "effect": "NoExecute", "timeAdded": at(3_999_999_990).to_string() }]);
    let change = |node: &mut v1::Node| {
        node.spec.get_or_insert_default().taints = serde_json::from_value(taint).unwrap();
        Ok(())
    };
    store.change_node(&machine_name(), change).unwrap();
    let driven = drive(now);
    assert_eq!(driven.pods, ["default/goes"]);
    assert_eq!(driven.next, Some(at(4_000_000_050)));
    assert!(store.stored("default", "goes").unwrap_err().is_not_found());
    assert_eq!(drive(at(4_000_000_050)).pods, ["default/later"]);
    assert!(store.stored("default", "stays").is_ok());
}

fn object(kind: spec::Kind, value: Value) -> spec::Object {
    spec::Object::from_value(kind, value).unwrap()
}

fn preset(store: &Store, value: &str) {
    let preset = json!({
        "metadata": { "name": "adds", "namespace": "default" },
        "spec": { "selector": {}, "env": [{ "name": "A", "value": value }] },
    });
    let kind = spec::Kind::PodPreset;
    store.any(kind).create(object(kind, preset)).unwrap();
}

fn plain(env: Value) -> v1::Pod {
    let pod = with(
        "web",
        json!({ "initContainers": [], "containers": [{ "name": "app", "image": "wasmpod/toolbox", "env": env }] }),
    );
    spec::admit_object(pod, Validate::Strict).unwrap().0
}

#[test]
fn a_pod_is_admitted_by_the_objects_of_its_namespace() {
    let (_dir, store) = store();
    preset(&store, "1");
    let made = create_pod(&store, plain(json!([])), Validate::Strict).unwrap();
    let spec = made.pod.spec.clone().unwrap();
    assert_eq!(spec.service_account_name.as_deref(), Some("default"));
    assert_eq!(spec.containers[0].env.as_ref().unwrap()[0].name, "A");
    let version = store
        .any(spec::Kind::PodPreset)
        .get("default", "adds")
        .unwrap();
    let annotations = made.pod.metadata.annotations.clone().unwrap();
    assert_eq!(
        annotations.get("podpreset.admission.kubernetes.io/podpreset-adds"),
        version.metadata().resource_version.as_ref()
    );
    // Whoever replaces it by the same manifest makes the same of it.
    let again = admit_like(&store, &made.pod, plain(json!([]))).unwrap();
    assert_eq!(again.pod.spec.unwrap().volumes, spec.volumes);
}

#[test]
fn a_conflict_is_among_the_events_of_the_pod_that_was_left_alone() {
    let (_dir, store) = store();
    preset(&store, "1");
    let own = plain(json!([{ "name": "A", "value": "2" }]));
    let made = create_pod(&store, own, Validate::Strict).unwrap();
    assert_eq!(made.pod.metadata.annotations, None);
    let events = store.events_of(uid(&made.pod)).unwrap();
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(event.reason.as_deref(), Some("PodPresetConflict"));
    let message = event.message.as_deref().unwrap();
    assert!(
        message.starts_with("merging env for adds has a conflict on A: "),
        "{message}"
    );
}

#[test]
fn what_is_not_there_or_not_allowed_is_refused_as_by_the_api_server() {
    let (_dir, store) = store();
    let mut foreign = plain(json!([]));
    foreign.metadata.namespace = Some("nowhere".to_owned());
    let refused = create_pod(&store, foreign, Validate::Strict).unwrap_err();
    assert_eq!(refused.to_string(), "namespaces \"nowhere\" not found");
    let mut other = plain(json!([]));
    other.spec.as_mut().unwrap().service_account_name = Some("robot".to_owned());
    let refused = create_pod(&store, other, Validate::Strict).unwrap_err();
    assert!(matches!(refused, StoreError::Forbidden { .. }));
    assert_eq!(
        refused.to_string(),
        "pods \"web\" is forbidden: error looking up service account default/robot: serviceaccount \"robot\" not found"
    );
    let range = json!({
        "metadata": { "name": "small", "namespace": "default" },
        "spec": { "limits": [{ "type": "Pod", "max": { "memory": "1Mi" } }] },
    });
    let kind = spec::Kind::LimitRange;
    store.any(kind).create(object(kind, range)).unwrap();
    let refused = create_pod(&store, plain(json!([])), Validate::Strict).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "pods \"web\" is forbidden: maximum memory usage per Pod is 1Mi.  No limit is specified"
    );
    assert_eq!(store.stored_all(None).unwrap(), []);
}

/// Whoever only asks could take the mark of a pod that was being stored for one that means nothing: it is there before the pod.
#[test]
fn who_only_asks_for_a_place_removes_no_mark() {
    let (_dir, store) = store();
    let mut early = pod("early");
    early.metadata.uid = Some(uuid::Uuid::new_v4().to_string());
    Mark::Apart.put(store.layout(), &early).unwrap();
    let here = with("web", json!({ "nodeName": machine_name() }));
    assert_eq!(store.misplaced(&here).unwrap(), None);
    assert!(Mark::Apart.any(store.layout()));
    store.create_placed(pod("other")).unwrap();
    assert!(!Mark::Apart.any(store.layout()));
}

#[test]
fn one_that_is_only_run_and_says_nothing_of_its_place_has_it_here() {
    let (dir, store) = store();
    assert_eq!(store.misplaced(&pod("web")).unwrap(), None);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    change(&store, true);
    assert_eq!(store.misplaced(&pod("web")).unwrap(), None);
    let choosy = with("web", json!({ "nodeSelector": { "gpu": "yes" } }));
    assert!(store.misplaced(&choosy).unwrap().is_some());
    let foreign = with("web", json!({ "nodeName": "elsewhere" }));
    let error = store.misplaced(&foreign).unwrap_err();
    assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
}
