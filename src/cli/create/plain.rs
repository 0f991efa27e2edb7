//! `create namespace` and `create serviceaccount`: objects that are little more than a name.

use std::process::ExitCode;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::made::Flags;
use crate::cli::{Context, Failure};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
}

pub fn namespace(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let namespace = v1::Namespace {
        metadata: named(args.flags.name("create namespace")?),
        // kubectl prints both, empty as they are.
        spec: Some(v1::NamespaceSpec::default()),
        status: Some(v1::NamespaceStatus::default()),
    };
    args.flags.make(context, namespace.into(), None)
}

pub fn service_account(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let account = v1::ServiceAccount {
        metadata: named(args.flags.name("create serviceaccount")?),
        ..v1::ServiceAccount::default()
    };
    let failing = Some("failed to create serviceaccount:");
    args.flags.make(context, account.into(), failing)
}

/// The metadata of what has nothing but a name.
pub fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}
