//! Section 7: termination.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Hook, Input, Probe};
use crate::spec::pod::{Container, Pod};
use std::time::Duration;

fn pre_stop(mut container: Container) -> Container {
    container.has_pre_stop = true;
    container
}

#[test]
fn all_containers_are_told_in_parallel_and_killed_when_the_grace_period_is_over() {
    let mut play = Play::new(pod([app("a"), app("b")]));
    play.forget()
        .delete(10.0, None)
        .exit(15.0, "a", 143)
        .until(100.0);
    assert_eq!(
        play.actions(),
        ["10 Term a", "10 Term b", "40 Kill b", "40 remove"]
    );
    assert!(play.finished);
}

#[test]
fn each_container_is_announced_before_it_is_stopped() {
    let mut play = Play::new(pod([app("a"), app("b")]));
    play.forget().delete(1.0, None);
    let events = [
        "1 Normal Killing: a: Stopping container a",
        "1 Normal Killing: b: Stopping container b",
    ];
    assert_eq!(play.events(), events);
}

#[test]
fn the_grace_is_the_deletions_or_else_the_specs() {
    for (asked, kill) in [
        (Some(5), "15 Kill a"),
        (None, "27 Kill a"),
        (Some(60), "70 Kill a"),
    ] {
        let mut play =
            Play::new(pod([app("a")]).with(|p| p.termination_grace = Duration::from_secs(17)));
        play.forget().delete(10.0, asked).until(100.0);
        assert_eq!(
            play.actions(),
            ["10 Term a", kill, &kill.replace("Kill a", "remove")]
        );
    }
}

#[test]
fn there_are_always_two_seconds_between_term_and_kill() {
    for grace in [0, 1, 2] {
        let mut play = Play::new(pod([app("a")]));
        play.forget().delete(10.0, Some(grace)).until(100.0);
        assert_eq!(
            play.actions(),
            ["10 Term a", "12 Kill a", "12 remove"],
            "grace {grace}"
        );
    }
}

#[test]
fn pre_stop_comes_first_and_its_whole_seconds_are_subtracted() {
    let mut play = Play::holding(pod([pre_stop(app("a"))]), &["PreStop a"]);
    play.forget().delete(10.0, None);
    assert_eq!(play.actions(), ["10 PreStop a by 40"]);
    play.hook_done(15.9, "a", Hook::PreStop, Ok(()))
        .until(100.0);
    // 5.9 s count as 5: 25 s are left, from 15.9 on.
    assert_eq!(
        play.actions(),
        ["15.9 Term a", "40.9 Kill a", "40.9 remove"]
    );
}

#[test]
fn pre_stop_is_bounded_by_the_grace_and_term_still_gets_two_seconds() {
    let mut play = Play::holding(pod([pre_stop(app("a"))]), &["PreStop a"]);
    play.forget().delete(10.0, Some(6)).until(100.0);
    assert_eq!(
        play.actions(),
        ["10 PreStop a by 16", "16 Term a", "18 Kill a", "18 remove"]
    );
}

#[test]
fn a_pre_stop_hook_that_fails_is_told_and_termination_goes_on() {
    let mut play = Play::holding(pod([pre_stop(app("a"))]), &["PreStop a"]);
    play.delete(10.0, None)
        .forget()
        .hook_done(11.0, "a", Hook::PreStop, Err("secret"));
    assert_eq!(play.actions(), ["11 Term a"]);
    assert_eq!(
        play.events(),
        ["11 Warning FailedPreStopHook: a: PreStopHook failed"]
    );
}

#[test]
fn pre_stop_does_not_run_when_the_container_ends_by_itself() {
    let mut play = Play::new(never([pre_stop(app("a"))]));
    play.forget().exit(1.0, "a", 0);
    assert_eq!(play.actions(), ["1 remove"]);
}

#[test]
fn a_container_that_exits_during_pre_stop_is_down() {
    let mut play = Play::holding(pod([pre_stop(app("a"))]), &["PreStop a"]);
    play.forget().delete(10.0, None).exit(11.0, "a", 0);
    assert_eq!(play.actions(), ["10 PreStop a by 40", "11 remove"]);
}

#[test]
fn a_later_deletion_may_only_lower_the_grace() {
    let rows: [(f64, Option<u64>, &str); 5] = [
        (12.0, Some(60), "40 Kill a"),
        (12.0, None, "40 Kill a"),
        (12.0, Some(5), "17 Kill a"),
        (12.0, Some(0), "14 Kill a"),
        (39.0, Some(20), "40 Kill a"),
    ];
    for (at, grace, kill) in rows {
        let mut play = Play::new(pod([app("a")]));
        play.forget()
            .delete(10.0, None)
            .delete(at, grace)
            .until(100.0);
        assert_eq!(play.actions()[1], kill, "{at} {grace:?}");
    }
}

