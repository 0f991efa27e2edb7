//! `wasmpod run`: this process is the pod.

mod written;

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use super::console::{Foreground, Style};
use super::surroundings::InManifest;
use super::{Context as Place, Failure, Globals, Strictness, report};
use crate::pod::Time;
use crate::pod::{
    Compiler, Handle, Images, Options, Outcome, Pod, StatusStream, StdinFrom, Surroundings,
};
use crate::spec::{self, LoadedPod, Object, pod::Pod as Spec};
use written::Manifest;

#[derive(clap::Args)]
pub struct Args {
    /// A manifest of one Pod (YAML or JSON), a directory with one, - for standard input, or a wasm program.
    #[arg(value_name = "FILE|-|APP.wasm")]
    file: PathBuf,

    /// Arguments of the program; after -- if they look like options of this command.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    args: Vec<String>,

    /// What to print: the containers' output, the pod's events, or everything as JSON objects, one a line.
    #[arg(short, long, value_enum, default_value_t, value_name = "WHAT")]
    output: Output,

    /// Name the container before every line, also when not on a terminal.
    #[arg(long)]
    prefix: bool,

    /// What to do about fields of the manifest that are unknown or not supported yet.
    #[arg(long, value_enum, default_value_t)]
    validate: Strictness,

    /// Run on a simulated machine with virtual time; containers follow their wasmpod.dev/sim.<container> annotations.
    #[arg(long)]
    sim: bool,

    #[command(flatten)]
    program: ProgramArgs,
}

/// Flags that describe the Pod made for a wasm program. A manifest says these things itself.
#[derive(clap::Args)]
#[command(next_help_heading = "For a wasm program")]
struct ProgramArgs {
    /// Set an environment variable.
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// Mount a directory of this machine.
    #[arg(short = 'v', long, value_name = "DIR:PATH[:ro]")]
    volume: Vec<String>,

    /// Publish a port on this machine.
    #[arg(short, long, value_name = "[IP:]PORT:PORT[/udp]")]
    publish: Vec<String>,

    /// Name of the pod [default: the program's name]
    #[arg(long)]
    name: Option<String>,

    /// When to start the program again: no, on-failure or always [default: no]
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,

    /// Give the program this command's standard input.
    #[arg(short, long)]
    interactive: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Logs,
    Events,
    Json,
}

pub fn run(args: Args, globals: Globals) -> Result<ExitCode, Failure> {
    let place = Place::new(globals)?;
    let Manifest {
        mut pod,
        mut objects,
    } = written::read(&args)?;
    let namespace = pod.object.metadata.namespace.clone();
    let namespace = namespace.as_deref().unwrap_or("default");
    // A simulation touches nothing: what would be stored of the manifest is left out.
    objects.retain(|object| !(args.sim && matches!(object, Object::PersistentVolumeClaim(_))));
    let around = InManifest::new(place.store(), namespace, objects)?;
    let (validate, written) = (args.validate.into(), pod.object);
    pod.object = if args.sim {
        around.admit_simulated(written, validate)?
    } else {
        around.admit(written, validate)?
    };
    let around: Arc<dyn Surroundings> = Arc::new(around);
    let spec = Arc::new(resolve(pod)?);
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("could not start the pod's event loop")?;
    let console = Foreground::new(style(&args, &spec), spec.containers.len());
    let outcome = runtime.block_on(async {
        let pod = if args.sim {
            Pod::simulate(spec, node()).map_err(Failure::Usage)?
        } else {
            let compiler =
                Compiler::this_binary().context("could not find this program's own file")?;
            Pod::build(
                spec,
                Options {
                    dirs: place.dirs,
                    compiler,
                    console: Arc::clone(&console) as _,
                    stdin: StdinFrom::Process,
                    node: node(),
                    images: Images::Eager,
                    resume: None,
                    keep_volumes: false,
                    surroundings: around,
                },
            )?
        };
        Ok::<_, Failure>(follow(pod, args.output, &console).await?)
    })?;
    // A thread may still wait for a reader that does not read.
    runtime.shutdown_background();
    Ok(exit_code(&outcome))
}

/// A pod of many containers holds many files, each of them some; the usual soft limit of 1024 is for programs that still
/// use select(2), which none of ours does. What cannot be raised shows where it is felt: at the container that is too many.
pub(super) fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::info!("the limit of open files stays {soft}: {error}");
    }
}

