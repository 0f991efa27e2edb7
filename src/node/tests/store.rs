use std::fs;
use std::sync::Barrier;

use k8s_openapi::api::core::v1;
use serde_json::json;

use super::{born, killed, phase, pod, publish, status, store, uid};
use crate::node::{Applied, PID_ANNOTATION, StoreError};

fn labelled(value: &str) -> impl FnOnce(&mut v1::Pod) -> Result<(), StoreError> + use<> {
    let value = value.to_owned();
    move |pod| {
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert("colour".to_owned(), value);
        Ok(())
    }
}

#[test]
fn a_new_pod_gets_what_the_store_gives() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let meta = &made.metadata;
    assert_eq!(uid(&made).len(), 36);
    assert_eq!(meta.generation, Some(1));
    assert!(meta.creation_timestamp.is_some());
    assert!(meta.resource_version.as_ref().unwrap().len() >= 16);
    let seen = store.get("default", "web").unwrap();
    assert_eq!(phase(&seen), "Pending");
    assert_eq!(seen.metadata, made.metadata);
    assert_eq!(store.stored("default", "web").unwrap(), made);
}

#[test]
fn a_name_is_taken_once_in_a_namespace() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    let error = store.create(pod("web")).unwrap_err();
    assert_eq!(error.to_string(), "pods \"web\" already exists");
    assert_eq!(error.reason(), "AlreadyExists");
    let mut other = pod("web");
    other.metadata.namespace = Some("other".to_owned());
    store.create(other).unwrap();
    store.begin_delete("default", "web", None, None).unwrap();
    let error = store.create(pod("web")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "object is being deleted: pods \"web\" already exists"
    );
}

#[test]
fn generate_name_ends_in_five_letters_of_chance() {
    let (_dir, store) = store();
    for _ in 0..20 {
        let mut pod = pod("");
        pod.metadata.name = None;
        pod.metadata.generate_name = Some("web-".to_owned());
        let name = store.create(pod).unwrap().metadata.name.unwrap();
        assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    }
    assert_eq!(store.list(None).unwrap().len(), 20);
    let error = store.create(pod("")).unwrap_err();
    assert_eq!(error.reason(), "Invalid");
}

#[test]
fn what_is_no_name_is_not_looked_for() {
    let (dir, store) = store();
    fs::write(dir.path().join("secret.json"), "{}").unwrap();
    store.create(pod("web")).unwrap();
    for name in ["../../../../secret", "..", "", "WEB", "a/b"] {
        assert!(store.get("default", name).unwrap_err().is_not_found());
        assert!(store.get(name, "web").unwrap_err().is_not_found());
        assert!(store.list(Some(name)).unwrap().is_empty());
    }
    for uid in ["../../../../secret", "..", "", "a/b"] {
        assert!(store.finish_delete("default", "web", uid).is_err());
        assert!(store.published(uid).unwrap().is_none());
        assert!(store.events_of(uid).unwrap().is_empty());
    }
    assert_eq!(store.create(pod("../x")).unwrap_err().reason(), "Invalid");
    let mut stray = pod("web");
    stray.metadata.namespace = Some("../default".to_owned());
    assert_eq!(store.create(stray).unwrap_err().reason(), "Invalid");
}

#[test]
fn the_longest_name_is_as_good_as_any() {
    let (_dir, store) = store();
    let (a, b) = (
        format!("{}a", "x".repeat(252)),
        format!("{}b", "x".repeat(252)),
    );
    for name in [&a, &b] {
        store.create(pod(name)).unwrap();
    }
    let found = store.list(None).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(store.get("default", &a).unwrap().metadata.name, Some(a));
    let uid = uid(&found[1]).to_owned();
    store.finish_delete("default", &b, &uid).unwrap();
    assert!(store.get("default", &b).unwrap_err().is_not_found());
}

#[test]
fn an_update_says_what_it_did() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let (same, applied) = store.update("default", "web", |_| Ok(())).unwrap();
    assert_eq!((applied, &same), (Applied::Unchanged, &made));
    let (red, applied) = store.update("default", "web", labelled("red")).unwrap();
    assert_eq!(applied, Applied::Configured);
    assert_eq!(red.metadata.generation, Some(1), "a label is nobody's wish");
    let deadline = |pod: &mut v1::Pod| {
        pod.spec.as_mut().unwrap().active_deadline_seconds = Some(9);
        Ok(())
    };
    let (late, _) = store.update("default", "web", deadline).unwrap();
    assert_eq!(late.metadata.generation, Some(2));
    let versions = [&made, &red, &late].map(|pod| pod.metadata.resource_version.clone());
    assert!(versions.is_sorted() && versions[0] != versions[1] && versions[1] != versions[2]);
}

