//! Section 6: image pull.

use std::time::Duration;

use super::play::Play;
use super::pods::*;
use crate::lifecycle::{ImageProblem, Input, Pulled};
use crate::spec::pod::{Image, Pod, PullPolicy};

fn busybox(pod: Pod) -> Pod {
    pod.with(|p| {
        for container in &mut p.containers {
            container.image = Image::Registry {
                written: "busybox".into(),
                reference: "docker.io/library/busybox:latest".into(),
            };
        }
    })
}

#[test]
fn the_image_is_asked_for_at_every_start() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1);
    assert_eq!(
        play.all_actions(),
        [
            "0 sandbox#0",
            "0 pull a",
            "0 start a#0",
            "1 pull a",
            "1 start a#1"
        ]
    );
}

#[test]
fn a_pull_is_told_with_its_times_in_whole_milliseconds_and_size() {
    let mut play = Play::holding(busybox(pod([app("a")])), &["pull a"]);
    let pulled = Pulled {
        took: Duration::from_micros(1_200_900),
        waited: Duration::from_millis(1500),
        bytes: 42,
    };
    play.forget().at(0.5, Input::Pulling { slot: 0 });
    play.at(
        2.0,
        Input::ImageReady {
            slot: 0,
            image_id: "sha256:9".into(),
            pulled: Some(pulled),
        },
    );
    assert_eq!(
        play.events()[..2],
        [
            "0.5 Normal Pulling: a: Pulling image \"busybox\"",
            "2 Normal Pulled: a: Successfully pulled image \"busybox\" in 1.2s (1.5s including waiting). Image size: 42 bytes.",
        ]
    );
    let status = play.container("a");
    assert_eq!(
        (status.image.as_str(), status.image_id.as_str()),
        ("docker.io/library/busybox:latest", "sha256:9")
    );
}

#[test]
fn a_present_image_is_told_too() {
    let mut play = Play::new(busybox(pod([app("a")])));
    let message =
        "Container image \"busybox\" already present on machine and can be accessed by the pod";
    assert_eq!(
        play.events_of(&["Pulled"]),
        [format!("0 Normal Pulled: a: {message}")]
    );
}

#[test]
fn a_failed_pull_is_told_twice_and_then_backs_off_from_the_attempt_10_20_40_seconds() {
    let mut play = Play::holding(busybox(pod([app("a")])), &["pull a"]);
    play.forget()
        .image_fails(5.0, "a", ImageProblem::ErrImagePull, "not found");
    assert_eq!(
        play.shows("a"),
        "Waiting ErrImagePull: not found restarts=0"
    );
    assert_eq!(
        play.events(),
        [
            "5 Warning Failed: a: Failed to pull image \"busybox\": not found",
            "5 Warning Failed: a: Error: ErrImagePull"
        ]
    );
    play.until(6.0);
    assert_eq!(
        play.shows("a"),
        "Waiting ImagePullBackOff: Back-off pulling image \"busybox\": ErrImagePull: not found restarts=0"
    );
    assert_eq!(
        play.events(),
        [
            "6 Normal BackOff: a: Back-off pulling image \"busybox\"",
            "6 Warning Failed: a: Error: ImagePullBackOff"
        ]
    );
    play.until(15.0);
    assert_eq!(play.all_actions(), ["15 pull a"]);
    play.image_fails(16.0, "a", ImageProblem::ErrImagePull, "not found")
        .until(36.0);
    assert_eq!(play.all_actions(), ["36 pull a"]);
    play.image_fails(40.0, "a", ImageProblem::ErrImagePull, "not found")
        .until(80.0);
    assert_eq!(play.all_actions(), ["80 pull a"]);
    assert_eq!(play.phase(), "Pending");
}

