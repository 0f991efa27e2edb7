//! Resolution, from manifests written short.

use super::*;
use crate::spec::pod::{
    ExitCodes, HostPathKind, Image, Mount, Port, Probe, Protocol, PullPolicy, Resources,
    RestartPolicy, RestartRule, RuleAction, VolumeSource,
};
use crate::spec::{Composed, Facts, Nothing, compose};

mod surroundings;

fn resolved(spec: &str) -> Result<Pod, Complaints> {
    let object = serde_json::from_value(serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": {"wasmpod.dev/interrupt.app": "none"}},
        "spec": serde_yaml::from_str::<serde_json::Value>(spec).expect("YAML"),
    }));
    resolve(
        object.expect("a pod"),
        FilePath::new("/m"),
        "u".to_owned(),
        Timestamp::UNIX_EPOCH,
    )
}

fn good(spec: &str) -> Pod {
    resolved(spec).unwrap_or_else(|complaints| panic!("{complaints}"))
}

/// The container of a slot, started where nothing is known.
fn started(pod: &Pod, slot: usize) -> Composed {
    compose(pod, slot, &Facts::default(), &Nothing).unwrap_or_else(|text| panic!("{text}"))
}

#[test]
fn init_containers_come_first_and_have_their_roles() {
    let pod = good(
        "{restartPolicy: Never,
          initContainers: [{name: i, image: ./i.wasm}, {name: s, image: ./s.wasm, restartPolicy: Always}],
          containers: [{name: app, image: ./a.wasm}, {name: own, image: ./a.wasm, restartPolicy: OnFailure}]}",
    );
    let told: Vec<_> = pod
        .containers
        .iter()
        .map(|one| (one.name.as_str(), one.role, one.restart_policy))
        .collect();
    assert_eq!(
        told,
        [
            ("i", Role::Init, RestartPolicy::Never),
            ("s", Role::Sidecar, RestartPolicy::Always),
            ("app", Role::App, RestartPolicy::Never),
            ("own", Role::App, RestartPolicy::OnFailure),
        ]
    );
    assert!(!pod.containers[2].interruptible);
    assert!(pod.containers[3].interruptible);
}

#[test]
fn variables_see_what_is_defined_before_them() {
    let pod = good(
        "{containers: [{name: app, image: ./a.wasm, command: [\"$(B)\"], args: [\"$(A)\", \"$(NO)\", \"$$(A)\"],
          env: [{name: B, value: \"$(A)\"}, {name: A, value: one}, {name: C, value: \"$(A)-$(B)\"}, {name: A, value: \"$(A)two\"}]}]}",
    );
    let app = started(&pod, 0);
    let env: Vec<_> = app
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(env, [("B", "$(A)"), ("A", "onetwo"), ("C", "one-$(A)")]);
    assert_eq!(app.command, ["$(A)"]);
    assert_eq!(app.args, ["onetwo", "$(NO)", "$(A)"]);
}

#[test]
fn mounts_point_to_volumes_and_expand_their_sub_path() {
    let pod = good(
        "{volumes: [{name: a}, {name: h, hostPath: {path: /data, type: DirectoryOrCreate}}],
          containers: [{name: app, image: ./a.wasm, env: [{name: N, value: x}],
          volumeMounts: [{name: h, mountPath: /h, readOnly: true}, {name: a, mountPath: rel, subPathExpr: logs/$(N)}]}]}",
    );
    assert_eq!(
        pod.volumes[1].source,
        VolumeSource::HostPath {
            path: "/data".into(),
            kind: HostPathKind::DirectoryOrCreate
        }
    );
    let mounts = &pod.containers[0].mounts;
    assert_eq!(
        mounts[0],
        Mount {
            volume: 1,
            path: "/h".to_owned(),
            sub_path: None,
            read_only: true,
            recursive_read_only: false,
        }
    );
    assert_eq!(
        mounts[1],
        Mount {
            volume: 0,
            path: "/rel".to_owned(),
            sub_path: Some(SubPath::Expression("logs/$(N)".to_owned())),
            read_only: false,
            recursive_read_only: false,
        }
    );
    assert_eq!(
        started(&pod, 0).sub_paths,
        [None, Some("logs/x".to_owned())]
    );
}

#[test]
fn a_sub_path_that_expands_out_of_its_volume_is_refused() {
    for (value, said) in [
        (
            "..",
            "unable to provision SubPath `..`: must not contain '..'",
        ),
        ("/x", "error SubPath `/x` must not be an absolute path"),
    ] {
        let spec = format!(
            "{{volumes: [{{name: a}}], containers: [{{name: app, image: ./a.wasm, env: [{{name: N, value: {value}}}],
               volumeMounts: [{{name: a, mountPath: /a, subPathExpr: $(N)}}]}}]}}"
        );
        let complaints = resolved(&spec).expect_err("refused");
        assert!(complaints.to_string().ends_with(said), "{complaints}");
    }
    let unknown = "{volumes: [{name: a}], containers: [{name: app, image: ./a.wasm, volumeMounts: [{name: a, mountPath: /a, subPathExpr: $(N)}]}]}";
    let complaints = resolved(unknown).expect_err("refused");
    assert_eq!(
        complaints.to_string(),
        "Pod \"web\": spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: \"$(N)\": missing value for \"N\""
    );
}

