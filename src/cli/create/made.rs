//! What all of `create configmap`, `create secret …`, `create serviceaccount` and `create namespace` do with what they have made.

use std::process::ExitCode;

use anyhow::anyhow;

use super::would_create;
use crate::cli::fleet::Fleet;
use crate::cli::incoming;
use crate::cli::outcome::{DryRun, DryRunFlag, Form, Outcome};
use crate::cli::{Context, Failure};
use crate::spec::{self, Complaints, Object, Validate};

/// The name, and how far to go.
#[derive(clap::Args)]
pub struct Flags {
    /// The name of what is made.
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    #[command(flatten)]
    dry_run: DryRunFlag,

    /// name, json, yaml or jsonpath=… instead of words.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,

    /// Remember the object in itself, so that it can be changed with apply.
    #[arg(long)]
    save_config: bool,
}

impl Flags {
    /// The one name; `verb`: how help on the command is asked for.
    pub fn name(&self, verb: &str) -> Result<&str, Failure> {
        match &self.names[..] {
            [name] if name.is_empty() => Err(Failure::Machine(anyhow!("name must be specified"))),
            [name] => Ok(name),
            other => Err(Failure::Machine(anyhow!(
                "exactly one NAME is required, got {}\nSee 'wasmpod {verb} -h' for help and examples",
                other.len()
            ))),
        }
    }

    /// Stores the object, or shows what it would be. `failing`: what kubectl says before what went wrong.
    pub fn make(
        &self,
        context: &Context,
        object: Object,
        failing: Option<&str>,
    ) -> Result<ExitCode, Failure> {
        let mut outcome = Outcome::new(Form::parse(self.output.as_deref())?);
        let dry_run = self.dry_run.dry_run;
        let refused = if failing.is_some() {
            refused
        } else {
            incoming::invalid
        };
        let made = self.made(context, object, dry_run, refused);
        let made = made.map_err(|failure| match (failing, failure) {
            (Some(failing), Failure::Server { message, .. }) => {
                Failure::Machine(anyhow!("{failing} {message}"))
            }
            (_, failure) => failure,
        })?;
        outcome.tell(&made, &dry_run.mark("created"))?;
        outcome.finish()
    }

    fn made(
        &self,
        context: &Context,
        mut object: Object,
        dry_run: DryRun,
        refused: fn(&Object, &Complaints) -> Failure,
    ) -> Result<Object, Failure> {
        // Only where it was typed: what a dry run prints is to be applied in any namespace.
        if object.kind().namespaced() {
            object
                .metadata_mut()
                .namespace
                .clone_from(&context.told_namespace);
        }
        if self.save_config {
            let written = object.value();
            incoming::remember(&mut object, &written);
        }
        if dry_run == DryRun::Client {
            return Ok(object);
        }
        if object.kind().namespaced() {
            object.metadata_mut().namespace = Some(context.namespace().to_owned());
        }
        let admitted = spec::admit_any(object.clone(), Validate::Strict);
        let (object, _) = admitted.map_err(|complaints| refused(&object, &complaints))?;
        let fleet = Fleet::new(context)?;
        match dry_run {
            DryRun::Server => would_create(&fleet, object),
            _ => fleet.create(object),
        }
    }
}

/// What the API server answers, for kubectl to put words before it (`field.ErrorList.ToAggregate`).
fn refused(object: &Object, complaints: &Complaints) -> Failure {
    let (kind, name) = (object.kind().kind(), object.name());
    let what = match &incoming::sentences(complaints)[..] {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    Failure::Server {
        reason: "Invalid",
        message: format!("{kind} {name:?} is invalid: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use serde_json::{Value, from_value, json};

    use super::*;

    fn said(object: Object) -> String {
        let complaints = spec::admit_any(object.clone(), Validate::Strict).unwrap_err();
        match refused(&object, &complaints) {
            Failure::Server { message, .. } => message,
            _ => panic!("no answer of the store"),
        }
    }

    fn secret(value: Value) -> Object {
        from_value::<Secret>(value).unwrap().into()
    }

    /// kubectl: `error: failed to create configmap: ConfigMap "Bad" is invalid: …`.
    #[test]
    fn what_is_refused_is_said_behind_the_verbs_own_words() {
        let map = json!({"metadata": {"name": "x"}, "data": {"..a": "b"}});
        let map = from_value::<ConfigMap>(map).unwrap();
        assert_eq!(
            said(map.into()),
            r#"ConfigMap "x" is invalid: data[..a]: Invalid value: "..a": must not start with '..'"#
        );
        let auth = json!({"metadata": {"name": "x"}, "type": "kubernetes.io/basic-auth"});
        assert_eq!(
            said(secret(auth)),
            r#"Secret "x" is invalid: [data[username]: Required value, data[password]: Required value]"#
        );
    }
}
