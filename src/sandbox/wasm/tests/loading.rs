//! What is refused, and in what words.

use super::*;

#[test]
fn what_is_not_wasm_is_told_apart() {
    let bench = Bench::new();
    let complaint = |bytes: &[u8]| bench.try_load_bytes(bytes, true).err().unwrap().to_string();
    assert_eq!(
        complaint(b""),
        "test.wasm is not a wasm binary: it is empty"
    );
    assert_eq!(
        complaint(b"\x7fELF\x02\x01\x01\0"),
        "test.wasm is not a wasm binary: it is a native executable (ELF)"
    );
    assert_eq!(
        complaint(b"#!/bin/sh\n"),
        "test.wasm is not a wasm binary: it is a script"
    );
    assert!(complaint(b"(module)").contains("text, which must be assembled first"));
    assert_eq!(
        complaint(b"\0asm"),
        "test.wasm is not a wasm binary: only the first bytes of one"
    );
    assert!(complaint(b"\0asm\x02\0\0\0").contains("unknown version"));
}

#[test]
fn a_truncated_module_is_invalid() {
    let wasm = wat::parse_str(HELLO).unwrap();
    for cut in [9, wasm.len() / 2, wasm.len() - 1] {
        let error = Bench::new()
            .try_load_bytes(&wasm[..cut], true)
            .err()
            .unwrap();
        assert!(matches!(error, LoadError::Invalid { .. }), "{cut}: {error}");
    }
}

#[test]
fn a_module_that_does_not_validate_is_invalid() {
    let text = Bench::new().complaint(
        r#"(module (func (export "_start") (drop (i32.add (i64.const 1) (i32.const 1)))))"#,
    );
    assert!(
        text.starts_with("test.wasm is not valid wasm: ") && text.contains("type mismatch"),
        "{text}"
    );
}

#[test]
fn missing_imports_are_named() {
    let bench = Bench::new();
    assert_eq!(
        bench.complaint(r#"(module (import "env" "magic" (func)) (func (export "_start")))"#),
        "test.wasm imports env.magic, which nobody provides: a program built for a browser or another host, or a symbol left undefined at linking"
    );
    assert_eq!(
        bench.complaint(
            r#"(module (import "wasi_snapshot_preview1" "fork" (func)) (func (export "_start")))"#
        ),
        "test.wasm imports wasi_snapshot_preview1.fork, which nobody provides"
    );
    let text = bench.complaint(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func)) (func (export "_start")))"#,
    );
    assert!(text.contains("wasi_snapshot_preview1::proc_exit"), "{text}");
}

#[test]
fn a_missing_import_of_a_component_is_named() {
    let text = Bench::new().complaint(
        r#"(component
            (import "wasi:http/types@0.2.0" (instance (export "fields" (type (sub resource)))
                (export "http-error-code" (func))))
            (instance $run (export "run" (type (sub resource))))
            (export "wasi:cli/run@0.2.0" (instance $run)))"#
            .replace(
                "(instance $run (export \"run\" (type (sub resource))))",
                "(instance $run)",
            )
            .as_str(),
    );
    assert_eq!(
        text,
        "test.wasm imports wasi:http/types@0.2.0, which nobody provides: HTTP through wasi:http is not supported yet, sockets are"
    );
}

#[test]
fn programs_of_another_world_are_refused() {
    let bench = Bench::new();
    assert_eq!(
        bench.complaint("(module (func (export \"_initialize\")))"),
        "test.wasm is not a command: it exports _initialize and no _start: a library (reactor), not a program"
    );
    assert_eq!(
        bench.complaint("(module)"),
        "test.wasm is not a command: it exports no _start"
    );
    assert_eq!(
        bench.complaint(r#"(module (func (export "_start") (param i32)))"#),
        "test.wasm is not a command: its _start is not a function without parameters and results"
    );
    assert_eq!(
        bench.complaint("(component)"),
        "test.wasm is not a command: it exports nothing, and no wasi:cli/run"
    );
    assert_eq!(
        bench.complaint(
            r#"(component (instance $i) (export "wasi:http/incoming-handler@0.2.0" (instance $i)))"#
        ),
        "test.wasm is not a command: it exports wasi:http/incoming-handler@0.2.0, a server without a main program, and no wasi:cli/run"
    );
    let text =
        bench.complaint(r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#);
    assert!(text.starts_with("test.wasm is not a command: "), "{text}");
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let bench = Bench::new();
    let load = |path: &std::path::Path| bench.engine.load(Code::File(path), true).err().unwrap();
    let missing = bench.dir.path().join("app.wasm");
    assert!(matches!(load(&missing), LoadError::NotFound { .. }));
    assert!(matches!(load(bench.dir.path()), LoadError::Read { .. }));
    assert!(matches!(load("/dev/null".as_ref()), LoadError::Read { .. }));
}

#[test]
fn a_file_that_changed_is_another_program() {
    let bench = Bench::new();
    let path = bench.dir.path().join("app.wasm");
    let mut digests = Vec::new();
    for code in [1, 2] {
        std::fs::write(&path, wat::parse_str(exits_with(code)).unwrap()).unwrap();
        let program = bench.engine.load(Code::File(&path), true).unwrap();
        assert_eq!(start(&program).exit(), Exit::Code(code));
        digests.push(program.digest());
    }
    assert_ne!(digests[0], digests[1]);
}
