//! `wasmpod create`: objects that are not there yet, from manifests (`-f`) or from words (`create configmap …`).

mod config_map;
mod data;
mod hash;
mod made;
mod plain;
mod secret;
mod tls;

use std::process::ExitCode;

use super::documents::{self, Document, Files};
use super::fleet::Fleet;
use super::incoming::{self, Remember};
use super::outcome::{DryRun, DryRunFlag, Form, Outcome};
use super::targets::LabelFlag;
use super::{Context, Failure, Strictness, stages, token};
use crate::node::{self, StoreError};
use crate::spec::{Object, Validate};

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
    /// A config map of literals, files and directories.
    #[command(name = "configmap", visible_alias = "cm")]
    ConfigMap(config_map::Args),
    /// A namespace.
    #[command(visible_alias = "ns")]
    Namespace(plain::Args),
    /// A secret: of anything, for a registry, or of a certificate and its key.
    Secret(secret::Args),
    /// A service account.
    #[command(name = "serviceaccount", visible_alias = "sa")]
    ServiceAccount(plain::Args),
    /// A token of a service account.
    Token(token::Create),
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    match &args.what {
        None => of_files(args, context),
        Some(What::ConfigMap(map)) => config_map::run(map, context),
        Some(What::Namespace(namespace)) => plain::namespace(namespace, context),
        Some(What::Secret(secret)) => secret::run(secret, context),
        Some(What::ServiceAccount(account)) => plain::service_account(account, context),
        Some(What::Token(token)) => token::create(token, context),
    }
}

fn of_files(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    args.files.require()?;
    let form = Form::parse(args.output.as_deref())?;
    let filter = args.selector.filter()?;
    let mut read = documents::read(&args.files, context, args.validate)?;
    read.all.retain(|document| filter.matches(&document.object));
    read.require_some("create")?;
    let remember = if args.save_config {
        Remember::Yes
    } else {
        Remember::No
    };
    let fleet = Fleet::new(context)?;
    let dry_run = args.dry_run.dry_run;
    let mut outcome = Outcome::new(form);
    read.failures
        .iter()
        .for_each(|failure| outcome.fail(failure));
    let work = |document: &Document| {
        create(&fleet, document, remember, dry_run)
            .map_err(|failure| document.failure("creating", failure))
    };
    stages::for_each(&read.all, work, |created| {
        let told = created.and_then(|object| outcome.tell(&object, &dry_run.mark("created")));
        if let Err(failure) = told {
            outcome.fail(&failure);
        }
    });
    outcome.finish()
}

/// Creates the object of a manifest, as far as the dry run lets it.
pub fn create(
    fleet: &Fleet,
    document: &Document,
    remember: Remember,
    dry_run: DryRun,
) -> Result<Object, Failure> {
    let object = incoming::object(document, remember)?;
    match dry_run {
        DryRun::None => fleet.create(object),
        // What would be sent, which is what was written.
        DryRun::Client => incoming::written(document, remember),
        DryRun::Server => would_create(fleet, object),
    }
}

/// The object as it would be stored, unless there is one of its name, or no namespace for it.
fn would_create(fleet: &Fleet, object: Object) -> Result<Object, Failure> {
    let kind = object.kind();
    let namespace = object.namespace();
    if kind.namespaced() && !fleet.store.namespace_exists(namespace)? {
        return Err(StoreError::NotFound {
            kind: "namespaces",
            name: namespace.to_owned(),
        }
        .into());
    }
    match fleet.reader.stored(kind, namespace, object.name()) {
        Err(error) if error.is_not_found() => match object {
            Object::Pod(pod) => {
                let (admitted, _) = node::admit(&fleet.store, *pod, Validate::Strict)?;
                Ok(admitted.pod.into())
            }
            other => Ok(other),
        },
        Err(error) => Err(error.into()),
        Ok(there) => Err(Failure::from(StoreError::AlreadyExists {
            kind: kind.qualified_plural(),
            name: object.name().to_owned(),
            deleting: there.metadata().deletion_timestamp.is_some(),
        })),
    }
}