#[test]
fn a_lowered_grace_cuts_a_pre_stop_hook_short() {
    let mut play = Play::holding(pod([pre_stop(app("a"))]), &["PreStop a"]);
    play.delete(10.0, None)
        .forget()
        .delete(12.0, Some(3))
        .until(100.0);
    assert_eq!(play.actions(), ["15 Term a", "17 Kill a", "17 remove"]);
}

#[test]
fn there_is_no_way_back_from_termination() {
    let mut play = Play::new(pod([app("a")]));
    play.forget()
        .delete(1.0, None)
        .exit(2.0, "a", 0)
        .until(1000.0);
    assert_eq!(play.actions(), ["1 Term a", "2 remove"]);
    assert!(play.finished);
}

#[test]
fn sidecars_stop_after_the_regular_containers_in_reverse_order() {
    let mut play = Play::new(pod([sidecar("s"), sidecar("t"), app("a"), app("b")]));
    play.forget().delete(10.0, None);
    assert_eq!(play.actions(), ["10 Term a", "10 Term b"]);
    play.exit(11.0, "a", 0);
    assert_eq!(play.actions(), [""; 0]);
    play.exit(12.0, "b", 0);
    assert_eq!(play.actions(), ["12 Term t"]);
    play.exit(13.0, "t", 0);
    assert_eq!(play.actions(), ["13 Term s"]);
    play.exit(14.0, "s", 0);
    assert_eq!(play.actions(), ["14 remove"]);
}

#[test]
fn a_sidecars_pre_stop_starts_at_once_and_in_parallel() {
    let mut play = Play::new(pod([pre_stop(sidecar("s")), app("a")]));
    play.forget().delete(10.0, None).exit(12.0, "a", 0);
    assert_eq!(
        play.actions(),
        ["10 PreStop s by 40", "10 Term a", "12 Term s"]
    );
}

#[test]
fn the_time_a_sidecar_waits_is_subtracted_in_whole_seconds() {
    let mut play = Play::new(pod([sidecar("s"), app("a")]));
    play.forget()
        .delete(10.0, None)
        .exit(19.5, "a", 0)
        .until(100.0);
    // 9.5 s count as 9: 21 s are left.
    assert_eq!(
        play.actions(),
        ["10 Term a", "19.5 Term s", "40.5 Kill s", "40.5 remove"]
    );
}

#[test]
fn when_the_grace_is_used_up_a_sidecar_stops_waiting_and_gets_two_seconds() {
    let mut play = Play::holding(pod([sidecar("s"), app("a")]), &["Kill a"]);
    play.forget().delete(10.0, None).until(42.0);
    assert_eq!(
        play.actions(),
        ["10 Term a", "40 Term s", "40 Kill a", "42 Kill s"]
    );
    play.exit(50.0, "a", 137);
    assert_eq!(play.actions(), ["50 remove"]);
}

#[test]
fn regular_init_containers_are_not_waited_for() {
    let mut play = Play::new(pod([sidecar("s"), init("i"), app("a")]));
    play.forget().delete(10.0, None);
    assert_eq!(play.actions(), ["10 Term s", "10 Term i"]);
}

#[test]
fn liveness_and_startup_count_no_more_at_deletion_but_readiness_does() {
    let a = app("a").with(|c| {
        c.liveness = probe();
        c.readiness = probe();
    });
    let mut play = Play::new(pod([a]));
    play.probed(1.0, "a", Probe::Readiness, true)
        .delete(2.0, None)
        .forget();
    play.probed(3.0, "a", Probe::Liveness, false)
        .probed(3.0, "a", Probe::Startup, false);
    assert_eq!((play.actions(), play.container("a").ready), (vec![], true));
    play.probed(4.0, "a", Probe::Readiness, false);
    assert!(!play.container("a").ready);
}

#[test]
fn a_container_in_back_off_is_just_not_restarted() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1)
        .exit(2.0, "a", 1)
        .forget()
        .delete(3.0, None);
    assert_eq!(play.actions(), ["3 remove"]);
    assert_eq!(play.shows("a"), "Terminated Error 1 restarts=1");
}

#[test]
fn a_container_that_is_just_starting_is_stopped_when_it_is_up() {
    let mut play = Play::holding(pod([app("a"), app("b")]), &["start a"]);
    play.forget().delete(1.0, None).until(5.0);
    assert_eq!(play.actions(), [""; 0]);
    play.started(6.0, "a").until(100.0);
    assert_eq!(play.actions(), ["6 Term a", "36 Kill a", "36 remove"]);
}

