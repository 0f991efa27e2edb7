//! Each kind of volume, as a guest sees it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

#[test]
fn an_empty_dir_outlives_the_containers_of_a_pod_and_not_the_pod() {
    let host = Host::new();
    let app = script(
        "app",
        "cat /data/count; echo x >> /data/count; test $(wc -l < /data/count) = 3",
    )
    .mount("data", "/data");
    let pod = pod("web")
        .restart("OnFailure")
        .empty_dir("data")
        .container(app);
    let process = host.spawn({
        host.file("pod.yaml", pod.to_string());
        ["run", "pod.yaml"]
    });
    // The second instance reads what the first one has written.
    process.stdout.wait_for("x");
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.wait();
    assert_clean(&host);
}

#[test]
fn an_empty_dir_in_memory_is_no_larger_than_its_limit() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    let memory = json!([{"name": "mem", "emptyDir": {"medium": "Memory", "sizeLimit": "64Ki"}}]);
    let fill = "head -c 40000 /dev/zero > /mem/a && echo fits; head -c 40000 /dev/zero > /mem/b || echo full";
    let fill = fill.replace("head -c 40000 /dev/zero", "seq 1 8000");
    let pod = volumes(alone(script("app", &fill).mount("mem", "/mem")), memory);
    let run = run(&host, &pod);
    assert!(
        run.stdout.contains("fits\n") && run.stdout.contains("full\n"),
        "{run}"
    );
    assert_clean(&host);
}

#[test]
fn a_volume_in_memory_is_never_on_the_disk() {
    if !may_mount() {
        return;
    }
    let host = host_with(&volumes(
        pod("web")
            .grace(1)
            .container(script("app", "echo words > /mem/file; sleep 100000").mount("mem", "/mem")),
        json!([{"name": "mem", "emptyDir": {"medium": "Memory"}}]),
    ));
    ready(&host);
    eventually("it has written", || {
        exec(&host, ["cat", "/mem/file"])
            .contains("words")
            .then_some(())
    });
    let uid = field(&host, "{.metadata.uid}");
    let shown = host
        .root()
        .join("data/pods")
        .join(uid)
        .join("volumes/kubernetes.io~empty-dir/mem");
    let link = std::fs::read_link(&shown).expect("a symlink");
    assert!(link.starts_with("/proc"), "{}", link.display());
    // It leads there, as long as the pod's process lives.
    assert_eq!(
        std::fs::read_to_string(shown.join("file")).unwrap(),
        "words\n"
    );
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}

#[test]
fn a_folder_of_the_machine_is_seen_as_it_is() {
    let host = Host::new();
    host.file("shared/hello", "from the host\n");
    let path = host.work().join("shared");
    let source = json!([{"name": "host", "hostPath": {"path": path, "type": "Directory"}}]);
    let app = script("app", "cat /host/hello; echo back > /host/answer").mount("host", "/host");
    let run = run(&host, &volumes(alone(app), source)).success();
    assert_eq!(run.stdout, "from the host\n");
    assert_eq!(
        std::fs::read_to_string(path.join("answer")).unwrap(),
        "back\n"
    );
}

#[test]
fn a_file_of_the_machine_is_seen_in_its_place_and_nothing_beside_it() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    let file = host.file("shared/settings.conf", "a=1\n");
    host.file("shared/other", "not yours\n");
    let source = json!([{"name": "conf", "hostPath": {"path": file, "type": "File"}}]);
    let app = script(
        "app",
        "cat /srv/settings.conf; ls /srv; echo a=2 > /srv/settings.conf",
    )
    .mount("conf", "/srv/settings.conf");
    let run = run(&host, &volumes(alone(app), source)).success();
    assert_eq!(run.stdout, "a=1\nsettings.conf\n");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "a=2\n");
}

