//! `wasmpod up`: sees to it that stored pods run, in the foreground.

use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, io};

use anyhow::{Context as _, Error, anyhow};

use super::{Context, Failure, run};
use crate::node::manifests::Manifests;
use crate::node::{Note, Signals, Supervisor};

#[derive(clap::Args)]
pub struct Args {
    /// Also run the pods of this directory, one file each, and follow what becomes of the files.
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,
}

pub fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let signals = Signals::listen().context("could not listen for signals")?;
    let manifests = args.manifests.map(watched).transpose()?;
    let supervisor = Supervisor::new(
        context.store(),
        context.machinery()?,
        manifests,
        signals,
        Box::new(tell),
    )
    .map_err(Error::new)?;
    notify("READY=1");
    supervisor.run().map_err(Error::new)?;
    Ok(ExitCode::SUCCESS)
}

fn watched(dir: PathBuf) -> Result<Manifests, Failure> {
    let dir = std::path::absolute(&dir)
        .map_err(|error| Failure::Usage(anyhow!("--manifests {}: {error}", dir.display())))?;
    let manifests = Manifests::new(dir, run::node()).context("could not watch the manifests")?;
    Ok(manifests)
}

fn tell(note: &Note) {
    if let Note::Stopping { .. } = note {
        notify("STOPPING=1");
    }
    // Pods are seen to also when nobody listens any more.
    let _ = if note.is_trouble() {
        writeln!(io::stderr(), "{note}")
    } else {
        writeln!(io::stdout(), "{note}")
    };
}

/// Tells systemd how far we are (sd_notify(3)), if it wants to know.
fn notify(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let send = || -> io::Result<usize> {
        let address = match name.as_bytes() {
            [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name)?,
            _ => SocketAddr::from_pathname(&name)?,
        };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)
    };
    if let Err(error) = send() {
        tracing::warn!("could not tell {} that {state}: {error}", name.display());
    }
}
