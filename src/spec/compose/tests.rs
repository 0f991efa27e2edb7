//! Starts of containers, from manifests and a world around them.

use super::*;
use crate::spec::tests::world::{World, facts, pod, pod_with};

mod properties;

/// The first container of a pod with these fields.
fn start(container: &str, world: &World) -> Result<Composed, String> {
    let pod = pod(&format!(
        "{{volumes: [{{name: e}}], containers: [{{name: app, image: ./a.wasm, {container}}}]}}"
    ));
    compose(&pod, 0, &facts(), world)
}

fn env(container: &str, world: &World) -> String {
    let composed = start(container, world).unwrap_or_else(|text| panic!("{text}"));
    let lines = composed
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    lines.collect::<Vec<_>>().join(" ")
}

fn error(container: &str, world: &World) -> String {
    start(container, world).expect_err("it starts")
}

/// The value of a variable from one source.
fn value(source: &str, world: &World) -> Result<String, String> {
    let composed = start(
        &format!("env: [{{name: A, valueFrom: {{{source}}}}}]"),
        world,
    )?;
    Ok(composed
        .env
        .first()
        .map_or_else(|| "(not defined)".to_owned(), |(_, value)| value.clone()))
}

#[test]
fn env_lies_over_env_from_and_later_sources_over_earlier_ones() {
    let world = World::default()
        .config_map("first", &[("A", "first"), ("B", "first"), ("C", "first")])
        .secret("second", &[("B", b"second"), ("C", b"second")]);
    let container = "envFrom: [{configMapRef: {name: first}}, {secretRef: {name: second}}], env: [{name: C, value: own}, {name: D, value: own}]";
    assert_eq!(env(container, &world), "A=first B=second C=own D=own");
}

#[test]
fn a_prefix_stands_before_every_key() {
    let world = World::default().config_map("c", &[("host", "h"), ("my.key-1", "k")]);
    assert_eq!(
        env(
            "envFrom: [{prefix: DB_, configMapRef: {name: c}}, {configMapRef: {name: c}}]",
            &world
        ),
        "DB_host=h DB_my.key-1=k host=h my.key-1=k"
    );
}

#[test]
fn references_see_env_from_and_what_is_defined_before_them() {
    let world = World::default()
        .config_map("c", &[("HOST", "db"), ("RAW", "$(HOST)")])
        .secret("s", &[("PORT", b"5432")]);
    let container = "envFrom: [{configMapRef: {name: c}}], env: [{name: EARLY, value: \"$(PORT)\"}, {name: PORT, valueFrom: {secretKeyRef: {name: s, key: PORT}}}, {name: URL, value: \"$(HOST):$(PORT)/$(RAW)/$$(HOST)\"}], command: [\"$(URL)\"], args: [\"$(EARLY)\", \"$(NONE)\"]";
    let composed = start(container, &world).expect("it starts");
    // What was looked up is not expanded itself.
    assert_eq!(composed.command, ["db:5432/$(HOST)/$(HOST)"]);
    assert_eq!(composed.args, ["$(PORT)", "$(NONE)"]);
}

#[test]
fn a_missing_object_or_key_keeps_the_container_from_starting() {
    let world = World::default()
        .config_map("c", &[("K", "v")])
        .binary("c", "B", b"x")
        .secret("s", &[("K", b"v")]);
    for (source, text) in [
        (
            "configMapKeyRef: {name: x, key: K}",
            "configmap \"x\" not found",
        ),
        ("secretKeyRef: {name: x, key: K}", "secret \"x\" not found"),
        (
            "configMapKeyRef: {name: c, key: X}",
            "couldn't find key X in ConfigMap shop/c",
        ),
        (
            "configMapKeyRef: {name: c, key: B}",
            "couldn't find key B in ConfigMap shop/c",
        ),
        (
            "secretKeyRef: {name: s, key: X}",
            "couldn't find key X in Secret shop/s",
        ),
    ] {
        assert_eq!(value(source, &world), Err(text.to_owned()), "{source}");
        let optional = source.replace('}', ", optional: true}");
        assert_eq!(
            value(&optional, &world).as_deref(),
            Ok("(not defined)"),
            "{optional}"
        );
    }
    assert_eq!(
        error("envFrom: [{secretRef: {name: x}}]", &world),
        "secret \"x\" not found"
    );
    assert_eq!(
        error(
            "envFrom: [{configMapRef: {name: x, optional: false}}]",
            &world
        ),
        "configmap \"x\" not found"
    );
    assert_eq!(
        env(
            "envFrom: [{configMapRef: {name: x, optional: true}}]",
            &world
        ),
        ""
    );
}

