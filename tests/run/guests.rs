//! The guests of `guests/`, each in a pod: programs of WASI 0.1, 0.2 and 0.3, well behaved and not.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::common::{Container, Host, container, eventually, free_port, guest, pod};
use super::network::get;
use super::{assert_clean, run, run_with, spawn};

fn probe(name: &str, file: &str) -> Container {
    container(name).image(guest(file).display())
}

#[test]
fn conformance_gives_the_transcript_of_the_kernels_loopback() {
    let host = Host::new();
    let pod = pod("conformance")
        .restart("Never")
        .container(probe("conformance", "conformance"));
    let run = run(&host, &pod).success();
    let expected = include_str!("../../guests/conformance/transcript.txt");
    for (number, (ours, kernels)) in run.stdout.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, kernels, "line {}", number + 1);
    }
    assert_eq!(run.stdout.lines().count(), expected.lines().count());
}

#[test]
fn probe_says_hello_in_every_version_of_wasi() {
    let host = Host::new();
    for file in ["probe-p1", "probe-p2", "probe-p3"] {
        let app = probe("app", file).args(["hello", "from", file]);
        let run = run(&host, &pod("hello").restart("Never").container(app)).success();
        assert_eq!(run.stdout, format!("hello from {file}\n"));
    }
}

#[test]
fn probe_p3_gives_its_exit_code() {
    let host = Host::new();
    let app = probe("app", "probe-p3").args(["exit", "5"]);
    run(&host, &pod("exit").restart("Never").container(app)).assert_code(5);
}

#[test]
fn a_std_net_server_is_fetched_from_another_container_by_name() {
    let host = Host::new();
    let server = probe("server", "probe-p2")
        .args(["net-serve"])
        .set("restartPolicy", "Always");
    let client = probe("client", "probe-p2").args(["net-fetch", "web:8080/page"]);
    let pod = pod("web").restart("Never").init(server).container(client);
    let run = run_with(&host, &pod, &["--prefix"]).success();
    assert!(run.stdout.contains("[client] "), "{run}");
    assert!(
        run.stdout.contains("[server] ") && run.stdout.contains("GET /page"),
        "{run}"
    );
}

#[test]
fn a_std_net_server_is_fetched_from_the_host() {
    let host = Host::new();
    let port = free_port();
    let server = probe("server", "probe-p2")
        .args(["net-serve"])
        .host_port(8080, port);
    let process = spawn(&host, &pod("web").container(server), &[]);
    eventually("it answers", || {
        get(port, "/")
            .ok()
            .filter(|answer| answer.contains(" 200 "))
    });
    // It prints the address of its peer, which is the true one.
    process.stdout.wait_for("127.0.0.1:");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(143);
}

#[test]
fn a_module_of_wasi_0_1_serves_on_its_declared_port() {
    let host = Host::new();
    let port = free_port();
    let server = probe("server", "probe-p1")
        .args(["p1-serve", "hello"])
        .host_port(8080, port);
    let process = spawn(&host, &pod("web").container(server), &[]);
    let answer = eventually("it answers", || {
        get(port, "/")
            .ok()
            .filter(|answer| answer.contains(" 200 "))
    });
    assert!(answer.contains("hello"), "{answer}");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(143);
}

#[test]
fn a_server_of_wasi_0_3_is_fetched_by_a_client_of_wasi_0_2() {
    let host = Host::new();
    let server = probe("server", "probe-p3")
        .args(["net-serve", "127.0.0.1:8080"])
        .set("restartPolicy", "Always");
    let client = probe("client", "probe-p2").args(["net-fetch", "127.0.0.1:8080/"]);
    let pod = pod("mixed").restart("Never").init(server).container(client);
    run_with(&host, &pod, &["--prefix"])
        .success()
        .says(&["[client] "]);
}

#[test]
fn guests_that_misbehave_are_stopped_within_their_grace() {
    let host = Host::new();
    let bad: [(&str, &[&str]); 6] = [
        ("probe-p1", &["bad-spin", "plain"]),
        ("probe-p2", &["bad-spin", "memory"]),
        ("probe-p1", &["bad-sleep"]),
        ("probe-p2", &["bad-sleep"]),
        ("probe-p2", &["bad-read", "accept"]),
        ("probe-p2", &["bad-stdout"]),
    ];
    for (file, args) in bad {
        let app = probe("app", file).set("args", args.to_vec());
        let process = spawn(
            &host,
            &pod("bad").grace(20).container(app),
            &["-o", "events"],
        );
        process.stdout.wait_for("Started");
        process.signal(Signal::SIGTERM);
        let run = process.wait();
        assert_eq!(run.code(), 143, "{file} {args:?}: {run}");
        assert_clean(&host);
    }
}

#[test]
fn a_guest_whose_reader_does_not_read_is_stopped_as_well() {
    let host = Host::new();
    let app = probe("app", "probe-p2").args(["bad-stdout"]);
    let file = host.file("pod.yaml", pod("full").container(app).to_string());
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpod"));
    command.arg("--root").arg(host.root()).arg("run").arg(file);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let pid = child.id();
    eventually("the pipe is full: a helper waits for its reader", || {
        helper_thread(pid)
    });
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).expect("it is there");
    let status = eventually("it ends", || child.try_wait().expect("it is ours"));
    assert_eq!(status.code(), Some(143));
}

fn helper_thread(pid: u32) -> Option<()> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm")).ok();
    let mut names = threads.flatten().filter_map(name);
    names.any(|name| name == "printer\n").then_some(())
}

#[test]
fn a_guest_that_survives_a_refused_growth_is_not_oom_killed() {
    let host = Host::new();
    let app = probe("app", "probe-p2")
        .args(["bad-alloc", "survive"])
        .set("resources.limits.memory", "32Mi");
    run(&host, &pod("survives").restart("Never").container(app)).success();
    let app = probe("app", "probe-p2")
        .args(["bad-alloc", "abort"])
        .set("resources.limits.memory", "32Mi");
    run(&host, &pod("aborts").restart("Never").container(app)).assert_code(137);
}

#[test]
fn a_panic_and_a_stack_overflow_are_traps() {
    let host = Host::new();
    for how in ["abort", "panic", "stack"] {
        let app = probe("app", "probe-p1").args(["bad-trap", how]);
        run(&host, &pod("traps").restart("Never").container(app))
            .assert_code(134)
            .says(&["wasm trap"]);
    }
}
