//! `wasmpod explain`: what the fields of an object mean (`k8s.io/kubectl/pkg/cmd/explain/explain.go`).

use std::process::ExitCode;

use anyhow::{Error, bail};
use k8s_openapi::api::core::v1;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::get::print;
use super::print::explain::Question;
use super::{Failure, named};
use crate::spec::{Kind, PodPreset};

#[derive(clap::Args)]
pub struct Args {
    /// A kind, and the way to one of its fields: pods.spec.containers
    #[arg(value_name = "TYPE[.FIELD...]")]
    field: String,

    /// Only the names of the fields, but all the way down.
    #[arg(long)]
    recursive: bool,
}

pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (kind, path) = asked(&args.field)?;
    let schema = schema_of(kind);
    let question = Question {
        kind: kind.kind(),
        group: kind.group(),
        version: kind.version(),
        schema: &schema,
        path: &path,
        recursive: args.recursive,
    };
    print(&question.answer().map_err(Error::msg)?)?;
    Ok(ExitCode::SUCCESS)
}

/// `pods.spec.containers`; a kind with its group has dots of its own: `podpresets.settings.k8s.io.spec`.
fn asked(text: &str) -> Result<(Kind, Vec<&str>), Error> {
    let parts: Vec<&str> = text.split('.').filter(|part| !part.is_empty()).collect();
    let Some(first) = parts.first() else {
        bail!("you must specify the type of resource to explain: pods, configmaps, secrets,…");
    };
    let qualified = (2..=parts.len()).rev().find_map(|end| {
        let kind = Kind::parse(&parts[..end].join("."))?;
        Some((kind, parts[end..].to_vec()))
    });
    match qualified {
        Some(found) => Ok(found),
        None => Ok((named::kind(first)?, parts[1..].to_vec())),
    }
}

fn schema_of(kind: Kind) -> Value {
    match kind {
        Kind::Pod => schema::<v1::Pod>(),
        Kind::Event => schema::<v1::Event>(),
        Kind::ConfigMap => schema::<v1::ConfigMap>(),
        Kind::Secret => schema::<v1::Secret>(),
        Kind::ServiceAccount => schema::<v1::ServiceAccount>(),
        Kind::PersistentVolumeClaim => schema::<v1::PersistentVolumeClaim>(),
        Kind::LimitRange => schema::<v1::LimitRange>(),
        Kind::Namespace => schema::<v1::Namespace>(),
        Kind::Node => schema::<v1::Node>(),
        Kind::PodPreset => schema::<PodPreset>(),
    }
}

/// The schema of a kind, with those it refers to beside it.
fn schema<K: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<K>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_pod_are_known() {
        let schema = schema::<v1::Pod>();
        let answer = |path: &[&str], recursive| {
            let question = Question {
                kind: "Pod",
                group: "",
                version: "v1",
                schema: &schema,
                path,
                recursive,
            };
            question.answer().unwrap()
        };
        let text = answer(&["spec", "containers", "image"], false);
        assert!(text.starts_with("KIND:       Pod\nVERSION:    v1\n\nFIELD: image <string>\n\n\nDESCRIPTION:\n    Container image name."), "{text}");
        let text = answer(&["spec", "containers", "resources"], false);
        assert!(text.contains("  limits\t<map[string]Quantity>\n"), "{text}");
        let all = answer(&[], true);
        assert!(
            all.contains("\n      terminationMessagePath\t<string>\n"),
            "{all}"
        );
    }

    #[test]
    fn a_kind_may_be_named_with_its_group() {
        let said = |text| asked(text).map_err(|error| error.to_string());
        assert_eq!(said("cm.data"), Ok((Kind::ConfigMap, vec!["data"])));
        assert_eq!(
            said("podpresets.settings.k8s.io.spec"),
            Ok((Kind::PodPreset, vec!["spec"]))
        );
        assert_eq!(
            said("widgets.spec"),
            Err("the server doesn't have a resource type \"widgets\"".to_owned())
        );
    }

    #[test]
    fn every_kind_can_be_explained() {
        for kind in Kind::ALL {
            let schema = schema_of(kind);
            let question = Question {
                kind: kind.kind(),
                group: kind.group(),
                version: kind.version(),
                schema: &schema,
                path: &[],
                recursive: false,
            };
            let text = question.answer().unwrap();
            assert!(text.contains("\n  metadata\t<ObjectMeta>"), "{text}");
        }
    }
}
