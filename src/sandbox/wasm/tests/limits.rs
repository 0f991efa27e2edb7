//! Memory: counted over all memories and tables, refused, remembered.

use super::*;

const MIB: u64 = 1 << 20;

/// Grows by one MiB until refused, then does what is asked.
fn grows_until_refused(then: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (loop $more
                    (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
                {then}))"#
    )
}

fn limited(program: &Program, limit: u64) -> Watched {
    start_with(program, |spec| spec.memory_limit = Some(limit))
}

#[test]
fn refused_and_then_aborted_is_out_of_memory() {
    let exit = limited(
        &Bench::new().load(&grows_until_refused("unreachable")),
        10 * MIB,
    )
    .exit();
    assert_eq!(exit.code(), 137);
    let Exit::OutOfMemory { message } = exit else {
        panic!("{exit:?}")
    };
    assert!(
        message
            .ends_with("after being refused a growth to 10551296 bytes by its limit of 10485760"),
        "{message}"
    );
}

#[test]
fn refused_and_then_content_is_an_ordinary_exit() {
    let program = Bench::new().load(&grows_until_refused("(call $exit (i32.const 3))"));
    assert_eq!(limited(&program, 10 * MIB).exit(), Exit::Code(3));
}

#[test]
fn refused_then_granted_then_trapped_is_a_trap() {
    let program = Bench::new().load(&grows_until_refused(
        "(drop (memory.grow (i32.const 1))) unreachable",
    ));
    // Room for nine steps of 16 pages and a few pages more.
    let exit = limited(&program, 9 * MIB + 4 * 65536).exit();
    assert_eq!(exit.code(), 134, "{exit:?}");
}

#[test]
fn a_limit_below_the_beginning_is_told() {
    let program =
        Bench::new().load(r#"(module (memory (export "memory") 32) (func (export "_start")))"#);
    let run = limited(&program, MIB);
    assert_eq!(
        run.exit(),
        Exit::Failed(
            "memory limit of 1048576 bytes is below the 2097152 bytes the program begins with"
                .into()
        )
    );
}

#[test]
fn memories_are_counted_together() {
    let program = Bench::new().load(
        r#"(module (memory (export "memory") 16) (memory $b 16)
            (func (export "_start") (if (i32.eq (memory.grow $b (i32.const 1)) (i32.const -1)) (then unreachable))))"#,
    );
    assert_eq!(limited(&program, 2 * MIB + 65536).exit(), Exit::Code(0));
    assert_eq!(limited(&program, 2 * MIB).exit().code(), 137);
}

#[test]
fn tables_are_counted_too() {
    let program = Bench::new().load(
        r#"(module (memory (export "memory") 1) (table $t 0 funcref)
            (func (export "_start")
                (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)) (then unreachable))))"#,
    );
    assert_eq!(limited(&program, 9 * MIB).exit(), Exit::Code(0));
    assert_eq!(limited(&program, 4 * MIB).exit().code(), 137);
}

#[test]
fn asking_for_the_impossible_gives_nothing_back() {
    // One page, then more than a memory can have, again and again: the limit holds all the same.
    let program = Bench::new().load(
        r#"(module (memory (export "memory") 1)
            (func (export "_start")
                (loop $more
                    (drop (memory.grow (i32.const 65536)))
                    (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                (if (i32.gt_u (memory.size) (i32.const 32)) (then unreachable))))"#,
    );
    assert_eq!(limited(&program, 2 * MIB).exit(), Exit::Code(0));
}

#[test]
fn without_a_limit_the_declared_maximum_is_not_ours() {
    let program = Bench::new().load(
        r#"(module (memory (export "memory") 1 2)
            (func (export "_start")
                (drop (memory.grow (i32.const 1))) (drop (memory.grow (i32.const 1))) unreachable))"#,
    );
    assert_eq!(limited(&program, MIB).exit().code(), 134);
}
