//! Section 4, KEP-5532: a rule restarts all containers.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::Input;
use crate::spec::pod::{ExitCodes, Pod, RestartPolicy, RuleAction};

/// An init container, a sidecar, a helper, and `a` whose exit with 42 restarts them all.
fn renewable() -> Pod {
    let a = app("a").with(|c| {
        c.restart_rules = vec![rule(RuleAction::RestartAllContainers, ExitCodes::In, &[42])]
    });
    never([
        init("i"),
        sidecar("s"),
        app("b").with(|c| c.has_pre_stop = true),
        a,
    ])
}

fn running() -> Play {
    let mut play = Play::new(renewable());
    play.exit(1.0, "i", 0).forget();
    play
}

#[test]
fn all_containers_are_killed_without_hook_and_order_and_with_two_seconds() {
    let mut play = running();
    play.exit(10.0, "a", 42).until(11.9);
    assert_eq!(play.actions(), ["10 Term s", "10 Term b"]);
    play.until(12.0);
    assert_eq!(play.actions()[..2], ["12 Kill s", "12 Kill b"]);
}

#[test]
fn the_pod_starts_again_with_its_init_containers_in_the_same_sandbox() {
    let mut play = running();
    play.exit(10.0, "a", 42)
        .exit(10.5, "s", 143)
        .exit(10.6, "b", 143)
        .forget()
        .until(11.0);
    assert_eq!(play.actions(), ["11 start i#1"]);
    play.exit(13.0, "i", 0);
    assert_eq!(
        play.actions(),
        ["13 start s#1", "13 start b#1", "13 start a#1"]
    );
    assert_eq!(play.shows("a"), "Running restarts=1");
}

#[test]
fn removed_containers_show_it_and_count_it() {
    let mut play = running();
    play.exit(10.0, "a", 42)
        .exit(10.5, "s", 143)
        .exit(10.6, "b", 143)
        .until(11.0);
    let removed =
        "RestartingAllContainers: The container is removed because RestartAllContainers in place";
    for name in ["s", "a", "b"] {
        assert_eq!(
            play.shows(name),
            format!("Waiting {removed} restarts=1"),
            "{name}"
        );
        assert_eq!(
            play.last_state(name),
            removed
                .replace(':', " 137:")
                .replacen("Restarting", "Terminated Restarting", 1)
        );
    }
    assert_eq!(play.shows("i"), "Running restarts=1");
}

#[test]
fn the_condition_says_so_while_it_lasts_and_initialized_stays() {
    let mut play = running();
    assert_eq!(
        play.condition("AllContainersRestarting"),
        "AllContainersRestarting=False 0"
    );
    play.exit(10.0, "a", 42);
    let text = "AllContainersRestarting=True 10 RestartAllContainersStarted container exited with restart policy rule";
    assert_eq!(play.condition("AllContainersRestarting"), text);
    assert_eq!(play.phase(), "Running");
    play.exit(10.5, "s", 143).exit(10.6, "b", 143).until(11.0);
    assert_eq!(
        play.condition("AllContainersRestarting"),
        "AllContainersRestarting=False 11"
    );
    assert_eq!(play.condition("Initialized"), "Initialized=True 1");
}

#[test]
fn the_condition_is_only_there_if_some_rule_could_trigger_it() {
    let play = Play::new(pod([app("a")]));
    assert!(
        !play
            .conditions()
            .iter()
            .any(|line| line.contains("AllContainersRestarting"))
    );
}

#[test]
fn completed_containers_run_again_too_and_no_back_off_applies() {
    let mut play = running();
    play.exit(2.0, "b", 0)
        .exit(10.0, "a", 42)
        .exit(10.5, "s", 143)
        .until(11.0)
        .exit(12.0, "i", 0);
    assert_eq!(play.shows("b"), "Running restarts=1");
    play.exit(12.5, "a", 42)
        .exit(12.6, "s", 1)
        .exit(12.7, "b", 1)
        .forget()
        .until(13.5);
    assert_eq!(play.actions(), ["13.5 start i#2"]);
}

#[test]
fn a_sidecar_or_an_init_container_may_ask_for_it_too() {
    for name in ["s", "i"] {
        let mut pod = renewable();
        let slot = pod.containers.iter().position(|c| c.name == name).unwrap();
        pod.containers[slot].restart_rules = pod.containers[3].restart_rules.clone();
        let mut play = Play::new(pod);
        if name == "s" {
            play.exit(1.0, "i", 0);
        }
        play.exit(3.0, name, 42);
        assert!(
            play.condition("AllContainersRestarting")
                .contains("=True 3"),
            "{name}"
        );
    }
}

#[test]
fn a_container_that_is_just_starting_is_stopped_when_it_is_up() {
    let mut play = Play::holding(renewable().with(|p| p.containers.swap(2, 3)), &["start b"]);
    play.exit(1.0, "i", 0)
        .exit(2.0, "a", 42)
        .exit(2.0, "s", 143)
        .forget()
        .until(9.0);
    assert_eq!(play.actions(), [""; 0]);
    play.started(9.5, "b").exit(10.0, "b", 143);
    assert_eq!(play.actions(), ["9.5 Term b", "10 start i#1"]);
}

#[test]
fn a_deletion_ends_it() {
    let mut play = running();
    play.exit(10.0, "a", 42)
        .delete(10.5, None)
        .exit(11.0, "s", 143)
        .forget()
        .until(100.0);
    assert_eq!(play.actions(), ["12 Kill b", "12 remove"]);
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn what_comes_too_late_from_before_changes_nothing() {
    let mut play = running();
    play.exit(10.0, "a", 42)
        .exit(10.5, "s", 143)
        .exit(10.6, "b", 143)
        .until(11.0)
        .forget();
    play.at(
        11.5,
        Input::Started {
            slot: 3,
            container_id: "old".into(),
        },
    )
    .exit(11.6, "a", 1);
    assert_eq!(play.actions(), [""; 0]);
    assert_eq!(
        play.life.pod().containers[3].restart_policy,
        RestartPolicy::Never
    );
    assert!(
        play.shows("a")
            .starts_with("Waiting RestartingAllContainers")
    );
}
