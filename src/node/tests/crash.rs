//! Killed at every change of the disk, each story leaves what was before or what was to be, and can be told again.

mod around;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1;

use super::{Fake, child, killed, layout, phase, pod, publish, resolved, status, uid};
use crate::lifecycle::{Event, EventKind, Time};
use crate::node::lock::Lock;
use crate::node::{Deletion, Record, Store, StoreError, delete, reconcile};

/// What is done, and what a reader may find after a kill in the midst of it.
struct Story {
    name: &'static str,
    /// What there is before it begins.
    before: fn(&Store),
    tell: fn(&Store),
    /// What there may be when it was interrupted.
    whole: fn(&Store),
    /// What there is when it was told to its end.
    after: fn(&Store),
}

const STORIES: &[Story] = &[
    Story {
        name: "create",
        before: |_| (),
        tell: |store| match store.create(pod("web")) {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => panic!("{error}"),
        },
        whole: |store| {
            if let Some(web) = find(store) {
                assert_eq!(web.metadata.generation, Some(1));
                assert_eq!(phase(&web), "Pending");
            }
        },
        after: |store| assert!(find(store).is_some()),
    },
    Story {
        name: "update",
        before: create,
        tell: |store| {
            let image = |pod: &mut v1::Pod| {
                pod.spec.as_mut().unwrap().containers[0].image = Some("./new.wasm".to_owned());
                Ok(())
            };
            store.update("default", "web", image).unwrap();
        },
        whole: |store| {
            let web = find(store).unwrap();
            let image = web.spec.unwrap().containers[0].image.clone().unwrap();
            match image.as_str() {
                "wasmpod/toolbox" => assert_eq!(web.metadata.generation, Some(1)),
                "./new.wasm" => assert_eq!(web.metadata.generation, Some(2)),
                other => panic!("{other}"),
            }
        },
        after: |store| assert_eq!(find(store).unwrap().metadata.generation, Some(2)),
    },
    Story {
        name: "record",
        before: |store| {
            create(store);
            publish(store, uid(&find(store).unwrap()), 0, status("Pending"));
        },
        tell: |store| {
            let web = store.stored("default", "web").unwrap();
            let spec = resolved(&web);
            let lock = Lock::take(store.layout(), uid(&web)).unwrap();
            let record = Record::open(store.layout(), &web, spec, 1);
            record.event(started());
            record.status(Arc::new(status("Running")));
            record.status(Arc::new(status("Succeeded")));
            record.finish().unwrap();
            lock.remove().unwrap();
        },
        whole: |store| {
            let web = find(store).unwrap();
            assert!(["Pending", "Running", "Succeeded", "Unknown"].contains(&phase(&web)));
            // A last word is not heard before what led to it.
            if phase(&web) == "Succeeded" {
                assert_eq!(store.events_of(uid(&web)).unwrap().len(), 1);
            }
        },
        after: |store| {
            let web = find(store).unwrap();
            assert_eq!(phase(&web), "Succeeded");
            assert!(!store.events_of(uid(&web)).unwrap().is_empty());
        },
    },
    Story {
        name: "reconcile",
        before: |store| {
            create(store);
            let web = find(store).unwrap();
            publish(store, uid(&web), 0, status("Running"));
            killed(Lock::take(store.layout(), uid(&web)).unwrap());
        },
        tell: |store| {
            reconcile(store, &Fake::default()).unwrap();
        },
        whole: |store| {
            let web = find(store).unwrap();
            assert!(
                ["Unknown", "Failed"].contains(&phase(&web)),
                "{}",
                phase(&web)
            );
            if phase(&web) == "Failed" {
                let message = web.status.unwrap().message.unwrap();
                assert!(message.ends_with("ended (signal 9)"), "{message}");
            }
        },
        after: |store| {
            let web = find(store).unwrap();
            assert_eq!(phase(&web), "Failed");
            let events = store.events_of(uid(&web)).unwrap();
            assert_eq!(events[0].reason.as_deref(), Some("SandboxChanged"));
        },
    },
    Story {
        name: "delete",
        before: |store| {
            create(store);
            let web = find(store).unwrap();
            publish(store, uid(&web), 0, status("Failed"));
            let lock = Lock::take(store.layout(), uid(&web)).unwrap();
            let record = Record::open(store.layout(), &web, resolved(&web), 0);
            record.event(started());
            record.finish().unwrap();
            killed(lock);
            let logs = store.layout().pod_logs("default", "web", uid(&web));
            std::fs::create_dir_all(logs.join("app")).unwrap();
            std::fs::write(logs.join("app/0.log"), "hello").unwrap();
        },
        tell: |store| {
            let wish = Deletion {
                namespace: "default".to_owned(),
                name: "web".to_owned(),
                ..Deletion::default()
            };
            match delete(store, &Fake::default(), &wish) {
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            // What a kill after the object's end has left.
            reconcile(store, &Fake::default()).unwrap();
        },
        whole: |store| {
            // Whoever has begun to delete has said so before anything was gone.
            if let Some(web) = find(store) {
                let marked = web.metadata.deletion_timestamp.is_some();
                let logs = store.layout().pod_logs("default", "web", uid(&web));
                assert!(marked || logs.join("app/0.log").exists());
            }
        },
        after: |store| {
            assert!(find(store).is_none());
            let layout = store.layout();
            for place in [
                &layout.statuses(),
                &layout.events(),
                &layout.logs,
                &layout.running(),
            ] {
                assert_eq!(files(place), 0, "{}", place.display());
            }
            assert_eq!(files(&layout.objects().join("pods")), 0);
        },
    },
];

fn create(store: &Store) {
    store.create(pod("web")).unwrap();
}

pub fn started() -> Event {
    Event {
        kind: EventKind::Normal,
        reason: "Started",
        message: "Container started".into(),
        slot: Some(1),
        at: Time::from_nanos(crate::node::writers::micros() * 1000),
    }
}

fn find(store: &Store) -> Option<v1::Pod> {
    match store.get("default", "web") {
        Ok(pod) => Some(pod),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

pub fn files(place: &Path) -> usize {
    std::fs::read_dir(place).map_or(0, Iterator::count)
}

fn story(name: &str) -> &'static Story {
    let mut all = STORIES.iter().chain(around::STORIES);
    all.find(|story| story.name == name).unwrap()
}

/// The child's part.
pub fn tell(name: &str, root: &Path) {
    let story = story(name);
    (story.tell)(&Store::new(layout(root)));
}

/// Kills a child at its first change, then at its second, and so on until it comes to the end.
fn kill_at_every_change(name: &str) {
    let story = story(name);
    for lethal in 1.. {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(layout(root.path()));
        (story.before)(&store);
        let ended = child::command(&format!("story:{name}"), root.path(), lethal)
            .status()
            .unwrap();
        (story.whole)(&store);
        assert_nothing_is_corrupt(&store);
        if ended.success() {
            assert!(
                lethal > 3,
                "{name} changes the disk more than {lethal} times"
            );
            (story.after)(&store);
            return;
        }
        assert_eq!(ended.signal(), Some(9), "{name} at change {lethal}");
        (story.tell)(&store);
        (story.after)(&store);
        assert_no_litter(root.path(), name, lethal);
    }
}

fn assert_nothing_is_corrupt(store: &Store) {
    let listed = store.list(Some("default")).unwrap().len();
    assert_eq!(listed, usize::from(find(store).is_some()));
    for pod in store.stored_all(None).unwrap() {
        let published = store.published(uid(&pod)).unwrap();
        assert!(published.is_none_or(|published| !published.resource_version.is_empty()));
    }
}

pub fn assert_no_litter(place: &Path, name: &str, lethal: u64) {
    for entry in std::fs::read_dir(place).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        assert!(
            !file.starts_with('.') || file == ".lock",
            "{name} at change {lethal} leaves {}",
            entry.path().display()
        );
        if entry.file_type().unwrap().is_dir() {
            assert_no_litter(&entry.path(), name, lethal);
        }
    }
}

#[test]
fn a_pod_is_created_or_not() {
    kill_at_every_change("create");
}

#[test]
fn a_pod_is_updated_or_not() {
    kill_at_every_change("update");
}

#[test]
fn a_status_is_the_old_one_or_the_new_one() {
    kill_at_every_change("record");
}

#[test]
fn a_lost_pod_is_put_in_order_or_still_lost() {
    kill_at_every_change("reconcile");
}

#[test]
fn a_deletion_that_was_begun_can_be_ended() {
    kill_at_every_change("delete");
}