#[test]
fn an_update_of_what_was_read_before_another_is_refused() {
    let (_dir, store) = store();
    let read = store.create(pod("web")).unwrap();
    store.update("default", "web", labelled("red")).unwrap();
    let replace = |pod: &mut v1::Pod| {
        *pod = read.clone();
        Ok(())
    };
    let error = store.update("default", "web", replace).unwrap_err();
    assert_eq!(error.reason(), "Conflict");
    assert_eq!(
        error.to_string(),
        "Operation cannot be fulfilled on pods \"web\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let garbled = |pod: &mut v1::Pod| {
        pod.metadata.resource_version = Some("x".to_owned());
        Ok(())
    };
    let error = store.update("default", "web", garbled).unwrap_err();
    assert_eq!(error.reason(), "Invalid");
}

#[test]
fn what_a_reader_saw_with_a_newer_status_can_be_written_back() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    let _lock = born(&store, uid(&made));
    let seen = store.get("default", "web").unwrap();
    assert!(seen.metadata.resource_version > made.metadata.resource_version);
    assert!(
        seen.metadata
            .annotations
            .as_ref()
            .unwrap()
            .contains_key(PID_ANNOTATION)
    );
    let back = |pod: &mut v1::Pod| {
        *pod = seen.clone();
        Ok(())
    };
    let (_, applied) = store.update("default", "web", back).unwrap();
    assert_eq!(
        applied,
        Applied::Unchanged,
        "status and pid are not the writer's"
    );
    let (red, _) = store.update("default", "web", labelled("red")).unwrap();
    assert!(red.metadata.resource_version > seen.metadata.resource_version);
}

#[test]
fn nobody_changes_who_a_pod_is() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let steal = |pod: &mut v1::Pod| {
        pod.metadata.name = Some("other".to_owned());
        pod.metadata.namespace = Some("kube-system".to_owned());
        pod.metadata.uid = Some("mine".to_owned());
        pod.metadata.generation = Some(99);
        pod.metadata.creation_timestamp = None;
        Ok(())
    };
    let (pod, applied) = store.update("default", "web", steal).unwrap();
    assert_eq!((pod, applied), (made, Applied::Unchanged));
}

#[test]
fn versions_rise_when_the_clock_goes_back() {
    let (_dir, store) = store();
    store.create(pod("a")).unwrap();
    let lock = store.layout().objects().join(".lock");
    fs::write(&lock, "9000000000000000000").unwrap();
    let made = store.create(pod("b")).unwrap();
    assert_eq!(
        made.metadata.resource_version.as_deref(),
        Some("9000000000000000001")
    );
}

#[test]
fn of_two_who_create_the_same_pod_one_wins() {
    let (_dir, store) = store();
    let barrier = Barrier::new(8);
    let won: usize = std::thread::scope(|scope| {
        let racer = || {
            barrier.wait();
            usize::from(store.create(pod("web")).is_ok())
        };
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(racer)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn no_change_of_many_writers_is_lost() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    let count = |pod: &mut v1::Pod| {
        let labels = pod.metadata.labels.get_or_insert_default();
        let count = labels.entry("count".to_owned()).or_insert("0".to_owned());
        *count = (count.parse::<u32>().unwrap() + 1).to_string();
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..25).for_each(|_| drop(store.update("default", "web", count).unwrap()))
            });
        }
    });
    let labels = store
        .get("default", "web")
        .unwrap()
        .metadata
        .labels
        .unwrap();
    assert_eq!(labels["count"], "200");
}

#[test]
fn pods_are_listed_by_namespace_and_name() {
    let (_dir, store) = store();
    assert!(store.list(None).unwrap().is_empty());
    for (namespace, name) in [("b", "x"), ("a", "z"), ("a", "y")] {
        let mut pod = pod(name);
        pod.metadata.namespace = Some(namespace.to_owned());
        store.create(pod).unwrap();
    }
    let names = |namespace| -> Vec<String> {
        let pods = store.list(namespace).unwrap();
        let name = |pod: v1::Pod| {
            format!(
                "{}/{}",
                pod.metadata.namespace.unwrap(),
                pod.metadata.name.unwrap()
            )
        };
        pods.into_iter().map(name).collect()
    };
    assert_eq!(names(None), ["a/y", "a/z", "b/x"]);
    assert_eq!(names(Some("b")), ["b/x"]);
    assert!(names(Some("c")).is_empty());
}

