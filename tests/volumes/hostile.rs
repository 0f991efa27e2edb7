//! A guest plants symlinks in a volume that both it and this program use: none is ever followed out of the volume.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::*;

/// Something of the machine that no guest may see or touch.
struct Treasure {
    folder: PathBuf,
    gid: u32,
}

impl Treasure {
    fn new(host: &Host) -> Treasure {
        host.file("treasure/gold", "not yours\n");
        let folder = host.work().join("treasure");
        let gid = folder.metadata().unwrap().gid();
        Treasure { folder, gid }
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let names: Vec<_> = std::fs::read_dir(&self.folder).unwrap().flatten().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let gold = self.folder.join("gold");
        assert_eq!(std::fs::read_to_string(&gold).unwrap(), "not yours\n");
        assert_eq!(gold.metadata().unwrap().gid(), self.gid);
        assert_eq!(self.folder.metadata().unwrap().gid(), self.gid);
    }
}

/// The directory of the running pod's volume, in which a guest can plant what WASI does not let it: links to absolute paths.
fn volume(host: &Host) -> PathBuf {
    let pod = host
        .root()
        .join("data/pods")
        .join(field(host, "{.metadata.uid}"));
    pod.join("volumes/kubernetes.io~empty-dir/data")
}

fn plant(volume: &Path, treasure: &Treasure) {
    symlink(&treasure.folder, volume.join("absolute")).unwrap();
    symlink("../../../../../../../../../../", volume.join("up")).unwrap();
}

#[test]
fn a_planted_link_is_no_part_of_a_volume() {
    let host = Host::new();
    let treasure = Treasure::new(&host);
    let shared = host.work().join("shared");
    std::fs::create_dir(&shared).unwrap();
    plant(&shared, &treasure);
    let up = format!("up{}", treasure.folder.display());
    for part in ["absolute", "absolute/new", &up] {
        let mounts = json!([{"name": "host", "mountPath": "/part", "subPath": part}]);
        let app = script("app", "ls /part; cat /part/gold").set("volumeMounts", mounts);
        let source = json!([{"name": "host", "hostPath": {"path": shared}}]);
        host.file("pod.yaml", volumes(alone(app), source).to_string());
        // It is tried again and again.
        let process = host.spawn(["run", "pod.yaml", "-o", "events"]);
        process
            .stdout
            .wait_for("failed to prepare subPath for volumeMount");
        process.signal(nix::sys::signal::Signal::SIGTERM);
        let run = process.wait();
        assert_ne!(run.code(), 0, "{run}");
        assert!(
            !run.stdout.contains("gold") && !run.stdout.contains("not yours"),
            "{run}"
        );
        treasure.assert_untouched();
    }
    assert_clean(&host);
}

#[test]
fn neither_a_guest_nor_cp_nor_the_end_of_the_pod_follows_a_planted_link() {
    let host = Host::new();
    let treasure = Treasure::new(&host);
    let app = container("app")
        .command(["sleep", "100000"])
        .mount("data", "/data");
    apply(&host, &pod("web").grace(1).container(app).empty_dir("data"));
    ready(&host);
    plant(&volume(&host), &treasure);
    let path = treasure.folder.display().to_string();
    for place in [
        "/data/absolute/gold".to_owned(),
        format!("/data/up{path}/gold"),
    ] {
        let run = host.run(["exec", "web", "--", "cat", &place]);
        assert_ne!(run.code(), 0, "{run}");
        assert!(!run.stdout.contains("not yours"), "{run}");
        let from = format!("web:{place}");
        let to = host.work().join("stolen").display().to_string();
        let copied = host.run(["cp", &from, &to]);
        assert!(!host.work().join("stolen").is_file(), "{copied}");
        host.file("coin", "brass\n");
        host.run(["cp", "coin", &format!("web:{place}")]);
        treasure.assert_untouched();
    }
    host.run(["delete", "pod", "web"]).success();
    treasure.assert_untouched();
    assert_clean(&host);
}

#[test]
fn a_group_is_not_given_what_a_planted_link_points_to() {
    if !common::require("root, to give files away", nix::unistd::geteuid().is_root()) {
        return;
    }
    let host = Host::new();
    let treasure = Treasure::new(&host);
    let app = container("app")
        .command(["sleep", "100000"])
        .mount("data", "/data");
    let pod = pod("web")
        .grace(1)
        .container(app)
        .empty_dir("data")
        .set("spec.securityContext.fsGroup", 2345);
    apply(&host, &pod);
    ready(&host);
    let data = volume(&host);
    plant(&data, &treasure);
    std::fs::write(data.join("own"), "").unwrap();
    // The next process of the pod finds the volume again, and gives it to the group again.
    let pid = field(&host, r"{.metadata.annotations.wasmpod\.dev/pid}");
    let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a process"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("ours");
    host.run(["wait", "pod/web", "--for=jsonpath={.status.phase}=Failed"])
        .success();
    host.run(["apply", "-f", "web.yaml"]).success();
    ready(&host);
    assert_eq!(data.join("own").metadata().unwrap().gid(), 2345);
    treasure.assert_untouched();
    host.run(["delete", "pod", "web"]).success();
    treasure.assert_untouched();
    assert_clean(&host);
}

#[test]
fn a_file_of_variables_that_is_none_is_not_read() {
    let host = Host::new();
    let treasure = Treasure::new(&host);
    let gold = host.file("treasure/gold", "CODE=4711\n");
    let shared = host.work().join("shared");
    std::fs::create_dir(&shared).unwrap();
    symlink(gold, shared.join("out.env")).unwrap();
    drop(treasure);
    // Only emptyDirs can be read from, so a link is put in while the pod waits for the file.
    let env = json!([{"name": "CODE", "valueFrom":
        {"fileKeyRef": {"volumeName": "data", "path": "out.env", "key": "CODE"}}}]);
    let first =
        script("first", "while ! test -e /data/go; do sleep 0.01; done").mount("data", "/data");
    let app = container("app")
        .command(["sleep", "100000"])
        .set("env", env);
    apply(
        &host,
        &pod("web")
            .grace(1)
            .init(first)
            .container(app)
            .empty_dir("data"),
    );
    let running = "{.status.initContainerStatuses[0].state.running}";
    eventually("the first one runs", || {
        (!field(&host, running).is_empty()).then_some(())
    });
    let data = volume(&host);
    std::fs::rename(shared.join("out.env"), data.join("out.env")).unwrap();
    std::fs::write(data.join("go"), "").unwrap();
    let waiting = "{.status.containerStatuses[0].state.waiting.reason}";
    eventually("it waits", || {
        (field(&host, waiting) == "CreateContainerConfigError").then_some(())
    });
    let message = field(
        &host,
        "{.status.containerStatuses[0].state.waiting.message}",
    );
    assert!(!message.contains("4711"), "{message}");
}
