//! Bytes in, bytes out, and who waits for whom.

use super::*;

/// Copies stdin to stdout, at most seven bytes at a time.
const CAT: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\07\00\00\00")
    (func (export "_start")
        (loop $more
            (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 20)) (then unreachable))
            (i32.store (i32.const 8) (i32.const 64))
            (i32.store (i32.const 12) (i32.load (i32.const 20)))
            (if (i32.load (i32.const 20)) (then
                (if (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 24)) (then unreachable))
                (br $more))))))"#;

#[test]
fn input_is_read_to_its_end() {
    let program = Bench::new().load(CAT);
    let text = "the quick brown fox jumps over the lazy dog\n".repeat(1000);
    let run = start_with(&program, |spec| {
        let reader = Box::new(std::io::Cursor::new(text.clone().into_bytes()));
        spec.stdin = Stdin::Reader {
            reader,
            terminal: false,
        };
    });
    assert_eq!(run.exit(), Exit::Code(0));
    assert_eq!(run.stdout.text(), text);
    assert_eq!(
        start(&program).exit(),
        Exit::Code(0),
        "no input is an input that ends at once"
    );
}

/// Takes three bytes of every second call.
#[derive(Default)]
struct Slow(Mutex<(Vec<u8>, bool)>);

impl Sink for Slow {
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        state.1 = !state.1;
        if state.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let some = &bytes[..bytes.len().min(3)];
        state.0.extend(some);
        Poll::Ready(Ok(some.len()))
    }
}

#[test]
fn a_slow_sink_gets_every_byte() {
    let slow = Arc::new(Slow::default());
    let text = "0123456789".repeat(500);
    let run = start_with(&Bench::new().load(CAT), |spec| {
        let reader = Box::new(std::io::Cursor::new(text.clone().into_bytes()));
        spec.stdin = Stdin::Reader {
            reader,
            terminal: false,
        };
        spec.stdout = Output::to(slow.clone());
    });
    assert_eq!(run.exit(), Exit::Code(0));
    assert_eq!(
        String::from_utf8(slow.0.lock().unwrap().0.clone()).unwrap(),
        text
    );
}

/// Its reader is gone.
struct Broken;

impl Sink for Broken {
    fn poll_write(&self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
}

#[test]
fn a_broken_sink_is_an_error_of_the_guest_and_not_ours() {
    let run = start_with(&Bench::new().load(HELLO), |spec| {
        spec.stdout = Output::to(Arc::new(Broken))
    });
    assert_eq!(run.exit(), Exit::Code(0));
}