#[test]
fn an_image_on_its_way_is_not_waited_for_and_comes_too_late() {
    let mut play = Play::holding(pod([app("a")]), &["pull a"]);
    play.forget().delete(1.0, None);
    assert_eq!(play.actions(), ["1 remove"]);
    play.at(
        2.0,
        Input::ImageReady {
            slot: 0,
            image_id: "x".into(),
            pulled: None,
        },
    );
    assert_eq!((play.all_actions(), play.events()), (vec![], vec![]));
}

#[test]
fn a_sandbox_in_the_making_is_removed_when_it_is_made() {
    let mut play = Play::holding(pod([app("a")]), &["sandbox"]);
    play.forget().delete(1.0, None);
    assert!(!play.finished);
    play.at(2.0, Input::SandboxReady { ips: vec![] });
    assert_eq!(play.all_actions(), ["2 remove"]);
    assert!(play.finished);
}

#[test]
fn a_sandbox_that_was_never_made_is_not_removed() {
    let mut play = Play::holding(pod([app("a")]), &["sandbox"]);
    play.forget().delete(1.0, None).at(
        2.0,
        Input::SandboxFailed {
            error: "gone".into(),
        },
    );
    assert_eq!(
        (play.all_actions(), play.events().len(), play.finished),
        (vec![], 0, true)
    );
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn a_deletion_while_the_sidecars_of_a_completed_pod_stop_lowers_their_grace() {
    let mut play = Play::new(never([sidecar("s"), app("a")]));
    play.exit(1.0, "a", 0)
        .forget()
        .delete(2.0, Some(5))
        .until(100.0);
    assert_eq!(play.actions(), ["7 Kill s", "7 remove"]);
    assert_eq!(play.phase(), "Succeeded");
}

#[test]
fn a_pod_is_finished_when_the_sandbox_is_removed() {
    let mut play = Play::holding(never([app("a")]), &["remove"]);
    play.exit(1.0, "a", 0);
    assert_eq!((play.phase(), play.finished), ("Succeeded", false));
    play.at(2.0, Input::SandboxRemoved);
    assert!(play.finished);
}

#[test]
fn an_abort_kills_everything_at_once() {
    let pod = |_: ()| -> Pod { pod([sidecar("s"), pre_stop(app("a"))]) };
    let mut play = Play::new(pod(()));
    play.forget().at(1.0, Input::Abort);
    assert_eq!(play.actions(), ["1 Kill s", "1 Kill a", "1 remove"]);
    let mut play = Play::holding(pod(()), &["PreStop a", "Kill s"]);
    play.forget()
        .delete(1.0, None)
        .at(2.0, Input::Abort)
        .at(2.5, Input::Abort);
    assert_eq!(
        play.actions(),
        ["1 PreStop a by 31", "2 Kill s", "2 Kill a"],
        "each once, also after a deletion"
    );
}

#[test]
fn after_the_deadline_the_pod_is_stopped_with_its_grace_and_failed() {
    let mut play =
        Play::new(pod([app("a")]).with(|p| p.active_deadline = Some(Duration::from_secs(60))));
    play.forget().until(59.9);
    assert_eq!(play.phase(), "Running");
    play.until(60.0);
    assert_eq!(play.phase(), "Failed");
    let message = "Pod was active on the node longer than the specified deadline";
    assert_eq!(
        play.events_of(&["DeadlineExceeded"]),
        [format!("60 Normal DeadlineExceeded: pod: {message}")]
    );
    let status = play.status();
    assert_eq!(
        (status.reason.as_deref(), status.message.as_deref()),
        (Some("DeadlineExceeded"), Some(message))
    );
    play.until(200.0);
    assert_eq!(play.actions(), ["60 Term a", "90 Kill a", "90 remove"]);
}

#[test]
fn the_deadline_counts_from_the_start_time_also_when_nothing_runs_yet() {
    let deadline = |p: &mut Pod| p.active_deadline = Some(Duration::from_secs(5));
    let mut play = Play::holding(pod([app("a")]).with(deadline), &["pull a"]);
    play.forget().until(5.0);
    assert_eq!(play.actions(), ["5 remove"]);
    assert!(play.finished);
}

#[test]
fn a_pod_that_failed_by_its_deadline_stays_so_when_it_is_deleted_or_aborted() {
    for input in [Input::Abort, Input::Delete { grace: None }] {
        let deadline = |p: &mut Pod| p.active_deadline = Some(Duration::from_secs(5));
        let mut play = Play::holding(pod([app("a")]).with(deadline), &["Kill a"]);
        play.at(6.0, input);
        assert_eq!(
            (play.phase(), play.status().reason.as_deref()),
            ("Failed", Some("DeadlineExceeded"))
        );
    }
}
