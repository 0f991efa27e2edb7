//! Sections 3 and 5: order of work, init containers and sidecars.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Hook, Input, Probe};
use crate::spec::pod::RestartPolicy;

#[test]
fn the_sandbox_is_made_before_anything_else() {
    let mut play = Play::holding(pod([app("a")]), &["sandbox"]);
    assert_eq!(play.all_actions(), ["0 sandbox#0"]);
    play.at(3.0, Input::SandboxReady { ips: vec![] });
    assert_eq!(play.all_actions(), ["3 pull a", "3 start a#0"]);
}

#[test]
fn a_sandbox_that_fails_is_told_and_tried_again_after_ten_seconds() {
    let mut play = Play::holding(pod([app("a")]), &["sandbox"]);
    play.at(
        2.0,
        Input::SandboxFailed {
            error: "no room".into(),
        },
    );
    assert_eq!(
        play.events_of(&["FailedCreatePodSandBox"]),
        ["2 Warning FailedCreatePodSandBox: pod: Failed to create pod sandbox: no room"]
    );
    play.until(11.0);
    assert_eq!(play.actions(), ["0 sandbox#0"]);
    play.until(12.0);
    assert_eq!(play.actions(), ["12 sandbox#0"]);
    assert_eq!(play.phase(), "Pending");
}

#[test]
fn regular_containers_start_one_after_another_in_spec_order() {
    let mut play = Play::holding(pod([app("b"), app("a")]), &["start b"]);
    assert_eq!(
        play.all_actions(),
        ["0 sandbox#0", "0 pull b", "0 start b#0"]
    );
    play.started(1.0, "b");
    assert_eq!(play.all_actions(), ["1 pull a", "1 start a#0"]);
}

#[test]
fn a_slow_image_of_one_container_holds_back_the_ones_after_it() {
    let mut play = Play::holding(pod([app("a"), app("b")]), &["pull a"]);
    play.until(30.0);
    assert_eq!(play.all_actions(), ["0 sandbox#0", "0 pull a"]);
    let slot = play.slot("a");
    play.at(
        31.0,
        Input::ImageReady {
            slot,
            image_id: "x".into(),
            pulled: None,
        },
    );
    assert_eq!(play.actions(), ["31 start a#0", "31 start b#0"]);
}

#[test]
fn a_slow_post_start_hook_holds_back_the_containers_after_it() {
    let pod = pod([app("a").with(|c| c.has_post_start = true), app("b")]);
    let mut play = Play::holding(pod, &["PostStart a"]);
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start a#0", "0 PostStart a"]
    );
    play.hook_done(60.0, "a", Hook::PostStart, Ok(()));
    assert_eq!(play.actions(), ["60 start b#0"]);
}

#[test]
fn a_regular_container_that_fails_does_not_stop_the_ones_after_it() {
    let mut play = Play::holding(pod([app("a"), app("b")]), &["start a"]);
    play.start_fails(
        1.0,
        "a",
        crate::lifecycle::StartProblem::CreateContainerError,
        "no",
    );
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start a#0", "1 start b#0"]
    );
}

#[test]
fn an_init_container_that_fails_to_start_holds_back_everything_after_it() {
    let mut play = Play::holding(pod([init("i"), init("j"), app("a")]), &["start i"]);
    play.start_fails(
        1.0,
        "i",
        crate::lifecycle::StartProblem::CreateContainerError,
        "no",
    )
    .until(10.0);
    assert_eq!(play.actions(), ["0 sandbox#0", "0 start i#0"]);
}

#[test]
fn init_containers_run_strictly_in_order_and_regular_ones_after_them() {
    let mut play = Play::new(pod([init("i"), init("j"), app("a"), app("b")]));
    play.until(5.0);
    assert_eq!(play.actions(), ["0 sandbox#0", "0 start i#0"]);
    play.exit(6.0, "i", 0);
    assert_eq!(play.actions(), ["6 start j#0"]);
    play.exit(7.0, "j", 0);
    assert_eq!(play.actions(), ["7 start a#0", "7 start b#0"]);
}