#[test]
fn the_back_off_is_per_image_of_the_pod() {
    let mut play = Play::holding(busybox(pod([app("a"), app("b")])), &["pull a", "pull b"]);
    play.forget()
        .image_fails(1.0, "a", ImageProblem::ErrImagePull, "no");
    assert_eq!(play.all_actions(), [""; 0]);
    assert!(play.shows("b").starts_with("Waiting ImagePullBackOff"));
    play.until(11.0);
    assert_eq!(play.all_actions(), ["11 pull a"]);
}

#[test]
fn a_container_that_never_pulls_does_not_wait_for_the_pulls_of_others() {
    let pod = busybox(pod([app("a"), app("b")]))
        .with(|p| p.containers[1].pull_policy = PullPolicy::Never);
    let mut play = Play::holding(pod, &["pull a", "pull b"]);
    play.forget()
        .image_fails(1.0, "a", ImageProblem::ErrImagePull, "no");
    assert_eq!(play.all_actions(), ["1 pull b"]);
}

#[test]
fn an_image_that_fails_does_not_hold_back_the_next_container() {
    let pod = busybox(pod([app("a"), app("b")])).with(|p| p.containers[1].image = Image::Toolbox);
    let mut play = Play::holding(pod, &["pull a"]);
    play.forget()
        .image_fails(1.0, "a", ImageProblem::ErrImagePull, "no");
    assert_eq!(play.actions(), ["1 start b#0"]);
}

#[test]
fn the_other_reasons_have_their_own_texts_and_try_again_after_ten_seconds_or_in_back_off() {
    use ImageProblem::*;
    let rows = [
        (
            ErrImageNeverPull,
            "",
            "Container image \"busybox\" is not present with pull policy of Never",
            "ErrImageNeverPull: a: Container image \"busybox\" is not present with pull policy of Never",
            11.0,
        ),
        (
            ImageInspectError,
            "disk",
            "Failed to inspect image \"busybox\": disk",
            "InspectFailed: a: Failed to inspect image \"busybox\": disk",
            11.0,
        ),
        (
            RegistryUnavailable,
            "RegistryUnavailable: no route",
            "image pull failed for busybox because the registry is unavailable: no route",
            "Failed: a: Failed to pull image \"busybox\": RegistryUnavailable: no route",
            11.0,
        ),
        (
            SignatureValidationFailed,
            "bad key",
            "image pull failed for busybox because the signature validation failed: bad key",
            "Failed: a: Failed to pull image \"busybox\": bad key",
            11.0,
        ),
    ];
    for (problem, error, message, event, again) in rows {
        let mut play = Play::holding(busybox(pod([app("a")])), &["pull a"]);
        play.forget().image_fails(1.0, "a", problem, error);
        assert_eq!(
            play.shows("a"),
            format!("Waiting {}: {message} restarts=0", problem.as_str())
        );
        let told = [
            format!("1 Warning {event}"),
            format!("1 Warning Failed: a: Error: {}", problem.as_str()),
        ];
        assert_eq!(play.events(), told);
        play.until(again);
        assert_eq!(play.all_actions(), [format!("{again} pull a")]);
    }
}

#[test]
fn an_image_name_that_cannot_be_parsed_is_refused_without_asking_the_machine() {
    let invalid = Image::Invalid {
        written: "B@d".into(),
        error: "invalid reference format".into(),
    };
    let mut play = Play::new(pod([app("a").with(|c| c.image = invalid), app("b")]));
    let message = "Failed to apply default image tag \"B@d\": invalid reference format";
    assert_eq!(
        play.shows("a"),
        format!("Waiting InvalidImageName: {message} restarts=0")
    );
    assert_eq!(
        play.all_actions(),
        ["0 sandbox#0", "0 pull b", "0 start b#0"]
    );
    assert_eq!(
        play.events()[1..3],
        [
            format!("0 Warning InspectFailed: a: {message}"),
            "0 Warning Failed: a: Error: InvalidImageName".into()
        ]
    );
    assert_eq!(play.phase(), "Pending");
}
