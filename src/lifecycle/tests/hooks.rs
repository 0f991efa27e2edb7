//! Section 8, as far as the order of things depends on it: postStart. (preStop is with deletion.)

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Hook, StartProblem};
use crate::spec::pod::Container;

fn greeting(name: &str) -> Container {
    app(name).with(|c| c.has_post_start = true)
}

#[test]
fn a_container_whose_post_start_has_not_returned_is_shown_as_waiting() {
    let mut play = Play::holding(pod([greeting("a")]), &["PostStart a"]);
    assert_eq!(play.shows("a"), "Waiting ContainerCreating restarts=0");
    assert_eq!(
        (play.phase(), play.container("a").started),
        ("Pending", Some(false))
    );
    play.hook_done(9.0, "a", Hook::PostStart, Ok(()));
    assert_eq!(play.shows("a"), "Running restarts=0");
    assert!(play.container("a").ready);
}

#[test]
fn post_start_has_no_deadline() {
    let mut play = Play::holding(pod([greeting("a")]), &["PostStart a"]);
    play.until(100_000.0);
    assert_eq!(
        play.actions(),
        ["0 sandbox#0", "0 start a#0", "0 PostStart a"]
    );
}

#[test]
fn a_failed_post_start_kills_the_container_and_restarts_it_under_back_off() {
    let mut play = Play::holding(pod([greeting("a"), app("b")]), &["PostStart a"]);
    play.forget()
        .hook_done(3.0, "a", Hook::PostStart, Err("connection refused"));
    assert_eq!(
        play.events(),
        [
            "3 Warning FailedPostStartHook: a: PostStartHook failed",
            "3 Normal Killing: a: FailedPostStartHook",
        ]
    );
    assert_eq!(
        play.shows("a"),
        "Waiting PostStartHookError: connection refused restarts=0"
    );
    assert_eq!(
        play.actions(),
        ["3 Term a"],
        "the next container waits for the end of it"
    );
    play.exit(4.0, "a", 143);
    assert_eq!(play.actions(), ["4 start a#1", "4 PostStart a"]);
    play.hook_done(5.0, "a", Hook::PostStart, Err("again"))
        .exit(6.0, "a", 143);
    assert_eq!(play.actions(), ["5 Term a", "6 start b#0"]);
    assert!(
        play.shows("a")
            .starts_with("Waiting CrashLoopBackOff: back-off 10s")
    );
    play.until(16.0);
    assert_eq!(play.actions(), ["16 start a#2", "16 PostStart a"]);
}

#[test]
fn a_failed_post_start_under_never_is_the_end_of_the_container() {
    let mut play = Play::holding(never([greeting("a"), app("b")]), &["PostStart a"]);
    play.forget()
        .hook_done(3.0, "a", Hook::PostStart, Err("no"))
        .exit(4.0, "a", 143);
    assert_eq!(play.actions(), ["3 Term a", "4 start b#0"]);
    assert_eq!(play.shows("a"), "Terminated Error 143 restarts=0");
}

#[test]
fn pre_stop_runs_before_the_kill_for_a_failed_post_start() {
    let a = greeting("a").with(|c| c.has_pre_stop = true);
    let mut play = Play::holding(pod([a]), &["PostStart a"]);
    play.forget()
        .hook_done(3.0, "a", Hook::PostStart, Err("no"))
        .until(100.0);
    assert_eq!(
        play.actions()[..3],
        ["3 PreStop a by 33", "3 Term a", "33 Kill a"]
    );
}

#[test]
fn a_container_that_exits_before_its_post_start_returns_frees_the_next_one() {
    let mut play = Play::holding(never([greeting("a"), app("b")]), &["PostStart a"]);
    play.forget().exit(3.0, "a", 1);
    assert_eq!(play.actions(), ["3 start b#0"]);
    play.hook_done(4.0, "a", Hook::PostStart, Ok(()));
    assert_eq!(play.shows("a"), "Terminated Error 1 restarts=0");
}

#[test]
fn a_start_that_cannot_be_configured_or_created_is_tried_again_after_ten_seconds() {
    use StartProblem::{CreateContainerConfigError, CreateContainerError};
    for problem in [CreateContainerConfigError, CreateContainerError] {
        let mut play = Play::holding(pod([app("a")]), &["start a"]);
        play.forget()
            .start_fails(1.0, "a", problem, "no such thing");
        assert_eq!(
            play.shows("a"),
            format!("Waiting {}: no such thing restarts=0", problem.as_str())
        );
        assert_eq!(play.events(), ["1 Warning Failed: a: Error: no such thing"]);
        assert_eq!(play.phase(), "Pending");
        play.until(11.0)
            .start_fails(12.0, "a", problem, "no such thing")
            .until(22.0);
        assert_eq!(play.actions(), ["11 start a#0", "22 start a#0"]);
    }
}

#[test]
fn a_start_that_fails_at_the_last_step_counts_as_an_instance_that_exited_with_128() {
    let mut play = Play::holding(pod([app("a")]), &["start a"]);
    play.forget()
        .start_fails(1.0, "a", StartProblem::RunContainerError, "bad entry");
    assert_eq!(play.actions(), ["1 start a#1"]);
    assert_eq!(
        play.events(),
        [
            "1 Normal Created: a: Container created",
            "1 Warning Failed: a: Error: bad entry",
            "1 Normal Pulled: a: Container image \"wasmpod/toolbox\" already present on machine and can be accessed by the pod",
        ]
    );
    assert_eq!(
        play.shows("a"),
        "Waiting RunContainerError: bad entry restarts=0"
    );
    assert_eq!(play.last_state("a"), "Terminated StartError 128: bad entry");
    play.start_fails(2.0, "a", StartProblem::RunContainerError, "bad entry");
    assert!(
        play.shows("a")
            .starts_with("Waiting CrashLoopBackOff: back-off 10s")
    );
    play.until(12.0);
    assert_eq!(play.actions(), ["12 start a#2"]);
}

#[test]
fn a_start_that_fails_at_the_last_step_under_never_is_the_end() {
    let mut play = Play::holding(never([app("a")]), &["start a"]);
    play.start_fails(1.0, "a", StartProblem::RunContainerError, "bad entry");
    assert_eq!((play.phase(), play.finished), ("Failed", true));
    assert_eq!(play.life.first_failure(), Some((0, 128)));
}
