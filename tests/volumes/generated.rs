//! Files that are made of objects and of what is known about the pod: what is in them, how they lie, who may read them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;

/// The directory of a running pod's volume on the machine.
fn folder(host: &Host, volume: &str) -> PathBuf {
    let pod = host
        .root()
        .join("data/pods")
        .join(field(host, "{.metadata.uid}"));
    pod.join("volumes").join(volume)
}

/// What lies in a directory, hidden names shown without what changes with time.
fn listing(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("text");
            let name = match name.strip_prefix("..2") {
                Some(_) => "..TIME".to_owned(),
                None => name,
            };
            match std::fs::read_link(entry.path()) {
                Ok(to) if to.to_string_lossy().starts_with("..2") => format!("{name} -> ..TIME"),
                Ok(to) => format!("{name} -> {}", to.display()),
                Err(_) => name,
            }
        })
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o7777
}

fn sleeper(mounts: &[(&str, &str)]) -> Container {
    let sleeper = container("app").command(["sleep", "100000"]);
    mounts
        .iter()
        .fold(sleeper, |app, (volume, path)| app.mount(volume, path))
}

#[test]
fn a_volume_lies_on_the_machine_as_the_kubelet_lays_it_out() {
    let host = Host::new();
    around::config_map(&host, "settings", &[("a.conf", "a"), ("b.conf", "b")]);
    around::secret(&host, "login", &[("user", "admin"), ("pass", "s3cret")]);
    let pod = volumes(
        pod("web")
            .grace(1)
            .container(sleeper(&[("config", "/config"), ("login", "/login")])),
        json!([
            {"name": "config", "configMap": {"name": "settings", "items": [
                {"key": "a.conf", "path": "sub/dir/first", "mode": 0o440},
                {"key": "b.conf", "path": "second"},
            ]}},
            {"name": "login", "secret": {"secretName": "login", "defaultMode": 0o400}},
        ]),
    );
    apply(&host, &pod);
    ready(&host);
    let config = folder(&host, "kubernetes.io~configmap/config");
    let expected = [
        "..TIME",
        "..data -> ..TIME",
        "second -> ..data/second",
        "sub -> ..data/sub",
    ];
    assert_eq!(listing(&config), expected);
    assert_eq!(
        std::fs::read_to_string(config.join("sub/dir/first")).unwrap(),
        "a"
    );
    assert_eq!(
        (
            mode(&config.join("sub/dir/first")),
            mode(&config.join("second"))
        ),
        (0o440, 0o644)
    );
    assert_eq!(mode(&config.join("..data/")), 0o755);
    let login = folder(&host, "kubernetes.io~secret/login");
    let expected = [
        "..TIME",
        "..data -> ..TIME",
        "pass -> ..data/pass",
        "user -> ..data/user",
    ];
    assert_eq!(listing(&login), expected);
    assert_eq!(mode(&login.join("pass")), 0o400);
    // And in the guest.
    assert_eq!(
        exec(
            &host,
            ["cat", "/login/user", "/login/pass", "/config/second"]
        ),
        "admins3cretb"
    );
    let hidden = exec(&host, ["ls", "-a", "/login"]);
    assert!(
        hidden.contains("..data") && hidden.contains("user"),
        "{hidden}"
    );
}

#[test]
fn secrets_lie_in_memory_and_are_gone_with_the_process() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    around::secret(&host, "login", &[("pass", "s3cret")]);
    let pod = volumes(
        pod("web")
            .grace(1)
            .container(sleeper(&[("login", "/login")])),
        json!([{"name": "login", "secret": {"secretName": "login"}}]),
    );
    apply(&host, &pod);
    ready(&host);
    let login = folder(&host, "kubernetes.io~secret/login");
    assert!(login.is_symlink());
    assert_eq!(
        std::fs::read_to_string(login.join("pass")).unwrap(),
        "s3cret"
    );
    let pid = field(&host, r"{.metadata.annotations.wasmpod\.dev/pid}");
    let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a process"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("ours");
    eventually("nothing is left", || {
        (!login.join("pass").exists()).then_some(())
    });
}

