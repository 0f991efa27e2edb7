//! What a guest sees of the file system.

use super::common::{Host, container, pod};
use super::{assert_clean, run, run_with};

#[test]
fn an_empty_dir_is_shared_by_the_containers_of_a_pod() {
    let host = Host::new();
    let pod = pod("shared")
        .restart("Never")
        .empty_dir("work")
        .init(
            container("write")
                .command(["cp", "/etc/hostname", "/work/name"])
                .mount("work", "/work"),
        )
        .container(
            container("read")
                .command(["cat", "/data/name"])
                .mount("work", "/data"),
        );
    let run = run(&host, &pod).success();
    assert_eq!(run.stdout, "shared\n");
    assert_clean(&host);
}

#[test]
fn a_read_only_mount_cannot_be_written() {
    let host = Host::new();
    let mount = serde_json::json!([{ "name": "work", "mountPath": "/work", "readOnly": true }]);
    let app = container("app")
        .command(["touch", "/work/file"])
        .set("volumeMounts", mount);
    let pod = pod("ro").restart("Never").empty_dir("work").container(app);
    let run = run(&host, &pod);
    assert_ne!(run.code(), 0, "{run}");
}

#[test]
fn a_sub_path_is_a_directory_of_the_volume() {
    let host = Host::new();
    let part = serde_json::json!([{ "name": "work", "mountPath": "/part", "subPath": "a/b" }]);
    let pod = pod("sub")
        .restart("Never")
        .empty_dir("work")
        .init(
            container("write")
                .command(["cp", "/etc/hostname", "/part/name"])
                .set("volumeMounts", part),
        )
        .container(
            container("read")
                .command(["cat", "/work/a/b/name"])
                .mount("work", "/work"),
        );
    assert_eq!(run(&host, &pod).success().stdout, "sub\n");
}

#[test]
fn a_guest_sees_what_is_mounted_and_nothing_else() {
    let host = Host::new();
    let pod = pod("alone")
        .restart("Never")
        .empty_dir("work")
        .container(container("ls").command(["ls", "/"]).mount("work", "/work"));
    let run = run(&host, &pod).success();
    let seen: Vec<&str> = run.stdout.split_whitespace().collect();
    assert_eq!(seen, ["dev", "etc", "tmp", "work"]);
}

#[test]
fn the_root_of_a_container_is_new_at_every_start_and_the_volume_is_not() {
    let host = Host::new();
    // The first instance makes both directories and fails on the third word; the second one finds only the volume's.
    let app = container("app")
        .command(["mkdir", "/tmp/own", "/work/kept", "/missing/dir"])
        .mount("work", "/work");
    let pod = pod("restart")
        .restart("OnFailure")
        .empty_dir("work")
        .container(app);
    let process = super::spawn(&host, &pod, &[]);
    process.stderr.wait_for("/work/kept");
    process.signal(nix::sys::signal::Signal::SIGTERM);
    let run = process.wait();
    assert!(!run.stderr.contains("/tmp/own"), "{run}");
}

#[test]
fn the_hosts_file_is_the_managed_one() {
    let host = Host::new();
    let aliases =
        serde_json::json!([{ "ip": "127.0.0.9", "hostnames": ["foo.local", "bar.local"] }]);
    let pod = pod("named")
        .restart("Never")
        .set("spec.hostAliases", aliases)
        .container(container("cat").command(["cat", "/etc/hosts"]));
    let run = run(&host, &pod).success();
    let expected = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
        fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n\
        192.0.0.8\tnamed\n\n# Entries added by HostAliases.\n127.0.0.9\tfoo.local\tbar.local\n";
    assert_eq!(run.stdout, expected);
}

#[test]
fn what_is_written_to_the_termination_log_becomes_the_message() {
    let host = Host::new();
    let pod = pod("message")
        .restart("Never")
        .container(container("app").command(["cp", "/etc/hostname", "/dev/termination-log"]));
    let run = run_with(&host, &pod, &["-o", "json"]).success();
    assert!(run.stdout.contains(r#""message":"message\n""#), "{run}");
}

#[test]
fn the_log_becomes_the_message_when_the_policy_says_so_and_the_container_failed() {
    let host = Host::new();
    let app = container("app")
        .command(["cat", "/no/such/file"])
        .set("terminationMessagePolicy", "FallbackToLogsOnError");
    let run = run_with(
        &host,
        &pod("message").restart("Never").container(app),
        &["-o", "json"],
    )
    .assert_code(1);
    let last = run.stdout.lines().last().unwrap_or_default();
    assert!(
        last.contains("/no/such/file: ") && last.contains("terminated"),
        "{run}"
    );
}

#[test]
fn the_working_directory_is_where_the_program_starts() {
    let host = Host::new();
    let app = container("app")
        .command(["cat", "hosts"])
        .set("workingDir", "/etc");
    let run = run(&host, &pod("cwd").restart("Never").container(app)).success();
    assert!(
        run.stdout.starts_with("# Kubernetes-managed hosts file."),
        "{run}"
    );
}

#[test]
fn a_working_directory_that_is_missing_is_made() {
    let host = Host::new();
    let app = container("app")
        .command(["pwd"])
        .set("workingDir", "/srv/app");
    let pod = pod("cwd").restart("Never").container(app);
    assert_eq!(run(&host, &pod).success().stdout, "/srv/app\n");
}
