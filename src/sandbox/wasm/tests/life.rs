//! From the first instruction to the last.

use super::*;

#[test]
fn a_module_writes_and_returns() {
    let bench = Bench::new();
    let program = bench.load(HELLO);
    assert_eq!((program.kind(), program.checks()), (Kind::Module, true));
    let run = start(&program);
    run.started();
    assert_eq!(run.exit(), Exit::Code(0));
    assert_eq!(run.stdout.text(), "hello\n");
    assert_eq!(run.stderr.text(), "");
}

#[test]
fn the_older_abi_works_too() {
    let run = start(&Bench::new().load(&HELLO.replace("wasi_snapshot_preview1", "wasi_unstable")));
    assert_eq!(run.exit(), Exit::Code(0));
    assert_eq!(run.stdout.text(), "hello\n");
}

#[test]
fn a_module_without_checks_runs_the_same() {
    let program = Bench::new().load_unchecked(HELLO);
    assert!(!program.checks());
    let run = start(&program);
    assert_eq!(
        (run.exit(), run.stdout.text().as_str()),
        (Exit::Code(0), "hello\n")
    );
}

#[test]
fn exit_codes_are_what_the_guest_said() {
    let bench = Bench::new();
    for code in [0, 1, 42, 255] {
        assert_eq!(
            start(&bench.load(&exits_with(code))).exit(),
            Exit::Code(code)
        );
    }
}

#[test]
fn a_trap_tells_where_it_was() {
    let run = start(&Bench::new().load(
        r#"(module $m
            (func $_ZN5hello5outer17h0123456789abcdefE (call $inner))
            (func $inner unreachable)
            (func (export "_start") (call $_ZN5hello5outer17h0123456789abcdefE)))"#,
    ));
    let exit = run.exit();
    assert_eq!(exit.code(), 134);
    let Exit::Trap { message, backtrace } = exit else {
        panic!("{exit:?}")
    };
    assert_eq!(
        message,
        "wasm trap: wasm `unreachable` instruction executed"
    );
    let frames: Vec<&str> = backtrace.lines().collect();
    assert_eq!(frames.len(), 3, "{backtrace}");
    assert!(frames[0].ends_with("m!inner"), "{backtrace}");
    assert!(frames[1].contains("m!hello::outer"), "{backtrace}");
}

#[test]
fn a_stack_that_overflows_is_a_trap() {
    let run = start(&Bench::new().load(r#"(module (func $f (export "_start") (call $f)))"#));
    let exit = run.exit();
    assert!(
        matches!(&exit, Exit::Trap { message, .. } if message.contains("call stack exhausted")),
        "{exit:?}"
    );
}

#[test]
fn a_mount_that_is_not_there_is_named_and_nothing_starts() {
    let run = start_with(&Bench::new().load(HELLO), |spec| {
        spec.mounts.push(Mount {
            host: "/does/not/exist".into(),
            guest: "/data".into(),
            read_only: true,
        });
    });
    let exit = run.exit();
    let Exit::Failed(why) = &exit else {
        panic!("{exit:?}")
    };
    assert!(
        why.starts_with("/does/not/exist cannot be mounted at /data: "),
        "{why}"
    );
    assert_eq!(exit.code(), 128);
    assert!(run.started.try_recv().is_err());
}

#[test]
fn a_working_directory_outside_of_the_mounts_is_refused() {
    let run = start_with(&Bench::new().load(HELLO), |spec| {
        spec.cwd = Some("/work".into())
    });
    assert_eq!(
        run.exit(),
        Exit::Failed("working directory /work is in none of the mounts".into())
    );
}

#[test]
fn one_program_starts_any_number_of_times() {
    let program = Bench::new().load(HELLO);
    let runs: Vec<Watched> = (0..20).map(|_| start(&program)).collect();
    for run in runs {
        assert_eq!(
            (run.exit(), run.stdout.text().as_str()),
            (Exit::Code(0), "hello\n")
        );
    }
}

/// `path_open` of "page" in the first preopened directory, then exit with its errno.
const OPEN: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "page")
    (func (export "_start")
        (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
            (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 100)))))"#;

#[test]
fn a_guest_sees_its_mounts_and_nothing_without_them() {
    let bench = Bench::new();
    let program = bench.load(OPEN);
    std::fs::write(bench.dir.path().join("page"), "").unwrap();
    let run = start_with(&program, |spec| {
        spec.mounts.push(Mount {
            host: bench.dir.path().into(),
            guest: "/".into(),
            read_only: true,
        });
    });
    assert_eq!(run.exit(), Exit::Code(0));
    // errno 8: no such descriptor
    assert_eq!(start(&program).exit(), Exit::Code(8));
}

#[test]
fn the_working_directory_is_a_mount_by_the_name_of_a_dot() {
    let bench = Bench::new();
    let (data, page) = (
        bench.dir.path().join("data"),
        bench.dir.path().join("data/sub/page"),
    );
    std::fs::create_dir_all(page.parent().unwrap()).unwrap();
    std::fs::write(page, "").unwrap();
    // Descriptor 4 is the second preopen.
    let program =
        bench.load(&OPEN.replace("(call $open (i32.const 3)", "(call $open (i32.const 4)"));
    let run = start_with(&program, |spec| {
        spec.mounts.push(Mount {
            host: data,
            guest: "/data".into(),
            read_only: false,
        });
        spec.cwd = Some("/data/sub".into());
    });
    assert_eq!(run.exit(), Exit::Code(0));
}

#[test]
fn threads_carry_the_name_and_ids_come_and_go() {
    let run = start_with(&Bench::new().load(SLEEP), |spec| {
        spec.name = "a-long-container-name".into()
    });
    run.started();
    let id = run.guest.thread().unwrap();
    let comm = std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).unwrap();
    assert_eq!(comm.trim(), "a-long-containe");
    assert!(run.guest.memory() >= 65536);
    run.signal(Signal::Kill);
    let _ = run.exit();
    assert_eq!((run.guest.thread(), run.guest.memory()), (None, 0));
}
