//! Section 9, as far as published results have consequences.

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Input, Probe, ProbeOutcome};
use crate::spec::pod::{Container, Probe as Spec, RestartPolicy};
use std::time::Duration;

fn watched(name: &str) -> Container {
    app(name).with(|c| {
        c.liveness = probe();
        c.readiness = probe();
        c.startup = probe();
    })
}

#[test]
fn a_container_is_started_when_its_startup_probe_has_succeeded_and_ready_when_readiness_has_too() {
    let mut play = Play::new(pod([watched("a")]));
    let shown = |play: &Play| {
        (
            play.container("a").started.unwrap(),
            play.container("a").ready,
        )
    };
    assert_eq!(shown(&play), (false, false));
    play.probed(1.0, "a", Probe::Readiness, true);
    assert_eq!(shown(&play), (false, false));
    play.probed(2.0, "a", Probe::Startup, true);
    assert_eq!(shown(&play), (true, true));
    assert!(play.life.is_started(0));
    play.probed(3.0, "a", Probe::Readiness, false);
    assert_eq!(shown(&play), (true, false));
}

#[test]
fn without_probes_a_container_is_started_and_ready_when_it_runs() {
    let play = Play::new(pod([app("a")]));
    assert_eq!(
        (play.container("a").started, play.container("a").ready),
        (Some(true), true)
    );
}

#[test]
fn a_new_instance_begins_unproven() {
    let mut play = Play::new(pod([watched("a")]));
    play.probed(1.0, "a", Probe::Startup, true)
        .probed(2.0, "a", Probe::Readiness, true)
        .exit(3.0, "a", 1);
    assert_eq!(play.shows("a"), "Running restarts=1");
    assert_eq!(
        (play.container("a").started, play.container("a").ready),
        (Some(false), false)
    );
}

#[test]
fn a_failed_liveness_or_startup_probe_kills_with_the_kubelets_text() {
    let rows = [
        (
            app("a"),
            RestartPolicy::Always,
            "Container a failed X probe, will be restarted",
        ),
        (
            app("a"),
            RestartPolicy::OnFailure,
            "Container a failed X probe, will be restarted",
        ),
        (app("a"), RestartPolicy::Never, "Container a failed X probe"),
        (
            sidecar("a"),
            RestartPolicy::Always,
            "Init container a failed X probe",
        ),
    ];
    for (container, own, text) in rows {
        for (kind, word) in [(Probe::Liveness, "liveness"), (Probe::Startup, "startup")] {
            let container = container.clone().with(|c| {
                c.restart_policy = own;
                c.liveness = probe();
                c.startup = probe();
            });
            let mut play = Play::new(pod([container, app("b")]));
            play.forget().probed(7.0, "a", kind, false);
            assert_eq!(
                play.events(),
                [format!("7 Normal Killing: a: {}", text.replace('X', word))]
            );
            assert_eq!(play.actions(), ["7 Term a"]);
        }
    }
}

#[test]
fn the_probes_own_grace_period_wins_over_the_pods() {
    let own = Some(Spec {
        termination_grace: Some(Duration::from_secs(4)),
    });
    let mut play = Play::new(pod([app("a").with(|c| c.liveness = own)]));
    play.forget()
        .probed(1.0, "a", Probe::Liveness, false)
        .until(5.0);
    assert_eq!(play.actions()[..2], ["1 Term a", "5 Kill a"]);
    let mut play = Play::new(pod([watched("a")]));
    play.forget()
        .probed(1.0, "a", Probe::Liveness, false)
        .until(31.0);
    assert_eq!(play.actions()[..2], ["1 Term a", "31 Kill a"]);
}

#[test]
fn a_kill_by_a_probe_runs_pre_stop_and_then_restarts() {
    let mut play = Play::new(pod([watched("a").with(|c| c.has_pre_stop = true)]));
    play.forget()
        .probed(1.0, "a", Probe::Liveness, false)
        .exit(2.0, "a", 0);
    assert_eq!(
        play.actions(),
        ["1 PreStop a by 31", "1 Term a", "2 start a#1"]
    );
}

#[test]
fn a_deletion_during_a_kill_by_a_probe_lowers_its_grace() {
    let mut play = Play::new(pod([watched("a")]));
    play.forget()
        .probed(1.0, "a", Probe::Liveness, false)
        .delete(2.0, Some(3))
        .until(100.0);
    assert_eq!(play.actions(), ["1 Term a", "5 Kill a", "5 remove"]);
}

#[test]
fn a_failure_is_acted_upon_once() {
    let mut play = Play::new(pod([watched("a")]));
    play.forget()
        .probed(1.0, "a", Probe::Liveness, false)
        .probed(2.0, "a", Probe::Liveness, false);
    assert_eq!(
        (play.actions(), play.events().len()),
        (vec!["1 Term a".to_owned()], 1)
    );
}

#[test]
fn attempts_are_told_but_have_no_consequence() {
    let mut play = Play::new(pod([watched("a")]));
    play.forget();
    let outcomes = [
        ProbeOutcome::Failed("HTTP probe failed with statuscode: 500".into()),
        ProbeOutcome::Warning("redirect".into()),
        ProbeOutcome::Errored("no such file".into()),
    ];
    for outcome in outcomes {
        play.at(
            1.0,
            Input::ProbeAttempt {
                slot: 0,
                probe: Probe::Liveness,
                outcome,
            },
        );
    }
    assert_eq!(
        play.events(),
        [
            "1 Warning Unhealthy: a: Liveness probe failed: HTTP probe failed with statuscode: 500",
            "1 Warning ProbeWarning: a: Liveness probe warning: redirect",
            "1 Warning Unhealthy: a: Liveness probe errored and resulted in unknown state: no such file",
        ]
    );
    assert_eq!(play.actions(), [""; 0]);
}
