//! `wasmpod attach`: the output of a running container from now on, and its input.

use std::process::ExitCode;

use anyhow::anyhow;
use k8s_openapi::api::core::v1;

use super::{Context, Failure, exec, streams, talk};
use crate::control::{Attach, CallError, Client, Session};

/// Output comes from now on, `logs` has what was before; but what a container with `stdin: true` has said before anybody
/// was attached comes first. Ending this command leaves the container running.
#[derive(clap::Args)]
pub struct Args {
    /// POD or TYPE/NAME.
    #[arg(value_name = "POD | TYPE/NAME")]
    pod: Option<String>,

    /// The container [default: the pod's first, or its annotation kubectl.kubernetes.io/default-container]
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// Pass standard input to the container.
    #[arg(short = 'i', long)]
    stdin: bool,

    /// Standard input is a terminal.
    #[arg(short, long)]
    tty: bool,

    /// Print only what the container prints.
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let pod = args.pod.as_deref().filter(|pod| !pod.is_empty());
    // kubectl's words (pkg/cmd/attach/attach.go).
    let pod = pod.ok_or_else(|| anyhow!("at least 1 argument is required for attach"))?;
    let pod = talk::find(context, pod)?;
    talk::must_be_alive(&pod, "attach")?;
    let container = talk::container(&pod, args.container.as_deref(), args.quiet)?;
    let wish = Joining {
        container,
        stdin: args.stdin,
        tty: args.tty,
        quiet: args.quiet,
    };
    talk::converse(wish.join(context, &pod))
}

/// A container to be joined from this terminal.
pub struct Joining {
    pub container: String,
    pub stdin: bool,
    pub tty: bool,
    pub quiet: bool,
}

impl Joining {
    pub async fn join(self, context: &Context, pod: &v1::Pod) -> Result<ExitCode, Failure> {
        let client = talk::reach(context, pod).await?;
        let session = self.open(&client).await.map_err(talk::failed)?;
        self.carry(session, pod).await
    }

    /// # Errors
    /// `NotReady` when the container does not run, or no longer does.
    pub async fn open(&self, client: &Client) -> Result<Session, CallError> {
        let wish = Attach {
            container: Some(self.container.clone()),
            stdin: self.stdin,
        };
        client.attach(wish).await
    }

    /// Between this terminal and the container, until one of them ends.
    pub async fn carry(&self, session: Session, pod: &v1::Pod) -> Result<ExitCode, Failure> {
        let has_tty = is_terminal(pod, &self.container);
        if self.tty && !has_tty && !self.quiet {
            eprintln!(
                "error: Unable to use a TTY - container {} did not allocate one",
                self.container
            );
        }
        if streams::terminal(self.stdin, has_tty, true) && !self.quiet {
            eprintln!("If you don't see a command prompt, try pressing enter.");
        }
        match streams::carry(session).await {
            // How the container ended is its own affair; that we were let go before is not.
            Ok(ended) if ended.message.is_empty() => Ok(ExitCode::SUCCESS),
            Ok(ended) => Err(anyhow!(ended.message).into()),
            Err(error) => exec::output_failed(error),
        }
    }
}

fn is_terminal(pod: &v1::Pod, container: &str) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let plain = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    plain
        .map(|c| (&c.name, c.tty))
        .chain(ephemeral.map(|c| (&c.name, c.tty)))
        .any(|(name, tty)| name == container && tty == Some(true))
}
