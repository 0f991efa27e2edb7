//! Sections 2 and 3: a pod that is defined otherwise while it runs.

use std::time::Duration;

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{Hook, ImageProblem, Probe, StartProblem};
use crate::spec::pod::Pod;

#[test]
fn a_container_with_another_image_is_stopped_and_started_whatever_the_policy() {
    for pod in [pod([app("a"), app("b")]), never([app("a"), app("b")])] {
        let mut play = Play::new(pod);
        play.forget().image(5.0, "a", "new");
        assert_eq!(
            play.events(),
            ["5 Normal Killing: a: Container a definition changed, will be restarted"]
        );
        // The exit comes by our own doing, so its code does not matter.
        play.exit(6.0, "a", 0);
        assert_eq!(play.all_actions(), ["5 Term a", "6 pull a", "6 start a#1"]);
        assert_eq!(play.shows("a"), "Running restarts=1");
        assert_eq!(play.last_state("a"), "Terminated Completed 0");
        assert_eq!(play.shows("b"), "Running restarts=0");
    }
}

#[test]
fn the_whole_grace_and_the_hook_are_for_a_changed_container_too() {
    let mut play = Play::holding(
        pod([app("a").with(|c| c.has_pre_stop = true)]),
        &["PreStop a"],
    );
    play.forget().image(5.0, "a", "new");
    assert_eq!(play.actions(), ["5 PreStop a by 35"]);
    play.hook_done(9.0, "a", Hook::PreStop, Ok(())).until(35.0);
    assert_eq!(play.actions(), ["9 Term a", "35 Kill a", "35 start a#1"]);
}

#[test]
fn a_changed_sidecar_is_replaced_and_told_in_its_own_words() {
    let mut play = Play::new(never([sidecar("s"), app("a")]));
    play.forget().image(5.0, "s", "new").exit(6.0, "s", 143);
    assert_eq!(
        play.events_of(&["Killing"]),
        ["5 Normal Killing: s: Init container s definition changed"]
    );
    assert_eq!(play.actions(), ["5 Term s", "6 start s#1"]);
}

#[test]
fn a_running_init_container_is_left_and_its_next_instance_is_of_the_new_image() {
    let mut play = Play::new(pod([init("i"), app("a")]));
    play.forget().image(5.0, "i", "new").until(6.0);
    assert_eq!(play.all_actions(), [""; 0]);
    play.exit(7.0, "i", 1);
    assert_eq!(play.all_actions(), ["7 pull i", "7 start i#1"]);
    assert_eq!(play.container("i").image, "docker.io/library/new:latest");
}

#[test]
fn a_container_that_has_run_for_the_last_time_stays_as_it_is() {
    let mut play = Play::new(never([init("i"), app("a"), app("b")]));
    play.exit(1.0, "i", 0).exit(2.0, "a", 0).forget();
    play.image(3.0, "a", "new")
        .image(3.0, "i", "new")
        .until(60.0);
    assert_eq!(play.actions(), [""; 0]);
    assert_eq!(play.shows("a"), "Terminated Completed 0 restarts=0");
}

#[test]
fn the_image_shown_is_that_of_the_instance_until_the_new_one_is_there() {
    let mut play = Play::holding(pod([app("a")]), &["pull a"]);
    let ready = |image_id: &str| crate::lifecycle::Input::ImageReady {
        slot: 0,
        image_id: image_id.into(),
        pulled: None,
    };
    play.at(0.0, ready("sha256:old")).image(5.0, "a", "new");
    let shown = |play: &Play| {
        let status = play.container("a");
        (status.image, status.image_id)
    };
    let before = ("wasmpod/toolbox".to_owned(), "sha256:old".to_owned());
    assert_eq!(shown(&play), before);
    play.exit(6.0, "a", 143);
    assert_eq!(shown(&play), before);
    play.at(7.0, ready("sha256:new"));
    let after = (
        "docker.io/library/new:latest".to_owned(),
        "sha256:new".to_owned(),
    );
    assert_eq!(shown(&play), after);
}

#[test]
fn another_image_ends_a_back_off_of_the_old_one() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1).exit(2.0, "a", 1).until(3.0).forget();
    assert!(play.shows("a").starts_with("Waiting CrashLoopBackOff"));
    play.image(4.0, "a", "new");
    assert_eq!(play.actions(), ["4 start a#2"]);
    // Its crashes are counted anew.
    play.exit(5.0, "a", 1).until(15.0);
    assert_eq!(play.actions(), ["15 start a#3"]);
}

#[test]
fn another_image_is_pulled_at_once_while_the_old_one_waits() {
    let mut play = Play::holding(pod([app("a")]), &["pull a"]);
    play.image_fails(1.0, "a", ImageProblem::ErrImagePull, "no")
        .until(3.0)
        .forget();
    assert!(play.shows("a").starts_with("Waiting ImagePullBackOff"));
    play.image(4.0, "a", "new");
    assert_eq!(play.all_actions(), ["4 pull a"]);
    play.image_fails(5.0, "a", ImageProblem::ErrImagePull, "also not")
        .until(6.0);
    assert_eq!(
        play.shows("a"),
        "Waiting ImagePullBackOff: Back-off pulling image \"new\": ErrImagePull: also not restarts=0"
    );
    play.until(15.0);
    assert_eq!(play.all_actions(), ["15 pull a"]);
}

