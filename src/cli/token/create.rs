//! `wasmpod create token` (kubectl `pkg/cmd/create/create_token.go`).

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::authentication::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::SignedDuration;

use super::super::duration::{self, Span};
use super::super::outcome::{Form, print};
use super::super::{Context, Failure};
use crate::node::identity::{
    AskError, Asked, BoundKind, BoundReference, Identity, Token, TokenRequest,
};

#[derive(clap::Args)]
pub struct Create {
    /// The service account.
    #[arg(value_name = "SERVICE_ACCOUNT_NAME")]
    name: String,

    /// For whom the token is meant, if not for this installation. May be repeated.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,

    /// How long it is valid: ten minutes at least. If not set or set to 0, an hour.
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration::parse, allow_hyphen_values = true)]
    duration: Span,

    /// Kind of an object to bind the token to: Node, Pod or Secret.
    #[arg(
        long,
        value_name = "KIND",
        default_value = "",
        hide_default_value = true
    )]
    bound_object_kind: String,

    /// Name of an object to bind the token to. The token dies with it.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    bound_object_name: String,

    /// UID of an object to bind the token to. If unset, that of the existing object.
    #[arg(
        long,
        value_name = "UID",
        default_value = "",
        hide_default_value = true
    )]
    bound_object_uid: String,

    /// name, json, yaml or jsonpath=… instead of the token alone.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,
}

