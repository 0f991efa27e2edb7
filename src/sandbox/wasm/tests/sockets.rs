//! Listeners handed to core modules.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Accepts one connection on descriptor 3, answers one message with itself, waits for the end and returns.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func $must (param $errno i32) (if (local.get $errno) (then (call $exit (local.get $errno)))))
    (func (export "_start")
        ;; wait until somebody connects: subscription at 256 (fd_read of 3), event at 512
        (i32.store8 (i32.const 264) (i32.const 1))
        (i32.store (i32.const 272) (i32.const 3))
        (call $must (call $poll (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 600)))
        (call $must (call $accept (i32.const 3) (i32.const 0) (i32.const 4)))
        (i32.store (i32.const 8) (i32.const 1024))
        (i32.store (i32.const 12) (i32.const 100))
        (call $must (call $recv (i32.load (i32.const 4)) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 20) (i32.const 24)))
        (i32.store (i32.const 12) (i32.load (i32.const 20)))
        (call $must (call $send (i32.load (i32.const 4)) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 20)))
        ;; the same once more through read and write
        (i32.store (i32.const 12) (i32.const 100))
        (call $must (call $read (i32.load (i32.const 4)) (i32.const 8) (i32.const 1) (i32.const 20)))
        (i32.store (i32.const 12) (i32.load (i32.const 20)))
        (call $must (call $write (i32.load (i32.const 4)) (i32.const 8) (i32.const 1) (i32.const 20)))
        (call $must (call $close (i32.load (i32.const 4))))
        (call $must (call $close (i32.const 3)))
        (call $exit (i32.add (i32.const 100) (call $close (i32.const 3))))))"#;

fn port(number: u16) -> Listener {
    Listener {
        name: "http".into(),
        address: ([0, 0, 0, 0], number).into(),
    }
}

#[test]
fn a_module_serves_on_a_listener_it_finds_open() {
    let network = Network::new(NetworkConfig::default());
    let program = Bench::new().load(ECHO);
    assert!(program.takes_listeners());
    let run = start_with(&program, |spec| {
        spec.net = network.attach("guest");
        spec.listeners.push(port(8080));
    });
    run.started();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut client = network
            .connect(([127, 0, 0, 1], 8080).into())
            .await
            .unwrap();
        for message in [&b"ping"[..], b"a second one"] {
            client.write_all(message).await.unwrap();
            let mut answer = vec![0; message.len()];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, message);
        }
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
    // 108: the second close of the listener said EBADF.
    assert_eq!(run.exit(), Exit::Code(108));
    // Its port is free again.
    drop(
        network
            .attach("next")
            .listen(([0, 0, 0, 0], 8080).into())
            .unwrap(),
    );
}

#[test]
fn a_module_that_waits_for_connections_ends_by_a_signal() {
    let run = start_with(&Bench::new().load(ECHO), |spec| {
        spec.listeners.push(port(8080))
    });
    run.started();
    run.signal(Signal::Term);
    assert_eq!(run.exit(), Exit::Terminated);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let network = Network::new(NetworkConfig::default());
    let other = network.attach("other");
    let _held = other.listen(([127, 0, 0, 1], 8080).into()).unwrap();
    let attachment = network.attach("guest");
    let run = start_with(&Bench::new().load(ECHO), |spec| {
        spec.net = attachment;
        spec.listeners.push(port(8080));
    });
    let exit = run.exit();
    assert!(
        matches!(&exit, Exit::Failed(why) if why.starts_with("cannot listen on 0.0.0.0:8080 for http: ")),
        "{exit:?}"
    );
}

/// Opens "page" in the directory behind a listener and a stand-in's name, and writes the environment's size as exit code.
#[test]
fn directories_lie_behind_the_listeners() {
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("page"), "").unwrap();
    let program = bench.load(
        r#"(module
            (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "page")
            (func $try (param $fd i32) (result i32)
                (call $open (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 4)
                    (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 100)))
            (func (export "_start")
                ;; 3 and 4 pass for directories, 5 is one, 6 is nothing
                (if (call $prestat (i32.const 3) (i32.const 200)) (then unreachable))
                (if (i32.ne (i32.load (i32.const 204)) (i32.const 9)) (then unreachable))
                (if (call $prestat (i32.const 5) (i32.const 200)) (then unreachable))
                (if (i32.ne (call $prestat (i32.const 6) (i32.const 200)) (i32.const 8)) (then unreachable))
                (if (i32.eqz (call $try (i32.const 3))) (then unreachable))
                (if (call $try (i32.const 5)) (then unreachable))
                (call $exit (i32.load (i32.const 100)))))"#,
    );
    let run = start_with(&program, |spec| {
        spec.listeners.extend([port(80), port(81)]);
        spec.mounts.push(Mount {
            host: bench.dir.path().into(),
            guest: "/".into(),
            read_only: true,
        });
    });
    assert_eq!(run.exit(), Exit::Code(6), "the number of the opened file");
}

#[test]
fn a_program_of_the_standard_library_serves_and_sees_its_mounts() {
    let network = Network::new(NetworkConfig::default());
    let bench = Bench::new();
    let wasm = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/guests/prebuilt/probe-p1.wasm"
    ))
    .unwrap();
    let run = start_with(&bench.try_load_bytes(&wasm, true).unwrap(), |spec| {
        spec.argv = ["probe", "p1-serve", "hi", "there"]
            .map(str::to_owned)
            .into();
        spec.net = network.attach("guest");
        spec.listeners.push(port(8080));
        spec.mounts.push(Mount {
            host: bench.dir.path().into(),
            guest: "/".into(),
            read_only: true,
        });
    });
    run.started();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        let mut client = network
            .connect(([127, 0, 0, 1], 8080).into())
            .await
            .unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert!(answer.ends_with("\r\n\r\nhi there\n"), "{answer}");
    run.signal(Signal::Term);
    assert_eq!(run.exit(), Exit::Terminated);
    assert_eq!(run.stdout.text(), "serving http\nGET / HTTP/1.1\n");
}