#[test]
fn a_file_that_cannot_be_understood_hides_no_other() {
    let (_dir, store) = store();
    let good = store.create(pod("good")).unwrap();
    publish(&store, uid(&good), 0, status("Succeeded"));
    let folder = store.layout().objects().join("pods/default");
    let text = serde_json::to_string(&good).unwrap();
    for (name, content) in [
        ("empty.json", ""),
        ("half.json", &text[..text.len() / 2]),
        ("foreign.json", &text),
        ("list.json", "[]"),
        ("README", "hello"),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    fs::create_dir(folder.join("dir.json")).unwrap();
    fs::write(store.layout().objects().join("pods/file"), "").unwrap();
    assert_eq!(store.list(Some("default")).unwrap().len(), 1);
    assert_eq!(store.list(None).unwrap().len(), 1);
    let error = store.get("default", "half").unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("half.json: "), "{error}");
    assert!(!store.discard("default", "good").unwrap());
    assert!(store.discard("default", "half").unwrap());
    assert!(store.get("default", "half").unwrap_err().is_not_found());
}

#[test]
fn an_empty_status_is_one_of_a_pod_that_did_run() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    fs::create_dir_all(store.layout().statuses()).unwrap();
    let file = store
        .layout()
        .statuses()
        .join(format!("{}.json", uid(&made)));
    fs::write(file, "").unwrap();
    let sight = store.sight("default", "web").unwrap();
    assert_eq!((phase(&sight.pod), sight.lost), ("Unknown", true));
}

#[test]
fn a_reader_is_never_told_that_a_dead_pod_runs() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    let lock = born(&store, uid(&made));
    assert_eq!(phase(&store.get("default", "web").unwrap()), "Running");
    killed(lock);
    for pod in [
        store.get("default", "web").unwrap(),
        store.list(None).unwrap().remove(0),
    ] {
        assert_eq!(phase(&pod), "Unknown");
        assert_eq!(pod.metadata.annotations, None);
    }
}

#[test]
fn grace_is_the_pods_own_and_can_only_be_shortened() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    let begin = |grace| {
        let meta = store
            .begin_delete("default", "web", None, grace)
            .unwrap()
            .metadata;
        let at = meta.deletion_timestamp.unwrap().0.as_second();
        (
            meta.deletion_grace_period_seconds.unwrap(),
            at,
            meta.generation.unwrap(),
        )
    };
    let (grace, at, generation) = begin(None);
    assert_eq!((grace, generation), (30, 2));
    assert_eq!(begin(Some(60)), (30, at, 2));
    assert_eq!(begin(Some(5)), (5, at - 25, 2));
    assert_eq!(begin(None), (5, at - 25, 2));
    assert_eq!(begin(Some(-7)), (1, at - 29, 2));
    assert_eq!(begin(Some(0)), (0, at - 30, 2));
}

#[test]
fn a_deletion_that_means_another_pod_is_refused() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let error = store
        .begin_delete("default", "web", Some("other"), None)
        .unwrap_err();
    assert_eq!(error.reason(), "Conflict");
    store.finish_delete("default", "web", "other").unwrap();
    assert_eq!(store.stored("default", "web").unwrap(), made);
    store
        .begin_delete("default", "web", Some(uid(&made)), None)
        .unwrap();
}

#[test]
fn other_kinds_are_kept_in_the_same_way() {
    let (_dir, store) = store();
    let maps = store.objects::<v1::ConfigMap>();
    let map: v1::ConfigMap = serde_json::from_value(json!({
        "metadata": { "name": "settings" }, "data": { "a": "1" },
    }))
    .unwrap();
    let made = maps.create(map).unwrap();
    assert_eq!(made.metadata.namespace.as_deref(), Some("default"));
    let set = |map: &mut v1::ConfigMap| {
        map.data
            .as_mut()
            .unwrap()
            .insert("a".to_owned(), "2".to_owned());
        Ok(())
    };
    let (map, applied) = maps.update("default", "settings", set).unwrap();
    assert_eq!(
        (applied, map.metadata.generation),
        (Applied::Configured, None)
    );
    let error = maps.get("default", "other").unwrap_err();
    assert_eq!(error.to_string(), "configmaps \"other\" not found");
    assert!(store.list(None).unwrap().is_empty());
    let uid = map.metadata.uid.unwrap();
    assert!(maps.remove("default", "settings", &uid).unwrap());
    assert!(maps.list(None).unwrap().is_empty());
}

#[test]
fn a_folder_that_leads_elsewhere_is_not_entered() {
    let (dir, store) = store();
    store.create(pod("web")).unwrap();
    let pods = store.layout().objects().join("pods");
    fs::rename(pods.join("default"), dir.path().join("foreign")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("foreign"), pods.join("default")).unwrap();
    assert!(store.get("default", "web").is_err());
    assert!(store.create(pod("api")).is_err());
    assert!(!dir.path().join("foreign/api.json").exists());
}
