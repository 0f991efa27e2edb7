//! What users type. One file per verb: parses, asks, prints; decides nothing.
//!
//! Exit codes: 0 done; 1 the machine could not do it; 2 the command or the manifest is wrong; and for `run` the exit code
//! of the container that failed. The verbs that kubectl has, too, exit as it does: 1 for whatever went wrong; `diff` 1 for a
//! difference and 2 for a failure.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this room talks to people"
)]

mod apply;
mod attach;
mod completion;
mod condition;
mod console;
mod containers;
mod context;
mod cordon;
mod cp;
mod create;
mod debug;
mod delete;
mod describe;
mod diff;
mod documents;
mod drain;
mod duration;
mod edit;
mod editor;
mod events;
mod exec;
mod explain;
mod fleet;
mod generate;
mod get;
mod incoming;
mod info;
mod label;
mod labels;
mod logs;
mod machinery;
mod manifest;
mod named;
mod nodes;
mod outcome;
mod pod_process;
mod port_forward;
mod print;
mod printer;
mod reader;
mod replace;
mod report;
mod run;
mod stages;
mod streams;
mod surroundings;
mod taint;
mod talk;
mod targets;
mod token;
mod up;
mod validate;
mod version;
mod wait;
mod zone;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use context::{Context, Globals};
use labels::Which;