#[test]
fn what_is_mounted_of_objects_cannot_be_written_to() {
    let host = Host::new();
    let app = script(
        "app",
        "echo x > /config/key || echo locked; cat /config/key",
    )
    .mount("config", "/config");
    let pod = volumes(
        alone(app),
        json!([{"name": "config", "configMap": {"name": "settings"}}]),
    );
    let run = run_with(
        &host,
        &pod,
        &[config_map("settings", json!({"key": "value"}))],
    )
    .success();
    assert_eq!(run.stdout, "locked\nvalue");
}

#[test]
fn a_pod_reads_what_it_is_from_files() {
    let host = Host::new();
    let items = json!([
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}},
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
        {"path": "limit", "resourceFieldRef": {"containerName": "app", "resource": "limits.memory", "divisor": "1Mi"}},
    ]);
    let app = script(
        "app",
        "cd /pod; cat labels; echo; cat annotations; echo; cat name; echo; cat limit",
    )
    .mount("pod", "/pod")
    .set("resources", json!({"limits": {"memory": "64Mi"}}));
    let pod = volumes(
        alone(app),
        json!([{"name": "pod", "downwardAPI": {"items": items}}]),
    )
    .set("metadata.labels", json!({"zone": "us", "app": "web"}))
    .annotation("note", "two\n\"lines\"");
    let run = run(&host, &pod).success();
    assert_eq!(
        run.stdout,
        "app=\"web\"\nzone=\"us\"\nnote=\"two\\n\\\"lines\\\"\"\nweb\n64"
    );
}

#[test]
fn several_sources_are_one_tree() {
    let host = Host::new();
    let sources = json!([
        {"secret": {"name": "user", "items": [{"key": "user", "path": "who/user"}]}},
        {"secret": {"name": "pass", "items": [{"key": "pass", "path": "who/pass", "mode": 0o400}]}},
        {"configMap": {"name": "settings"}},
        {"configMap": {"name": "none", "optional": true}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]);
    let app = script("app", "cd /all; cat who/user who/pass key name; ls").mount("all", "/all");
    let pod = volumes(
        alone(app),
        json!([{"name": "all", "projected": {"sources": sources}}]),
    );
    let objects = [
        secret("user", json!({"user": "admin\n"})),
        secret("pass", json!({"pass": "s3cret\n"})),
        config_map("settings", json!({"key": "value\n"})),
    ];
    let run = run_with(&host, &pod, &objects).success();
    assert_eq!(run.stdout, "admin\ns3cret\nvalue\nwebkey\nname\nwho\n");
}

#[test]
fn what_is_optional_may_be_missing() {
    let host = Host::new();
    let sources = json!([
        {"name": "a", "configMap": {"name": "none", "optional": true}},
        {"name": "b", "secret": {"secretName": "login", "optional": true, "items": [
            {"key": "user", "path": "user"}, {"key": "none", "path": "none"},
        ]}},
    ]);
    let app = script("app", "ls /a; ls /b")
        .mount("a", "/a")
        .mount("b", "/b");
    let objects = [secret("login", json!({"user": "admin"}))];
    let run = run_with(&host, &volumes(alone(app), sources), &objects).success();
    assert_eq!(run.stdout, "user\n");
}

#[test]
fn what_is_missing_is_said_before_anything_is_started() {
    let host = Host::new();
    for (source, words) in [
        (
            json!({"configMap": {"name": "none"}}),
            "configmap \"none\" not found",
        ),
        (
            json!({"secret": {"secretName": "none"}}),
            "secret \"none\" not found",
        ),
        (
            json!({"configMap": {"name": "settings", "items": [{"key": "no", "path": "p"}]}}),
            "configmap references non-existent config key: no",
        ),
        (
            json!({"secret": {"secretName": "login", "items": [{"key": "no", "path": "p"}]}}),
            "references non-existent secret key: no",
        ),
    ] {
        let mut source = source;
        source["name"] = "v".into();
        let app = script("app", "echo started").mount("v", "/v");
        let objects = [
            config_map("settings", json!({"key": "value"})),
            secret("login", json!({"user": "admin"})),
        ];
        let run = run_with(&host, &volumes(alone(app), json!([source])), &objects);
        assert_ne!(run.code(), 0, "{run}");
        assert_eq!(run.stdout, "");
        let run = run.says(&[&format!("volume \"v\": {words}")]);
        drop(run);
        assert_clean(&host);
    }
}
