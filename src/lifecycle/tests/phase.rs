//! Section 11: the phase, rule by rule.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{ImageProblem, Input, Probe};

#[test]
fn a_new_pod_is_pending() {
    assert_eq!(
        Play::holding(pod([app("a")]), &["sandbox"]).phase(),
        "Pending"
    );
    assert_eq!(
        Play::holding(pod([app("a")]), &["start a"]).phase(),
        "Pending"
    );
}

#[test]
fn a_pod_is_pending_while_an_init_container_runs_or_waits() {
    let mut play = Play::new(pod([init("i"), init("j"), app("a")]));
    assert_eq!(play.phase(), "Pending");
    play.exit(1.0, "i", 0);
    assert_eq!(play.phase(), "Pending");
    play.exit(2.0, "j", 0);
    assert_eq!(play.phase(), "Running");
}

#[test]
fn a_pod_is_pending_while_a_sidecar_is_not_started_and_no_regular_container_has_been() {
    let mut play = Play::new(pod([sidecar("s").with(|c| c.startup = probe()), app("a")]));
    assert_eq!(play.phase(), "Pending");
    play.probed(1.0, "s", Probe::Startup, true);
    assert_eq!(play.phase(), "Running");
    play.exit(2.0, "s", 1);
    assert_eq!(
        play.phase(),
        "Running",
        "although the new instance is not started"
    );
}

#[test]
fn a_pod_is_pending_while_a_container_has_never_run_even_if_others_do() {
    let mut play = Play::holding(pod([app("a"), app("b")]), &["pull b"]);
    assert_eq!(play.phase(), "Pending");
    let pod = pod([app("a"), app("b")]).with(|p| {
        p.containers[1].image = crate::spec::pod::Image::Registry {
            written: "x".into(),
            reference: "x".into(),
        }
    });
    play = Play::holding(pod, &["pull b"]);
    play.image_fails(1.0, "b", ImageProblem::ErrImagePull, "no")
        .until(5.0);
    assert_eq!(play.phase(), "Pending");
}

#[test]
fn a_pod_runs_while_one_container_does_and_others_crash_or_have_completed() {
    let mut play = Play::new(on_failure([app("a"), app("b"), app("c")]));
    play.exit(1.0, "a", 0).exit(2.0, "b", 1).exit(3.0, "b", 1);
    assert_eq!(play.phase(), "Running");
}

#[test]
fn a_pod_whose_containers_all_wait_to_be_restarted_runs() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1).exit(2.0, "a", 1);
    assert_eq!(play.phase(), "Running");
}

#[test]
fn a_pod_has_succeeded_when_all_regular_containers_have() {
    let mut play = Play::new(on_failure([app("a"), app("b")]));
    play.exit(1.0, "a", 0).exit(2.0, "b", 2).exit(3.0, "b", 0);
    assert_eq!(play.phase(), "Succeeded");
    assert_eq!(play.life.first_failure(), None);
}

#[test]
fn a_pod_has_failed_when_all_have_stopped_for_good_and_one_with_an_error() {
    let mut play = Play::new(never([app("a"), app("b")]));
    play.exit(1.0, "a", 7).exit(2.0, "b", 0);
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn a_failed_init_container_that_may_be_retried_leaves_the_pod_pending() {
    let mut play = Play::new(on_failure([init("i"), app("a")]));
    play.exit(1.0, "i", 1).exit(2.0, "i", 1);
    assert_eq!(play.phase(), "Pending");
    assert!(play.shows("i").starts_with("Waiting CrashLoopBackOff"));
}

#[test]
fn a_deleted_pod_has_succeeded_if_all_regular_containers_exited_with_zero_and_else_failed() {
    for (code, phase) in [(0, "Succeeded"), (143, "Failed")] {
        let mut play = Play::new(pod([sidecar("s"), app("a")]));
        play.delete(1.0, None);
        assert_eq!(play.phase(), "Running");
        play.exit(2.0, "a", code);
        assert_eq!(play.phase(), "Running", "a sidecar is still stopping");
        play.exit(3.0, "s", 143);
        assert_eq!((play.phase(), play.finished), (phase, true));
        assert_eq!(play.life.first_failure(), (code != 0).then_some((1, code)));
    }
}

#[test]
fn a_pod_deleted_before_it_was_initialised_has_failed() {
    let mut play = Play::new(pod([init("i"), app("a")]));
    play.delete(1.0, None).exit(2.0, "i", 143);
    assert_eq!((play.phase(), play.finished), ("Failed", true));
}

#[test]
fn a_terminal_phase_never_goes_back() {
    let mut play = Play::new(never([sidecar("s"), app("a")]));
    play.exit(1.0, "a", 0).exit(2.0, "s", 0);
    assert_eq!(play.phase(), "Succeeded");
    play.delete(3.0, Some(0))
        .at(
            4.0,
            Input::Started {
                slot: 1,
                container_id: "x".into(),
            },
        )
        .exit(5.0, "a", 1);
    play.at(6.0, Input::Abort);
    assert_eq!(play.phase(), "Succeeded");
}

#[test]
fn a_sidecar_that_is_just_coming_up_again_keeps_a_completed_pod_running_until_it_is_stopped() {
    let mut play = Play::holding(never([sidecar("s"), app("a")]), &["start s"]);
    play.started(0.0, "s").exit(1.0, "s", 1).exit(2.0, "a", 0);
    assert_eq!(play.phase(), "Running");
    play.started(3.0, "s");
    assert_eq!(play.phase(), "Running");
    play.exit(4.0, "s", 143);
    assert_eq!((play.phase(), play.finished), ("Succeeded", true));
}