#[test]
fn what_is_missing_on_the_machine_is_made_if_its_type_says_so() {
    if !may_mount() {
        return;
    }
    let host = Host::new();
    let (dir, file) = (host.work().join("made/deep"), host.work().join("file"));
    let sources = json!([
        {"name": "dir", "hostPath": {"path": dir, "type": "DirectoryOrCreate"}},
        {"name": "file", "hostPath": {"path": file, "type": "FileOrCreate"}},
    ]);
    let app = script("app", "echo a > /dir/a; echo b > /file")
        .mount("dir", "/dir")
        .mount("file", "/file");
    run(&host, &volumes(alone(app), sources)).success();
    assert_eq!(std::fs::read_to_string(dir.join("a")).unwrap(), "a\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "b\n");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&dir), mode(&file)), (0o755, 0o644));
}

#[test]
fn what_is_of_another_type_on_the_machine_is_refused_with_the_kubelets_words() {
    let host = Host::new();
    let file = host.file("plain", "");
    let missing = host.work().join("missing");
    for (path, kind, words) in [
        (&file, "Directory", "is not a directory"),
        (&file, "Socket", "is not a socket file"),
        (&file, "CharDevice", "is not a character device"),
        (&file, "BlockDevice", "is not a block device"),
        (&host.work(), "File", "is not a file"),
        (&missing, "Directory", "is not a directory"),
    ] {
        let source = json!([{"name": "host", "hostPath": {"path": path, "type": kind}}]);
        let pod = volumes(alone(script("app", "ls /h").mount("host", "/h")), source);
        let run = run(&host, &pod);
        assert_ne!(run.code(), 0, "{run}");
        let path = path.display();
        run.says(&[
            "volume \"host\": ",
            &format!("hostPath type check failed: {path} {words}"),
        ]);
        assert_clean(&host);
    }
}

#[test]
fn a_claim_is_a_directory_that_stays_when_its_pod_goes() {
    let host = Host::new();
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let source = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]);
    let app = script("app", "cat /v/log; echo once >> /v/log").mount("v", "/v");
    let pod = volumes(alone(app), source.clone());
    run_with(&host, &pod, std::slice::from_ref(&claim)).success();
    assert_eq!(run_with(&host, &pod, &[claim]).success().stdout, "once\n");
    assert_clean(&host);
    let source =
        json!([{"name": "v", "persistentVolumeClaim": {"claimName": "data", "readOnly": true}}]);
    let app = script("app", "cat /v/log; echo no >> /v/log || echo locked").mount("v", "/v");
    let run = run(&host, &volumes(alone(app), source));
    assert!(run.stdout.ends_with("once\nonce\nlocked\n"), "{run}");
}

#[test]
fn volumes_belong_to_the_group_of_the_pod() {
    if !common::require("root, to give files away", nix::unistd::geteuid().is_root()) {
        return;
    }
    let sources = json!([
        {"name": "data", "emptyDir": {}},
        {"name": "config", "configMap": {"name": "settings", "defaultMode": 0o400}},
    ]);
    let app = script("app", "echo x > /data/file; sleep 100000")
        .mount("data", "/data")
        .mount("config", "/config");
    let pod = volumes(pod("web").grace(1).container(app), sources)
        .set("spec.securityContext.fsGroup", 2345);
    let host = Host::new();
    around::config_map(&host, "settings", &[("key", "value")]);
    apply(&host, &pod);
    ready(&host);
    let folder = host
        .root()
        .join("data/pods")
        .join(field(&host, "{.metadata.uid}"));
    let data = folder.join("volumes/kubernetes.io~empty-dir/data");
    let about = eventually("it has written", || data.join("file").metadata().ok());
    assert_eq!(about.gid(), 2345);
    let about = data.metadata().unwrap();
    assert_eq!((about.gid(), about.mode() & 0o7777), (2345, 0o2777));
    let key = folder.join("volumes/kubernetes.io~configmap/config/key");
    let about = key.metadata().unwrap();
    assert_eq!((about.gid(), about.mode() & 0o777), (2345, 0o440));
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}
