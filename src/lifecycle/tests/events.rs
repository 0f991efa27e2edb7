//! Section 13: events. (Their texts stand with what causes them.)

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Event, EventKind};

#[test]
fn a_pod_that_starts_tells_so_in_order() {
    let mut play = Play::new(pod([app("a")]));
    let pulled = "Container image \"wasmpod/toolbox\" already present on machine and can be accessed by the pod";
    assert_eq!(
        play.events(),
        [
            "0 Normal Scheduled: pod: Successfully assigned default/web to here".to_owned(),
            format!("0 Normal Pulled: a: {pulled}"),
            "0 Normal Created: a: Container created".into(),
            "0 Normal Started: a: Container started".into(),
        ]
    );
}

#[test]
fn an_event_of_a_container_says_where_in_the_spec_it_is_and_who_tells() {
    let pod = pod([sidecar("s"), app("a")]);
    let event = |slot, reason| Event {
        kind: EventKind::Normal,
        reason,
        message: "".into(),
        slot,
        at: super::play::BORN,
    };
    assert_eq!(
        event(Some(0), "Started").field_path(&pod).as_deref(),
        Some("spec.initContainers{s}")
    );
    assert_eq!(
        event(Some(1), "Started").field_path(&pod).as_deref(),
        Some("spec.containers{a}")
    );
    assert_eq!(event(None, "Killing").field_path(&pod), None);
    assert_eq!(event(None, "Killing").component(), "kubelet");
    assert_eq!(event(None, "Scheduled").component(), "default-scheduler");
}
