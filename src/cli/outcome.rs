//! What a verb says of each object: `pod/web created`, or the object itself.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::print::format::Format;
use super::{Failure, say};
use crate::spec::Object;

/// `-o`: how each object is shown.
pub enum Form {
    /// `pod/web created`
    Words,
    /// `pod/web`
    Name,
    Object(Format),
}

impl Form {
    pub fn parse(output: Option<&str>) -> Result<Form, Failure> {
        match output {
            None | Some("") => Ok(Form::Words),
            Some("name") => Ok(Form::Name),
            Some(other) => Ok(Form::Object(
                Format::parse(other).map_err(Failure::Machine)?,
            )),
        }
    }
}

/// `--dry-run`: how far a change goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// All the way.
    #[default]
    None,
    /// Nothing is asked of the store that changes it.
    Client,
    /// The store is asked whether it would.
    Server,
}

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct DryRunFlag {
    /// Only say what would be done: by this command alone, or with all checks against what is stored.
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value = "none",
        default_missing_value = "client",
        num_args = 0..=1,
        require_equals = true
    )]
    pub dry_run: DryRun,
}

impl DryRun {
    pub fn is_dry(self) -> bool {
        self != DryRun::None
    }

    /// `created (dry run)`
    pub fn mark(self, operation: &str) -> String {
        match self {
            DryRun::None => operation.to_owned(),
            DryRun::Client => format!("{operation} (dry run)"),
            DryRun::Server => format!("{operation} (server dry run)"),
        }
    }
}

/// Tells what became of each object as it is known, and keeps in mind whether all went well.
pub struct Outcome {
    form: Form,
    failed: bool,
    told: usize,
    /// Objects that are shown together at the end, when one list is to be made of them.
    kept: Option<Vec<Value>>,
}

impl Outcome {
    pub fn new(form: Form) -> Outcome {
        Outcome {
            form,
            failed: false,
            told: 0,
            kept: None,
        }
    }

    /// Shows several objects as one `List`, as `apply` does.
    pub fn listing(form: Form) -> Outcome {
        Outcome {
            kept: Some(Vec::new()),
            ..Outcome::new(form)
        }
    }

    pub fn tell(&mut self, object: &Object, operation: &str) -> Result<(), Failure> {
        let shown = || format!("{}/{}", object.kind().qualified_singular(), object.name());
        let text = match &self.form {
            Form::Words => format!("{} {operation}\n", shown()),
            Form::Name => shown() + "\n",
            Form::Object(format) => {
                let object = object.value();
                if let Some(kept) = &mut self.kept {
                    kept.push(object);
                    return Ok(());
                }
                let between = if format.is_yaml() && self.told > 0 {
                    "---\n"
                } else {
                    ""
                };
                format!(
                    "{between}{}",
                    format.print(&object).map_err(Failure::Machine)?
                )
            }
        };
        self.told += 1;
        print(&text)
    }

    /// A line that belongs to no object in particular. Only people read it: a program reads the objects.
    pub fn note(&self, line: &str) -> Result<(), Failure> {
        match self.form {
            Form::Words => print(&format!("{line}\n")),
            _ => Ok(()),
        }
    }

    pub fn fail(&mut self, failure: &Failure) {
        say(failure);
        self.failed = true;
    }

    /// Shows what was kept, and says how it all went.
    pub fn finish(mut self) -> Result<ExitCode, Failure> {
        if let (Form::Object(format), Some(mut kept)) = (&self.form, self.kept.take()) {
            let shown = match kept.len() {
                0 => return Ok(self.code()),
                1 => kept.swap_remove(0),
                _ => json!({ "apiVersion": "v1", "items": kept, "kind": "List", "metadata": {} }),
            };
            print(&format.print(&shown).map_err(Failure::Machine)?)?;
        }
        Ok(self.code())
    }

    pub fn code(&self) -> ExitCode {
        if self.failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// Writes to stdout at once. That nobody reads it any more is no failure of what was done.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Machine(anyhow!(
            "could not write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