use crate::node::{LaunchError, StoreError};
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

    /// Encrypt secrets where they are stored, with the key in FILE: 32 bytes, or those in base64.
    #[arg(long, global = true, value_name = "FILE")]
    encryption_key: Option<PathBuf>,

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
    /// Show objects.
    Get(get::Args),
    /// Show everything about objects.
    Describe(describe::Args),
    /// Show what happened.
    Events(events::Args),
    /// Say what the fields of an object mean.
    Explain(explain::Args),
    /// Print what the containers of pods wrote.
    Logs(logs::Args),
    /// Create objects that are not there yet, and start pods.
    Create(create::Args),
    /// Make objects as manifests say, whatever there was before.
    Apply(apply::Args),
    /// Put what manifests say in the place of objects.
    Replace(replace::Args),
    /// Delete objects: by manifest, by name, or by label.
    Delete(delete::Args),
    /// Change stored objects in an editor.
    Edit(edit::Args),
    /// Show what apply would change; exit code 1 if it would change anything.
    Diff(diff::Args),
    /// Change the labels of objects.
    Label(label::Args),
    /// Change the annotations of objects.
    Annotate(label::Args),
    /// Run a command in the view of a running container.
    Exec(exec::Args),
    /// Join a running container: its output from now on, and its input.
    Attach(attach::Args),
    /// Copy files and directories to and from containers.
    Cp(cp::Args),
    /// Forward ports of this machine to a pod.
    PortForward(port_forward::Args),
    /// Add a container to a running pod, to look at it from inside.
    Debug(debug::Args),
    /// Wait until something is true of objects.
    Wait(wait::Args),
    /// Judge tokens of service accounts, and print what others need in order to.
    Token(token::Args),
    /// Change what keeps pods away from this machine.
    Taint(taint::Args),
    /// Take no new pods on this machine.
    Cordon(cordon::Args),
    /// Take new pods again.
    Uncordon(cordon::Args),
    /// Take no new pods, and take away those that are here.
    Drain(drain::Args),
    /// See to it that all stored pods run, in the foreground, until told to end.
    Up(up::Args),
    /// Print what other programs need to work with this one.
    Generate(generate::Args),
    /// Say where everything is, and what is there.
    Info(info::Args),
    /// Print the version.
    Version(version::Args),
    /// Print the script that completes this program's arguments in a shell.
    Completion(completion::Args),
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
    #[value(alias = "true")]
    Strict,
    /// Say so and go on without the field.
    Warn,
    /// Go on without the field.
    #[value(alias = "false")]
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

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        match error {
            // kubectl prints this one bare, and without the group of the kind.
            StoreError::Invalid {
                kind,
                name,
                message,
            } => {
                let kind = kind.split('.').next().unwrap_or(kind);
                Failure::Plain(format!("The {kind} {name:?} is invalid: {message}"))
            }
            _ => Failure::Server {
                reason: error.reason(),
                message: error.to_string(),
            },
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Failure {
        match error {
            LaunchError::Store(error) => error.into(),
            other => Failure::Machine(other.into()),
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
    let words: Vec<OsString> = args.into_iter().collect();
    let parsed = command_for(|verb| words.iter().any(|word| word == verb))
        .try_get_matches_from(&words)
        .and_then(|matches| Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => {
            // Help and version are "errors" that clap prints to stdout.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log_to_stderr(args.verbose);
    let globals = Globals {
        root: args.root,
        namespace: args.namespace,
        encryption_key: args.encryption_key,
    };
    dispatch(args.verb, globals).unwrap_or_else(|failure| say(&failure))
}

fn dispatch(verb: Verb, globals: Globals) -> Result<ExitCode, Failure> {
    let context = || Context::new(globals.clone());
    match verb {
        Verb::Run(run) => run::run(run, globals),
        Verb::Get(get) => get::run(&get, &context()?),
        Verb::Describe(describe) => describe::run(&describe, &context()?),
        Verb::Explain(explain) => explain::run(&explain),
        Verb::Events(events) => events::run(&events, &context()?),
        Verb::Logs(logs) => logs::run(&logs, &context()?),
        Verb::Create(create) => create::run(&create, &context()?),
        Verb::Apply(apply) => apply::run(&apply, &context()?),
        Verb::Replace(replace) => replace::run(&replace, &context()?),
        Verb::Delete(delete) => delete::run(&delete, &context()?),
        Verb::Edit(edit) => edit::run(&edit, &context()?),
        Verb::Diff(diff) => Ok(diff::run(&diff, &context()?)),
        Verb::Label(label) => label::run(&label, &context()?, Which::Labels),
        Verb::Annotate(annotate) => label::run(&annotate, &context()?, Which::Annotations),
        Verb::Exec(exec) => exec::run(&exec, &context()?),
        Verb::Attach(attach) => attach::run(&attach, &context()?),
        Verb::Cp(cp) => cp::run(&cp, &context()?),
        Verb::Taint(taint) => taint::run(&taint, &context()?),
        Verb::Cordon(cordon) => cordon::run(&cordon, &context()?, true),
        Verb::Uncordon(cordon) => cordon::run(&cordon, &context()?, false),
        Verb::Drain(drain) => drain::run(&drain, &context()?),
        Verb::Debug(debug) => debug::run(&debug, &context()?),
        Verb::PortForward(forward) => port_forward::run(&forward, &context()?),
        Verb::Wait(wait) => wait::run(&wait, &context()?),
        Verb::Token(token) => token::run(&token, &context()?),
        Verb::Up(up) => up::run(up, &context()?),
        Verb::Generate(generate) => generate::run(&generate, &globals),
        Verb::Info(info) => info::run(&info, &context()?),
        Verb::Version(version) => version::run(&version),
        Verb::Completion(completion) => completion::run(&completion, command()),
        Verb::Validate(validate) => validate::run(&validate),
        Verb::PodProcess(pod) => pod_process::run(&pod, globals),
    }
}

/// The arguments of all verbs.
fn command() -> clap::Command {
    command_for(|_| true)
}

/// The arguments, complete for the verbs that are `named` on the command line: each start pays for one verb, not for all.
fn command_for(named: impl Fn(&str) -> bool) -> clap::Command {
    Args::command().mut_subcommands(|verb| {
        if named(verb.get_name()) {
            with_both_forms(verb)
        } else {
            verb
        }
    })
}

/// Every switch in both of kubectl's forms: `--all` and `--all=false`.
fn with_both_forms(verb: clap::Command) -> clap::Command {
    let verb = verb.mut_subcommands(with_both_forms);
    verb.mut_args(|arg| match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name("true|false")
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true),
        _ => arg,
    })
}

/// What a thread that panicked has left is as good as what any other has.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        // A file (the log of a pod process) takes no colours.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // It would say on the same stderr that it cannot write there, and panic: a pod's log may lie on a full disk.
        .log_internal_errors(false)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_switch_has_both_of_kubectls_forms() {
        let all = |switch: &str| {
            let matches = command().try_get_matches_from(["wasmpod", "label", "pods", switch]);
            let args = matches.and_then(|matches| Args::from_arg_matches(&matches));
            match args.map(|args| args.verb) {
                Ok(Verb::Label(label)) => label.selects_all(),
                _ => panic!("{switch} is not understood"),
            }
        };
        assert!(all("--all") && all("--all=true") && !all("--all=false"));
        assert!(!all("--overwrite"));
    }
}