#[test]
fn what_comes_of_a_pull_of_the_old_image_is_not_used() {
    let ready = crate::lifecycle::Input::ImageReady {
        slot: 0,
        image_id: "sha256:old".into(),
        pulled: None,
    };
    let mut play = Play::holding(pod([app("a")]), &["pull a"]);
    play.image(1.0, "a", "new").forget().at(2.0, ready);
    assert_eq!(play.all_actions(), ["2 pull a"]);
    assert_eq!(play.events(), [""; 0]);
    let mut play = Play::holding(pod([app("a")]), &["pull a"]);
    play.image(1.0, "a", "new").forget();
    play.image_fails(2.0, "a", ImageProblem::ErrImagePull, "no");
    assert_eq!(play.all_actions(), ["2 pull a"]);
    assert_eq!(play.events(), [""; 0]);
}

#[test]
fn an_instance_of_the_old_image_that_just_comes_up_is_replaced() {
    let mut play = Play::holding(never([app("a")]), &["start a"]);
    play.image(1.0, "a", "new").forget().started(2.0, "a");
    assert_eq!(play.actions(), ["2 Term a"]);
    play.exit(3.0, "a", 0);
    assert_eq!(play.actions(), ["3 start a#1"]);
}

#[test]
fn a_start_of_the_old_image_that_fails_is_tried_with_the_new_one_at_once() {
    for (reason, start) in [
        (StartProblem::CreateContainerError, "2 start a#0"),
        (StartProblem::RunContainerError, "2 start a#1"),
    ] {
        let mut play = Play::holding(never([app("a")]), &["start a"]);
        play.image(1.0, "a", "new")
            .forget()
            .start_fails(2.0, "a", reason, "no");
        assert_eq!(play.actions(), [start]);
    }
}

#[test]
fn a_container_that_is_being_stopped_is_not_stopped_twice() {
    let mut play = Play::new(pod([app("a").with(|c| c.liveness = probe())]));
    play.probed(1.0, "a", Probe::Liveness, false).forget();
    play.image(2.0, "a", "new").exit(3.0, "a", 143);
    assert_eq!(play.actions(), ["3 start a#1"]);
}

#[test]
fn a_pod_that_goes_starts_nothing_new() {
    let mut play = Play::new(pod([app("a")]));
    play.delete(1.0, None).forget();
    play.image(2.0, "a", "new").exit(3.0, "a", 0);
    assert_eq!(play.actions(), ["3 remove"]);
    assert!(play.finished);
}

#[test]
fn a_deadline_may_come_and_may_come_earlier() {
    let limit = |secs| move |pod: &mut Pod| pod.active_deadline = Some(Duration::from_secs(secs));
    let mut play = Play::new(pod([app("a")]));
    play.forget()
        .update(5.0, limit(100))
        .update(50.0, limit(60))
        .until(60.0);
    assert_eq!(play.actions(), ["60 Term a"]);
    let mut play = Play::new(pod([app("a")]));
    // It has passed already.
    play.forget().update(50.0, limit(20));
    assert_eq!(play.actions(), ["50 Term a"]);
}

#[test]
fn a_later_deletion_takes_the_grace_period_of_the_new_definition() {
    let mut play = Play::new(pod([app("a")]));
    play.update(1.0, |pod| pod.termination_grace = Duration::from_secs(5));
    play.forget().delete(10.0, None).until(15.0);
    assert_eq!(play.actions(), ["10 Term a", "15 Kill a", "15 remove"]);
}

#[test]
fn labels_annotations_and_generation_are_taken_over_and_nothing_is_restarted() {
    let mut play = Play::new(pod([app("a")]));
    play.forget().update(5.0, |pod| {
        pod.labels.insert("a".into(), "b".into());
        pod.annotations.insert("c".into(), "d".into());
        pod.object.metadata.generation = Some(2);
    });
    let pod = play.life.pod();
    assert_eq!(
        (pod.labels["a"].as_str(), pod.annotations["c"].as_str()),
        ("b", "d")
    );
    let status = play.status();
    assert_eq!(status.observed_generation, Some(2));
    let of_conditions = status.conditions.unwrap();
    assert!(
        of_conditions
            .iter()
            .all(|c| c.observed_generation == Some(2))
    );
    assert_eq!((play.actions(), play.events()), (vec![], vec![]));
}

#[test]
fn a_pod_keeps_its_containers_where_they_are() {
    let mut play = Play::new(pod([app("a"), app("b")]));
    // A definition that names them in another order, forgets one and brings a new one: no such update is allowed, and if
    // it comes nevertheless nothing is mixed up.
    play.forget().update(1.0, |pod| {
        pod.containers = vec![app("new"), app("b").with(|c| c.tty = true)];
    });
    let names: Vec<&str> = play
        .life
        .pod()
        .containers
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert!(play.life.pod().containers[1].tty);
    assert_eq!(play.actions(), [""; 0]);
}
