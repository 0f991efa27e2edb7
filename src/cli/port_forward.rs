//! `wasmpod port-forward`: ports of this machine that lead into a pod.

mod listen;
mod ports;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use futures::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Failure, talk};
use crate::control::{CallError, Client};
use listen::{Listening, listen};
use ports::Ports;

/// Each port is [LOCAL:]REMOTE; with `:REMOTE` or `0:REMOTE` a free local one is taken. Runs until it is interrupted, or
/// the pod has ended.
#[derive(clap::Args)]
pub struct Args {
    /// POD or TYPE/NAME.
    #[arg(value_name = "POD | TYPE/NAME")]
    pod: Option<String>,

    /// Ports: the same number on both sides, LOCAL:REMOTE, or :REMOTE.
    #[arg(value_name = "[LOCAL_PORT:]REMOTE_PORT")]
    ports: Vec<String>,

    /// Addresses to listen on; localhost is 127.0.0.1 and ::1.
    #[arg(long, value_delimiter = ',', default_value = "localhost")]
    address: Vec<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    // kubectl's words (pkg/cmd/portforward/portforward.go).
    let Some(name) = args.pod.as_deref().filter(|_| !args.ports.is_empty()) else {
        return Err(anyhow!("TYPE/NAME and list of ports are required for port-forward").into());
    };
    let pod = talk::find(context, name)?;
    let ports = ports::parse(&args.ports, &pod)?;
    let addresses = listen::addresses(&args.address)?;
    let phase = talk::phase_of(&pod);
    if phase != "Running" {
        return Err(anyhow!(
            "unable to forward port because pod is not running. Current status={phase}"
        )
        .into());
    }
    talk::converse(async {
        let client = talk::reach(context, &pod).await?;
        forward(client, &ports, &addresses).await
    })
}

async fn forward(
    client: Client,
    ports: &[Ports],
    addresses: &[listen::Address],
) -> Result<ExitCode, Failure> {
    // Heard from the first moment on, so that whoever sees the first line may interrupt.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::new)?;
    let mut statuses = client.status(true).await.map_err(talk::failed)?;
    for Listening {
        listener,
        local,
        remote,
    } in listen(ports, addresses).await?
    {
        say(&format!("Forwarding from {local} -> {remote}"));
        tokio::task::spawn(serve(client.clone(), listener, local.port(), remote));
    }
    let gone = async { while let Some(Ok(_)) = statuses.next().await {} };
    tokio::select! {
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        () = gone => Err(anyhow!("lost connection to pod").into()),
    }
}

/// Whoever reads this may have gone; the ports are none the worse for it.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

async fn serve(client: Client, listener: TcpListener, local: u16, remote: u16) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                say(&format!("Handling connection for {local}"));
                tokio::spawn(carry(client.clone(), connection, local, remote));
            }
            Err(error) => {
                eprintln!("error: could not accept a connection for {local}: {error}");
                // Mostly a want of descriptors, which ends when a connection does.
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn carry(client: Client, mut outside: TcpStream, local: u16, remote: u16) {
    let failed = |why: &str| {
        eprintln!(
            "error: an error occurred forwarding {local} -> {remote}: error forwarding port {remote} to pod: {why}"
        );
    };
    // It only costs latency.
    let _ = outside.set_nodelay(true);
    match client.port_forward(remote).await {
        Ok(mut inside) => {
            // One that breaks is the business of its two ends.
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        }
        Err(CallError::Refused(refusal)) => failed(&refusal.to_string()),
        Err(error) => failed(&error.to_string()),
    }
}
