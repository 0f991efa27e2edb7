//! `wasmpod replace -f …`: what the manifest says, and nothing else, in the place of what is there.

use std::process::ExitCode;

use super::delete::{Grace, remove};
use super::documents::{self, Document, Files};
use super::duration::{self, Span};
use super::fleet::Fleet;
use super::incoming::{self, Remember};
use super::outcome::{DryRun, DryRunFlag, Form, Outcome};
use super::targets::Target;
use super::{Context, Failure, Strictness};
use crate::spec::Object;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    dry_run: DryRunFlag,

    /// name, json, yaml or jsonpath=… instead of words.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,

    /// Delete the old pod and create a new one; there need not be an old one then.
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

    /// With --force, how long to wait for the old pod to be gone [default: 5m].
    #[arg(long, value_name = "DURATION", default_value = "5m", hide_default_value = true, value_parser = duration::parse, requires = "force")]
    timeout: Span,

    /// Remember the manifest in the object, so that it can be changed with apply.
    #[arg(long)]
    save_config: bool,

    /// What to do about fields that are unknown or not supported yet.
    #[arg(long, value_enum, default_value_t)]
    validate: Strictness,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    args.files.require()?;
    let mut outcome = Outcome::new(Form::parse(args.output.as_deref())?);
    let read = documents::read(&args.files, context, args.validate)?;
    read.require_some("replace")?;
    read.failures
        .iter()
        .for_each(|failure| outcome.fail(failure));
    let fleet = Fleet::new(context)?;
    let dry_run = args.dry_run.dry_run;
    for document in &read.all {
        let replaced = if args.force && !dry_run.is_dry() {
            again(args, &fleet, document, &mut outcome)
        } else {
            replace(args, &fleet, document)
        };
        let replaced = replaced.map_err(|failure| document.failure("replacing", failure));
        let told = replaced.and_then(|object| outcome.tell(&object, &dry_run.mark("replaced")));
        if let Err(failure) = told {
            outcome.fail(&failure);
        }
    }
    outcome.finish()
}

fn remember(args: &Args, document: &Document) -> Remember {
    let annotations = document.object.metadata().annotations.as_ref();
    if args.save_config || annotations.is_some_and(|a| a.contains_key(incoming::LAST_APPLIED)) {
        Remember::Yes
    } else {
        Remember::No
    }
}

fn replace(args: &Args, fleet: &Fleet, document: &Document) -> Result<Object, Failure> {
    if document.name.is_empty() {
        return Err(Failure::Machine(anyhow::anyhow!(
            "resource name may not be empty"
        )));
    }
    let reader = &fleet.reader;
    let live = reader.stored(document.kind(), &document.namespace, &document.name)?;
    let new = incoming::replaced(&fleet.store, document, &live, remember(args, document))?;
    if args.dry_run.dry_run != DryRun::None {
        return Ok(new);
    }
    Ok(fleet.update(&live, new)?.0)
}

/// `--force`: away with the old one, if there is one, then a new one.
fn again(
    args: &Args,
    fleet: &Fleet,
    document: &Document,
    outcome: &mut Outcome,
) -> Result<Object, Failure> {
    let object = incoming::object(document, remember(args, document))?;
    let grace = Grace::of(args.grace_period, false)?;
    let target = Target::of(document);
    match remove(fleet, &target, grace, args.timeout) {
        Ok(()) => outcome.note(&target.deleted("deleted"))?,
        Err(Failure::Server {
            reason: "NotFound", ..
        }) => {}
        Err(failure) => return Err(failure),
    }
    fleet.create(object)
}