/// Runs the pod while its story is told and signals are obeyed: the first Ctrl-C or TERM deletes the pod gracefully, a
/// second one ends it at once.
async fn follow(pod: Pod, output: Output, console: &Arc<Foreground>) -> Result<Outcome> {
    let mut signals = Signals::listen()?;
    let mut asked = 0;
    let handle = pod.handle();
    let reporter = report(&handle, output, console);
    let mut run = pin!(pod.run());
    let outcome = loop {
        tokio::select! {
            outcome = &mut run => break outcome,
            () = signals.next() => asked += 1,
        }
        match asked {
            1 => handle.stop(None),
            _ => handle.abort(),
        }
    };
    if let Some(reporter) = reporter {
        // It ends by itself once the pod has told its last.
        let _ = reporter.await;
    }
    drain(console, asked > 0, &mut signals).await;
    Ok(outcome)
}

/// What a reader that does not read may cost after the pod was told to stop.
const READER_PATIENCE: Duration = Duration::from_millis(100);

/// Waits until the reader of the output has taken it all; not for long once somebody wants to see the end, and no longer
/// than to the next signal.
async fn drain(console: &Arc<Foreground>, stopped: bool, signals: &mut Signals) {
    if console.is_drained() {
        return;
    }
    let patience = async {
        if stopped {
            tokio::time::sleep(READER_PATIENCE).await;
        } else {
            signals.next().await;
        }
    };
    let console = Arc::clone(console);
    tokio::select! {
        _ = tokio::task::spawn_blocking(move || console.drain()) => {}
        () = patience => {}
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Signals> {
        let interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
        let terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
        Ok(Signals {
            interrupt,
            terminate,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn report(
    handle: &Handle,
    output: Output,
    console: &Arc<Foreground>,
) -> Option<tokio::task::JoinHandle<()>> {
    let (spec, console) = (handle.spec(), Arc::clone(console));
    match output {
        Output::Logs => None,
        Output::Events => Some(tokio::spawn(tell_events(handle.events(), spec, console))),
        Output::Json => {
            let status = tell_status(handle.status(), Arc::clone(&spec), Arc::clone(&console));
            let events = tell_events_as_json(handle.events(), spec, console);
            Some(tokio::spawn(async {
                tokio::join!(status, events);
            }))
        }
    }
}

type Events = tokio::sync::broadcast::Receiver<crate::pod::Event>;

async fn tell_events(mut events: Events, spec: Arc<Spec>, console: Arc<Foreground>) {
    let mut start: Option<Time> = None;
    console.say(&report::event_head());
    each_event(&mut events, |event| {
        let start = *start.get_or_insert(event.at);
        console.say(&report::event_line(&spec, start, event));
    })
    .await;
}

async fn tell_events_as_json(mut events: Events, spec: Arc<Spec>, console: Arc<Foreground>) {
    each_event(&mut events, |event| {
        console.say(&report::event_json(&spec, event))
    })
    .await;
}

async fn each_event(events: &mut Events, mut tell: impl FnMut(&crate::pod::Event)) {
    loop {
        match events.recv().await {
            Ok(event) => tell(&event),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!("{missed} events were not printed: the reader is too slow")
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn tell_status(mut status: StatusStream, spec: Arc<Spec>, console: Arc<Foreground>) {
    while let Some(now) = status.next().await {
        console.say(&report::pod_json(&spec, &now));
    }
}

fn resolve(pod: LoadedPod) -> Result<Spec, Failure> {
    let LoadedPod {
        mut object, base, ..
    } = pod;
    spec::bind(&mut object, &node())?;
    let uid = uuid::Uuid::new_v4().to_string();
    Ok(spec::resolve(object, &base, uid, crate::pod::now())?)
}

fn style(args: &Args, spec: &Spec) -> Style {
    match args.output {
        Output::Logs if args.sim => Style::None,
        Output::Logs => Style::logs(spec, args.prefix),
        Output::Events => Style::None,
        Output::Json => Style::json(spec),
    }
}

/// The name of this machine.
pub(super) fn node() -> String {
    crate::node::machine_name()
}

/// 0 when the pod Succeeded, else the exit code of the container that failed for good first; 1 when none did.
fn exit_code(outcome: &Outcome) -> ExitCode {
    if outcome.succeeded() {
        return ExitCode::SUCCESS;
    }
    let code = outcome.first_failure.as_ref().map_or(1, |(_, code)| *code);
    // What is not an exit status (a guest may say any 32-bit number) is a failure all the same.
    ExitCode::from(
        u8::try_from(code)
            .ok()
            .filter(|code| *code != 0)
            .unwrap_or(1),
    )
}
