use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1;

use super::Record;
use crate::lifecycle::{Event, EventKind, Time};
use crate::node::Store;
use crate::node::disk::step;
use crate::node::tests::{pod, publish, resolved, status, store, uid};

fn event(reason: &'static str, message: &str, slot: Option<usize>) -> Event {
    Event {
        kind: EventKind::Normal,
        reason,
        message: message.to_owned().into(),
        slot,
        at: super::journal::now(),
    }
}

fn open(store: &Store, made: &v1::Pod, attempt: u32) -> Record {
    Record::open(store.layout(), made, resolved(made), attempt)
}

#[test]
fn the_newest_status_and_all_events_are_on_disk_at_the_end() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let record = open(&store, &made, 0);
    for _ in 0..100 {
        record.status(Arc::new(status("Pending")));
    }
    record.event(event("Started", "Container started", Some(1)));
    record.event(event("Started", "Container started", Some(1)));
    record.status(Arc::new(status("Running")));
    record.finish().unwrap();
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert_eq!(published.status.phase.as_deref(), Some("Running"));
    assert_eq!(published.sandbox_attempt, 0);
    let events = store.events_of(uid(&made)).unwrap();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(
        (event.count, event.type_.as_deref()),
        (Some(2), Some("Normal"))
    );
    assert_eq!(
        event.involved_object.field_path.as_deref(),
        Some("spec.containers{app}")
    );
    assert_eq!(
        event.source.as_ref().unwrap().component.as_deref(),
        Some("kubelet")
    );
    assert!(event.metadata.name.as_ref().unwrap().starts_with("web."));
}

#[test]
fn every_status_has_a_version_above_the_last() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let mut versions = Vec::new();
    for attempt in 0..3 {
        let record = open(&store, &made, attempt);
        record.status(Arc::new(status("Running")));
        record.finish().unwrap();
        let published = store.published(uid(&made)).unwrap().unwrap();
        versions.push(published.resource_version);
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}

#[test]
fn a_new_process_takes_the_last_word_of_the_old_one_back() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let mut failed = status("Failed");
    failed.reason = Some("SandboxLost".to_owned());
    failed.container_statuses = Some(vec![v1::ContainerStatus {
        name: "app".to_owned(),
        restart_count: 3,
        ..Default::default()
    }]);
    publish(&store, uid(&made), 0, failed);
    let record = open(&store, &made, 1);
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert_eq!(published.sandbox_attempt, 1);
    assert_eq!(published.status.phase.as_deref(), Some("Pending"));
    assert_eq!(published.status.reason, None);
    let containers = published.status.container_statuses.as_ref().unwrap();
    assert_eq!(containers[0].restart_count, 3);
    record.finish().unwrap();
}

#[test]
fn events_go_on_where_an_earlier_process_left_them() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    for attempt in 0..3 {
        let record = open(&store, &made, attempt);
        record.event(event("Started", "Container started", Some(1)));
        record.event(event("Killing", &format!("Stopping {attempt}"), None));
        record.finish().unwrap();
    }
    let events = store.events_of(uid(&made)).unwrap();
    let lines: Vec<_> = events
        .iter()
        .map(|event| (event.message.as_deref().unwrap(), event.count.unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            ("Stopping 0", 1),
            ("Stopping 1", 1),
            ("Container started", 3),
            ("Stopping 2", 1)
        ]
    );
    let mut names: Vec<_> = events.iter().map(|event| &event.metadata.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn events_of_long_ago_are_forgotten() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let record = open(&store, &made, 0);
    record.event(Event {
        at: Time::from_secs(1000),
        ..event("Started", "long ago", None)
    });
    record.event(event("Started", "now", None));
    record.finish().unwrap();
    let events = store.events_of(uid(&made)).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].message.as_deref(), Some("now"));
}

#[test]
fn a_subscriber_misses_nothing_and_hears_nothing_twice() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let record = open(&store, &made, 0);
    record.event(event("Pulled", "one", None));
    let (so_far, mut more) = record.subscribe();
    record.event(event("Created", "two", None));
    assert_eq!(so_far.len(), 1);
    assert_eq!(more.try_recv().unwrap().message.as_deref(), Some("two"));
    assert!(more.try_recv().is_err());
    record.finish().unwrap();
}

#[test]
fn a_full_disk_is_said_and_outlived() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let record = open(&store, &made, 0);
    let (_, mut events) = record.subscribe();
    step::fill(dir.path(), true);
    record.status(Arc::new(status("Running")));
    let said = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(20), events.recv()).await });
    let said = said.unwrap().unwrap();
    assert_eq!(said.type_.as_deref(), Some("Warning"));
    assert!(said.message.unwrap().contains("No space left on device"));
    assert!(record.trouble().is_some());
    step::fill(dir.path(), false);
    record.status(Arc::new(status("Succeeded")));
    record.finish().unwrap();
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert_eq!(published.status.phase.as_deref(), Some("Succeeded"));
    let events = store.events_of(uid(&made)).unwrap();
    assert_eq!(events.len(), 1, "it was said once");
}

#[test]
fn a_last_word_is_written_over_the_one_before_when_there_is_no_room() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    let record = open(&store, &made, 0);
    step::fill(dir.path(), true);
    record.status(Arc::new(status("Succeeded")));
    record.finish().unwrap();
    step::fill(dir.path(), false);
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert_eq!(published.status.phase.as_deref(), Some("Succeeded"));
}

#[test]
fn a_last_word_that_cannot_be_written_is_told_at_the_end() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    let record = open(&store, &made, 0);
    step::fill(dir.path(), true);
    let mut long = status("Succeeded");
    long.message = Some("x".repeat(100_000));
    record.status(Arc::new(long));
    let error = record.finish().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    step::fill(dir.path(), false);
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert!(!published.is_terminal(), "what was there is whole");
}

#[test]
fn events_that_cannot_be_written_do_not_hold_up_the_status() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let record = open(&store, &made, 0);
    let events = store.layout().events();
    step::fill(&events, true);
    record.event(event("Started", "Container started", Some(1)));
    record.status(Arc::new(status("Succeeded")));
    record.finish().unwrap();
    step::fill(&events, false);
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert_eq!(published.status.phase.as_deref(), Some("Succeeded"));
}

/// A pod that ended on a full disk was said to be lost: how its containers ended did not fit in the place of its last status.
#[test]
fn a_last_word_may_be_longer_than_the_one_before() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let told = |phase: &str, length: usize| {
        let mut told = status(phase);
        told.container_statuses = Some(vec![v1::ContainerStatus {
            image: "x".repeat(length),
            ..Default::default()
        }]);
        told
    };
    publish(&store, uid(&made), 0, told("Running", 3000));
    let record = open(&store, &made, 0);
    step::fill(dir.path(), true);
    record.status(Arc::new(told("Succeeded", 5000)));
    record.finish().unwrap();
    step::fill(dir.path(), false);
    let published = store.published(uid(&made)).unwrap().unwrap();
    assert_eq!(published.status.phase.as_deref(), Some("Succeeded"));
}
