//! Sections 3, 12, 13, 17 and 20: volumes come before the sandbox, what is missing is waited for, and a pod that takes too
//! much room loses its place.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Input, StartProblem};
use crate::spec::pod::{Pod, RestartPolicy};

/// One container, two volumes.
fn web() -> Pod {
    pod([app("a")]).with(|p| p.volumes = vec![volume("config"), volume("cache")])
}

fn missing(name: &str) -> Input {
    Input::MountFailed {
        volume: 0,
        error: format!("configmap {name:?} not found"),
    }
}

const FAILED: &str =
    "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found";

#[test]
fn volumes_are_mounted_before_the_sandbox_is_made() {
    let mut play = Play::new(web());
    assert_eq!(play.actions(), ["0 mount", "0 sandbox#0", "0 start a#0"]);
    // A pod without volumes has none to wait for.
    let mut play = Play::new(pod([app("a")]));
    assert_eq!(play.actions(), ["0 sandbox#0", "0 start a#0"]);
}

#[test]
fn while_volumes_wait_containers_are_creating_and_nothing_else_tells_of_it() {
    let mut play = Play::holding(web(), &["mount"]);
    play.at(0.1, missing("settings"));
    assert_eq!(play.phase(), "Pending");
    assert_eq!(play.shows("a"), "Waiting ContainerCreating restarts=0");
    assert_eq!(
        play.condition("PodReadyToStartContainers"),
        "PodReadyToStartContainers=False 0"
    );
    assert_eq!(play.condition("PodScheduled"), "PodScheduled=True 0");
    assert_eq!(
        play.events_of(&["FailedMount"]),
        [format!("0.1 Warning FailedMount: pod: {FAILED}")]
    );
    let mut play = Play::holding(
        pod([init("i"), app("a")]).with(|p| p.volumes = vec![volume("config")]),
        &["mount"],
    );
    play.at(0.1, missing("settings"));
    assert_eq!(play.shows("a"), "Waiting PodInitializing restarts=0");
}

#[test]
fn attempts_are_half_a_second_apart_and_then_twice_as_far_each_time_up_to_two_minutes_and_two_seconds()
 {
    let mut play = Play::holding(web(), &["mount"]);
    let mut now = 0.0;
    for wait in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 122.0, 122.0] {
        assert_eq!(play.actions(), [format!("{now} mount")]);
        play.at(now, missing("settings"));
        now += wait;
        play.until(now);
    }
    assert_eq!(play.actions(), [format!("{now} mount")]);
    play.at(now, Input::VolumesMounted);
    assert_eq!(
        play.actions(),
        [format!("{now} sandbox#0"), format!("{now} start a#0")]
    );
}

#[test]
fn several_volumes_that_fail_are_one_attempt_and_an_event_each() {
    let mut play = Play::holding(web(), &["mount"]);
    let second = Input::MountFailed {
        volume: 1,
        error: "hostPath type check failed: /x is not a directory".into(),
    };
    play.at(0.0, missing("settings")).at(0.0, second);
    assert_eq!(
        play.events_of(&["FailedMount"]),
        [
            format!("0 Warning FailedMount: pod: {FAILED}"),
            "0 Warning FailedMount: pod: MountVolume.SetUp failed for volume \"cache\" : hostPath type check failed: \
             /x is not a directory"
                .to_owned(),
        ]
    );
    play.forget().until(0.4);
    assert_eq!(play.actions(), [""; 0]);
    play.until(0.5);
    assert_eq!(play.actions(), ["0.5 mount"]);
}

#[test]
fn what_appears_is_seen_at_once_and_the_attempt_does_not_count() {
    let mut play = Play::holding(web(), &["mount"]);
    play.at(0.0, missing("settings"));
    play.at(0.5, missing("settings")).forget();
    play.at(0.7, Input::SurroundingsChanged);
    assert_eq!(play.actions(), ["0.7 mount"]);
    // It was something else.
    play.at(0.7, missing("settings"));
    play.until(1.7);
    assert_eq!(play.actions(), ["1.7 mount"]);
}

