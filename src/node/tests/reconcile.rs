use std::fs;

use serde_json::json;

use super::{Fake, born, killed, phase, pod, publish, status, store, uid};
use crate::node::writers::{Turn, Writers};
use crate::node::{PID_ANNOTATION, Process, get, list, reconcile};

#[test]
fn a_lost_pod_becomes_unknown_and_then_failed() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let running = serde_json::from_value(json!({
        "phase": "Running",
        "startTime": "2026-01-01T00:00:00Z",
        "conditions": [
            { "type": "Initialized", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ],
        "initContainerStatuses": [{
            "name": "init", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "state": { "terminated": { "exitCode": 0, "reason": "Completed" } },
        }],
        "containerStatuses": [{
            "name": "app", "image": "i", "imageID": "", "ready": true, "restartCount": 3,
            "containerID": "wasmpod://abc",
            "state": { "running": { "startedAt": "2026-01-01T00:00:01Z" } },
        }],
    }))
    .unwrap();
    publish(&store, uid(&made), 1, running);
    killed(born(&store, uid(&made)));
    let machinery = Fake::default();
    let sight = get(&store, &machinery, "default", "web").unwrap();
    assert_eq!(*machinery.swept.lock().unwrap(), [uid(&made)]);
    assert!(!sight.lost);
    assert_eq!((sight.process, sight.attempt), (Process::None, Some(1)));
    let status = sight.pod.status.unwrap();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("SandboxLost"));
    assert_eq!(
        status.message.as_deref(),
        Some("Error from the sandbox: the pod process ended (signal 9)")
    );
    let app = &status.container_statuses.unwrap()[0];
    let ended = app.state.as_ref().unwrap().terminated.as_ref().unwrap();
    assert_eq!(
        (app.ready, app.restart_count, ended.exit_code),
        (false, 3, 137)
    );
    assert_eq!(ended.reason.as_deref(), Some("ContainerStatusUnknown"));
    assert_eq!(ended.container_id.as_deref(), Some("wasmpod://abc"));
    assert!(ended.started_at.is_some() && ended.finished_at.is_some());
    let init = &status.init_container_statuses.unwrap()[0];
    let ended = init.state.as_ref().unwrap().terminated.as_ref().unwrap();
    assert_eq!(
        ended.reason.as_deref(),
        Some("Completed"),
        "what had ended stays as it was"
    );
    let ready = &status.conditions.unwrap()[1];
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_deref()),
        ("False", Some("PodFailed"))
    );
    let events = store.events(Some("default")).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].reason.as_deref(), Some("SandboxChanged"));
    assert_eq!(
        events[0].message.as_deref(),
        Some("Pod sandbox changed, it will be killed and re-created.")
    );
    assert_eq!(events[0].involved_object.uid.as_deref(), Some(uid(&made)));
    assert_eq!(fs::read_dir(store.layout().running()).unwrap().count(), 0);
}

#[test]
fn one_killed_before_its_first_word_has_containers_nobody_can_find() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    killed(born(&store, uid(&made)));
    let sights = list(&store, &Fake::default(), None).unwrap();
    let status = sights[0].pod.status.as_ref().unwrap();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert!(status.start_time.is_some());
    let names =
        |statuses: &Option<Vec<k8s_openapi::api::core::v1::ContainerStatus>>| -> Vec<String> {
            statuses
                .iter()
                .flatten()
                .map(|status| status.name.clone())
                .collect()
        };
    assert_eq!(names(&status.container_statuses), ["app"]);
    assert_eq!(names(&status.init_container_statuses), ["init"]);
}

#[test]
fn how_it_ended_is_told_as_far_as_it_is_known() {
    let (_dir, store) = store();
    for (name, lock, how) in [
        ("crashed", Some("11\n"), "signal 11"),
        ("killed", Some(""), "signal 9"),
        ("restarted", None, "the machine restarted"),
    ] {
        let made = store.create(pod(name)).unwrap();
        publish(&store, uid(&made), 0, status("Running"));
        if let Some(words) = lock {
            killed(born(&store, uid(&made)));
            let file = store.layout().lock(uid(&made));
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, text + words).unwrap();
        }
        let seen = get(&store, &Fake::default(), "default", name).unwrap().pod;
        assert_eq!(
            seen.status.unwrap().message.unwrap(),
            format!("Error from the sandbox: the pod process ended ({how})")
        );
    }
}

