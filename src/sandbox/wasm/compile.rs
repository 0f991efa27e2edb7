//! The compiler, a short-lived process: a pod must not carry a compiler's memory (334 MiB for CPython, 1.7 GiB for yosys).
//!
//! The worker is given wasm on stdin and an empty file of the cache as stdout; it knows neither paths nor the cache.
//! It answers by its exit code: 0, [`INVALID`] or anything else, with one line of reason on stderr.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use super::config::config;
use super::digest::Digest;

/// The worker's exit code for wasm that does not parse or validate: the program's fault, not the machine's.
const INVALID: u8 = 65;

/// CPU seconds after which a compilation is given up. The largest program known (yosys, 69 MB) takes 26.
const CPU_LIMIT: u64 = 600;

/// Address space of a worker. Far above what any real program needs, far below what would bring the machine down.
const MEMORY_LIMIT: u64 = 16 << 30;

/// Who turns wasm into machine code.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// A process of this command line, which must end in [`compile_main`].
    Worker {
        program: PathBuf,
        args: Vec<OsString>,
    },
    /// This process. For embedders whose binary has no such verb, at the price of the compiler's memory.
    InProcess,
}

impl Compiler {
    /// This binary with its hidden verb `__compile`: the very file that runs, also when another one has taken its name since.
    pub fn this_binary() -> io::Result<Compiler> {
        let program = PathBuf::from("/proc/self/exe");
        std::fs::metadata(&program)?;
        Ok(Compiler::Worker {
            program,
            args: vec!["__compile".into()],
        })
    }
}

/// Why there is no code.
#[derive(Debug)]
pub(super) enum Failure {
    Invalid(String),
    Other(String),
}

/// What is to be compiled.
pub(super) enum Input<'a> {
    File(File),
    Bytes(&'a [u8]),
}

/// One compilation.
pub(super) struct Job<'a> {
    pub input: Input<'a>,
    /// The bytes must be these: a file can change between being hashed and being compiled.
    pub digest: Digest,
    pub checks: bool,
    pub output: &'a File,
}

impl Compiler {
    pub(super) fn run(&self, job: Job<'_>) -> Result<(), Failure> {
        match self {
            Compiler::Worker { program, args } => run_worker(program, args, job),
            Compiler::InProcess => run_here(job),
        }
    }
}

fn run_here(job: Job<'_>) -> Result<(), Failure> {
    let wasm = match job.input {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::File(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(other)?;
            bytes
        }
    };
    let code = compile(&wasm, job.digest, job.checks)?;
    let mut output = job.output;
    output.write_all(&code).map_err(other)
}

fn run_worker(program: &PathBuf, args: &[OsString], job: Job<'_>) -> Result<(), Failure> {
    let (stdin, bytes) = match job.input {
        Input::File(file) => (Stdio::from(file), None),
        Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
    };
    let stdout = job.output.try_clone().map_err(other)?;
    let mut child = Command::new(program)
        // What process lists show.
        .arg0("wasmpod")
        .args(args)
        .arg(if job.checks { "checks" } else { "none" })
        .arg(job.digest.hex())
        .arg(std::process::id().to_string())
        // The worker needs nothing of ours but where to find its libraries.
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LD_LIBRARY_PATH"))
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Failure::Other(format!(
                "compiler {} cannot be started: {error}",
                program.display()
            ))
        })?;
    if let Some(bytes) = bytes {
        // A worker that died before it read everything says why below.
        let _ = child.stdin.take().expect("a piped stdin").write_all(bytes);
    }
    let result = child.wait_with_output().map_err(other)?;
    let said = String::from_utf8_lossy(&result.stderr).trim().to_owned();
    verdict(result.status, said)
}

fn verdict(status: ExitStatus, said: String) -> Result<(), Failure> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code) if code == i32::from(INVALID) => Err(Failure::Invalid(said)),
        _ if said.is_empty() => Err(Failure::Other(format!("the compiler ended with {status}"))),
        _ => Err(Failure::Other(said)),
    }
}

/// What the hidden verb runs. Arguments behind the verb: `checks` or `none`, the digest expected, the parent's process id.
#[allow(clippy::print_stderr, reason = "how a worker says why it failed")]
pub fn compile_main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let [.., checks, digest, parent] = args.as_slice() else {
        eprintln!("usage: __compile checks|none DIGEST PARENT <WASM >CODE");
        return ExitCode::from(2);
    };
    match work(checks == "checks", digest, parent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Invalid(why)) => {
            eprintln!("{why}");
            ExitCode::from(INVALID)
        }
        Err(Failure::Other(why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn work(checks: bool, digest: &str, parent: &str) -> Result<(), Failure> {
    die_with(parent)?;
    // It would be named after the link it was started by.
    let _ = nix::sys::prctl::set_name(c"wasmpod-compile");
    restrain();
    let digest =
        Digest::parse(digest).ok_or_else(|| Failure::Other(format!("{digest} is not a digest")))?;
    let mut wasm = Vec::new();
    io::stdin().lock().read_to_end(&mut wasm).map_err(other)?;
    let code = compile(&wasm, digest, checks)?;
    // A file of its own rather than `io::stdout()`, which looks for ends of lines.
    let mut output = File::from(nix::unistd::dup(io::stdout()).map_err(other)?);
    output.write_all(&code).map_err(other)
}

fn compile(wasm: &[u8], digest: Digest, checks: bool) -> Result<Vec<u8>, Failure> {
    if Digest::of(wasm) != digest {
        return Err(Failure::Other("the file changed while it was read".into()));
    }
    let engine = wasmtime::Engine::new(&config(checks))
        .map_err(|error| Failure::Other(format!("{error:#}")))?;
    let result = match super::source::Layer::of(wasm) {
        Ok(super::source::Layer::Component) => engine.precompile_component(wasm),
        _ => engine.precompile_module(wasm),
    };
    result.map_err(|error| Failure::Invalid(one_line(&format!("{error:#}"))))
}

/// Ends this process when the one that asked for it ends.
fn die_with(parent: &str) -> Result<(), Failure> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(other)?;
    // It may have died before the line above.
    if nix::unistd::getppid().to_string() != parent {
        return Err(Failure::Other("the process that asked is gone".into()));
    }
    Ok(())
}

/// A hostile program must not take the machine with it, and a compiler steps back behind running guests.
fn restrain() {
    use nix::sys::resource::{Resource, setrlimit};
    for (resource, limit) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_CPU, CPU_LIMIT),
        (Resource::RLIMIT_AS, MEMORY_LIMIT),
    ] {
        let _ = setrlimit(resource, limit, limit);
    }
    // SAFETY: takes and returns integers.
    unsafe { nix::libc::nice(5) };
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn other(error: impl std::fmt::Display) -> Failure {
    Failure::Other(error.to_string())
}