#[test]
fn a_change_during_an_attempt_is_not_missed() {
    let mut play = Play::holding(web(), &["mount"]);
    play.forget();
    play.at(0.2, Input::SurroundingsChanged)
        .at(0.3, missing("settings"));
    assert_eq!(play.actions(), ["0.3 mount"]);
    play.at(0.3, missing("settings"));
    assert_eq!(play.actions(), [""; 0]);
}

#[test]
fn a_container_that_could_not_be_composed_is_tried_again_at_once() {
    let mut play = Play::holding(pod([app("a")]), &["start a"]);
    let problem = StartProblem::CreateContainerConfigError;
    play.start_fails(0.0, "a", problem, "configmap \"c\" not found");
    assert_eq!(
        play.shows("a"),
        "Waiting CreateContainerConfigError: configmap \"c\" not found restarts=0"
    );
    // Its image is there, but nothing was made of it.
    assert_eq!(play.container("a").image_id, "");
    assert_eq!(
        play.events_of(&["Failed"]),
        ["0 Warning Failed: a: Error: configmap \"c\" not found"]
    );
    play.forget().at(3.0, Input::SurroundingsChanged);
    assert_eq!(play.actions(), ["3 start a#0"]);
    // Without a change it would have taken ten seconds.
    play.start_fails(3.0, "a", problem, "configmap \"c\" not found");
    play.until(12.9);
    assert_eq!(play.actions(), [""; 0]);
    play.until(13.0);
    assert_eq!(play.actions(), ["13 start a#0"]);
}

#[test]
fn a_change_during_a_start_is_not_missed() {
    let mut play = Play::holding(pod([app("a")]), &["start a"]);
    play.forget().at(1.0, Input::SurroundingsChanged);
    let problem = StartProblem::CreateContainerConfigError;
    play.start_fails(2.0, "a", problem, "secret \"s\" not found");
    assert_eq!(play.actions(), ["2 start a#0"]);
    play.start_fails(2.0, "a", problem, "secret \"s\" not found");
    assert_eq!(play.actions(), [""; 0]);
}

#[test]
fn a_restart_that_waits_for_an_object_passes_by_its_back_off_and_does_not_raise_it() {
    let mut play = Play::holding(pod([app("a")]), &["start a"]);
    play.started(0.0, "a").exit(1.0, "a", 1);
    let problem = StartProblem::CreateContainerConfigError;
    play.start_fails(1.0, "a", problem, "secret \"s\" not found");
    for secs in [2.0, 3.0, 4.0] {
        play.forget().at(secs, Input::SurroundingsChanged);
        assert_eq!(play.actions(), [format!("{secs} start a#1")]);
        play.start_fails(secs, "a", problem, "secret \"s\" not found");
    }
    play.forget().at(5.0, Input::SurroundingsChanged);
    play.started(5.0, "a").exit(6.0, "a", 1).forget();
    // The first back-off, of ten seconds from the exit.
    play.until(15.9);
    assert_eq!(play.actions(), [""; 0]);
    play.until(16.0);
    assert_eq!(play.actions(), ["16 start a#2"]);
}

#[test]
fn a_change_disturbs_nobody_who_does_not_wait_for_it() {
    let mut play = Play::new(pod([app("a"), app("b")]).with(|p| p.volumes = vec![volume("v")]));
    play.exit(1.0, "a", 1).exit(2.0, "a", 1).forget();
    play.at(3.0, Input::SurroundingsChanged);
    assert_eq!(play.all_actions(), [""; 0]);
    assert!(play.shows("a").starts_with("Waiting CrashLoopBackOff"));
}

#[test]
fn volumes_stay_when_the_sandbox_fails_and_when_all_containers_are_restarted() {
    let mut play = Play::holding(web(), &["sandbox"]);
    play.forget()
        .at(1.0, Input::SandboxFailed { error: "no".into() });
    play.until(11.0);
    assert_eq!(play.actions(), ["11 sandbox#0"]);
}

#[test]
fn a_pod_that_goes_on_after_a_loss_mounts_its_volumes_anew() {
    let mut play = Play::new(web()).resumed(50.0, 1);
    assert_eq!(play.actions(), ["50 mount", "50 sandbox#1", "50 start a#1"]);
}