/// Signs a token and prints it.
pub fn run(args: &Create, context: &Context) -> Result<ExitCode, Failure> {
    let failed = |error: String| Failure::Machine(anyhow!(error));
    let asked = args.asked(context.namespace()).map_err(failed)?;
    let form = Form::parse(args.output.as_deref())?;
    let (request, token) = answer(&asked, context)
        .map_err(|error| failed(format!("failed to create token: {error}")))?;
    print(&match form {
        Form::Words if std::io::stdout().is_terminal() => token.jwt + "\n",
        Form::Words => token.jwt,
        Form::Name => format!("tokenrequest.authentication.k8s.io/{}\n", args.name),
        Form::Object(format) => {
            let object = serde_json::to_value(object(&asked, &request, token));
            let object = object.context("could not print the object")?;
            format.print(&object).map_err(Failure::Machine)?
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn answer(asked: &Asked, context: &Context) -> Result<(TokenRequest, Token), AskError> {
    let request = asked.resolve(&context.store())?;
    let token = Identity::open(&context.layout()).sign(&request)?;
    Ok((request, token))
}

impl Create {
    /// What is asked for, or what is wrong with how (`TokenOptions.Validate`).
    fn asked(&self, namespace: &str) -> Result<Asked, String> {
        if self.duration.negative && !self.duration.length.is_zero() {
            return Err("--duration must be greater than or equal to 0".to_owned());
        }
        if self.duration.length.subsec_nanos() != 0 {
            let text = "--duration cannot be expressed in units less than seconds";
            return Err(text.to_owned());
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err("--audience must not be an empty string".to_owned());
        }
        Ok(Asked {
            namespace: namespace.to_owned(),
            account: self.name.clone(),
            audiences: self.audiences.clone(),
            lifetime: match self.duration.length {
                Duration::ZERO => TokenRequest::DEFAULT_LIFETIME,
                length => length,
            },
            bound: self.bound()?,
        })
    }

    fn bound(&self) -> Result<Option<BoundReference>, String> {
        let (name, uid) = (&self.bound_object_name, &self.bound_object_uid);
        if self.bound_object_kind.is_empty() {
            for (flag, value) in [("name", name), ("uid", uid)] {
                if !value.is_empty() {
                    return Err(format!(
                        "--bound-object-{flag} can only be set if --bound-object-kind is provided"
                    ));
                }
            }
            return Ok(None);
        }
        let mut kinds = BoundKind::ALL.into_iter();
        let Some(kind) = kinds.find(|kind| kind.name() == self.bound_object_kind) else {
            let kinds = BoundKind::ALL.map(BoundKind::name).join(", ");
            return Err(format!("supported --bound-object-kind values are {kinds}"));
        };
        if name.is_empty() {
            let text = "--bound-object-name is required if --bound-object-kind is provided";
            return Err(text.to_owned());
        }
        Ok(Some(BoundReference {
            kind,
            name: name.clone(),
            uid: Some(uid.clone()).filter(|uid| !uid.is_empty()),
        }))
    }
}

/// The `TokenRequest` that an API server answers with.
fn object(asked: &Asked, request: &TokenRequest, token: Token) -> api::TokenRequest {
    let bound = asked.bound.as_ref();
    let seconds = i64::try_from(asked.lifetime.as_secs()).unwrap_or(i64::MAX);
    let signed = token
        .expires
        .saturating_sub(SignedDuration::from_secs(seconds));
    api::TokenRequest {
        metadata: ObjectMeta {
            name: Some(asked.account.clone()),
            namespace: Some(asked.namespace.clone()),
            creation_timestamp: signed.ok().map(Time),
            ..Default::default()
        },
        spec: Some(api::TokenRequestSpec {
            audiences: Some(request.meant_for()),
            bound_object_ref: bound.map(|bound| api::BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some(bound.kind.name().to_owned()),
                name: Some(bound.name.clone()),
                uid: bound.uid.clone(),
            }),
            expiration_seconds: Some(seconds),
        }),
        status: Some(api::TokenRequestStatus {
            expiration_timestamp: Some(Time(token.expires)),
            token: Some(token.jwt),
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches};

    use super::*;

    fn asked(words: &str) -> Result<Asked, String> {
        let command = Create::augment_args(clap::Command::new("token"));
        let words = ["token", "app"].into_iter().chain(words.split_whitespace());
        let matches = command
            .try_get_matches_from(words)
            .map_err(|error| error.to_string())?;
        let create = Create::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        create.asked("shop")
    }

    #[test]
    fn what_is_typed_is_asked_for() {
        let plain = Asked {
            namespace: "shop".to_owned(),
            account: "app".to_owned(),
            audiences: Vec::new(),
            lifetime: Duration::from_secs(3600),
            bound: None,
        };
        assert_eq!(asked(""), Ok(plain.clone()));
        assert_eq!(asked("--duration 0"), Ok(plain.clone()));
        assert_eq!(
            asked("--duration=1h30m --audience a --audience b,c"),
            Ok(Asked {
                audiences: vec!["a".to_owned(), "b,c".to_owned()],
                lifetime: Duration::from_secs(5400),
                ..plain.clone()
            })
        );
        let bound = |uid: Option<&str>| {
            Ok(Asked {
                bound: Some(BoundReference {
                    kind: BoundKind::Pod,
                    name: "web".to_owned(),
                    uid: uid.map(str::to_owned),
                }),
                ..plain.clone()
            })
        };
        let typed = "--bound-object-kind Pod --bound-object-name web";
        assert_eq!(asked(typed), bound(None));
        assert_eq!(
            asked(&format!("{typed} --bound-object-uid u-1")),
            bound(Some("u-1"))
        );
    }

    #[test]
    fn what_is_typed_wrongly_is_refused_in_kubectls_words() {
        for (words, refused) in [
            (
                "--duration -1s",
                "--duration must be greater than or equal to 0",
            ),
            (
                "--duration 1500ms",
                "--duration cannot be expressed in units less than seconds",
            ),
            ("--audience=", "--audience must not be an empty string"),
            (
                "--bound-object-kind Job",
                "supported --bound-object-kind values are Node, Pod, Secret",
            ),
            (
                "--bound-object-kind Pod",
                "--bound-object-name is required if --bound-object-kind is provided",
            ),
            (
                "--bound-object-name web",
                "--bound-object-name can only be set if --bound-object-kind is provided",
            ),
            (
                "--bound-object-uid u-1",
                "--bound-object-uid can only be set if --bound-object-kind is provided",
            ),
        ] {
            assert_eq!(asked(words), Err(refused.to_owned()));
        }
    }
}
