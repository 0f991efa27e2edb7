//! `logs` of pods that run, that have ended, and that start again and again.

use super::common::{Host, container, pod};
use super::{idle, refuses};

/// Writes three lines and ends, again and again.
fn counter() -> super::Pod {
    let counting = container("count").command(["seq", "3"]);
    pod("web")
        .set("metadata.labels", serde_json::json!({ "app": "web" }))
        .init(container("setup").command(["echo", "set up"]))
        .container(counting)
        .container(idle())
        .grace(1)
}

/// Waits until the container that counts has been started again.
fn host_that_counts() -> Host {
    let host = Host::new();
    host.file("web.yaml", counter().to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    let again = "--for=jsonpath={.status.containerStatuses[1].restartCount}=1";
    host.run(["wait", "pod/web", again]).success();
    let over =
        "--for=jsonpath={.status.containerStatuses[1].state.waiting.reason}=CrashLoopBackOff";
    host.run(["wait", "pod/web", over]).success();
    host
}

#[test]
fn the_log_of_a_container_is_found_by_kubectls_flags() {
    let host = host_that_counts();
    let run = host.run(["logs", "web"]).success();
    assert_eq!(run.stdout, "1\n2\n3\n");
    assert_eq!(
        run.stderr,
        "Defaulted container \"count\" out of: count, app, setup (init)\n"
    );
    let stdout = |args: &[&str]| host.run(args).success().stdout;
    assert_eq!(
        stdout(&["logs", "pod/web", "-c", "count", "--tail=1"]),
        "3\n"
    );
    assert_eq!(stdout(&["logs", "web", "count", "--limit-bytes=3"]), "1\n2");
    assert_eq!(stdout(&["logs", "web", "-c", "app"]), "");
    assert_eq!(
        stdout(&["logs", "web", "count", "--since-time=2100-01-01T00:00:00Z"]),
        ""
    );
    assert_eq!(
        stdout(&[
            "logs",
            "-l",
            "app=web",
            "--all-containers",
            "--prefix",
            "--tail",
            "1"
        ]),
        "[pod/web/setup] set up\n[pod/web/count] 3\n"
    );
    let stamped = stdout(&["logs", "web", "setup", "--timestamps"]);
    let (time, text) = stamped.split_once(' ').expect("a time and a line");
    assert_eq!(
        (time.len(), text),
        ("2026-01-31T12:00:00.123456789Z".len(), "set up\n")
    );
}

#[test]
fn the_log_of_the_instance_before_is_kept() {
    let host = host_that_counts();
    let run = host.run(["logs", "web", "-p", "-c", "count"]).success();
    assert_eq!(run.stdout, "1\n2\n3\n");
    refuses(
        host.run(["logs", "web", "-p", "-c", "app"]),
        1,
        "Error from server (BadRequest): previous terminated container \"app\" in pod \"web\" not found",
    );
}

#[test]
fn what_there_is_not_is_said_in_kubectls_words() {
    let host = host_that_counts();
    let words = [
        (
            vec!["logs", "web", "-c", "nope"],
            "error: container nope is not valid for pod web out of: count, app, setup (init)",
        ),
        (
            vec!["logs", "nope"],
            "Error from server (NotFound): pods \"nope\" not found",
        ),
        (
            vec![
                "logs",
                "-f",
                "-l",
                "app=web",
                "--all-containers",
                "--max-log-requests=2",
            ],
            "error: you are attempting to follow 3 log streams, but maximum allowed concurrency is 2, \
             use --max-log-requests to increase the limit",
        ),
    ];
    for (args, error) in words {
        refuses(host.run(args), 1, error);
    }
    let run = host.run(["logs", "-l", "app=none"]).success();
    assert_eq!(run.stderr, "No resources found in default namespace.\n");
}

#[test]
fn a_follower_goes_on_across_restarts_until_the_pod_is_gone() {
    let host = Host::new();
    host.file("web.yaml", counter().to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    let first = "--for=jsonpath={.status.containerStatuses[0].state.running.startedAt}";
    host.run(["wait", "pod/web", first]).success();
    let follower = host.spawn(["logs", "-f", "web", "-c", "count"]);
    // The second instance starts at once, the third after ten seconds.
    follower.stdout.wait_for("3");
    follower.stdout.wait_for("1");
    follower.stdout.wait_for("3");
    host.run(["delete", "pod", "web"]).success();
    let run = follower.wait().success();
    assert!(run.stdout.ends_with("3\n"), "{run}");
}

#[test]
fn a_follower_ends_with_a_container_that_does_not_start_again() {
    let host = Host::new();
    let once = container("once").command(["seq", "2"]);
    let pod = pod("web")
        .restart("Never")
        .container(once)
        .container(idle());
    host.file("web.yaml", pod.grace(1).to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    let ended = "--for=jsonpath={.status.containerStatuses[1].state.terminated.exitCode}=0";
    host.run(["wait", "pod/web", ended]).success();
    let run = host.run(["logs", "-f", "web", "-c", "once"]).success();
    assert_eq!(run.stdout, "1\n2\n");
}

#[test]
fn many_are_followed_line_by_line() {
    let host = host_that_counts();
    let follower = host.spawn([
        "logs",
        "-f",
        "-lapp=web",
        "--all-containers=true",
        "--prefix=true",
    ]);
    let both = || {
        let text = follower.stdout.text();
        (text.contains("set up\n") && text.contains("3\n")).then_some(())
    };
    super::common::eventually("both logs are printed", both);
    host.run(["delete", "pod", "web"]).success();
    let run = follower.wait().success();
    let whole = |line: &str| {
        line == "[pod/web/setup] set up"
            || line
                .strip_prefix("[pod/web/count] ")
                .is_some_and(|n| n.len() == 1)
    };
    assert!(run.stdout.lines().all(whole), "{run}");
}

#[test]
fn a_limit_of_streams_holds_for_a_single_one_too() {
    let host = host_that_counts();
    refuses(
        host.run([
            "logs",
            "-f",
            "-lapp=web",
            "-c",
            "count",
            "--max-log-requests=0",
        ]),
        1,
        "error: you are attempting to follow 1 log streams, but maximum allowed concurrency is 0, use --max-log-requests to \
         increase the limit",
    );
}