#[test]
fn a_failed_init_container_is_retried_alone_and_under_back_off() {
    for policy_ in [RestartPolicy::Always, RestartPolicy::OnFailure] {
        let mut play = Play::new(policy(policy_, pod([init("i"), init("j"), app("a")])));
        play.exit(1.0, "i", 0).exit(2.0, "j", 1).exit(3.0, "j", 1);
        assert_eq!(
            play.actions(),
            ["0 sandbox#0", "0 start i#0", "1 start j#0", "2 start j#1"]
        );
        play.until(13.0);
        assert_eq!(play.actions(), ["13 start j#2"]);
        play.exit(14.0, "j", 0);
        assert_eq!(play.actions(), ["14 start a#0"]);
    }
}

#[test]
fn a_failed_init_container_under_never_fails_the_pod() {
    let mut play = Play::new(never([sidecar("s"), init("i"), app("a")]));
    play.exit(1.0, "i", 3);
    assert_eq!(play.phase(), "Failed");
    assert_eq!(play.life.first_failure(), Some((1, 3)));
    play.exit(2.0, "s", 143);
    assert_eq!(
        play.actions(),
        [
            "0 sandbox#0",
            "0 start s#0",
            "0 start i#0",
            "1 Term s",
            "2 remove"
        ]
    );
    assert!(play.finished);
    assert_eq!(play.shows("a"), "Waiting PodInitializing restarts=0");
}

#[test]
fn an_init_container_out_of_memory_has_failed_even_with_code_zero() {
    let mut play = Play::new(on_failure([init("i"), app("a")]));
    let slot = play.slot("i");
    let exit = crate::lifecycle::Exit {
        code: 0,
        cause: crate::lifecycle::Cause::OutOfMemory,
        message: String::new(),
    };
    play.at(1.0, Input::Exited { slot, exit });
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start i#0", "1 start i#1"]
    );
}

#[test]
fn an_init_container_that_completes_is_not_restarted_under_always() {
    let mut play = Play::new(pod([init("i"), app("a")]));
    play.exit(1.0, "i", 0).until(1000.0);
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start i#0", "1 start a#0"]
    );
}

#[test]
fn a_sidecar_is_passed_when_it_runs() {
    let mut play = Play::new(pod([sidecar("s"), init("i"), app("a")]));
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start s#0", "0 start i#0"]
    );
    play.exit(1.0, "i", 0);
    assert_eq!(play.actions(), ["1 start a#0"]);
}

#[test]
fn a_sidecar_is_passed_when_its_post_start_has_returned_and_its_startup_probe_has_succeeded() {
    let s = sidecar("s").with(|c| {
        c.has_post_start = true;
        c.startup = probe();
    });
    let mut play = Play::holding(pod([s, app("a")]), &["PostStart s"]);
    play.hook_done(4.0, "s", Hook::PostStart, Ok(()));
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start s#0", "0 PostStart s"]
    );
    play.probed(9.0, "s", Probe::Startup, true);
    assert_eq!(play.actions(), ["9 start a#0"]);
}

#[test]
fn readiness_and_liveness_of_a_sidecar_do_not_gate() {
    let s = sidecar("s").with(|c| {
        c.readiness = probe();
        c.liveness = probe();
    });
    assert_eq!(
        Play::new(pod([s, app("a")])).actions(),
        ["0 sandbox#0", "0 start s#0", "0 start a#0"]
    );
}

#[test]
fn a_sidecar_that_crashes_before_it_is_started_is_restarted_and_still_gates() {
    let s = sidecar("s").with(|c| c.startup = probe());
    let mut play = Play::new(pod([s, app("a")]));
    play.exit(1.0, "s", 1);
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start s#0", "1 start s#1"]
    );
    play.probed(2.0, "s", Probe::Startup, true);
    assert_eq!(play.actions(), ["2 start a#0"]);
}

