//! The kernel's loopback and ours, judged by the same program: `guests/conformance`, run natively and as a guest.
//!
//! Its transcript is committed. Both runs must give exactly that: a difference is either a mistake of ours, or something the program
//! should not look at because WASI itself differs there (its sources say what was left out, and why).

use super::host::{network, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use wasmtime::Engine;

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

fn assert_equal(run: &str, transcript: &str) {
    let expected = std::fs::read_to_string(guests().join("conformance/transcript.txt")).unwrap();
    for (number, (ours, expected)) in transcript.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, expected, "{run}, line {}", number + 1);
    }
    assert_eq!(
        transcript.lines().count(),
        expected.lines().count(),
        "{run} has another number of lines"
    );
}

/// The kernel is the reference: built by the compiler at hand, for the program needs nothing but std.
#[test]
fn the_kernels_loopback_gives_the_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("conformance");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(compiler)
        .args(["--edition", "2024", "-C", "opt-level=1", "-o"])
        .arg(&program)
        .arg(guests().join("conformance/src/main.rs"))
        .status()
        .expect("rustc runs");
    assert!(built.success());
    let output = Command::new(&program).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_equal(
        "the native program",
        &String::from_utf8(output.stdout).unwrap(),
    );
}

#[tokio::test]
async fn our_loopback_gives_the_transcript() {
    let path = guests().join("prebuilt/conformance.wasm");
    let code = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; guests/build makes it", path.display()));
    let network = network();
    let engine = Engine::default();
    let guest = run(&engine, &code, network.attach("guest"));
    let (transcript, outcome) = tokio::time::timeout(Duration::from_secs(120), guest)
        .await
        .expect("the guest ends");
    assert_equal("the guest", &transcript);
    outcome.unwrap();
}
