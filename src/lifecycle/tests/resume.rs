//! Section 3, rules 1 and 2: a pod whose process was lost goes on in another sandbox.

use std::sync::Arc;

use k8s_openapi::api::core::v1;

use super::play::{BORN, Play};
use super::pods::*;
use crate::lifecycle::{Life, Node};
use crate::spec::pod::{ExitCodes, Pod, RestartPolicy, RuleAction};

const CHANGED: &str =
    "Normal SandboxChanged: pod: Pod sandbox changed, it will be killed and re-created.";
const LOST: &str = "Terminated ContainerStatusUnknown 137: The container could not be located when the pod was \
     deleted.  The container used to be Running";

#[test]
fn everything_starts_again_in_the_next_sandbox_init_containers_first() {
    let mut before = Play::new(pod([init("i"), sidecar("s"), app("a")]));
    before.exit(1.0, "i", 0).until(10.0);
    let mut play = before.resumed(50.0, 1);
    assert_eq!(play.events()[0], format!("50 {CHANGED}"));
    assert_eq!(play.actions(), ["50 sandbox#1", "50 start i#1"]);
    assert_eq!(play.phase(), "Pending");
    play.exit(52.0, "i", 0);
    assert_eq!(play.actions(), ["52 start s#1", "52 start a#1"]);
    assert_eq!(play.phase(), "Running");
    assert_eq!(play.shows("a"), "Running restarts=1");
    assert_eq!(play.last_state("a"), LOST);
    assert_eq!(play.last_state("i"), "Terminated Completed 0");
}

#[test]
fn nothing_is_told_twice_of_the_pod() {
    let mut play = Play::new(pod([app("a")])).resumed(50.0, 1);
    assert_eq!(play.events_of(&["Scheduled"]), [""; 0]);
}

#[test]
fn counts_last_states_and_the_start_time_go_on() {
    let mut before = Play::new(pod([app("a"), app("b")]));
    before.exit(1.0, "a", 7).exit(2.0, "a", 8).until(5.0);
    assert!(before.shows("a").starts_with("Waiting CrashLoopBackOff"));
    let mut play = before.resumed(6.0, 3);
    assert_eq!(
        play.actions(),
        ["6 sandbox#3", "6 start a#2", "6 start b#1"]
    );
    assert_eq!(play.shows("a"), "Running restarts=2");
    assert_eq!(play.last_state("a"), "Terminated Error 8");
    assert_eq!(play.status().start_time, before.status().start_time);
    // And on.
    let twice = play.resumed(100.0, 4);
    assert_eq!(twice.shows("a"), "Running restarts=3");
    assert_eq!(twice.last_state("a"), LOST);
}

#[test]
fn the_policy_decides_what_starts_again() {
    // Policy, how it ended (none: it ran), whether it is started.
    let rows = [
        (RestartPolicy::Always, Some(0), true),
        (RestartPolicy::OnFailure, Some(0), false),
        (RestartPolicy::OnFailure, None, true),
        (RestartPolicy::Never, Some(0), false),
        (RestartPolicy::Never, Some(1), false),
        (RestartPolicy::Never, None, false),
    ];
    for (own, code, expected) in rows {
        let a = app("a").with(|c| c.restart_policy = own);
        let mut before = Play::new(pod([a, app("other")]));
        if let Some(code) = code {
            before.exit(1.0, "a", code);
        }
        let mut play = before.resumed(50.0, 1);
        let started = play
            .actions()
            .iter()
            .any(|action| action.starts_with("50 start a#"));
        assert_eq!(started, expected, "{own:?} {code:?}");
    }
}

#[test]
fn a_pod_of_the_policy_never_ends_as_it_stands() {
    let mut before = Play::new(never([app("a"), app("b")]));
    before.exit(1.0, "a", 0);
    let mut play = before.resumed(50.0, 1);
    assert_eq!((play.actions(), play.events()), (vec![], vec![]));
    assert!(play.finished);
    assert_eq!(play.phase(), "Failed");
    assert_eq!(play.shows("a"), "Terminated Completed 0 restarts=0");
    assert_eq!(play.shows("b"), format!("{LOST} restarts=0"));
    assert_eq!(play.life.first_failure(), Some((1, 137)));
}

#[test]
fn a_pod_of_the_policy_never_that_was_lost_while_initialising_has_failed() {
    let before = Play::new(never([init("i"), app("a")]));
    let play = before.resumed(50.0, 1);
    assert_eq!((play.phase(), play.finished), ("Failed", true));
    let mut before = Play::holding(never([init("i"), app("a")]), &["start a"]);
    before.exit(1.0, "i", 0);
    let mut play = before.resumed(50.0, 1);
    assert_eq!(
        (play.phase(), play.finished, play.actions()),
        ("Failed", true, vec![])
    );
}

