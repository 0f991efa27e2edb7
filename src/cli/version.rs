//! `wasmpod version`.

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Failure, outcome, print};

/// The version of the API whose types, defaults and rules are the ones here.
const KUBERNETES: &str = "v1.36.0";

#[derive(clap::Args)]
pub struct Args {
    /// The client's version only: here client and server are one program.
    #[arg(long)]
    client: bool,

    #[arg(short, long, value_enum)]
    output: Option<Syntax>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Syntax {
    Json,
    Yaml,
}

pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let text = match args.output {
        None => words(args.client),
        Some(Syntax::Json) => print::pretty(&object(args.client)) + "\n",
        Some(Syntax::Yaml) => print::yaml(&object(args.client)),
    };
    outcome::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn words(client: bool) -> String {
    let mut text = format!("Client Version: v{}\n", env!("CARGO_PKG_VERSION"));
    if !client {
        text += &format!("Kubernetes API Version: {KUBERNETES}\n");
    }
    text
}

/// With the keys of `kubectl version -o json`, as far as they say something here: the server's version is that of the API.
fn object(client: bool) -> Value {
    let of = |version: &str| {
        let mut parts = version.trim_start_matches('v').split('.');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        json!({
            "major": part(),
            "minor": part(),
            "gitVersion": format!("v{}", version.trim_start_matches('v')),
            "platform": format!("{}/{}", std::env::consts::OS, architecture()),
        })
    };
    let mut whole = json!({ "clientVersion": of(env!("CARGO_PKG_VERSION")) });
    if !client {
        whole["serverVersion"] = of(KUBERNETES);
    }
    whole
}

/// As Go calls it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
