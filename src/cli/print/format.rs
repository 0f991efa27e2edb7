//! `-o`: the forms an object can be printed in.

use anyhow::{Error, anyhow, bail};
use serde_json::Value;

use super::custom::Columns;
use super::json;
use super::jsonpath::JsonPath;
use super::table::Table;
use super::yaml::yaml;

/// What may follow `-o`, as messages list it.
const FORMATS: &str = "custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml";

#[derive(Clone, Debug)]
pub enum Format {
    Json,
    Yaml,
    /// `pod/web`
    Name,
    JsonPath(JsonPath),
    JsonPathAsJson(JsonPath),
    Columns(Columns),
}

impl Format {
    /// Without `wide`, which is a table.
    ///
    /// # Errors
    /// An unknown format, or what is wrong with a template.
    pub fn parse(text: &str) -> Result<Format, Error> {
        Format::parse_with(text, None, true)
    }

    /// The same with the flags of `get`: `--template`, `--allow-missing-template-keys`.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn parse_with(
        text: &str,
        template: Option<&str>,
        allow_missing: bool,
    ) -> Result<Format, Error> {
        let (name, behind) = match text.split_once('=') {
            Some((name, behind)) => (name, Some(behind)),
            None => (text, None),
        };
        let argument = || behind.or(template).filter(|text| !text.is_empty());
        let of_template = |template: &str| {
            JsonPath::parse(template, allow_missing)
                .map_err(|error| anyhow!("error parsing jsonpath {template}, {error}"))
        };
        let wanted =
            || argument().ok_or_else(|| anyhow!("template format specified but no template given"));
        let columns = |text: &str| Columns::parse(text).map_err(Error::msg);
        Ok(match (name, behind) {
            ("json", None) => Format::Json,
            ("yaml", None) => Format::Yaml,
            ("name", None) => Format::Name,
            ("jsonpath", _) => Format::JsonPath(of_template(wanted()?)?),
            ("jsonpath-as-json", _) => Format::JsonPathAsJson(of_template(wanted()?)?),
            ("jsonpath-file", _) => Format::JsonPath(of_template(&read_file(wanted()?)?)?),
            ("custom-columns", _) => Format::Columns(columns(argument().unwrap_or_default())?),
            ("custom-columns-file", _) => {
                let Some(file) = argument() else {
                    bail!("custom-columns format specified but no custom columns given");
                };
                Format::Columns(Columns::parse_file(&read_file(file)?).map_err(Error::msg)?)
            }
            ("go-template" | "go-template-file" | "template" | "templatefile", _) => {
                bail!(
                    "output format {name:?} is not supported: use jsonpath or custom-columns instead"
                )
            }
            _ => bail!(
                "unable to match a printer suitable for the output format {text:?}, allowed formats are: {FORMATS}"
            ),
        })
    }

    /// Columns without a head; the other forms have none.
    pub fn without_headers(self) -> Format {
        match self {
            Format::Columns(columns) => Format::Columns(columns.without_headers()),
            other => other,
        }
    }

    pub fn is_yaml(&self) -> bool {
        matches!(self, Format::Yaml)
    }

    /// One object, or a list of them.
    ///
    /// # Errors
    /// What a template cannot do with the object.
    pub fn print(&self, object: &Value) -> Result<String, Error> {
        match self {
            Format::Json => Ok(json::pretty(object) + "\n"),
            Format::Yaml => Ok(yaml(object)),
            Format::Name => Ok(items(object).map(|item| name(item) + "\n").collect()),
            Format::JsonPath(path) => path
                .print(object)
                .map_err(|error| anyhow!("error executing jsonpath: {error}")),
            Format::JsonPathAsJson(path) => path
                .print_json(object)
                .map_err(|error| anyhow!("error executing jsonpath: {error}")),
            Format::Columns(columns) => {
                let objects: Vec<Value> = items(object).cloned().collect();
                columns
                    .print(&objects, &mut Table::default(), true)
                    .map_err(Error::msg)
            }
        }
    }
}

fn read_file(path: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| anyhow!("error reading template {path}, {error}"))
}

/// The items of a list, or the object itself.
fn items(object: &Value) -> impl Iterator<Item = &Value> {
    let is_list = object["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    let items = object["items"].as_array().filter(|_| is_list);
    let alone = items.is_none().then_some(object);
    items.into_iter().flatten().chain(alone)
}

/// `pod/web`, and with its group `podpreset.settings.k8s.io/cache`
pub fn name(object: &Value) -> String {
    let mut kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let version = object["apiVersion"].as_str().unwrap_or_default();
    if let Some((group, _)) = version.split_once('/') {
        kind += &format!(".{group}");
    }
    format!(
        "{kind}/{}",
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

/// What `get` prints when it is asked for more than one object.
pub fn list_of(items: Vec<Value>) -> Value {
    serde_json::json!({
        "apiVersion": "v1",
        "items": items,
        "kind": "List",
        "metadata": { "resourceVersion": "" },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}})
    }

    #[test]
    fn every_form_of_an_object() {
        let list = list_of(vec![pod("a"), pod("b")]);
        let print = |format: &str| Format::parse(format).unwrap().print(&list).unwrap();
        assert_eq!(print("name"), "pod/a\npod/b\n");
        assert_eq!(print("jsonpath={.items[*].metadata.name}"), "a b");
        assert_eq!(print("custom-columns=N:.metadata.name"), "N\na\nb\n");
        assert!(
            print("json")
                .starts_with("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n")
        );
        assert_eq!(
            print("yaml"),
            "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: b\nkind: List\nmetadata:\n  resourceVersion: \"\"\n"
        );
    }

    #[test]
    fn wrong_formats_are_refused() {
        let refused = |text| Format::parse(text).unwrap_err().to_string();
        assert_eq!(
            refused("jsonpath"),
            "template format specified but no template given"
        );
        assert_eq!(
            refused("foo"),
            format!(
                "unable to match a printer suitable for the output format \"foo\", allowed formats are: {FORMATS}"
            )
        );
        assert!(refused("go-template={{.kind}}").contains("is not supported"));
    }
}