#[test]
fn a_rule_that_would_restart_a_lost_container_restarts_it() {
    let a = app("a").with(|c| {
        c.restart_rules = vec![rule(RuleAction::Restart, ExitCodes::In, &[137])];
    });
    let mut play = Play::new(never([a])).resumed(50.0, 1);
    assert_eq!(play.actions(), ["50 sandbox#1", "50 start a#1"]);
}

#[test]
fn a_pod_whose_containers_have_all_succeeded_needs_no_sandbox() {
    let mut before = Play::holding(on_failure([app("a")]), &["remove"]);
    before.exit(1.0, "a", 0);
    let mut play = before.resumed(50.0, 1);
    assert_eq!((play.actions(), play.events()), (vec![], vec![]));
    assert_eq!((play.phase(), play.finished), ("Succeeded", true));
}

#[test]
fn a_pod_of_which_nothing_had_begun_begins() {
    for policy in [pod, |containers: [_; 1]| never(containers)] as [fn([_; 1]) -> Pod; 2] {
        let before = Play::holding(policy([app("a")]), &["sandbox"]);
        let mut play = before.resumed(50.0, 1);
        assert_eq!(play.actions(), ["50 sandbox#1", "50 start a#0"]);
        assert_eq!(play.shows("a"), "Running restarts=0");
    }
}

#[test]
fn a_crash_before_counts_for_the_back_off_after() {
    let mut before = Play::new(pod([app("a")]));
    before.exit(1.0, "a", 1).exit(2.0, "a", 1);
    let mut play = before.resumed(50.0, 1);
    play.forget().exit(51.0, "a", 1).until(61.0);
    assert_eq!(play.actions(), ["61 start a#3"]);
}

#[test]
fn the_deadline_counts_from_the_first_start() {
    let limited = pod([app("a")]).with(|p| {
        p.active_deadline = Some(std::time::Duration::from_secs(60));
    });
    let mut play = Play::new(limited).resumed(50.0, 1);
    play.forget().until(60.0);
    assert_eq!(play.actions(), ["60 Term a"]);
}

#[test]
fn conditions_keep_their_times_if_they_keep_their_value() {
    let mut before = Play::new(pod([init("i"), app("a")]));
    before.exit(3.0, "i", 0).until(10.0);
    let mut play = before.resumed(50.0, 1);
    assert_eq!(
        play.conditions(),
        [
            "PodReadyToStartContainers=True 50",
            "Initialized=True 3",
            "Ready=False 50 ContainersNotReady containers with unready status: [a]",
            "ContainersReady=False 50 ContainersNotReady containers with unready status: [a]",
            "PodScheduled=True 0",
        ]
    );
    play.exit(52.0, "i", 0);
    assert_eq!(play.condition("Ready"), "Ready=True 52");
}

#[test]
fn an_ephemeral_container_does_not_come_again() {
    let mut before = Play::new(pod([app("a")]));
    before.update(1.0, |pod| pod.containers.push(ephemeral("debug")));
    let mut play = before.resumed(50.0, 1);
    assert_eq!(play.actions(), ["50 sandbox#1", "50 start a#1"]);
    assert_eq!(play.shows("debug"), format!("{LOST} restarts=0"));
}

#[test]
fn the_verdict_over_a_lost_pod_is_understood() {
    // What a reader wrote who found the process dead.
    let lost = |name: &str, id: Option<&str>, restarts| v1::ContainerStatus {
        name: name.into(),
        container_id: id.map(Into::into),
        restart_count: restarts,
        state: Some(v1::ContainerState {
            terminated: Some(v1::ContainerStateTerminated {
                exit_code: 137,
                reason: Some("ContainerStatusUnknown".into()),
                message: Some(
                    "The container could not be located when the pod was terminated".into(),
                ),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let previous = v1::PodStatus {
        phase: Some("Failed".into()),
        reason: Some("SandboxLost".into()),
        container_statuses: Some(vec![
            lost("ran", Some("wasmpod://abc"), 2),
            lost("never-made", None, 0),
            lost("gone-from-the-spec", None, 0),
        ]),
        ..Default::default()
    };
    let pod = Arc::new(pod([app("ran"), app("never-made")]));
    let life = Life::resume(pod, Node::new("here", vec![]), &previous, 1, BORN);
    let mut play = Play::of(life, 0.0, &[]);
    assert_eq!(
        play.actions(),
        ["0 sandbox#1", "0 start ran#3", "0 start never-made#0"]
    );
    assert!(
        !play
            .events()
            .iter()
            .any(|event| event.contains("SandboxChanged")),
        "who found the process dead has said so"
    );
    assert_eq!(play.status().reason, None);
    assert_eq!(play.shows("ran"), "Running restarts=3");
    assert_eq!(
        play.last_state("ran"),
        "Terminated ContainerStatusUnknown 137: The container could not be located when the pod was terminated"
    );
    assert_eq!(play.last_state("never-made"), "none");
}