#[test]
fn one_that_is_optional_does_not_make_the_next_one_so() {
    let container = "env: [{name: A, valueFrom: {secretKeyRef: {name: x, key: k, optional: true}}}, {name: B, valueFrom: {secretKeyRef: {name: x, key: k}}}]";
    assert_eq!(
        error(container, &World::default()),
        "secret \"x\" not found"
    );
}

#[test]
fn an_error_of_looking_up_is_told_even_of_what_is_optional() {
    let world = World::broken("objects/secrets/shop/x.json: permission denied");
    let source = "secretKeyRef: {name: x, key: k, optional: true}";
    assert_eq!(
        value(source, &world),
        Err("objects/secrets/shop/x.json: permission denied".to_owned())
    );
}

#[test]
fn a_variable_is_text() {
    let world = World::default()
        .secret("s", &[("BYTES", b"\xff"), ("NUL", b"a\0b")])
        .config_map("c", &[("NUL", "a\0b")]);
    assert_eq!(
        value("secretKeyRef: {name: s, key: BYTES}", &world),
        Err("the value of key BYTES in secret \"s\" is not UTF-8, as an environment variable must be".to_owned())
    );
    let nul = "the value of environment variable \"A\" contains a NUL byte";
    assert_eq!(
        value("secretKeyRef: {name: s, key: NUL}", &world),
        Err(nul.to_owned())
    );
    assert_eq!(
        error("envFrom: [{configMapRef: {name: c}}]", &world),
        "the value of environment variable \"NUL\" contains a NUL byte"
    );
}

#[test]
fn fields_of_the_pod_are_told() {
    let fields = [
        ("metadata.name", "web"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "shop front"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['example.com/note']", "it's \"here\""),
        ("spec.nodeName", "machine"),
        ("spec.serviceAccountName", "robot"),
        ("status.hostIP", "10.0.0.1"),
        ("status.hostIPs", "10.0.0.1,fd00::1"),
        ("status.podIP", "192.0.0.8"),
        ("status.podIPs", "192.0.0.8,fd00::8"),
    ];
    let env: Vec<String> = fields
        .iter()
        .enumerate()
        .map(|(n, (path, _))| {
            format!("{{name: A{n}, valueFrom: {{fieldRef: {{fieldPath: \"{path}\"}}}}}}")
        })
        .collect();
    let mut pod = pod_with(
        "{annotations: {example.com/note: \"it's \\\"here\\\"\"}}",
        &format!(
            "{{serviceAccountName: robot, containers: [{{name: app, image: ./a.wasm, env: [{}]}}]}}",
            env.join(", ")
        ),
    );
    // No label of Kubernetes has a space; what is there is told.
    pod.labels.insert("app".to_owned(), "shop front".to_owned());
    let composed = compose(&pod, 0, &facts(), &Nothing).expect("it starts");
    for ((path, expected), (_, value)) in fields.iter().zip(&composed.env) {
        assert_eq!(value, expected, "{path}");
    }
}

/// The amount that one resource of the container is told as.
fn amount(resources: &str, field: &str) -> String {
    let container = format!(
        "resources: {{{resources}}}, env: [{{name: A, valueFrom: {{resourceFieldRef: {{resource: {field}}}}}}}]"
    );
    start(&container, &World::default()).expect("it starts").env[0]
        .1
        .clone()
}

#[test]
fn amounts_are_rounded_up_to_their_divisor() {
    let some = "requests: {cpu: 125m, memory: 32Mi}, limits: {cpu: 250m, memory: 64Mi}";
    for (field, told) in [
        ("requests.cpu", "1"),
        ("limits.cpu", "1"),
        ("requests.cpu, divisor: 1m", "125"),
        ("limits.cpu, divisor: 1m", "250"),
        ("requests.memory", "33554432"),
        ("limits.memory", "67108864"),
        ("limits.memory, divisor: 1Mi", "64"),
        ("limits.memory, divisor: 1M", "68"),
        ("limits.memory, divisor: 1Gi", "1"),
        ("limits.memory, divisor: 1E", "1"),
        ("limits.memory, divisor: \"0\"", "67108864"),
    ] {
        assert_eq!(amount(some, field), told, "{field}");
    }
    assert_eq!(amount("limits: {cpu: 1500m}", "limits.cpu"), "2");
    assert_eq!(amount("limits: {cpu: 2}", "requests.cpu"), "2");
    assert_eq!(
        amount(
            "limits: {hugepages-2Mi: 4Mi}",
            "limits.hugepages-2Mi, divisor: 1Mi"
        ),
        "4"
    );
}

#[test]
fn a_limit_that_is_not_set_is_what_the_machine_has_and_a_request_is_nothing() {
    for (field, told) in [
        ("limits.cpu", "8"),
        ("limits.cpu, divisor: 1m", "8000"),
        ("limits.memory, divisor: 1Mi", "1000"),
        ("limits.ephemeral-storage, divisor: 1Gi", "5"),
        ("limits.hugepages-2Mi", "0"),
        ("requests.cpu", "0"),
        ("requests.memory", "0"),
        ("requests.ephemeral-storage", "0"),
    ] {
        assert_eq!(amount("", field), told, "{field}");
    }
    assert_eq!(
        amount("limits: {memory: 0}", "limits.memory, divisor: 1Mi"),
        "1000"
    );
}

#[test]
fn amounts_of_another_container_are_told_by_its_name() {
    let pod = pod(
        "{initContainers: [{name: init, image: ./a.wasm, resources: {limits: {memory: 1Mi}}}],
          containers: [{name: app, image: ./a.wasm, env: [
            {name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, containerName: init}}},
            {name: B, valueFrom: {resourceFieldRef: {resource: limits.memory, containerName: db}}}]},
            {name: db, image: ./a.wasm, resources: {limits: {memory: 2Mi}}}]}",
    );
    let composed = compose(&pod, 1, &facts(), &Nothing).expect("it starts");
    let values: Vec<&str> = composed
        .env
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(values, ["1048576", "2097152"]);
    assert_eq!(
        value(
            "resourceFieldRef: {resource: limits.memory, containerName: x}",
            &World::default()
        ),
        Err("container x not found".to_owned())
    );
}

