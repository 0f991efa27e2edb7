//! The events of one pod as the API shows them: what earlier processes have left, and what this one has counted.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::store::is_fresh;
use crate::lifecycle::{Entry, Event, EventKind, EventLog, Time};
use crate::spec::pod::Pod as Spec;

/// More than a pod's sources may say in the hour that an event lives is not taken over from earlier processes.
const MAX_EARLIER: usize = 100;

#[derive(Debug)]
pub(super) struct Journal {
    log: EventLog,
    earlier: Vec<v1::Event>,
    /// Names the containers of events.
    spec: Option<Arc<Spec>>,
    pod: v1::ObjectReference,
    node: Option<String>,
}

impl Journal {
    pub fn new(spec: Arc<Spec>, object: &v1::Pod, earlier: Vec<v1::Event>) -> Journal {
        Journal {
            spec: Some(spec),
            ..Journal::of_object(object, earlier)
        }
    }

    /// For events of the pod as a whole.
    pub fn of_object(object: &v1::Pod, mut earlier: Vec<v1::Event>) -> Journal {
        let meta = &object.metadata;
        earlier.retain(is_fresh);
        earlier.drain(..earlier.len().saturating_sub(MAX_EARLIER));
        Journal {
            log: EventLog::new(),
            earlier,
            spec: None,
            pod: v1::ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                namespace: meta.namespace.clone(),
                name: meta.name.clone(),
                uid: meta.uid.clone(),
                resource_version: meta.resource_version.clone(),
                ..Default::default()
            },
            node: object.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        }
    }

    pub fn define(&mut self, spec: Arc<Spec>) {
        self.spec = Some(spec);
    }

    /// Counts the event in. What it became, or none if its source has said too much.
    pub fn record(&mut self, event: Event) -> Option<v1::Event> {
        let entry = self.log.record(event)?.clone();
        Some(self.joined(&entry))
    }

    /// What is known, in order of first appearance.
    pub fn events(&self) -> Vec<v1::Event> {
        let counted: Vec<v1::Event> = self
            .log
            .entries(now())
            .map(|entry| self.joined(entry))
            .collect();
        let untouched = self
            .earlier
            .iter()
            .filter(|old| is_fresh(old) && !counted.iter().any(|new| is_same(old, new)));
        let mut events: Vec<v1::Event> = untouched.cloned().collect();
        events.extend(counted);
        events
    }

    /// An entry as the API shows it, with what an earlier process has counted of the same.
    fn joined(&self, entry: &Entry) -> v1::Event {
        let mut event = self.event(entry);
        if let Some(old) = self.earlier.iter().find(|old| is_same(old, &event)) {
            event.count = Some(
                event
                    .count
                    .unwrap_or(1)
                    .saturating_add(old.count.unwrap_or(1)),
            );
            event.first_timestamp.clone_from(&old.first_timestamp);
            event.metadata = old.metadata.clone();
        }
        event
    }

    fn event(&self, entry: &Entry) -> v1::Event {
        let slot = Event {
            kind: entry.kind,
            reason: entry.reason,
            message: "".into(),
            slot: entry.slot,
            at: entry.last,
        };
        let field_path = self.spec.as_ref().and_then(|spec| slot.field_path(spec));
        v1::Event {
            metadata: ObjectMeta {
                name: Some(self.name(entry)),
                namespace: self.pod.namespace.clone(),
                creation_timestamp: Some(entry.first.api()),
                ..Default::default()
            },
            involved_object: v1::ObjectReference {
                field_path,
                ..self.pod.clone()
            },
            type_: Some(entry.kind.as_str().to_owned()),
            reason: Some(entry.reason.to_owned()),
            message: Some(entry.message.clone().into_owned()),
            count: Some(i32::try_from(entry.count).unwrap_or(i32::MAX)),
            first_timestamp: Some(entry.first.api()),
            last_timestamp: Some(entry.last.api()),
            source: Some(v1::EventSource {
                component: Some(entry.component.to_owned()),
                host: self.node.clone(),
            }),
            reporting_component: Some(entry.component.to_owned()),
            reporting_instance: Some(self.node.clone().unwrap_or_default()),
            ..Default::default()
        }
    }

    /// The pod's name and when it first happened (client-go `tools/record/event.go`), told apart by what it is about where
    /// two things happened at once.
    fn name(&self, entry: &Entry) -> String {
        let mut hasher = DefaultHasher::new();
        (entry.reason, entry.slot).hash(&mut hasher);
        let pod = self.pod.name.as_deref().unwrap_or_default();
        let id = entry.first.nanos() ^ (hasher.finish() & 0xffff);
        format!("{pod}.{id:x}")
    }
}

/// Whether both tell of the same thing, at whatever time (client-go `tools/record/events_cache.go` `getEventKey`).
fn is_same(a: &v1::Event, b: &v1::Event) -> bool {
    a.reason == b.reason
        && a.message == b.message
        && a.type_ == b.type_
        && a.involved_object.field_path == b.involved_object.field_path
}

pub(super) fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::EPOCH + since
}

pub(super) fn failed_to_write(trouble: &str) -> Event {
    Event {
        kind: EventKind::Warning,
        reason: "FailedSync",
        message: format!("error determining status: {trouble}").into(),
        slot: None,
        at: now(),
    }
}
