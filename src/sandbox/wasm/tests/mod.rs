//! The room against the real engine, with programs written in WebAssembly text.
//!
//! Nothing here waits by the clock: a test waits for what must happen, and [`PATIENCE`] only bounds a failure.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use super::*;
use crate::sandbox::net::{Network, NetworkConfig};

mod cache;
mod components;
mod life;
mod limits;
mod loading;
mod sockets;
mod stdio;
mod stopping;

/// How long a test waits for what must happen before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with a cache of its own.
struct Bench {
    engine: Engine,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine_at(&dir.path().join("code")).unwrap();
        Bench { engine, dir }
    }

    fn load(&self, wat: &str) -> Program {
        self.try_load(wat, true).unwrap()
    }

    fn load_unchecked(&self, wat: &str) -> Program {
        self.try_load(wat, false).unwrap()
    }

    fn try_load(&self, wat: &str, checks: bool) -> Result<Program, LoadError> {
        self.try_load_bytes(&wat::parse_str(wat).unwrap(), checks)
    }

    fn try_load_bytes(&self, wasm: &[u8], checks: bool) -> Result<Program, LoadError> {
        let code = Code::Bytes {
            name: "test.wasm",
            wasm,
            digest: None,
        };
        self.engine.load(code, checks)
    }

    /// What loading it fails with, as the user reads it.
    fn complaint(&self, wat: &str) -> String {
        self.try_load(wat, true)
            .err()
            .expect("a refusal")
            .to_string()
    }
}

fn engine_at(cache: &std::path::Path) -> Result<Engine, SetupError> {
    Engine::new(EngineConfig {
        cache: cache.into(),
        compiler: Compiler::InProcess,
    })
}

/// A guest under observation.
struct Watched {
    guest: Guest,
    started: Receiver<()>,
    exit: Receiver<Exit>,
    stdout: Arc<Heap>,
    stderr: Arc<Heap>,
}

impl Watched {
    /// Waits until the entry has been called.
    fn started(&self) {
        self.started.recv_timeout(PATIENCE).expect("on_start");
    }

    fn exit(&self) -> Exit {
        self.exit.recv_timeout(PATIENCE).expect("on_exit")
    }

    fn signal(&self, signal: Signal) {
        let _ = self.guest.signal(signal);
    }
}

/// A spec with nothing in it, and where to watch it.
fn spec() -> (GuestSpec, impl FnOnce(io::Result<Guest>) -> Watched) {
    let (started_tx, started) = channel();
    let (exit_tx, exit) = channel();
    let (stdout, stderr) = (Arc::new(Heap::default()), Arc::new(Heap::default()));
    let spec = GuestSpec {
        name: "guest".into(),
        argv: vec!["test".into()],
        env: Vec::new(),
        cwd: None,
        mounts: Vec::new(),
        stdin: Stdin::Null,
        stdout: Output::to(stdout.clone()),
        stderr: Output::to(stderr.clone()),
        net: Network::new(NetworkConfig::default()).attach("guest"),
        listeners: Vec::new(),
        memory_limit: None,
        on_start: notify(started_tx, ()),
        on_exit: Box::new(move |exit| {
            let _ = exit_tx.send(exit);
        }),
    };
    (spec, move |guest| Watched {
        guest: guest.unwrap(),
        started,
        exit,
        stdout,
        stderr,
    })
}

fn notify<T: Send + 'static>(to: Sender<T>, what: T) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        let _ = to.send(what);
    })
}

fn start(program: &Program) -> Watched {
    start_with(program, |_| ())
}

fn start_with(program: &Program, change: impl FnOnce(&mut GuestSpec)) -> Watched {
    let (mut spec, watch) = spec();
    change(&mut spec);
    watch(program.start(spec))
}

/// Takes everything and keeps it.
#[derive(Default)]
struct Heap(Mutex<Vec<u8>>);

impl Heap {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Sink for Heap {
    fn poll_write(&self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
}

/// Writes a line and returns.
const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))"#;

/// Never ends by itself and touches memory while it goes.
const SPIN: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start")
        (loop $on
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
            (br $on))))"#;

/// Sleeps for an hour.
const SLEEP: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        ;; subscription: a relative timeout of the monotonic clock
        (i32.store8 (i32.const 8) (i32.const 0))
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"#;

fn exits_with(code: i32) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const {code}))))"#
    )
}
