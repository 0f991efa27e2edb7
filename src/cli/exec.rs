//! `wasmpod exec`: a command in the view of a running container.

use std::io;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::core::v1;

use super::{Context, Failure, streams, talk};
use crate::control::Exec;

/// What a shell sees of a program that was killed by SIGPIPE, as others are when nobody reads their output any more.
pub const NOBODY_READS: u8 = 128 + 13;

/// The command is the container's own program by its name, a wasm file of its view by its path, or an applet of the
/// built-in toolbox (`sh`, `ls`, `cat`, …). It runs as a new instance with the container's mounts, environment, network
/// and limits, and ends with this command.
///
/// With -t the command is told that it is on a terminal, and TERM is set. The terminal itself stays as it is: lines are
/// edited here and sent when they are complete, and Ctrl-C ends the session, for a WASI program has no way to change a
/// terminal's modes.
#[derive(clap::Args)]
pub struct Args {
    /// POD or TYPE/NAME.
    #[arg(value_name = "POD | TYPE/NAME")]
    pod: Option<String>,

    /// Only to say that this is not supported any more.
    #[arg(hide = true)]
    without_dashes: Vec<String>,

    /// The container [default: the pod's first, or its annotation kubectl.kubernetes.io/default-container]
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// Pass standard input to the command.
    #[arg(short = 'i', long)]
    stdin: bool,

    /// Standard input is a terminal.
    #[arg(short, long)]
    tty: bool,

    /// Print only what the command prints.
    #[arg(short, long)]
    quiet: bool,

    /// The command and its arguments.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    // kubectl's words (pkg/cmd/exec/exec.go).
    let pod = args.pod.as_deref().filter(|pod| !pod.is_empty());
    let pod = pod.ok_or_else(|| anyhow!("pod, type/name or --filename must be specified"))?;
    if !args.without_dashes.is_empty() {
        let why =
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead";
        return Err(anyhow!(why).into());
    }
    if args.command.is_empty() {
        let why = "you must specify at least one command for the container";
        return Err(anyhow!(why).into());
    }
    let pod = talk::find(context, pod)?;
    talk::must_be_alive(&pod, "exec into")?;
    let tty = streams::terminal(args.stdin, args.tty, args.quiet);
    let wish = Exec {
        container: Some(talk::container(
            &pod,
            args.container.as_deref(),
            args.quiet,
        )?),
        command: args.command.clone(),
        stdin: args.stdin,
        tty,
        size: tty.then(streams::size).flatten(),
    };
    talk::converse(converse(context, &pod, wish))
}

async fn converse(context: &Context, pod: &v1::Pod, wish: Exec) -> Result<ExitCode, Failure> {
    let client = talk::reach(context, pod).await?;
    let session = client.exec(wish).await.map_err(talk::failed)?;
    match streams::carry(session).await {
        Ok(ended) => Ok(talk::end_as(&ended)),
        Err(error) => output_failed(error),
    }
}

/// Our own output cannot be written.
pub fn output_failed(error: io::Error) -> Result<ExitCode, Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(ExitCode::from(NOBODY_READS)),
        _ => Err(Failure::Machine(
            Err::<(), _>(error)
                .context("could not write what was received")
                .unwrap_err(),
        )),
    }
}
