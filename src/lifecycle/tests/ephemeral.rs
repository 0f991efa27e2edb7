//! Ephemeral containers (`computePodActions`: started before all others if there is no status of them yet, never restarted).

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{ImageProblem, Input, StartProblem};
use crate::spec::pod::Pod;

fn joins(name: &str) -> impl FnOnce(&mut Pod) + use<> {
    let container = ephemeral(name);
    |pod| pod.containers.push(container)
}

#[test]
fn one_joins_a_running_pod_is_started_once_and_never_again() {
    for code in [0, 1] {
        let mut play = Play::new(pod([app("a")]));
        play.forget().update(5.0, joins("debug"));
        assert_eq!(play.all_actions(), ["5 pull debug", "5 start debug#0"]);
        assert_eq!(play.shows("debug"), "Running restarts=0");
        play.exit(7.0, "debug", code).until(10_000.0);
        assert_eq!(play.actions(), [""; 0]);
        assert!(play.shows("debug").starts_with("Terminated"));
        assert_eq!(play.phase(), "Running");
    }
}

#[test]
fn it_stands_in_a_list_of_its_own_sorted_by_name() {
    let mut play = Play::new(pod([init("i"), app("a")]));
    play.exit(1.0, "i", 0)
        .update(2.0, joins("z"))
        .update(3.0, joins("b"));
    let status = play.status();
    let names = |list: Option<Vec<k8s_openapi::api::core::v1::ContainerStatus>>| {
        let names = list.into_iter().flatten().map(|status| status.name);
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(status.init_container_statuses), ["i"]);
    assert_eq!(names(status.container_statuses), ["a"]);
    assert_eq!(names(status.ephemeral_container_statuses), ["b", "z"]);
    let one = play.container("z");
    assert_eq!((one.ready, one.started, one.resources), (false, None, None));
}

#[test]
fn its_events_name_its_own_list() {
    let mut play = Play::new(pod([app("a")]));
    play.forget().update(5.0, joins("debug"));
    let message = "Container image \"wasmpod/toolbox\" already present on machine and can be accessed by the pod";
    assert_eq!(
        play.events(),
        [
            format!("5 Normal Pulled: debug: {message}"),
            "5 Normal Created: debug: Container created".into(),
            "5 Normal Started: debug: Container started".into(),
        ]
    );
    let event = crate::lifecycle::Event {
        kind: crate::lifecycle::EventKind::Normal,
        reason: "Started",
        message: "".into(),
        slot: Some(1),
        at: play.now,
    };
    let path = event.field_path(play.life.pod());
    assert_eq!(path.as_deref(), Some("spec.ephemeralContainers{debug}"));
}

#[test]
fn it_has_no_part_in_readiness_phase_or_class() {
    let mut play = Play::holding(never([app("a")]), &["pull debug"]);
    let class = play.status().qos_class;
    let ready = play.condition("Ready");
    play.update(5.0, joins("debug"));
    play.image_fails(6.0, "debug", ImageProblem::ErrImagePull, "no");
    assert_eq!((play.phase(), play.condition("Ready")), ("Running", ready));
    assert_eq!(play.status().qos_class, class);
    play.exit(7.0, "a", 0);
    assert_eq!(play.phase(), "Succeeded");
    assert_eq!(play.life.first_failure(), None);
}

#[test]
fn it_does_not_keep_a_pod_alive_that_is_over_and_does_not_fail_it() {
    let mut play = Play::new(never([app("a")]));
    play.update(1.0, joins("debug")).forget().exit(5.0, "a", 0);
    assert_eq!(play.actions(), ["5 Term debug"]);
    play.exit(6.0, "debug", 143);
    assert_eq!(play.actions(), ["6 remove"]);
    assert_eq!((play.phase(), play.finished), ("Succeeded", true));
}

#[test]
fn it_waits_for_no_initialisation() {
    let mut play = Play::new(pod([init("i"), app("a")]));
    play.forget().update(5.0, joins("debug"));
    assert_eq!(play.actions(), ["5 start debug#0"]);
    play.exit(6.0, "i", 0);
    assert_eq!(play.actions(), ["6 start a#0"]);
}

#[test]
fn it_waits_for_the_container_being_started() {
    let mut play = Play::holding(pod([app("a"), app("b")]), &["start a"]);
    play.forget().update(5.0, joins("debug")).until(6.0);
    assert_eq!(play.actions(), [""; 0]);
    play.started(7.0, "a");
    assert_eq!(play.actions(), ["7 start debug#0", "7 start b#0"]);
}

#[test]
fn an_image_that_is_not_there_is_asked_for_again_and_so_is_a_container_that_could_not_be_made() {
    let mut play = Play::holding(pod([app("a")]), &["pull debug"]);
    play.update(1.0, joins("debug")).forget();
    play.image_fails(2.0, "debug", ImageProblem::ErrImagePull, "no")
        .until(12.0);
    assert_eq!(play.all_actions(), ["12 pull debug"]);
    let mut play = Play::holding(pod([app("a")]), &["start debug"]);
    play.update(1.0, joins("debug")).forget();
    play.start_fails(2.0, "debug", StartProblem::CreateContainerError, "no")
        .until(12.0);
    assert_eq!(play.actions(), ["12 start debug#0"]);
    play.start_fails(13.0, "debug", StartProblem::RunContainerError, "no")
        .until(1000.0);
    assert_eq!(play.actions(), [""; 0]);
    assert_eq!(
        play.shows("debug"),
        "Terminated StartError 128: no restarts=0"
    );
}

#[test]
fn a_sidecar_does_not_wait_for_it() {
    let mut play = Play::new(pod([sidecar("s"), app("a")]));
    play.update(1.0, joins("debug")).forget().delete(2.0, None);
    assert_eq!(play.actions(), ["2 Term a", "2 Term debug"]);
    play.exit(3.0, "a", 0);
    assert_eq!(play.actions(), ["3 Term s"]);
    play.exit(4.0, "s", 0).exit(5.0, "debug", 0);
    assert_eq!(play.actions(), ["5 remove"]);
}

#[test]
fn it_is_stopped_when_all_is_restarted_and_does_not_come_again() {
    use crate::spec::pod::{ExitCodes, RuleAction};
    let a = app("a").with(|c| {
        c.restart_rules = vec![rule(RuleAction::RestartAllContainers, ExitCodes::In, &[42])];
    });
    let mut play = Play::new(pod([a]));
    play.update(1.0, joins("debug")).forget().exit(5.0, "a", 42);
    assert_eq!(play.actions(), ["5 Term debug"]);
    play.exit(6.0, "debug", 143).until(100.0);
    assert_eq!(play.actions(), ["6 start a#1"]);
    assert_eq!(play.shows("debug"), "Terminated Error 143 restarts=0");
}

#[test]
fn a_pod_that_is_killed_at_once_takes_it_along() {
    let mut play = Play::new(pod([app("a")]));
    play.update(1.0, joins("debug"))
        .forget()
        .at(2.0, Input::Abort);
    assert_eq!(play.actions(), ["2 Kill a", "2 Kill debug", "2 remove"]);
}
