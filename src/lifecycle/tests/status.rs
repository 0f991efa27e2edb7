//! Sections 10, 12 and 18: container statuses, conditions, quality of service.

use super::play::{BORN, Play};
use super::pods::*;
use crate::lifecycle::{Cause, Exit, Input, Life, Node, Probe};
use crate::spec::pod::{Mount, Pod, Resources, Volume, VolumeSource};
use std::sync::Arc;

#[test]
fn containers_wait_as_creating_or_as_initializing_if_the_pod_has_init_containers() {
    let play = Play::holding(pod([app("a")]), &["pull a"]);
    assert_eq!(play.shows("a"), "Waiting ContainerCreating restarts=0");
    let play = Play::holding(pod([init("i"), app("a")]), &["pull i"]);
    assert_eq!(play.shows("i"), "Waiting PodInitializing restarts=0");
    assert_eq!(play.shows("a"), "Waiting PodInitializing restarts=0");
}

#[test]
fn init_containers_are_listed_in_spec_order_and_regular_ones_by_name() {
    let play = Play::new(pod([init("z"), sidecar("i"), app("c"), app("a"), app("b")]));
    let names = |list: Option<Vec<_>>| -> Vec<String> {
        list.unwrap()
            .into_iter()
            .map(|s: k8s_openapi::api::core::v1::ContainerStatus| s.name)
            .collect()
    };
    let status = play.status();
    assert_eq!(names(status.init_container_statuses), ["z", "i"]);
    assert_eq!(names(status.container_statuses), ["a", "b", "c"]);
}

#[test]
fn a_terminated_state_carries_times_in_whole_seconds_and_the_instances_id() {
    let mut play = Play::new(never([app("a")]));
    play.exit(2.7, "a", 3);
    let ended = play.container("a").state.unwrap().terminated.unwrap();
    let secs = |time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
        time.unwrap().0.to_string()
    };
    assert_eq!(secs(ended.started_at), "2023-11-14T22:13:20Z");
    assert_eq!(secs(ended.finished_at), "2023-11-14T22:13:22Z");
    assert_eq!(ended.container_id.as_deref(), Some("wasmpod://a-0"));
    assert_eq!(
        play.container("a").container_id.as_deref(),
        Some("wasmpod://a-0")
    );
}

#[test]
fn a_waiting_container_keeps_the_id_and_image_of_its_last_instance() {
    let mut play = Play::new(pod([app("a")]));
    play.exit(1.0, "a", 1).exit(2.0, "a", 1);
    let status = play.container("a");
    assert_eq!(
        (status.container_id.as_deref(), status.image_id.as_str()),
        (Some("wasmpod://a-1"), "sha256:1")
    );
}

#[test]
fn an_init_container_that_has_completed_is_ready_but_not_started() {
    let mut play = Play::new(pod([init("i"), app("a")]));
    play.exit(1.0, "i", 0);
    assert_eq!(play.shows("i"), "Terminated Completed 0 restarts=0");
    assert_eq!(
        (play.container("i").ready, play.container("i").started),
        (true, Some(false))
    );
}

#[test]
fn a_container_that_never_came_to_be_in_a_pod_that_was_initialised_is_lost() {
    let mut play = Play::holding(pod([app("a"), app("b")]), &["pull b"]);
    play.delete(1.0, None).exit(2.0, "a", 0);
    let text = "Terminated ContainerStatusUnknown 137: The container could not be located when the pod was terminated";
    assert_eq!(play.shows("b"), format!("{text} restarts=0"));
    assert_eq!(play.phase(), "Failed");
}

#[test]
fn the_termination_message_is_cut_to_its_last_4096_bytes_and_all_together_to_12_kib() {
    for (containers, kept) in [(1, 4096), (3, 4096), (4, 3072)] {
        let names: Vec<String> = (0..containers).map(|n| format!("c{n}")).collect();
        let mut play = Play::new(never(names.iter().map(|name| app(name))));
        let message = format!("{}{}", "x".repeat(1000), "y".repeat(4096));
        play.at(
            1.0,
            Input::Exited {
                slot: 0,
                exit: Exit {
                    code: 1,
                    cause: Cause::Exited,
                    message,
                },
            },
        );
        let message = play
            .container("c0")
            .state
            .unwrap()
            .terminated
            .unwrap()
            .message
            .unwrap();
        assert_eq!(message, "y".repeat(kept));
    }
}

#[test]
fn a_termination_message_is_cut_between_characters() {
    let mut play = Play::new(never([app("a")]));
    let message = "é".repeat(4000) + "x";
    play.at(
        1.0,
        Input::Exited {
            slot: 0,
            exit: Exit {
                code: 1,
                cause: Cause::Exited,
                message,
            },
        },
    );
    assert_eq!(
        play.container("a")
            .state
            .unwrap()
            .terminated
            .unwrap()
            .message
            .unwrap()
            .len(),
        4095
    );
}

#[test]
fn mounts_are_listed_with_their_read_only_mode() {
    let pod = pod([app("a").with(|c| {
        c.mounts = vec![Mount {
            volume: 0,
            path: "/d".into(),
            sub_path: None,
            read_only: true,
            recursive_read_only: false,
        }]
    })])
    .with(|p| {
        p.volumes = vec![Volume {
            name: "data".into(),
            source: VolumeSource::EmptyDir(Default::default()),
        }]
    });
    let mounts = Play::new(pod).container("a").volume_mounts.unwrap();
    assert_eq!(
        (mounts[0].name.as_str(), mounts[0].mount_path.as_str()),
        ("data", "/d")
    );
    assert_eq!(
        (
            mounts[0].read_only,
            mounts[0].recursive_read_only.as_deref()
        ),
        (Some(true), Some("Disabled"))
    );
}