#[test]
fn a_living_pod_is_left_alone() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    let _lock = born(&store, uid(&made));
    let machinery = Fake::default();
    assert_eq!(reconcile(&store, &machinery).unwrap(), 0);
    let seen = get(&store, &machinery, "default", "web").unwrap().pod;
    assert_eq!(phase(&seen), "Running");
    let pid = std::process::id().to_string();
    assert_eq!(seen.metadata.annotations.unwrap()[PID_ANNOTATION], pid);
    assert!(machinery.swept.lock().unwrap().is_empty());
}

#[test]
fn one_that_was_killed_after_its_last_word_keeps_it() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Succeeded"));
    killed(born(&store, uid(&made)));
    let machinery = Fake::default();
    let seen = get(&store, &machinery, "default", "web").unwrap();
    assert_eq!(phase(&seen.pod), "Succeeded");
    assert_eq!(*machinery.swept.lock().unwrap(), [uid(&made)]);
    assert_eq!(seen.process, Process::None);
    assert_eq!(
        reconcile(&store, &machinery).unwrap(),
        0,
        "there is nothing more to do"
    );
}

#[test]
fn a_marked_pod_without_a_process_is_gone_for_the_next_reader() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    let lock = born(&store, uid(&made));
    store.begin_delete("default", "web", None, None).unwrap();
    killed(lock);
    let machinery = Fake::default();
    assert!(list(&store, &machinery, None).unwrap().is_empty());
    assert_eq!(*machinery.erased.lock().unwrap(), [uid(&made)]);
    assert!(
        !store
            .layout()
            .statuses()
            .join(format!("{}.json", uid(&made)))
            .exists()
    );
}

#[test]
fn what_cannot_be_swept_is_no_reason_to_lie() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    killed(born(&store, uid(&made)));
    let stuck = Fake {
        stuck: true,
        ..Fake::default()
    };
    assert_eq!(
        phase(&get(&store, &stuck, "default", "web").unwrap().pod),
        "Failed"
    );
    store.begin_delete("default", "web", None, None).unwrap();
    assert_eq!(
        list(&store, &stuck, None).unwrap().len(),
        1,
        "its deletion waits"
    );
    assert!(list(&store, &Fake::default(), None).unwrap().is_empty());
}

#[test]
fn locks_of_pods_that_are_no_more_are_removed() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    killed(born(&store, "uid-gone"));
    let machinery = Fake::default();
    assert_eq!(reconcile(&store, &machinery).unwrap(), 1);
    assert_eq!(*machinery.erased.lock().unwrap(), ["uid-gone"]);
    assert_eq!(fs::read_dir(store.layout().running()).unwrap().count(), 0);
}

#[test]
fn many_readers_put_a_pod_in_order_once() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    killed(born(&store, uid(&made)));
    let machinery = Fake::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let seen = get(&store, &machinery, "default", "web").unwrap().pod;
                assert!(["Unknown", "Failed"].contains(&phase(&seen)));
            });
        }
    });
    assert_eq!(machinery.swept.lock().unwrap().len(), 1);
    assert_eq!(store.events_of(uid(&made)).unwrap()[0].count, Some(1));
}

#[test]
fn a_reader_waits_for_nobody() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let machinery = Fake::default();
    let seen = || list(&store, &machinery, None).unwrap().remove(0).pod;
    killed(born(&store, uid(&made)));
    let door = fs::File::open(store.layout().running()).unwrap();
    door.lock().unwrap();
    assert_eq!(phase(&seen()), "Unknown");
    drop(door);
    store.begin_delete("default", "web", None, None).unwrap();
    let writers = Writers::lock(store.layout(), Turn::Await).unwrap();
    assert!(seen().metadata.deletion_timestamp.is_some());
    drop(writers);
    assert!(list(&store, &machinery, None).unwrap().is_empty());
}

/// Nobody came by the lock of a process that was killed between removing its object and letting go.
#[test]
fn a_list_finds_what_is_left_of_a_pod_that_is_stored_no_more() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let other = store.create(pod("other")).unwrap();
    for pod in [&made, &other] {
        publish(&store, uid(pod), 0, status("Running"));
    }
    let _lives = born(&store, uid(&other));
    killed(born(&store, uid(&made)));
    fs::remove_file(store.layout().objects().join("pods/default/web.json")).unwrap();
    let machinery = Fake::default();
    // Whichever namespace is asked for.
    assert!(
        list(&store, &machinery, Some("elsewhere"))
            .unwrap()
            .is_empty()
    );
    assert_eq!(*machinery.erased.lock().unwrap(), [uid(&made)]);
    assert!(!store.layout().lock(uid(&made)).exists());
    assert!(store.published(uid(&made)).unwrap().is_none());
    assert!(store.published(uid(&other)).unwrap().is_some());
    assert!(store.process(uid(&other)).unwrap().pid().is_some());
}
