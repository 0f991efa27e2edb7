//! What the benchmarks share: the release binary and its peer side by side, medians, and a table that says whether the
//! promise is kept. A benchmark never fails for being slow: machines differ, and the reader judges.

#![allow(dead_code, reason = "every benchmark uses its own part")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

#[path = "../../tests/common/mod.rs"]
pub mod common;
pub mod process;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Container, Host, Pod, Process, container, guest, pod};
use nix::sys::signal::Signal;

/// How often each thing is measured; `WASMPOD_BENCH_RUNS` overrides.
pub fn runs() -> usize {
    const DEFAULT: usize = 15;
    env::var("WASMPOD_BENCH_RUNS").map_or(DEFAULT, |runs| {
        runs.parse().expect("WASMPOD_BENCH_RUNS is a number")
    })
}

pub fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("measured values are comparable"));
    values[values.len() / 2]
}

/// A container of the benchmarks' guest.
pub fn bench<const N: usize>(name: &str, args: [&str; N]) -> Container {
    container(name)
        .image(guest("bench-p2").display())
        .args(args)
}

/// Two containers that share an emptyDir: a web server, and a client that says `ready` when it has fetched a page.
pub fn web_pod() -> Pod {
    pod("web")
        .container(bench("server", ["serve", "8080", "/data"]).mount("data", "/data"))
        .container(bench("client", ["fetch", "8080", "/data"]).mount("data", "/data"))
        .empty_dir("data")
}

/// Runs `manifest` and answers when each of its containers that does has said `ready`: the pod, and how long it took.
pub fn until_ready(host: &Host, manifest: &Path, containers: usize) -> (Process, Duration) {
    let begun = Instant::now();
    let process = host.spawn(["run".as_ref(), manifest.as_os_str()]);
    (0..containers).for_each(|_| drop(process.stdout.wait_for("ready")));
    (process, begun.elapsed())
}

/// Ends a pod by TERM; how long it took until its process was gone.
pub fn stop(process: Process) -> Duration {
    let begun = Instant::now();
    process.signal(Signal::SIGTERM);
    process.wait();
    begun.elapsed()
}

/// The number that a guest told in `text` as `result=NUMBER`.
pub fn result(text: &str) -> u64 {
    let (_, after) = text
        .split_once("result=")
        .unwrap_or_else(|| panic!("no result in: {text}"));
    let digits = after
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    digits
        .parse()
        .unwrap_or_else(|error| panic!("{error} in: {text}"))
}

/// `wasmtime run` of the same guests, compiled ahead of time as ours are. From `WASMTIME` or PATH; none is said.
pub struct Peer {
    program: PathBuf,
    /// Where its compiled code lies.
    folder: PathBuf,
}

impl Peer {
    pub fn find(host: &Host) -> Option<Peer> {
        let program = env::var_os("WASMTIME")
            .map(PathBuf::from)
            .or_else(|| common::on_path("wasmtime"));
        let Some(program) = program else {
            println!(
                "no wasmtime on PATH and no WASMTIME: nothing is compared. cargo install wasmtime-cli --version 48.0.8 --locked\n"
            );
            return None;
        };
        let version = Command::new(&program)
            .arg("--version")
            .output()
            .expect("wasmtime runs");
        println!("peer: {}", String::from_utf8_lossy(&version.stdout).trim());
        Some(Peer {
            program,
            folder: host.work(),
        })
    }

    /// Machine code of a guest, made once.
    pub fn compile(&self, name: &str) -> PathBuf {
        let code = self.folder.join(name).with_extension("cwasm");
        let mut command = Command::new(&self.program);
        let status = command
            .arg("compile")
            .arg("-o")
            .arg(&code)
            .arg(guest(name))
            .status()
            .expect("wasmtime runs");
        assert!(status.success(), "wasmtime does not compile {name}");
        code
    }

    /// `wasmtime run` of compiled code, with the kernel's network.
    pub fn command(&self, code: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--allow-precompiled", "-S", "inherit-network,tcp"])
            .arg(code)
            .args(args);
        command
    }
}

/// Rows of a Markdown table, printed when dropped.
pub struct Table {
    title: &'static str,
    rows: Vec<[String; 5]>,
}

impl Table {
    pub fn new(title: &'static str) -> Table {
        Table {
            title,
            rows: Vec::new(),
        }
    }

    /// One measure against a limit of its own.
    pub fn row(
        &mut self,
        what: &str,
        ours: impl ToString,
        peer: Option<String>,
        limit: &str,
        kept: Option<bool>,
    ) {
        let verdict = match kept {
            Some(true) => "kept",
            Some(false) => "MISSED",
            None => "-",
        };
        let peer = peer.unwrap_or_else(|| "-".to_owned());
        self.rows.push([
            what.to_owned(),
            ours.to_string(),
            peer,
            limit.to_owned(),
            verdict.to_owned(),
        ]);
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        println!(
            "\n### {}\n\n| what | wasmpod | wasmtime | promise | |\n|---|---|---|---|---|",
            self.title
        );
        self.rows
            .iter()
            .for_each(|row| println!("| {} |", row.join(" | ")));
    }
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// `ours / theirs`, for a peer that may be absent.
pub fn ratio(ours: f64, theirs: Option<f64>) -> Option<f64> {
    theirs.map(|theirs| ours / theirs)
}