#[test]
fn a_sidecar_restarts_whatever_the_pods_policy_with_back_off_and_does_not_fail_the_pod() {
    let mut play = Play::new(never([sidecar("s"), app("a")]));
    play.exit(1.0, "s", 1).exit(2.0, "s", 0);
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start s#0", "0 start a#0", "1 start s#1"]
    );
    assert_eq!(play.phase(), "Running");
    play.until(12.0);
    assert_eq!(play.actions(), ["12 start s#2"]);
}

#[test]
fn a_sidecar_that_crashes_during_initialisation_restarts_while_the_init_container_runs_on() {
    let mut play = Play::new(pod([sidecar("s"), init("i"), app("a")]));
    play.exit(1.0, "s", 1);
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start s#0", "0 start i#0", "1 start s#1"]
    );
}

#[test]
fn once_a_regular_container_has_started_the_pod_counts_as_initialised() {
    let mut play = Play::holding(pod([sidecar("s"), app("a"), app("b")]), &["pull b"]);
    let slot = play.slot("b");
    play.forget().exit(1.0, "s", 1).at(
        3.0,
        Input::ImageReady {
            slot,
            image_id: "x".into(),
            pulled: None,
        },
    );
    assert_eq!(
        play.actions(),
        ["3 start b#0", "3 start s#1"],
        "b does not wait for the sidecar"
    );
    assert!(
        play.condition("Initialized")
            .starts_with("Initialized=True 0")
    );
}

#[test]
fn before_that_a_crashed_sidecar_gates_again() {
    let mut play = Play::holding(pod([sidecar("s"), app("a")]), &["start a"]);
    play.start_fails(
        1.0,
        "a",
        crate::lifecycle::StartProblem::CreateContainerError,
        "no",
    );
    play.exit(2.0, "s", 1)
        .exit(3.0, "s", 1)
        .forget()
        .until(12.5);
    assert_eq!(
        play.actions(),
        [""; 0],
        "the retry of the start is due at 11"
    );
    play.until(13.0);
    assert_eq!(play.actions(), ["13 start s#2", "13 start a#0"]);
}

#[test]
fn sidecars_are_stopped_in_reverse_order_when_all_regular_containers_have_finished() {
    let mut play = Play::new(on_failure([sidecar("s"), sidecar("t"), app("a"), app("b")]));
    play.exit(1.0, "a", 0).forget().exit(2.0, "b", 0);
    assert_eq!(play.actions(), ["2 Term t"]);
    assert_eq!(play.phase(), "Running", "while a sidecar is still stopping");
    play.exit(3.0, "t", 1);
    assert_eq!(play.actions(), ["3 Term s"]);
    play.exit(3.5, "s", 143);
    assert_eq!(play.actions(), ["3.5 remove"]);
    assert_eq!(
        (play.phase(), play.finished),
        ("Succeeded", true),
        "whatever the sidecars' exit codes"
    );
}

#[test]
fn a_sidecar_in_back_off_does_not_keep_a_completed_pod_alive() {
    let mut play = Play::new(never([sidecar("s"), app("a")]));
    play.exit(1.0, "s", 1).exit(2.0, "s", 1).exit(3.0, "a", 0);
    assert!(play.finished);
    assert_eq!(play.phase(), "Succeeded");
}

#[test]
fn a_pod_ends_only_when_its_last_container_has_finished_for_good() {
    let mut play = Play::new(never([app("a"), app("b")]));
    play.forget().exit(1.0, "a", 1).until(50.0);
    assert_eq!((play.phase(), play.actions().len()), ("Running", 0));
    play.exit(60.0, "b", 0);
    assert_eq!(play.actions(), ["60 remove"]);
    assert_eq!(
        (play.phase(), play.life.first_failure()),
        ("Failed", Some((0, 1)))
    );
}
