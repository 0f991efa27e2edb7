//! exec, attach, cp, port-forward and debug, against a pod that runs.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::common::{Host, container, pod};
use super::host_with;

/// A pod with a server in `web` and an echo in `echo`.
fn host() -> Host {
    let web = container("web").command(["httpd", "-p", "8080", "-h", "/etc"]);
    let web = web.set(
        "ports",
        serde_json::json!([{ "name": "http", "containerPort": 8080 }]),
    );
    let echo = container("echo").command(["tee", "/tmp/copy"]);
    let pod = pod("web")
        .container(web)
        .container(echo.set("stdin", true))
        .grace(1);
    host_with("web", &pod)
}

#[test]
fn a_command_ends_this_one_as_it_ended() {
    let host = host();
    let run = host.run(["exec", "web", "--", "hostname"]).success();
    assert_eq!(run.stdout, "web\n");
    assert_eq!(
        run.stderr,
        "Defaulted container \"web\" out of: web, echo\n"
    );
    let failed = host.run([
        "exec", "pod/web", "-qc", "echo", "--", "test", "-d", "/nowhere",
    ]);
    assert_eq!(
        failed.assert_code(1).stderr,
        "command terminated with exit code 1\n"
    );
    let unknown = host
        .run(["exec", "web", "-q", "--", "frobnicate"])
        .assert_code(127);
    assert!(
        unknown
            .stderr
            .contains("exec: \"frobnicate\": executable file not found in $PATH"),
        "{unknown}"
    );
    let input = host.run_with_input(["exec", "-i", "web", "-q", "--", "wc", "-c"], b"hello");
    assert_eq!(input.success().stdout.trim(), "5");
}

#[test]
fn what_cannot_be_meant_is_refused_in_kubectls_words() {
    let host = host();
    for (args, says) in [
        (
            &["exec", "gone", "--", "ls"][..],
            "Error from server (NotFound): pods \"gone\" not found",
        ),
        (
            &["exec", "web", "-c", "x", "--", "ls"],
            "error: container x not found in pod web",
        ),
        (
            &["exec", "web"],
            "error: you must specify at least one command for the container",
        ),
        (
            &["attach", "web", "-c", "x"],
            "error: container x not found in pod web",
        ),
        (
            &["cp", "a", "b"],
            "error: one of src or dest must be a remote file specification",
        ),
        (
            &["cp", "missing", "web:/tmp"],
            "error: missing doesn't exist in local filesystem",
        ),
        (
            &["port-forward", "web", "80:ftp"],
            "error: Pod 'web' does not have a named port 'ftp'",
        ),
    ] {
        let run = host.run(args).assert_code(1);
        assert_eq!(run.stderr.trim_end(), says, "{args:?}");
    }
}

#[test]
fn files_are_copied_both_ways() {
    let host = host();
    std::fs::create_dir_all(host.work().join("src/deep")).unwrap();
    host.file("src/deep/file", "content");
    host.file("src/empty", "");
    host.run(["cp", "src", "web:/tmp"]).success();
    let there = host.run(["exec", "web", "-q", "--", "cat", "/tmp/src/deep/file"]);
    assert_eq!(there.success().stdout, "content");
    host.run(["cp", "default/web:/tmp/src", "copy"]).success();
    assert_eq!(
        std::fs::read(host.work().join("copy/deep/file")).unwrap(),
        b"content"
    );
    assert!(host.work().join("copy/empty").exists());
    let missing = host.run(["cp", "web:/tmp/missing", "x"]).assert_code(1);
    assert!(
        missing
            .stderr
            .contains("/tmp/missing: No such file or directory"),
        "{missing}"
    );
}

#[test]
fn ports_lead_into_the_pod() {
    let host = host();
    let forward = host.spawn(["port-forward", "web", ":http", "--address", "127.0.0.1"]);
    let said = forward.stdout.wait_for(" -> 8080");
    let port = said
        .split("127.0.0.1:")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    stream.write_all(b"GET /hostname HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("web\n"), "{answer}");
    forward
        .stdout
        .wait_for(&format!("Handling connection for {port}"));
    // The end of the pod is the end of it.
    host.run(["delete", "pod", "web"]).success();
    let ended = forward.wait().assert_code(1);
    assert!(
        ended.stderr.contains("error: lost connection to pod"),
        "{ended}"
    );
}

#[test]
fn who_is_attached_writes_and_reads() {
    let host = host();
    let mut attached = host.spawn(["attach", "-i", "web", "-c", "echo"]);
    attached.write(b"hello\n");
    attached.stdout.wait_for("hello");
    host.run(["delete", "pod", "web"]).success();
    attached.wait().success();
}

#[test]
fn a_container_can_be_added_to_look_around() {
    let host = host();
    let debug = ["debug", "web", "-q", "-c", "look", "--", "sleep", "3600"];
    host.run(debug).success();
    let mut exec = host.run(["exec", "web", "-c", "look", "--", "hostname"]);
    while exec.code() != 0 {
        // It is started by the pod in its own time.
        assert!(
            exec.stderr.contains("container not found (\"look\")"),
            "{exec}"
        );
        exec = host.run(["exec", "web", "-c", "look", "--", "hostname"]);
    }
    assert_eq!(exec.stdout, "web\n");
    let again = host.run(debug).assert_code(1);
    assert!(again.stderr.contains("look"), "{again}");
}

#[test]
fn a_debug_container_that_ended_before_it_was_attached_to_is_heard_all_the_same() {
    let host = host();
    let debug = ["debug", "web", "-qi", "-c", "quick", "--", "hostname"];
    let run = host.run_with_input(debug, b"").success();
    assert_eq!(run.stdout, "web\n");
    let unknown = host.run(["debug", "gone"]).assert_code(1);
    assert_eq!(
        unknown.stderr,
        "Error from server (NotFound): pods \"gone\" not found\n"
    );
}

/// What the documentation of Kubernetes has its containers do, and what everybody types.
#[test]
fn there_is_a_shell() {
    let dates = container("dates").command(["sh", "-c", "while true; do date; sleep 0.1; done"]);
    let hello = container("hello").set("command", serde_json::json!(["/bin/sh"]));
    let hello = hello.set(
        "args",
        serde_json::json!(["-c", "echo hello && sleep 3600"]),
    );
    let pod = pod("shell").container(dates).container(hello).grace(1);
    let host = host_with("shell", &pod);
    let logs = host.spawn(["logs", "-f", "shell", "-c", "dates"]);
    logs.stdout.wait_for("UTC");
    let hello = host.spawn(["logs", "-f", "shell", "-c", "hello"]);
    hello.stdout.wait_for("hello");
    let script = "cd /tmp; for i in 1 2; do echo $i $(hostname); done > f; sort -r < f | head -n 1; pwd; exit 9";
    let run = host
        .run(["exec", "shell", "-q", "--", "sh", "-c", script])
        .assert_code(9);
    assert_eq!(run.stdout, "2 shell\n/tmp\n");
    let run = host.run_with_input(
        ["exec", "-i", "shell", "-q", "--", "/bin/sh"],
        b"read x\nline\necho \"$x\"\n",
    );
    assert_eq!(run.success().stdout, "line\n");
    let refused = host.run(["exec", "shell", "-q", "--", "sh", "-c", "echo a; sleep 1 &"]);
    assert!(
        refused.assert_code(2).stderr.contains("WASI does not have"),
        "background"
    );
    host.run(["delete", "pod", "shell"]).success();
    logs.wait().success();
    hello.wait().success();
}
