//! The command that launched this process, and waits for a word.

use std::io::{self, Write};

use anyhow::Context;

use super::super::Failure;

/// Reads this process' standard output until it has heard enough.
#[derive(Default)]
pub struct Launcher {
    gone: bool,
}

impl Launcher {
    /// Says that the pod can be spoken to. From then on standard output is where standard error goes.
    pub fn ready(&mut self) -> anyhow::Result<()> {
        // One that does not wait for it has no interest.
        let _ = say("ready\n");
        nix::unistd::dup2_stdout(io::stderr()).context("could not let go of the launcher")?;
        self.gone = true;
        Ok(())
    }

    /// Says why there is no pod, while somebody waits for one.
    pub fn tell(&self, failure: &Failure) {
        if !self.gone {
            let _ = say(&words(failure));
        }
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn words(failure: &Failure) -> String {
    match failure {
        Failure::Usage(error) | Failure::Machine(error) => format!("{error:#}"),
        Failure::Manifest(complaints) | Failure::Rejected(complaints) => complaints.to_string(),
        Failure::Server { message, .. } => message.clone(),
        Failure::Plain(sentence) => sentence.clone(),
        Failure::Told => String::new(),
    }
}