#[test]
fn the_pod_carries_its_addresses_and_start_time() {
    let status = Play::new(pod([app("a")])).status();
    assert_eq!(
        (status.pod_ip.as_deref(), status.host_ip.as_deref()),
        (Some("10.0.0.7"), Some("192.0.2.1"))
    );
    assert_eq!(status.start_time.unwrap(), BORN.api());
    let status = Play::holding(
        pod([app("a")]).with(|p| p.host_network = true),
        &["sandbox"],
    )
    .status();
    assert_eq!(
        status.pod_ip.as_deref(),
        Some("192.0.2.1"),
        "on the host's network the host's address is known at once"
    );
}

#[test]
fn conditions_come_in_the_kubelets_order_with_reasons_and_names_in_spec_order() {
    let mut play = Play::holding(
        pod([init("i"), sidecar("s"), app("b"), app("a")]),
        &["sandbox"],
    );
    let unready = "ContainersNotReady containers with unready status: [s b a]";
    assert_eq!(
        play.conditions(),
        [
            "PodReadyToStartContainers=False 0".to_owned(),
            "Initialized=False 0 ContainersNotInitialized containers with incomplete status: [i s]"
                .into(),
            format!("Ready=False 0 {unready}"),
            format!("ContainersReady=False 0 {unready}"),
            "PodScheduled=True 0".into(),
        ]
    );
    play.at(1.0, Input::SandboxReady { ips: vec![] })
        .exit(3.0, "i", 0);
    assert_eq!(
        play.conditions(),
        [
            "PodReadyToStartContainers=True 1",
            "Initialized=True 3",
            "Ready=True 3",
            "ContainersReady=True 3",
            "PodScheduled=True 0",
        ]
    );
}

#[test]
fn the_transition_time_changes_only_with_the_value_and_is_that_of_the_change() {
    let mut play = Play::new(pod([
        app("a").with(|c| c.readiness = probe()),
        app("b").with(|c| c.readiness = probe()),
    ]));
    play.probed(5.0, "a", Probe::Readiness, true);
    assert_eq!(
        play.condition("Ready"),
        "Ready=False 0 ContainersNotReady containers with unready status: [b]"
    );
    play.probed(6.0, "b", Probe::Readiness, true).until(50.0);
    assert_eq!(play.condition("Ready"), "Ready=True 6");
    play.probed(60.0, "a", Probe::Readiness, false)
        .probed(70.0, "b", Probe::Readiness, false);
    assert_eq!(
        play.condition("Ready"),
        "Ready=False 60 ContainersNotReady containers with unready status: [a b]"
    );
}

#[test]
fn a_completed_pod_says_so_in_its_conditions() {
    let mut play = Play::new(never([init("i"), app("a")]));
    play.exit(1.0, "i", 0).exit(2.0, "a", 0);
    assert_eq!(
        play.conditions(),
        [
            "PodReadyToStartContainers=False 2",
            "Initialized=True 1 PodCompleted",
            "Ready=False 2 PodCompleted",
            "ContainersReady=False 2 PodCompleted",
            "PodScheduled=True 0",
        ]
    );
}

#[test]
fn a_failed_pod_says_so_in_its_conditions() {
    let mut play = Play::new(never([app("a")]));
    play.exit(2.0, "a", 1);
    assert_eq!(play.condition("Ready"), "Ready=False 2 PodFailed");
    assert_eq!(play.condition("Initialized"), "Initialized=True 0");
}

#[test]
fn a_pod_past_its_deadline_is_not_ready_although_its_containers_still_stop() {
    let deadline = |p: &mut Pod| p.active_deadline = Some(std::time::Duration::from_secs(5));
    let mut play = Play::new(pod([app("a")]).with(deadline));
    play.until(6.0);
    assert_eq!(
        play.condition("ContainersReady"),
        "ContainersReady=False 5 PodFailed"
    );
}

#[test]
fn a_readiness_gate_without_its_condition_keeps_the_pod_unready() {
    let play =
        Play::new(pod([app("a")]).with(|p| p.readiness_gates = vec!["example.com/ok".into()]));
    assert_eq!(play.condition("ContainersReady"), "ContainersReady=True 0");
    let text = "corresponding condition of pod readiness gate \"example.com/ok\" does not exist.";
    assert_eq!(
        play.condition("Ready"),
        format!("Ready=False 0 ReadinessGatesNotReady {text}")
    );
}

#[test]
fn the_quality_of_service_follows_from_requests_and_limits_of_all_containers() {
    let all = |n: u64| Resources {
        cpu_request: Some(n),
        cpu_limit: Some(n),
        memory_request: Some(n),
        memory_limit: Some(n),
    };
    let none = Resources::default;
    let rows = [
        (none(), none(), "BestEffort"),
        (all(0), none(), "BestEffort"),
        (all(5), all(7), "Guaranteed"),
        (all(5), none(), "Burstable"),
        (
            none(),
            Resources {
                memory_request: Some(1),
                ..none()
            },
            "Burstable",
        ),
        (
            all(5),
            Resources {
                cpu_request: Some(1),
                ..all(5)
            },
            "Burstable",
        ),
        (
            Resources {
                cpu_limit: None,
                cpu_request: None,
                ..all(5)
            },
            all(5),
            "Burstable",
        ),
    ];
    for (of_init, of_app, class) in rows {
        let pod = pod([
            init("i").with(|c| c.resources = of_init),
            app("a").with(|c| c.resources = of_app),
        ]);
        let life = Life::new(Arc::new(pod), Node::new("here", vec![]), BORN);
        assert_eq!(life.status().qos_class.as_deref(), Some(class));
    }
}