#[test]
fn host_network_publishes_every_port() {
    let pod = good(
        "{hostNetwork: true, initContainers: [{name: i, image: ./a.wasm, ports: [{containerPort: 81}]}],
          containers: [{name: app, image: ./a.wasm, ports: [{containerPort: 80, protocol: UDP}]}]}",
    );
    assert_eq!(pod.containers[0].ports[0].host_port, Some(81));
    let expected = Port {
        name: None,
        container_port: 80,
        host_port: Some(80),
        host_ip: None,
        protocol: Protocol::Udp,
    };
    assert_eq!(pod.containers[1].ports, [expected]);
}

#[test]
fn limits_without_requests_are_requests_too_and_all_is_rounded_up() {
    let pod = good(
        "{containers: [{name: app, image: ./a.wasm,
          resources: {limits: {cpu: 1.5, memory: 100m}, requests: {cpu: 0.0001}}}]}",
    );
    let expected = Resources {
        cpu_request: Some(1),
        cpu_limit: Some(1500),
        memory_request: Some(1),
        memory_limit: Some(1),
    };
    assert_eq!(pod.containers[0].resources, expected);
}

#[test]
fn restart_rules_and_probes_are_carried_over() {
    let pod = good(
        "{containers: [{name: app, image: ./a.wasm, restartPolicy: Never,
          restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: NotIn, values: [0, 1]}}],
          livenessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 7}, lifecycle: {preStop: {exec: {command: [x]}}}}]}",
    );
    let app = &pod.containers[0];
    let rule = RestartRule {
        action: RuleAction::RestartAllContainers,
        operator: ExitCodes::NotIn,
        values: vec![0, 1],
    };
    assert_eq!(app.restart_rules, [rule]);
    assert_eq!(
        app.liveness,
        Some(Probe {
            termination_grace: Some(Duration::from_secs(7))
        })
    );
    assert_eq!(
        (app.readiness.as_ref(), app.has_post_start, app.has_pre_stop),
        (None, false, true)
    );
}

#[test]
fn the_hostname_is_the_pods_name_unless_it_has_another() {
    let pod = good("{containers: [{name: app, image: ./a.wasm}]}");
    assert_eq!(pod.hostname, pod.name);
    assert_eq!(
        good("{hostname: h, containers: [{name: app, image: ./a.wasm}]}").hostname,
        "h"
    );
}

#[test]
fn a_generated_name_comes_from_the_uid() {
    let name = generated_name("job-", "0b1c");
    assert!(name.starts_with("job-") && name.len() == 9, "{name}");
    assert_eq!(name, generated_name("job-", "0b1c"));
    assert_ne!(name, generated_name("job-", "0b1d"));
}

