//! Section 4: the back-off of restarts.

use std::time::Duration;

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Node, Probe};

#[test]
fn restarts_of_a_crashing_container_wait_0_10_20_40_80_160_300_300_seconds_from_the_exit() {
    let mut play = Play::new(pod([app("a")]));
    play.forget();
    let mut at = 1.0;
    for (n, delay) in [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
        .into_iter()
        .enumerate()
    {
        play.exit(at, "a", 1).until(at + delay);
        assert_eq!(
            play.actions(),
            [format!("{} start a#{}", at + delay, n + 1)]
        );
        at += delay + 1.0;
    }
}

#[test]
fn success_waits_like_failure() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 0)
        .exit(2.0, "a", 0)
        .forget()
        .until(11.9);
    assert_eq!(play.actions(), [""; 0]);
    play.until(12.0);
    assert_eq!(play.actions(), ["12 start a#2"]);
}

#[test]
fn the_delay_is_counted_from_the_exit_also_when_the_container_ran_for_a_while() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1)
        .exit(9.0, "a", 1)
        .forget()
        .until(19.0);
    assert_eq!(play.actions(), ["19 start a#2"]);
}

#[test]
fn more_than_ten_minutes_of_running_forget_the_crashes() {
    // The entry is made at 1, by the first restart: an exit at 601 still finds it, a later one does not.
    for (exit, expected) in [(601.0, "611 start a#2"), (601.5, "601.5 start a#2")] {
        let mut play = Play::new(pod([app("a")]));
        play.exit(1.0, "a", 1)
            .forget()
            .exit(exit, "a", 1)
            .until(620.0);
        assert_eq!(play.actions(), [expected]);
    }
}

#[test]
fn the_refusal_shows_as_crash_loop_back_off_with_gos_duration() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1);
    assert_eq!(play.shows("a"), "Running restarts=1");
    play.forget().exit(2.0, "a", 1);
    let event = |at: &str| {
        format!(
            "{at} Warning BackOff: a: Back-off restarting failed container a in pod web_default(u1)"
        )
    };
    assert_eq!(play.events(), [event("2")]);
    let message = |delay: &str| {
        format!(
            "Waiting CrashLoopBackOff: back-off {delay} restarting failed container=a pod=web_default(u1)"
        )
    };
    assert_eq!(play.shows("a"), message("10s") + " restarts=1");
    assert_eq!(play.last_state("a"), "Terminated Error 1");
    assert_eq!(play.phase(), "Running");
    play.exit(20.0, "a", 1)
        .exit(50.0, "a", 1)
        .exit(100.0, "a", 1);
    assert_eq!(play.shows("a"), message("1m20s") + " restarts=4");
}

#[test]
fn the_nodes_longest_period_caps_the_delay() {
    let node = Node {
        max_restart_period: Duration::from_secs(3),
        ..Node::new("here", vec![])
    };
    let mut play = Play::on(node, pod([app("a")]), &[]);
    play.exit(1.0, "a", 1)
        .exit(2.0, "a", 1)
        .exit(6.0, "a", 1)
        .forget()
        .until(9.0);
    assert_eq!(play.actions(), ["9 start a#3"]);
}

#[test]
fn containers_back_off_apart() {
    let mut play = Play::new(pod([app("a"), app("b")]));
    play.exit(1.0, "a", 1)
        .exit(2.0, "a", 1)
        .forget()
        .exit(3.0, "b", 1);
    assert_eq!(play.actions(), ["3 start b#1"]);
}

/// A container killed by its liveness probe 5 s (the kill at once) after each start, beginning at 0.
#[test]
fn kills_by_probes_are_delayed_one_kill_later_than_exits() {
    let mut play = Play::new(pod([app("a").with(|c| c.liveness = probe())]));
    play.forget();
    let mut kill = |at: f64| {
        play.probed(at, "a", Probe::Liveness, false)
            .exit(at, "a", 143)
            .until(at + 0.5);
        let mut actions = play.actions();
        actions.retain(|line| line.contains("start"));
        actions
    };
    assert_eq!(
        kill(5.0),
        ["5 start a#1"],
        "the first kill never delays and leaves no trace"
    );
    assert_eq!(
        kill(10.0),
        ["10 start a#2"],
        "the second makes the entry of 10 s"
    );
    assert_eq!(
        kill(15.0),
        [""; 0],
        "the third instance lived shorter than that"
    );
    play.until(25.0);
    assert_eq!(play.actions(), ["25 start a#3"]);
}

#[test]
fn a_probe_kill_of_an_instance_that_lived_longer_than_the_delay_is_not_delayed() {
    let mut play = Play::new(pod([app("a").with(|c| c.liveness = probe())]));
    play.forget();
    let lives = [30.0, 30.0, 30.0, 30.0];
    let mut at = 0.0;
    for (n, life) in lives.into_iter().enumerate() {
        at += life;
        play.probed(at, "a", Probe::Liveness, false)
            .forget()
            .exit(at, "a", 143);
        assert_eq!(play.actions(), [format!("{at} start a#{}", n + 1)]);
    }
    // The entry is 40 s by now.
    at += 30.0;
    play.probed(at, "a", Probe::Liveness, false)
        .forget()
        .exit(at, "a", 143)
        .until(at + 40.0);
    assert_eq!(play.actions(), [format!("{} start a#5", at + 40.0)]);
}
