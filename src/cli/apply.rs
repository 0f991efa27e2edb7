//! `wasmpod apply -f …`: objects as the manifests say, whatever there was before.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use super::create::create;
use super::delete::{Grace, remove};
use super::documents::{self, Document, Files};
use super::duration::{self, Span};
use super::fleet::Fleet;
use super::incoming::{self, LAST_APPLIED, Remember};
use super::outcome::{DryRunFlag, Form, Outcome};
use super::stages;
use super::targets::{LabelFlag, Target};
use super::{Context, Failure, Strictness, locked};
use crate::node::{Applied, StoreError};
use crate::spec::Object;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    dry_run: DryRunFlag,

    #[command(flatten)]
    selector: LabelFlag,

    /// name, json, yaml or jsonpath=… instead of words.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,

    /// Delete and create again what cannot be changed.
    #[arg(long)]
    force: bool,

    /// With --force, the seconds that a pod has to end gracefully [default: the pod's own].
    #[arg(
        long,
        value_name = "SECONDS",
        allow_hyphen_values = true,
        default_value_t = -1,
        hide_default_value = true,
        requires = "force"
    )]
    grace_period: i64,

    /// With --force, how long to wait for the old pod to be gone [default: a week].
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration::parse, requires = "force")]
    timeout: Span,

    /// What to do about fields that are unknown or not supported yet.
    #[arg(long, value_enum, default_value_t)]
    validate: Strictness,
}

/// What is to be done with every manifest.
struct Apply<'a> {
    args: &'a Args,
    fleet: Fleet,
    outcome: Mutex<Outcome>,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    args.files.require()?;
    let form = Form::parse(args.output.as_deref())?;
    let filter = args.selector.filter()?;
    let mut read = documents::read(&args.files, context, args.validate)?;
    read.all.retain(|document| filter.matches(&document.object));
    read.require_some("apply")?;
    let apply = Apply {
        args,
        fleet: Fleet::new(context)?,
        outcome: Mutex::new(Outcome::listing(form)),
    };
    read.failures
        .iter()
        .for_each(|failure| locked(&apply.outcome).fail(failure));
    stages::for_each(
        &read.all,
        |document| apply.apply(document),
        |applied| apply.tell(applied),
    );
    let outcome = apply.outcome.into_inner();
    outcome.unwrap_or_else(PoisonError::into_inner).finish()
}

