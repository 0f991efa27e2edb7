//! What users type. One file per verb: parses, asks, prints; decides nothing.
//!
//! Exit codes: 0 done; 1 the machine could not do it; 2 the command or the manifest is wrong; and for `run` the exit code
//! of the container that failed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this room talks to people"
)]

mod console;
mod context;
mod machinery;
mod manifest;
mod pod_process;
mod printer;
mod report;
mod run;
mod validate;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use context::{Context, DEFAULT_NAMESPACE};

use crate::pod::Dirs;
use crate::spec::{Complaints, Validate};

/// Runs Kubernetes Pods whose containers are WebAssembly.
#[derive(Parser)]
#[command(
    name = "wasmpod",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Args {
    /// Keep all state below this directory instead of the system's (or the user's) places.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The namespace of what is named [default: default]
    #[arg(short, long, global = true)]
    namespace: Option<String>,

    /// Say more about what is done, on stderr (twice or thrice for more still).
    #[arg(long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run one Pod, or one wasm program as a Pod, in the foreground.
    Run(run::Args),
    /// Say everything that is wrong with a manifest, without running it.
    Validate(validate::Args),
    /// The process of one stored pod.
    #[command(name = machinery::POD_PROCESS, hide = true)]
    PodProcess(pod_process::Args),
}

/// What to do about a field of a manifest that is unknown, or that is not supported yet.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Strictness {
    /// Refuse the manifest.
    #[default]
    Strict,
    /// Say so and go on without the field.
    Warn,
    /// Go on without the field.
    Ignore,
}

impl From<Strictness> for Validate {
    fn from(strictness: Strictness) -> Validate {
        match strictness {
            Strictness::Strict => Validate::Strict,
            Strictness::Warn => Validate::Warn,
            Strictness::Ignore => Validate::Ignore,
        }
    }
}

/// Why a verb failed, as far as the exit code tells.
#[derive(Debug)]
enum Failure {
    /// The manifest is wrong; every complaint is a line.
    Manifest(Complaints),
    /// What was typed is wrong.
    Usage(anyhow::Error),
    /// The machine could not do it.
    Machine(anyhow::Error),
    /// An answer of the store, as kubectl prints one of the API server: `Error from server (REASON): MESSAGE`.
    Server {
        reason: &'static str,
        message: String,
    },
    /// A sentence that needs no `error: ` before it: `The Pod "web" is invalid: …`.
    Plain(String),
    /// A manifest that is wrong, given to one of kubectl's verbs, which know one exit code for everything.
    Rejected(Complaints),
    /// Everything has been said already.
    Told,
}

impl Failure {
    /// What was typed is wrong, said by one of kubectl's verbs, which know one exit code for everything.
    fn of_the_machine(self) -> Failure {
        match self {
            Failure::Usage(error) => Failure::Machine(error),
            Failure::Manifest(complaints) => Failure::Rejected(complaints),
            other => other,
        }
    }

    /// Says what was done with which manifest when it failed: `error when creating "pod.yaml": …`.
    fn when(self, doing: &str, source: &str) -> Failure {
        match self {
            Failure::Server { reason, message } => Failure::Server {
                reason,
                message: format!("error when {doing} {source:?}: {message}"),
            },
            Failure::Machine(error) => {
                Failure::Machine(error.context(format!("error when {doing} {source:?}")))
            }
            other => other,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Machine(error)
    }
}

impl From<Complaints> for Failure {
    fn from(complaints: Complaints) -> Failure {
        Failure::Manifest(complaints)
    }
}

/// Parses the arguments, does what they say, and prints an error once.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are "errors" that clap prints to stdout.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log_to_stderr(args.verbose);
    let done = match args.verb {
        Verb::Run(run) => run::run(run, args.root),
        Verb::Validate(validate) => validate::run(&validate),
        Verb::PodProcess(pod) => pod_process::run(&pod, args.root),
    };
    done.unwrap_or_else(|failure| say(&failure))
}

fn say(failure: &Failure) -> ExitCode {
    let each = |complaints: &Complaints| {
        complaints
            .iter()
            .for_each(|complaint| eprintln!("error: {complaint}"));
    };
    match failure {
        Failure::Manifest(complaints) => {
            each(complaints);
            ExitCode::from(2)
        }
        Failure::Rejected(complaints) => {
            each(complaints);
            ExitCode::FAILURE
        }
        Failure::Plain(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
        Failure::Usage(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        Failure::Machine(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Failure::Server { reason, message } => {
            eprintln!("Error from server ({reason}): {message}");
            ExitCode::FAILURE
        }
        Failure::Told => ExitCode::FAILURE,
    }
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        2 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

/// Where state lies: as told, else root's places, else the user's.
fn dirs(root: Option<PathBuf>) -> Result<Dirs, Failure> {
    if let Some(root) = root {
        let root = std::path::absolute(&root).map_err(|error| {
            Failure::Usage(anyhow::anyhow!("--root {}: {error}", root.display()))
        })?;
        return Ok(Dirs::under(&root));
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(Dirs::system());
    }
    Dirs::user(|name| std::env::var_os(name).map(PathBuf::from)).ok_or_else(|| {
        Failure::Usage(anyhow::anyhow!(
            "neither HOME nor the XDG directories are set; use --root DIR"
        ))
    })
}