#[test]
fn a_variable_comes_out_of_a_file_that_was_written_before() {
    let world = World::default().file(0, "config/app.env", "HOST='db'\nPORT='5432'\n");
    let source = "fileKeyRef: {volumeName: e, path: config/app.env, key: PORT}";
    assert_eq!(value(source, &world).as_deref(), Ok("5432"));
    let source = "fileKeyRef: {volumeName: e, path: x.env, key: PORT, optional: true}";
    assert_eq!(value(source, &world).as_deref(), Ok("(not defined)"));
    let source = "fileKeyRef: {volumeName: e, path: x.env, key: PORT}";
    assert_eq!(
        value(source, &world),
        Err("couldn't parse env file \"x.env\": no such file".to_owned())
    );
}

#[test]
fn a_sub_path_is_made_of_variables_wherever_they_come_from() {
    let world = World::default().secret("s", &[("DIR", b"../up")]);
    let mounts = "volumeMounts: [{name: e, mountPath: /a, subPathExpr: \"$(NAME)/logs\"}, {name: e, mountPath: /b}, {name: e, mountPath: /c, subPath: \"$(NAME)\"}]";
    let named = "env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]";
    let composed = start(&format!("{mounts}, {named}"), &world).expect("it starts");
    assert_eq!(
        composed.sub_paths,
        [
            Some("web/logs".to_owned()),
            None,
            Some("$(NAME)".to_owned())
        ]
    );
    let nothing = "volumeMounts: [{name: e, mountPath: /a, subPathExpr: \"$(NONE)\"}], env: [{name: NONE, value: \"\"}]";
    assert_eq!(start(nothing, &world).expect("it starts").sub_paths, [None]);
    let secret = "env: [{name: NAME, valueFrom: {secretKeyRef: {name: s, key: DIR}}}]";
    assert_eq!(
        error(&format!("{mounts}, {secret}"), &world),
        "unable to provision SubPath `../up/logs`: must not contain '..'"
    );
    let optional =
        "env: [{name: NAME, valueFrom: {secretKeyRef: {name: x, key: DIR, optional: true}}}]";
    assert_eq!(
        error(&format!("{mounts}, {optional}"), &world),
        "missing value for \"NAME\""
    );
}

#[test]
fn what_is_looked_up_is_bounded_too() {
    let large = "x".repeat(MAX_TEXT / 2);
    let world = World::default().config_map("c", &[("A", &large), ("B", &large)]);
    assert_eq!(
        error("envFrom: [{configMapRef: {name: c}}]", &world),
        "environment and command line take more than 2097152 bytes"
    );
    let world = World::default().config_map("c", &[("A", &large)]);
    assert_eq!(
        error(
            "envFrom: [{configMapRef: {name: c}}], args: [\"$(A)$(A)\"]",
            &world
        ),
        "environment and command line take more than 2097152 bytes"
    );
}
