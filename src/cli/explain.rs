//! `wasmpod explain`: what the fields of an object mean (`k8s.io/kubectl/pkg/cmd/explain/explain.go`).

use std::process::ExitCode;

use anyhow::{Error, anyhow};
use k8s_openapi::api::core::v1;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Failure;
use super::get::print;
use super::print::explain::Question;
use super::reading::Kind;

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
    let mut path = args.field.split('.').filter(|part| !part.is_empty());
    let kind = path.next().ok_or_else(|| {
        anyhow!("you must specify the type of resource to explain: pods or events")
    })?;
    let (kind, schema) = match Kind::parse(kind)? {
        Kind::Pods => ("Pod", schema::<v1::Pod>()),
        Kind::Events => ("Event", schema::<v1::Event>()),
    };
    let path: Vec<&str> = path.collect();
    let question = Question {
        kind,
        version: "v1",
        schema: &schema,
        path: &path,
        recursive: args.recursive,
    };
    print(&question.answer().map_err(Error::msg)?)?;
    Ok(ExitCode::SUCCESS)
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
}
