//! What is said of a pod that has no process: by the scheduler, that it has no place; by the kubelet, that it may not run.

use std::borrow::Cow;

use k8s_openapi::api::core::v1;

use super::Layout;
use super::disk::Durable;
use super::error::{StoreError, doing};
use super::published::Published;
use super::record::note_after_death;
use super::writers::{micros, now};
use crate::lifecycle::schedule::{GATED, Rejected, Unplaced};
use crate::lifecycle::{Event, EventKind, Time};
use crate::spec::qos;

/// What there is to say.
pub(super) struct Word {
    phase: &'static str,
    /// `status.reason`, which only a pod has that came to its end.
    reason: Option<&'static str>,
    message: Option<String>,
    /// The condition PodScheduled, its reason and message.
    scheduled: Option<(&'static str, String)>,
    event: Option<(&'static str, String)>,
}

impl Word {
    /// None: of other schedulers nothing is heard.
    pub fn of_unplaced(unplaced: &Unplaced) -> Option<Word> {
        let (condition, event) = match unplaced {
            Unplaced::Foreign => return None,
            Unplaced::Gated => (("SchedulingGated", GATED.to_owned()), None),
            Unplaced::Unschedulable(text) => (
                ("Unschedulable", text.clone()),
                Some(("FailedScheduling", text.clone())),
            ),
        };
        Some(Word {
            phase: "Pending",
            reason: None,
            message: None,
            scheduled: Some(condition),
            event,
        })
    }

    pub fn of_rejected(rejected: &Rejected) -> Word {
        Word {
            phase: "Failed",
            reason: Some(rejected.reason),
            message: Some(format!("Pod was rejected: {}", rejected.message)),
            scheduled: None,
            event: Some((rejected.reason, rejected.message.clone())),
        }
    }

    fn condition(&self, before: &v1::PodStatus) -> Option<v1::PodCondition> {
        let (reason, message) = self.scheduled.clone()?;
        let mut before = before.conditions.iter().flatten();
        let before = before.find(|one| one.type_ == "PodScheduled");
        Some(v1::PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: before
                .and_then(|one| one.last_transition_time.clone())
                .or_else(|| Some(now())),
            ..Default::default()
        })
    }
}

/// Makes it the pod's status, and an event if it is news. Nobody else speaks for a pod without a process; the caller holds the
/// lock of all writers.
pub(super) fn say(layout: &Layout, pod: &v1::Pod, word: &Word) -> Result<(), StoreError> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let path = layout.statuses().join(format!("{uid}.json"));
    let read = Published::read(layout, uid).map_err(doing("read", &path))?;
    let mut published = read.unwrap_or_default();
    let before = published.status.into_owned();
    let status = v1::PodStatus {
        phase: Some(word.phase.to_owned()),
        reason: word.reason.map(str::to_owned),
        message: word.message.clone(),
        conditions: word.condition(&before).map(|condition| vec![condition]),
        qos_class: Some(qos::class(pod).to_owned()),
        start_time: word.reason.map(|_| now()),
        ..v1::PodStatus::default()
    };
    if status == before {
        return Ok(());
    }
    published.status = Cow::Owned(status);
    published
        .write(layout, uid, Durable::No)
        .map_err(doing("write", &path))?;
    let Some((reason, message)) = &word.event else {
        return Ok(());
    };
    let event = Event {
        kind: EventKind::Warning,
        reason,
        message: message.clone().into(),
        slot: None,
        at: Time::from_nanos(micros().saturating_mul(1000)),
    };
    let events = layout.events().join(format!("{uid}.json"));
    note_after_death(layout, pod, event).map_err(doing("write", &events))
}