#[test]
fn the_toolbox_and_invalid_images_are_told_apart() {
    let pod =
        good("{containers: [{name: app, image: wasmpod/toolbox}, {name: b, image: Bad Image}]}");
    assert_eq!(pod.containers[0].image, Image::Toolbox);
    assert_eq!(pod.containers[0].pull_policy, PullPolicy::IfNotPresent);
    assert!(matches!(pod.containers[1].image, Image::Invalid { .. }));
}

#[test]
fn command_and_args_stand_against_entrypoint_and_cmd_as_kubernetes_tables_them() {
    let entrypoint = ["ep".to_owned()];
    let cmd = ["cmd".to_owned()];
    for (written, argv) in [
        ("", "ep cmd"),
        ("args: [a]", "ep a"),
        ("command: [c]", "c"),
        ("command: [c], args: [a]", "c a"),
    ] {
        let pod = good(&format!(
            "{{containers: [{{name: app, image: ./a.wasm, {written}}}]}}"
        ));
        assert_eq!(
            crate::spec::argv(&started(&pod, 0), &entrypoint, &cmd).join(" "),
            argv
        );
    }
}

#[test]
fn resolving_twice_changes_nothing() {
    let once = good(
        "{containers: [{name: app, image: app, ports: [{containerPort: 80}], resources: {limits: {memory: 1.5Gi}}}]}",
    );
    let again = resolve(
        once.object.clone(),
        FilePath::new("/m"),
        "u".to_owned(),
        Timestamp::UNIX_EPOCH,
    )
    .expect("still valid");
    assert_eq!(once.object, again.object);
}

#[test]
fn values_that_double_with_every_step_are_refused() {
    let mut env = "{name: A0, value: aaaaaaaaaa}".to_owned();
    for step in 1..60 {
        env.push_str(&format!(
            ", {{name: A{step}, value: \"$(A{0})$(A{0})\"}}",
            step - 1
        ));
    }
    let spec = format!("{{containers: [{{name: app, image: ./a.wasm, env: [{env}]}}]}}");
    let complaints = resolved(&spec).expect_err("refused");
    assert_eq!(
        complaints.to_string(),
        "Pod \"web\": spec.containers[0]: Too long: may not be more than 2097152 bytes"
    );
}

#[test]
fn ephemeral_containers_come_last_and_never_again() {
    let pod = good(
        "{containers: [{name: app, image: ./a.wasm}],
          volumes: [{name: v}],
          ephemeralContainers: [{name: d, image: wasmpod/toolbox, command: [sh], tty: true,
            env: [{name: A, value: b}], volumeMounts: [{name: v, mountPath: /v}]}]}",
    );
    let one = &pod.containers[1];
    assert_eq!(
        (one.role, one.restart_policy),
        (Role::Ephemeral, RestartPolicy::Never)
    );
    assert_eq!(
        (one.command.as_slice(), one.tty),
        (&["sh".to_owned()][..], true)
    );
    assert_eq!((one.env.len(), one.mounts.len()), (1, 1));
}

#[test]
fn a_stored_object_keeps_its_generation_and_a_foreign_one_begins() {
    let object = |uid: &str| {
        let object = serde_json::json!({
            "metadata": {"name": "web", "uid": uid, "generation": 7, "resourceVersion": "12"},
            "spec": {"containers": [{"name": "a", "image": "./a.wasm"}]},
            "status": {"phase": "Running"},
        });
        let object = serde_json::from_value(object).expect("a pod");
        let pod = resolve(
            object,
            FilePath::new("/"),
            "u".to_owned(),
            Timestamp::UNIX_EPOCH,
        );
        pod.unwrap_or_else(|complaints| panic!("{complaints}"))
            .object
    };
    let of = |object: v1::Pod| (object.metadata.generation, object.metadata.resource_version);
    assert_eq!(of(object("u")), (Some(7), Some("12".to_owned())));
    assert_eq!(of(object("elsewhere")), (Some(1), None));
    assert_eq!(object("u").status, None);
}
