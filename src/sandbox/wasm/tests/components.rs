//! Components, with the one built into the binary.

use super::*;
use crate::sandbox::toolbox;

fn toolbox(bench: &Bench, checks: bool) -> Program {
    let code = Code::Bytes {
        name: "toolbox",
        wasm: toolbox::WASM,
        digest: Some(toolbox::digest()),
    };
    bench.engine.load(code, checks).unwrap()
}

fn applet(program: &Program, words: &[&str]) -> Watched {
    start_with(program, |spec| {
        spec.argv = words.iter().map(|word| (*word).to_owned()).collect()
    })
}

#[test]
fn a_component_writes_fails_sleeps_and_ends() {
    let bench = Bench::new();
    for checks in [true, false] {
        let program = toolbox(&bench, checks);
        assert_eq!(program.kind(), Kind::P2);
        let run = applet(&program, &["echo", "hello"]);
        assert_eq!(
            (run.exit(), run.stdout.text().as_str()),
            (Exit::Code(0), "hello\n")
        );
        assert_eq!(applet(&program, &["false"]).exit(), Exit::Code(1));
        let run = applet(&program, &["sleep", "3600"]);
        run.started();
        run.signal(Signal::Term);
        assert_eq!(run.exit(), Exit::Terminated);
    }
}

#[test]
fn a_component_is_fed_through_stdin() {
    let run = start_with(&toolbox(&Bench::new(), true), |spec| {
        spec.argv = ["sort".to_owned()].into();
        let reader = Box::new(std::io::Cursor::new(b"b\na\n".to_vec()));
        spec.stdin = Stdin::Reader {
            reader,
            terminal: false,
        };
    });
    assert_eq!(
        (run.exit(), run.stdout.text().as_str()),
        (Exit::Code(0), "a\nb\n")
    );
}

/// Never at its end: keeps `wc` busy for ever.
struct Endless;

impl tokio::io::AsyncRead for Endless {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.initialize_unfilled().fill(b'x');
        buffer.advance(buffer.remaining());
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_busy_component_ends_by_a_signal_with_and_without_checks() {
    let bench = Bench::new();
    for checks in [true, false] {
        let run = start_with(&toolbox(&bench, checks), |spec| {
            spec.argv = ["wc".to_owned()].into();
            spec.stdin = Stdin::Reader {
                reader: Box::new(Endless),
                terminal: false,
            };
        });
        run.started();
        run.signal(Signal::Kill);
        assert_eq!(run.exit(), Exit::Killed);
    }
}

#[test]
fn the_memory_of_a_component_is_limited() {
    let run = start_with(&toolbox(&Bench::new(), true), |spec| {
        spec.argv = ["sort".to_owned()].into();
        spec.stdin = Stdin::Reader {
            reader: Box::new(Endless),
            terminal: false,
        };
        spec.memory_limit = Some(8 << 20);
    });
    assert_eq!(run.exit().code(), 137);
}

fn guest(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/guests/prebuilt/{name}.wasm",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

#[test]
fn a_component_of_wasi_0_3_does_the_same() {
    let bench = Bench::new();
    let program = bench.try_load_bytes(&guest("probe-p3"), true).unwrap();
    assert_eq!(program.kind(), Kind::P3);
    let run = applet(&program, &["probe-p3", "hello", "world"]);
    assert_eq!(
        (run.exit(), run.stdout.text().as_str()),
        (Exit::Code(0), "hello world\n")
    );
    assert_eq!(
        applet(&program, &["probe-p3", "exit", "42"]).exit(),
        Exit::Code(42)
    );
    let run = applet(&program, &["probe-p3", "nonsense"]);
    assert_eq!(run.exit(), Exit::Code(1));
    assert!(run.stderr.text().starts_with("probe-p3: usage: "));
    let run = applet(&program, &["probe-p3", "net-serve", "127.0.0.1:80", "hi"]);
    run.started();
    run.signal(Signal::Term);
    assert_eq!(run.exit(), Exit::Terminated);
}
