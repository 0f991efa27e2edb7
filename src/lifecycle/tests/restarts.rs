//! Section 4: restart policies and rules.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Cause, Exit, Input, Probe};
use crate::spec::pod::{ExitCodes, Pod, RestartPolicy, RestartRule, RuleAction};

/// Whether `a`, beside a container that keeps the pod alive, is started again after this code.
fn restarts(change: impl FnOnce(&mut Pod), code: i32) -> bool {
    let mut play = Play::new(pod([app("a"), app("other")]).with(change));
    play.forget().exit(1.0, "a", code);
    !play.actions().is_empty()
}

#[test]
fn the_policy_decides_by_the_exit_code() {
    let rows = [
        (RestartPolicy::Always, 0, true),
        (RestartPolicy::Always, 1, true),
        (RestartPolicy::OnFailure, 0, false),
        (RestartPolicy::OnFailure, 1, true),
        (RestartPolicy::Never, 0, false),
        (RestartPolicy::Never, 1, false),
    ];
    for (policy_, code, expected) in rows {
        let change = |p: &mut Pod| *p = policy(policy_, p.clone());
        assert_eq!(restarts(change, code), expected, "{policy_:?} {code}");
    }
}

#[test]
fn a_containers_own_policy_replaces_the_pods() {
    let change = |own, p: &mut Pod| {
        *p = policy(RestartPolicy::Never, p.clone());
        p.containers[0].restart_policy = own;
    };
    assert!(restarts(|p| change(RestartPolicy::Always, p), 0));
    assert!(restarts(|p| change(RestartPolicy::OnFailure, p), 1));
    assert!(!restarts(|p| change(RestartPolicy::OnFailure, p), 0));
}

#[test]
fn the_first_rule_whose_exit_codes_match_decides_before_the_policy() {
    use ExitCodes::{In, NotIn};
    let rows: [(&[RestartRule], i32, bool); 5] = [
        (&[rule(RuleAction::Restart, In, &[42, 43])], 43, true),
        (&[rule(RuleAction::Restart, In, &[42])], 1, false),
        (&[rule(RuleAction::Restart, NotIn, &[1, 2])], 3, true),
        (&[rule(RuleAction::Restart, NotIn, &[1, 2])], 2, false),
        (&[rule(RuleAction::Restart, In, &[0])], 0, true),
    ];
    for (rules, code, expected) in rows {
        let change = |p: &mut Pod| {
            p.containers[0].restart_policy = RestartPolicy::Never;
            p.containers[0].restart_rules = rules.to_vec();
        };
        assert_eq!(restarts(change, code), expected, "{rules:?} {code}");
    }
}

#[test]
fn a_running_container_is_left_alone() {
    let mut play = Play::new(pod([app("a")]));
    play.forget().until(100_000.0);
    assert_eq!(play.actions(), [""; 0]);
}

#[test]
fn nothing_is_restarted_in_a_pod_that_is_being_deleted() {
    let mut play = Play::new(pod([app("a"), app("b")]));
    play.forget()
        .delete(1.0, None)
        .exit(2.0, "a", 1)
        .until(20.0);
    assert_eq!(play.actions(), ["1 Term a", "1 Term b"]);
}

#[test]
fn a_kill_by_a_probe_asks_the_policy_but_neither_the_rules_nor_the_code() {
    let rows = [
        (
            RestartPolicy::Never,
            vec![rule(RuleAction::Restart, ExitCodes::In, &[143])],
            143,
            false,
        ),
        (RestartPolicy::OnFailure, vec![], 0, true),
        (
            RestartPolicy::OnFailure,
            vec![rule(
                RuleAction::RestartAllContainers,
                ExitCodes::In,
                &[143],
            )],
            143,
            true,
        ),
        (RestartPolicy::Always, vec![], 143, true),
    ];
    for (own, rules, code, expected) in rows {
        let a = app("a").with(|c| {
            c.liveness = probe();
            c.restart_policy = own;
            c.restart_rules = rules;
        });
        let mut play = Play::new(pod([a, app("b")]));
        play.probed(1.0, "a", Probe::Liveness, false)
            .forget()
            .exit(2.0, "a", code);
        assert_eq!(
            play.actions().iter().any(|line| line == "2 start a#1"),
            expected,
            "{own:?} {code}"
        );
    }
}

#[test]
fn the_restart_count_is_that_of_the_instance_before_plus_one() {
    let mut play = Play::new(pod([app("a")]));
    for n in 0..4 {
        assert_eq!(play.container("a").restart_count, n);
        play.exit(f64::from(n) * 400.0 + 1.0, "a", 0)
            .until(f64::from(n) * 400.0 + 301.0);
    }
}

#[test]
fn only_the_newest_exit_before_is_kept_as_last_state() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1).exit(2.0, "a", 2);
    assert!(play.last_state("a").starts_with("Terminated Error 2"));
    play.until(12.0);
    assert!(play.last_state("a").starts_with("Terminated Error 2"));
    assert_eq!(play.shows("a"), "Running restarts=2");
}

#[test]
fn an_exit_says_why_the_container_ended() {
    let rows = [
        (0, Cause::Exited, "Completed"),
        (134, Cause::Exited, "Error"),
        (137, Cause::OutOfMemory, "OOMKilled"),
        (255, Cause::Unknown, "Unknown"),
    ];
    for (code, cause, reason) in rows {
        let mut play = Play::new(never([app("a"), app("b")]));
        let slot = play.slot("a");
        play.at(
            1.0,
            Input::Exited {
                slot,
                exit: Exit {
                    code,
                    cause,
                    message: "bye".into(),
                },
            },
        );
        assert_eq!(
            play.shows("a"),
            format!("Terminated {reason} {code}: bye restarts=0")
        );
    }
}
