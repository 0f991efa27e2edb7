//! Ending guests that do not want to end.

use super::*;

#[test]
fn a_guest_that_computes_ends_by_either_signal() {
    let program = Bench::new().load(SPIN);
    for (signal, exit) in [
        (Signal::Term, Exit::Terminated),
        (Signal::Kill, Exit::Killed),
    ] {
        let run = start(&program);
        run.started();
        assert_eq!(run.guest.signal(signal), Stopping::Certain);
        assert_eq!(run.exit(), exit);
    }
}

#[test]
fn a_guest_that_sleeps_ends_by_either_signal() {
    let bench = Bench::new();
    for program in [bench.load(SLEEP), bench.load_unchecked(SLEEP)] {
        for (signal, exit) in [
            (Signal::Term, Exit::Terminated),
            (Signal::Kill, Exit::Killed),
        ] {
            let run = start(&program);
            run.started();
            run.signal(signal);
            assert_eq!(run.exit(), exit);
        }
    }
}

/// Computes without ever touching memory or calling anybody.
const TIGHT: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") (loop $on (br $on))))"#;

/// Asks the host for the time without end.
const ASKING: &str = r#"(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (loop $on (drop (call $time (i32.const 0) (i64.const 0) (i32.const 8))) (br $on))))"#;

#[test]
fn a_guest_without_checks_ends_by_either_signal() {
    let bench = Bench::new();
    for wat in [SPIN, TIGHT, ASKING] {
        let program = bench.load_unchecked(wat);
        for (signal, exit) in [
            (Signal::Term, Exit::Terminated),
            (Signal::Kill, Exit::Killed),
        ] {
            let run = start(&program);
            run.started();
            assert_eq!(run.guest.signal(signal), Stopping::Certain);
            assert_eq!(run.exit(), exit);
        }
    }
}

#[test]
fn interrupting_guests_without_checks_wherever_they_are_does_no_harm() {
    // Deep calls, indirect and tail calls, memory growth: prologues, epilogues and calls into the runtime.
    let program = Bench::new().load_unchecked(
        r#"(module
            (memory (export "memory") 1)
            (table 2 funcref) (elem (i32.const 0) $a $b)
            (type $f (func (param i32) (result i32)))
            (func $a (param i32) (result i32)
                (if (result i32) (local.get 0)
                    (then (i32.add (i32.const 1) (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1))))
                    (else (memory.grow (i32.const 0)))))
            (func $b (param i32) (result i32)
                (if (result i32) (local.get 0)
                    (then (return_call $a (i32.sub (local.get 0) (i32.const 1))))
                    (else (memory.size))))
            (func (export "_start") (loop $on (drop (call $a (i32.const 50))) (br $on))))"#,
    );
    let neighbour = start(&program);
    for _ in 0..200 {
        let run = start(&program);
        run.started();
        run.signal(Signal::Kill);
        assert_eq!(run.exit(), Exit::Killed);
    }
    assert!(neighbour.exit.try_recv().is_err());
    neighbour.signal(Signal::Term);
    assert_eq!(neighbour.exit(), Exit::Terminated);
}

#[test]
fn neighbours_of_a_killed_guest_go_on() {
    let bench = Bench::new();
    let program = bench.load(SPIN);
    let (doomed, neighbour, sleeper) =
        (start(&program), start(&program), start(&bench.load(SLEEP)));
    for run in [&doomed, &neighbour, &sleeper] {
        run.started();
    }
    doomed.signal(Signal::Kill);
    assert_eq!(doomed.exit(), Exit::Killed);
    assert!(neighbour.exit.try_recv().is_err() && sleeper.exit.try_recv().is_err());
    for run in [neighbour, sleeper] {
        run.signal(Signal::Term);
        assert_eq!(run.exit(), Exit::Terminated);
    }
}

#[test]
fn a_kill_outranks_a_term_and_a_term_no_kill() {
    // Held in its sink, so that both signals are there before it can end.
    let run = start_with(&Bench::new().load(HELLO), |spec| {
        spec.stdout = Output::to(Arc::new(Full))
    });
    run.started();
    run.signal(Signal::Kill);
    run.signal(Signal::Term);
    assert_eq!(run.exit(), Exit::Killed);
}

#[test]
fn a_guest_signalled_before_it_runs_never_runs() {
    let program = Bench::new().load(HELLO);
    for _ in 0..20 {
        let run = start(&program);
        run.signal(Signal::Kill);
        // It may have been faster.
        assert!(matches!(run.exit(), Exit::Killed | Exit::Code(0)));
    }
}

#[test]
fn a_guest_held_by_a_full_sink_ends_by_a_signal() {
    let run = start_with(&Bench::new().load(HELLO), |spec| {
        spec.stdout = Output::to(Arc::new(Full))
    });
    run.started();
    run.signal(Signal::Term);
    assert_eq!(run.exit(), Exit::Terminated);
}

#[test]
fn a_guest_that_reads_what_never_comes_ends_by_a_signal() {
    // The writer stays open to the end of the test: nothing ever comes.
    let (reader, _writer) = tokio::io::duplex(16);
    let run = start_with(&Bench::new().load(READ), |spec| {
        spec.stdin = Stdin::Reader {
            reader: Box::new(reader),
            terminal: false,
        };
    });
    run.started();
    run.signal(Signal::Kill);
    assert_eq!(run.exit(), Exit::Killed);
}

#[test]
fn a_dropped_handle_kills() {
    let Watched {
        guest,
        started,
        exit,
        ..
    } = start(&Bench::new().load(SPIN));
    started.recv_timeout(PATIENCE).unwrap();
    drop(guest);
    assert_eq!(exit.recv_timeout(PATIENCE).unwrap(), Exit::Killed);
}

#[test]
fn a_signal_after_the_end_changes_nothing() {
    let run = start(&Bench::new().load(HELLO));
    assert_eq!(run.exit(), Exit::Code(0));
    while !run.guest.ended() {
        std::thread::yield_now();
    }
    assert_eq!(run.guest.signal(Signal::Kill), Stopping::Certain);
    assert!(run.exit.try_recv().is_err());
}

/// Reads one byte from stdin.
const READ: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\01\00\00\00")
    (func (export "_start")
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 20)))))"#;

/// Never takes a byte.
struct Full;

impl Sink for Full {
    fn poll_write(&self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}
