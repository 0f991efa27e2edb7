//! The compiler as the process that it is in earnest: this package's own binary.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use wasmpod::sandbox::net::{Network, NetworkConfig};
use wasmpod::sandbox::wasm::{
    Code, Compiler, Digest, Engine, EngineConfig, Exit, GuestSpec, LoadError, Output, Stdin,
};

const BINARY: &str = env!("CARGO_BIN_EXE_wasmpod");

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn engine(dir: &Path, program: &str) -> Engine {
    let compiler = Compiler::Worker {
        program: program.into(),
        args: vec!["__compile".into()],
    };
    Engine::new(EngineConfig {
        cache: dir.join("code"),
        compiler,
    })
    .unwrap()
}

fn returns(code: i32) -> Vec<u8> {
    let text = format!(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const {code}))))"#
    );
    wat::parse_str(text).unwrap()
}

fn run(engine: &Engine, code: Code<'_>, checks: bool) -> Exit {
    let (sender, exit) = channel();
    let spec = GuestSpec {
        name: "guest".into(),
        argv: Vec::new(),
        env: Vec::new(),
        cwd: None,
        mounts: Vec::new(),
        stdin: Stdin::Null,
        stdout: Output::null(),
        stderr: Output::null(),
        net: Network::new(NetworkConfig::default()).attach("guest"),
        listeners: Vec::new(),
        memory_limit: None,
        on_start: Box::new(|| ()),
        on_exit: Box::new(move |exit| sender.send(exit).unwrap()),
    };
    let _guest = engine.load(code, checks).unwrap().start(spec).unwrap();
    exit.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn bytes_and_files_compile_in_a_worker() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), BINARY);
    let path = dir.path().join("app.wasm");
    std::fs::write(&path, returns(7)).unwrap();
    assert_eq!(run(&engine, Code::File(&path), true), Exit::Code(7));
    let wasm = returns(8);
    let code = Code::Bytes {
        name: "eight",
        wasm: &wasm,
        digest: Some(Digest::of(&wasm)),
    };
    for checks in [true, false] {
        assert_eq!(run(&engine, code, checks), Exit::Code(8));
    }
    let left: Vec<_> = std::fs::read_dir(dir.path().join("code"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(
        left.len(),
        8,
        "three entries, the landing, and their stamps: {left:?}"
    );
}

#[test]
fn a_workers_complaint_reaches_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), BINARY);
    let mut wasm = returns(0);
    wasm.truncate(wasm.len() - 3);
    let code = Code::Bytes {
        name: "cut.wasm",
        wasm: &wasm,
        digest: None,
    };
    let error = engine.load(code, true).err().unwrap();
    assert!(matches!(error, LoadError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("unexpected end"), "{error}");
    assert_eq!(
        std::fs::read_dir(dir.path().join("code")).unwrap().count(),
        0,
        "nothing is left of a failure"
    );
}

#[test]
fn a_digest_that_is_not_true_compiles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), BINARY);
    let code = Code::Bytes {
        name: "other",
        wasm: &returns(0),
        digest: Some(Digest::of(b"something else")),
    };
    let error = engine.load(code, true).err().unwrap().to_string();
    assert_eq!(
        error,
        "compiling other failed: the file changed while it was read"
    );
}

#[test]
fn a_worker_that_cannot_start_or_dies_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let wasm = returns(0);
    let code = Code::Bytes {
        name: "app",
        wasm: &wasm,
        digest: None,
    };
    let error = engine(dir.path(), "/does/not/exist")
        .load(code, true)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.starts_with("compiling app failed: compiler /does/not/exist cannot be started: "),
        "{error}"
    );
    let error = engine(dir.path(), "/bin/false")
        .load(code, true)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        error,
        "compiling app failed: the compiler ended with exit status: 1"
    );
    // One that claims success and has written nothing is not believed.
    let error = engine(dir.path(), "/bin/true")
        .load(code, true)
        .err()
        .unwrap();
    assert!(matches!(error, LoadError::Compile { .. }), "{error}");
    assert_eq!(
        run(&engine(dir.path(), BINARY), code, true),
        Exit::Code(0),
        "and spoils nothing"
    );
}

#[test]
fn a_worker_whose_parent_is_gone_does_nothing() {
    let output = Command::new(BINARY)
        .args(["__compile", "checks", &Digest::of(b"").hex(), "1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).trim(),
        "the process that asked is gone"
    );
}
