//! Variables from all that they may come from.

use super::*;

fn prints(env: Value) -> Container {
    script("app", "env").set("env", env)
}

/// The lines that begin with one of these, in their order.
fn of(run: &Run, prefix: &str) -> Vec<String> {
    let lines = run.stdout.lines().filter(|line| line.starts_with(prefix));
    lines.map(str::to_owned).collect()
}

#[test]
fn variables_come_from_objects_and_from_the_pod_and_later_ones_win() {
    let host = Host::new();
    let app = prints(json!([
        {"name": "X_LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}},
        {"name": "X_PASS", "valueFrom": {"secretKeyRef": {"name": "login", "key": "pass"}}},
        {"name": "X_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "X_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "X_LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "X_URL", "value": "http://$(X_POD)/$(X_FROM_port)/$$(X_POD)/$(NO)"},
        {"name": "X_NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": true}}},
    ]))
    .set("resources", json!({"limits": {"memory": "64Mi"}}))
    .set("envFrom", json!([
        {"prefix": "X_FROM_", "configMapRef": {"name": "settings"}},
        {"prefix": "X_", "secretRef": {"name": "login"}},
        {"configMapRef": {"name": "none", "optional": true}},
    ]));
    let objects = [
        config_map("settings", json!({"level": "info", "port": "80"})),
        secret("login", json!({"pass": "s3cret", "LEVEL": "below"})),
    ];
    let run = run_with(&host, &alone(app), &objects).success();
    let mut found = of(&run, "X_");
    found.sort();
    assert_eq!(
        found,
        [
            "X_FROM_level=info",
            "X_FROM_port=80",
            "X_IP=192.0.0.8",
            "X_LEVEL=info",
            "X_LIMIT=64",
            "X_PASS=s3cret",
            "X_POD=web",
            "X_URL=http://web/80/$(X_POD)/$(NO)",
            "X_pass=s3cret",
        ]
    );
}

#[test]
fn a_command_line_is_made_of_variables() {
    let host = Host::new();
    let app = container("app")
        .command(["echo", "$(GREETING)", "$$(GREETING)", "$(NO)"])
        .set(
            "env",
            json!([{"name": "GREETING", "valueFrom":
            {"configMapKeyRef": {"name": "settings", "key": "hello"}}}]),
        );
    let objects = [config_map("settings", json!({"hello": "good day"}))];
    let run = run_with(&host, &alone(app), &objects).success();
    assert_eq!(run.stdout, "good day $(GREETING) $(NO)\n");
}

#[test]
fn one_container_writes_what_another_has_for_its_environment() {
    let host = Host::new();
    let pod = alone(prints(json!([{"name": "X_CODE", "valueFrom":
        {"fileKeyRef": {"volumeName": "shared", "path": "out.env", "key": "CODE"}}}])))
    .init(script("first", "echo \"CODE='4711'\" > /shared/out.env").mount("shared", "/shared"))
    .empty_dir("shared");
    let run = run(&host, &pod).success();
    assert_eq!(of(&run, "X_"), ["X_CODE=4711"]);
}

#[test]
fn what_is_missing_is_said_before_anything_is_started() {
    let host = Host::new();
    let objects = [
        config_map("settings", json!({"key": "value"})),
        secret("login", json!({"user": "admin"})),
    ];
    for (env, words) in [
        (
            json!({"configMapKeyRef": {"name": "no", "key": "k"}}),
            "configmap \"no\" not found",
        ),
        (
            json!({"secretKeyRef": {"name": "no", "key": "k"}}),
            "secret \"no\" not found",
        ),
        (
            json!({"configMapKeyRef": {"name": "settings", "key": "no"}}),
            "couldn't find key no in ConfigMap default/settings",
        ),
        (
            json!({"secretKeyRef": {"name": "login", "key": "no"}}),
            "couldn't find key no in Secret default/login",
        ),
    ] {
        let pod = alone(prints(json!([{"name": "X", "valueFrom": env}])))
            .init(script("first", "echo started"));
        let run = run_with(&host, &pod, &objects);
        assert_ne!(run.code(), 0, "{run}");
        assert_eq!(run.stdout, "");
        let run = run.says(&["container \"app\"", words]);
        drop(run);
        assert_clean(&host);
    }
}
