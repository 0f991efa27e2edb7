//! `wasmpod completion SHELL`: the script that completes this program's arguments.

use std::process::ExitCode;

use clap_complete::{Shell, generate};

use super::{Failure, outcome};

#[derive(clap::Args)]
pub struct Args {
    /// For which shell: source <(wasmpod completion bash)
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args, mut command: clap::Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut command, "wasmpod", &mut script);
    outcome::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
