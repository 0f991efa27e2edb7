//! `wasmpod create -f …`: pods that are not there yet.

use std::process::ExitCode;
use std::sync::Mutex;

use k8s_openapi::api::core::v1;

use super::documents::{self, Document, Files};
use super::fleet::{self, Fleet};
use super::incoming::{self, Remember};
use super::outcome::{DryRun, DryRunFlag, Form, Outcome};
use super::targets::LabelFlag;
use super::{Context, Failure, Strictness, locked, token};
use crate::node::StoreError;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    dry_run: DryRunFlag,

    #[command(flatten)]
    selector: LabelFlag,

    /// name, json, yaml or jsonpath=… instead of words.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,

    /// Remember the manifest in the object, so that it can be changed with apply.
    #[arg(long)]
    save_config: bool,

    /// What to do about fields that are unknown or not supported yet.
    #[arg(long, value_enum, default_value_t)]
    validate: Strictness,
}

/// What can be made without a manifest.
#[derive(clap::Subcommand)]
enum What {
    /// A token of a service account.
    Token(token::Create),
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    match &args.what {
        None => of_files(args, context),
        Some(What::Token(token)) => token::create(token, context),
    }
}

fn of_files(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    args.files.require()?;
    let form = Form::parse(args.output.as_deref())?;
    let filter = args.selector.filter()?;
    let mut read = documents::read(&args.files, context, args.validate)?;
    read.pods
        .retain(|document| filter.matches(&document.loaded.object));
    read.require_some("create")?;
    let remember = if args.save_config {
        Remember::Yes
    } else {
        Remember::No
    };
    let fleet = Fleet::new(context)?;
    let dry_run = args.dry_run.dry_run;
    let outcome = Mutex::new(Outcome::new(form));
    read.failures
        .iter()
        .for_each(|failure| locked(&outcome).fail(failure));
    fleet::for_each(&read.pods, |document| {
        let created = create(&fleet, document, remember, dry_run)
            .map_err(|failure| document.failure("creating", failure));
        let mut outcome = locked(&outcome);
        let told = created.and_then(|pod| {
            let name = pod.metadata.name.clone().unwrap_or_default();
            outcome.tell(&pod, &name, &dry_run.mark("created"))
        });
        if let Err(failure) = told {
            outcome.fail(&failure);
        }
    });
    let outcome = outcome.into_inner();
    outcome
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .finish()
}

/// Creates the pod of a manifest, as far as the dry run lets it.
pub fn create(
    fleet: &Fleet,
    document: &Document,
    remember: Remember,
    dry_run: DryRun,
) -> Result<v1::Pod, Failure> {
    let object = incoming::object(document, remember)?;
    match dry_run {
        DryRun::None => fleet.create(object),
        // What would be sent, which is what was written.
        DryRun::Client => incoming::written(document, remember),
        DryRun::Server => match fleet.store.stored(&document.namespace, &document.name) {
            Err(error) if error.is_not_found() => Ok(object),
            Err(error) => Err(error.into()),
            Ok(there) => Err(Failure::from(StoreError::AlreadyExists {
                kind: "pods",
                name: document.name.clone(),
                deleting: there.metadata.deletion_timestamp.is_some(),
            })),
        },
    }
}
