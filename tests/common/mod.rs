//! The vocabulary of the integration tests: a [`Host`] with the real binary on it, pods written in a few words
//! ([`pod`]), guests by name, and waiting that ends as soon as it can and never later than [`patience`].

#![allow(
    dead_code,
    reason = "every test program uses its own part of the vocabulary"
)]
#![allow(
    unused_imports,
    reason = "every test program uses its own part of the vocabulary"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod host;
mod manifest;
mod output;

use std::collections::BTreeSet;
use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

pub use host::{Host, Process, Run};
pub use manifest::{Container, Pod, container, pod};
pub use output::Output;

/// How long a test waits for what must happen, unless `WASMPOD_PATIENCE` (seconds) says otherwise: a slow machine is
/// not a failure, a hanging one is.
pub fn patience() -> Duration {
    const DEFAULT: Duration = Duration::from_secs(30);
    env::var("WASMPOD_PATIENCE").map_or(DEFAULT, |seconds| match seconds.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => panic!("WASMPOD_PATIENCE is `{seconds}`, not a number of seconds"),
    })
}

/// Waits until `look` finds something. The only place in the tests that polls: whatever tells of itself (a line of
/// output, the end of a process) is waited for, not asked for.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "not within {:?}: {what}",
            patience()
        );
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Whether a test can run here. A need that is not met skips the test on a developer's machine and fails it in CI,
/// where a test that nobody runs would be a test that nobody has.
///
/// ```ignore
/// if !require("curl on PATH", on_path("curl").is_some()) {
///     return;
/// }
/// ```
#[must_use]
pub fn require(need: &str, met: bool) -> bool {
    require_in(env::var("CI").is_ok_and(|value| value == "true"), need, met)
}

/// [`require`], told whether this is CI.
pub fn require_in(ci: bool, need: &str, met: bool) -> bool {
    assert!(met || !ci, "needs {need}, and CI skips nothing");
    if !met {
        eprintln!("skipped: needs {need}");
    }
    met
}

/// Where PATH has a program of this name.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A guest by name: `guest("toolbox")`. From `WASMPOD_GUESTS` if set (CI tests what it has just built), else from the
/// built ones that the repository carries.
pub fn guest(name: &str) -> PathBuf {
    let folder = env::var_os("WASMPOD_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt"),
        PathBuf::from,
    );
    let file = folder.join(name).with_extension("wasm");
    assert!(
        file.is_file(),
        "no guest `{name}` in {}: guests/build makes them",
        folder.display()
    );
    file
}

/// A TCP port of 127.0.0.1 that was free a moment ago and that this process hands out once.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        if GIVEN.lock().expect("no test panics inside").insert(port) {
            return port;
        }
    }
}