#[test]
fn what_was_mounted_is_removed_also_when_there_was_never_a_sandbox() {
    let mut play = Play::holding(web(), &["mount"]);
    play.at(0.0, missing("settings")).forget();
    play.delete(0.1, None);
    assert_eq!(play.actions(), ["0.1 remove"]);
    assert!(play.finished);
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn an_attempt_under_way_is_waited_for_before_the_volumes_are_removed() {
    for answer in [Input::VolumesMounted, missing("settings")] {
        let mut play = Play::holding(web(), &["mount"]);
        play.forget().delete(1.0, None);
        assert_eq!(play.actions(), [""; 0]);
        assert!(!play.finished);
        play.at(2.0, answer);
        assert_eq!(play.actions(), ["2 remove"]);
        assert!(play.finished);
        assert_eq!(play.events_of(&["FailedMount"]), [""; 0]);
    }
}

const TOO_MUCH: &str = "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Mi\". ";

fn evict() -> Input {
    Input::Evict {
        message: TOO_MUCH.into(),
    }
}

#[test]
fn an_evicted_pod_has_failed_at_once_and_has_little_time_to_end() {
    let mut play = Play::new(web());
    play.forget().at(5.0, evict());
    assert_eq!(play.actions(), ["5 Term a"]);
    let status = play.status();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("Evicted"));
    assert_eq!(status.message.as_deref(), Some(TOO_MUCH));
    assert_eq!(
        play.conditions()[..3],
        [
            format!("DisruptionTarget=True 5 TerminationByKubelet {TOO_MUCH}"),
            "PodReadyToStartContainers=True 0".to_owned(),
            "Initialized=True 0".to_owned(),
        ]
    );
    assert_eq!(play.condition("Ready"), "Ready=False 5 PodFailed");
    assert_eq!(
        play.events(),
        [
            format!("5 Warning Evicted: pod: {TOO_MUCH}"),
            "5 Normal Killing: a: Stopping container a".to_owned(),
        ]
    );
    // One second of grace, of which TERM gets its two at least.
    play.until(7.0);
    assert_eq!(play.actions(), ["7 Kill a", "7 remove"]);
    assert!(play.finished);
    assert_eq!(play.phase(), "Failed");
    assert_eq!(play.status().reason.as_deref(), Some("Evicted"));
}

#[test]
fn an_evicted_pod_has_failed_even_if_its_containers_say_otherwise() {
    let mut play = Play::new(policy(RestartPolicy::Never, web()));
    play.at(5.0, evict()).exit(5.5, "a", 0);
    assert!(play.finished);
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn a_pod_that_ends_already_is_not_evicted() {
    let mut play = Play::new(web());
    play.delete(1.0, Some(30)).forget();
    play.at(2.0, evict());
    assert_eq!(play.events(), [""; 0]);
    assert_eq!(play.status().reason, None);
    play.exit(3.0, "a", 0);
    assert_eq!(play.phase(), "Succeeded");
}

#[test]
fn an_eviction_stands_when_the_process_is_lost_on_the_way() {
    let mut before = Play::new(web());
    before.at(5.0, evict());
    let mut play = before.resumed(8.0, 1);
    assert!(play.finished);
    assert_eq!(play.actions(), [""; 0]);
    let status = play.status();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("Evicted"));
    assert_eq!(status.message.as_deref(), Some(TOO_MUCH));
    assert_eq!(
        play.condition("DisruptionTarget"),
        format!("DisruptionTarget=True 5 TerminationByKubelet {TOO_MUCH}")
    );
}

#[test]
fn what_the_machine_warns_of_is_an_event_of_the_pod() {
    let mut play = Play::new(web());
    play.forget().at(
        1.0,
        Input::Warned {
            reason: "MissingClusterDNS",
            message: "no".into(),
        },
    );
    assert_eq!(play.events(), ["1 Warning MissingClusterDNS: pod: no"]);
    assert_eq!(play.actions(), [""; 0]);
}