impl Apply<'_> {
    fn tell(&self, applied: Result<(Object, &'static str), Failure>) {
        let mut outcome = locked(&self.outcome);
        let told = applied.and_then(|(object, operation)| {
            let operation = self.args.dry_run.dry_run.mark(operation);
            outcome.tell(&object, &operation)
        });
        if let Err(failure) = told {
            outcome.fail(&failure);
        }
    }

    /// The object afterwards, and what was done.
    fn apply(&self, document: &Document) -> Result<(Object, &'static str), Failure> {
        if document.name.is_empty() {
            let stem = document.object.metadata().generate_name.as_deref();
            return Err(Failure::Machine(anyhow::anyhow!(
                "from {}: cannot use generate name with apply",
                stem.unwrap_or_default()
            )));
        }
        let mut lost: Option<(Option<String>, Failure)> = None;
        for _ in 0..incoming::TRIES {
            let stored =
                self.fleet
                    .reader
                    .stored(document.kind(), &document.namespace, &document.name);
            let live = match stored {
                Ok(live) => live,
                Err(error) if error.is_not_found() => {
                    let dry_run = self.args.dry_run.dry_run;
                    return create(&self.fleet, document, Remember::Yes, dry_run)
                        .map(|object| (object, "created"))
                        .map_err(|failure| document.failure("creating", failure));
                }
                Err(error) => return Err(document.failure("retrieving", error.into())),
            };
            // Somebody was faster. An apply that wanted something else has won; with anything else it is merged again.
            let applied = annotation(&live).map(str::to_owned);
            if let Some((_, conflict)) = lost.take_if(|(seen, _)| *seen != applied)
                && incoming::merged(&self.fleet.store, document, &live)? != live
            {
                return Err(document.failure("applying patch to", conflict));
            }
            match self.patch(document, &live) {
                Err(Patch::Changed(conflict)) => lost = Some((applied, conflict)),
                Err(Patch::Failed(failure)) => return Err(failure),
                Ok(done) => return Ok(done),
            }
        }
        Err(document.failure("applying patch to", stale(document)))
    }

    fn patch(&self, document: &Document, live: &Object) -> Result<(Object, &'static str), Patch> {
        let fail = |failure| Patch::Failed(document.failure("applying patch to", failure));
        let new = match incoming::merged(&self.fleet.store, document, live) {
            Ok(new) => new,
            Err(Failure::Plain(_)) if self.args.force => return self.again(document).map_err(fail),
            Err(failure) => return Err(fail(failure)),
        };
        if annotation(live).is_none() {
            eprintln!("{}", never_applied(document));
        }
        if self.args.dry_run.dry_run.is_dry() {
            let operation = if new == *live {
                "unchanged"
            } else {
                "configured"
            };
            return Ok((new, operation));
        }
        let (object, applied) = match self.fleet.update(live, new) {
            Ok(updated) => updated,
            Err(conflict @ StoreError::Conflict { .. }) => {
                return Err(Patch::Changed(conflict.into()));
            }
            // It was just on its way out, and is gone: then it is made anew.
            Err(gone) if gone.is_not_found() => return Err(Patch::Changed(gone.into())),
            Err(error) => return Err(fail(error.into())),
        };
        if live.metadata().deletion_timestamp.is_some() {
            if applied == Applied::Configured {
                let name = &document.name;
                eprintln!(
                    "Warning: Detected changes to resource {name} which is currently being deleted."
                );
            }
            return Ok((object, word(applied)));
        }
        let started = match &object {
            Object::Pod(pod) => self.fleet.start_if_due(pod).map_err(fail)?,
            _ => false,
        };
        Ok((
            object,
            if started && applied == Applied::Unchanged {
                "started"
            } else {
                word(applied)
            },
        ))
    }

    /// `--force`: what cannot be changed is deleted and created again.
    fn again(&self, document: &Document) -> Result<(Object, &'static str), Failure> {
        if self.args.dry_run.dry_run.is_dry() {
            return Ok((incoming::object(document, Remember::Yes)?, "configured"));
        }
        let object = incoming::object(document, Remember::Yes)?;
        let grace = Grace::of(self.args.grace_period, false)?;
        let target = Target::of(document);
        remove(&self.fleet, &target, grace, self.args.timeout)?;
        Ok((self.fleet.create(object)?, "configured"))
    }
}

/// Why a merge came to nothing.
enum Patch {
    /// The object was changed by somebody else meanwhile.
    Changed(Failure),
    Failed(Failure),
}

fn annotation(object: &Object) -> Option<&str> {
    let annotations = object.metadata().annotations.as_ref()?;
    annotations.get(LAST_APPLIED).map(String::as_str)
}

fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Created => "created",
        Applied::Configured => "configured",
        Applied::Unchanged => "unchanged",
    }
}

fn never_applied(document: &Document) -> String {
    let (kind, name) = (document.kind().qualified_plural(), &document.name);
    format!(
        "Warning: resource {kind}/{name} is missing the {LAST_APPLIED} annotation which is required by wasmpod apply. \
         wasmpod apply should only be used on resources created declaratively by either wasmpod create --save-config or \
         wasmpod apply. The missing annotation will be patched automatically."
    )
}

fn stale(document: &Document) -> Failure {
    Failure::from(StoreError::Conflict {
        kind: document.kind().qualified_plural(),
        name: document.name.clone(),
        message: "the object has been modified; please apply your changes to the latest version and try again".to_owned(),
    })
}
