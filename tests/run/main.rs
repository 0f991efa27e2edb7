//! `wasmpod run`, whole: the real binary with real guests.

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod ends;
mod files;
mod guests;
mod lifecycle;
mod network;
mod output;
mod program;

use common::{Host, Pod, Process, Run};

/// Runs the pod from a file, as a user would.
fn run(host: &Host, pod: &Pod) -> Run {
    run_with(host, pod, &[])
}

fn run_with(host: &Host, pod: &Pod, flags: &[&str]) -> Run {
    host.run(arguments(host, pod, flags))
}

fn spawn(host: &Host, pod: &Pod, flags: &[&str]) -> Process {
    host.spawn(arguments(host, pod, flags))
}

fn arguments(host: &Host, pod: &Pod, flags: &[&str]) -> Vec<String> {
    let file = host.file("pod.yaml", pod.to_string());
    let flags = flags.iter().map(|flag| (*flag).to_owned());
    [String::from("run"), file.display().to_string()]
        .into_iter()
        .chain(flags)
        .collect()
}

/// Asserts that nothing of any pod is left on disk.
#[track_caller]
fn assert_clean(host: &Host) {
    let left: Vec<String> = host
        .state()
        .into_iter()
        .filter(|path| path.starts_with("data/pods/"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// A core module in text form, as a file that a manifest can name.
fn wat(host: &Host, name: &str, text: &str) -> String {
    let wasm = wat::parse_str(text).expect("the test's own WAT is valid");
    host.file(name, wasm);
    format!("./{name}")
}

/// A program that ends with the given exit code.
fn exits(code: i32) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const {code}))))"#
    )
}

/// A program that computes for ever.
const SPINS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start")
        (loop $again
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
            (br $again))))"#;

/// A program that traps two calls deep.
const TRAPS: &str = r#"(module
    (memory (export "memory") 1)
    (func $inner unreachable)
    (func $outer (call $inner))
    (func (export "_start") (call $outer)))"#;

/// A program that asks for a page after another until it is refused, and then gives up.
const GREEDY: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start")
        (loop $more
            (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        unreachable))"#;
