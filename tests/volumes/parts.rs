//! Parts of volumes, volumes within volumes, and files in places of their own.

use super::*;

#[test]
fn a_file_of_a_volume_stands_beside_what_was_there() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    let mounts = json!([
        {"name": "config", "mountPath": "/etc/app.conf", "subPath": "app.conf"},
        {"name": "config", "mountPath": "/srv/deep/other.conf", "subPath": "dir/other.conf"},
    ]);
    let app = script(
        "app",
        "cat /etc/app.conf /srv/deep/other.conf; ls /etc; cat /etc/hostname; \
                      echo x > /etc/app.conf || echo locked",
    )
    .set("volumeMounts", mounts);
    let source = json!([{"name": "config", "configMap": {"name": "settings", "items": [
        {"key": "a", "path": "app.conf"}, {"key": "b", "path": "dir/other.conf"},
    ]}}]);
    let objects = [config_map("settings", json!({"a": "one\n", "b": "two\n"}))];
    let run = run_with(&host, &volumes(alone(app), source), &objects).success();
    assert_eq!(
        run.stdout,
        "one\ntwo\napp.conf\nhostname\nhosts\nresolv.conf\nweb\nlocked\n"
    );
    assert_clean(&host);
}

#[test]
fn a_container_may_have_a_hosts_file_of_its_own() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    let mounts = json!([{"name": "config", "mountPath": "/etc/hosts", "subPath": "hosts"}]);
    let pod = volumes(
        alone(script("app", "cat /etc/hosts").set("volumeMounts", mounts)).init(script(
            "first",
            "echo '10.0.0.1 added' >> /etc/hosts; tail -n 1 /etc/hosts",
        )),
        json!([{"name": "config", "configMap": {"name": "settings"}}]),
    );
    let objects = [config_map("settings", json!({"hosts": "10.9.9.9 mine\n"}))];
    let run = run_with(&host, &pod, &objects).success();
    assert_eq!(run.stdout, "10.0.0.1 added\n10.9.9.9 mine\n");
}

#[test]
fn all_containers_have_one_hosts_file() {
    let host = Host::new();
    let pod =
        once("tail -n 1 /etc/hosts").init(script("first", "echo '10.0.0.1 added' >> /etc/hosts"));
    assert_eq!(run(&host, &pod).success().stdout, "10.0.0.1 added\n");
}

#[test]
fn a_volume_within_a_volume_is_in_its_place() {
    let host = Host::new();
    // The longer path is written first, and mounted second.
    let app = script(
        "app",
        "echo in > /data/cache/file; echo out > /data/file; ls /data; ls /data/cache; cat /inner/file; \
         cd /data; cat cache/file",
    )
    .mount("inner", "/data/cache")
    .mount("outer", "/data")
    .mount("inner", "/inner");
    let pod = alone(app).empty_dir("outer").empty_dir("inner");
    let run = run(&host, &pod).success();
    assert_eq!(run.stdout, "cache\nfile\nfile\nin\nin\n");
    assert_clean(&host);
}

#[test]
fn a_part_of_a_volume_is_made_if_it_is_missing_and_named_by_a_variable() {
    let host = Host::new();
    let mounts = json!([{"name": "data", "mountPath": "/logs", "subPathExpr": "$(POD)/$(ZONE)"}]);
    let env = json!([
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "ZONE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "zone"}}},
    ]);
    let first = script("first", "echo here > /logs/file")
        .set("volumeMounts", mounts)
        .set("env", env);
    let pod = alone(script("app", "cat /data/web/eu/file").mount("data", "/data"))
        .init(first)
        .empty_dir("data");
    let run = run_with(
        &host,
        &pod,
        &[config_map("settings", json!({"zone": "eu"}))],
    )
    .success();
    assert_eq!(run.stdout, "here\n");
}

#[test]
fn a_part_named_by_a_variable_that_is_not_set_is_refused() {
    let host = Host::new();
    let mounts = json!([{"name": "data", "mountPath": "/logs", "subPathExpr": "$(POD)"}]);
    let env = json!([{"name": "POD", "valueFrom":
        {"configMapKeyRef": {"name": "settings", "key": "none", "optional": true}}}]);
    let app = script("app", "ls /")
        .set("volumeMounts", mounts)
        .set("env", env);
    let pod = alone(app).empty_dir("data");
    let run = run_with(
        &host,
        &pod,
        &[config_map("settings", json!({"zone": "eu"}))],
    );
    assert_ne!(run.code(), 0, "{run}");
    run.says(&["POD"]);
    assert_clean(&host);
}

#[test]
fn a_command_that_is_executed_sees_what_its_container_sees() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    around::config_map(&host, "settings", &[("a", "one\n")]);
    let mounts = json!([
        {"name": "config", "mountPath": "/etc/app.conf", "subPath": "a"},
        {"name": "data", "mountPath": "/data"},
        {"name": "inner", "mountPath": "/data/inner"},
    ]);
    let app = container("app")
        .command(["sleep", "100000"])
        .set("volumeMounts", mounts);
    let pod = volumes(
        pod("web").grace(1).container(app),
        json!([
            {"name": "config", "configMap": {"name": "settings"}},
            {"name": "data", "emptyDir": {}},
            {"name": "inner", "emptyDir": {"medium": "Memory"}},
        ]),
    );
    apply(&host, &pod);
    ready(&host);
    assert_eq!(exec(&host, ["cat", "/etc/app.conf"]), "one\n");
    exec(&host, ["sh", "-c", "echo deep > /data/inner/file"]);
    assert_eq!(exec(&host, ["cat", "/data/inner/file"]), "deep\n");
    assert_eq!(exec(&host, ["ls", "/data"]), "inner\n");
    let copied = host.work().join("copy");
    let to = copied.display().to_string();
    host.run(["cp", "web:/data/inner/file", &to]).success();
    assert_eq!(std::fs::read_to_string(copied).unwrap(), "deep\n");
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}
