//! What `wait --for=…` waits for (`kubectl/pkg/cmd/wait`).

use anyhow::{Error, anyhow, bail};
use k8s_openapi::api::core::v1;
use serde_json::Value;

use super::print::JsonPath;

/// Something that may be true of a pod.
pub enum Condition {
    Created,
    Deleted,
    /// A condition of its status, by name and value, without regard to case.
    Status {
        name: String,
        value: String,
    },
    /// A place in the object, and what is to stand there; None: anything.
    Path {
        path: JsonPath,
        value: Option<String>,
    },
}

/// Reads the value of `--for`.
pub fn parse(text: &str) -> Result<Condition, Error> {
    match text.to_lowercase().as_str() {
        "create" => return Ok(Condition::Created),
        "delete" => return Ok(Condition::Deleted),
        _ => {}
    }
    if let Some(condition) = text.strip_prefix("condition=") {
        let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
        return Ok(Condition::Status {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    match text.strip_prefix("jsonpath=") {
        Some(path) => json_path(path),
        None => Err(anyhow!("unrecognized condition: {text:?}")),
    }
}

fn json_path(text: &str) -> Result<Condition, Error> {
    let parts = split_at_equals(text);
    let (path, value) = match &parts[..] {
        [path] => (path, None),
        [path, value] => (path, Some(value.trim_matches(['\'', '"']))),
        _ => bail!(
            "jsonpath wait format must be --for=jsonpath='{{.status.readyReplicas}}'=3 \
             or --for=jsonpath='{{.status.readyReplicas}}'"
        ),
    };
    if path.is_empty() {
        bail!("jsonpath expression cannot be empty");
    }
    if value == Some("") {
        bail!(
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{{.status.readyReplicas}}'=3"
        );
    }
    Ok(Condition::Path {
        path: JsonPath::relaxed(path).map_err(Error::msg)?,
        value: value.map(str::to_owned),
    })
}

/// At each `=` that stands alone: two of them are part of an expression.
fn split_at_equals(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '=' if rest.next_if_eq(&'=').is_some() => last(&mut parts).push_str("=="),
            '=' => parts.push(String::new()),
            c => last(&mut parts).push(c),
        }
    }
    parts
}

fn last(parts: &mut Vec<String>) -> &mut String {
    if parts.is_empty() {
        parts.push(String::new());
    }
    let end = parts.len() - 1;
    &mut parts[end]
}

impl Condition {
    /// Whether it is true of this pod; of one that is not there only a deletion is.
    pub fn met_by(&self, pod: Option<&v1::Pod>) -> Result<bool, Error> {
        let Some(pod) = pod else {
            return Ok(matches!(self, Condition::Deleted));
        };
        match self {
            Condition::Created => Ok(true),
            Condition::Deleted => Ok(false),
            Condition::Status { name, value } => Ok(has_condition(pod, name, value)),
            Condition::Path { path, value } => has_value(pod, path, value.as_deref()),
        }
    }
}

/// Conditions that were seen before the object last changed say nothing about it.
fn has_condition(pod: &v1::Pod, name: &str, value: &str) -> bool {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    let Some(found) = conditions
        .flatten()
        .find(|condition| same(&condition.type_, name))
    else {
        return false;
    };
    let observed = found.observed_generation.or_else(|| {
        pod.status
            .as_ref()
            .and_then(|status| status.observed_generation)
    });
    let outdated =
        matches!((observed, pod.metadata.generation), (Some(seen), Some(now)) if seen < now);
    !outdated && same(&found.status, value)
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn has_value(pod: &v1::Pod, path: &JsonPath, wanted: Option<&str>) -> Result<bool, Error> {
    let object = serde_json::to_value(pod)?;
    let found = path.find(&object).map_err(Error::msg)?;
    let values = match &found[..] {
        [] => return Ok(false),
        [values] => values,
        _ => bail!("given jsonpath expression matches more than one list"),
    };
    match (&values[..], wanted) {
        ([], _) => Ok(false),
        ([_], None) => Ok(true),
        ([value], Some(wanted)) => Ok(text(value)?.trim() == wanted.trim()),
        _ => bail!("given jsonpath expression matches more than one value"),
    }
}

fn text(value: &Value) -> Result<String, Error> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            bail!("jsonpath leads to a nested object or list which is not supported")
        }
        other => Ok(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str, pod: &str) -> bool {
        let pod = serde_json::from_str(pod).unwrap();
        parse(text).unwrap().met_by(Some(&pod)).unwrap()
    }

    const READY: &str = r#"{"metadata":{"generation":2},"status":{"phase":"Running","observedGeneration":2,
        "conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"a","restartCount":3},{"name":"b","restartCount":3}]}}"#;

    #[test]
    fn conditions_are_compared_without_regard_to_case() {
        assert!(met("condition=Ready", READY));
        assert!(met("condition=ready=TRUE", READY));
        assert!(!met("condition=Ready=false", READY));
        assert!(!met("condition=Initialized", READY));
    }

    #[test]
    fn a_condition_of_an_older_generation_does_not_count() {
        let old = READY.replace(r#""generation":2"#, r#""generation":3"#);
        assert!(!met("condition=Ready", &old));
    }

    #[test]
    fn a_place_in_the_object_can_be_waited_for() {
        assert!(met("jsonpath={.status.phase}=Running", READY));
        assert!(met("jsonpath=.status.phase='Running'", READY));
        assert!(met("jsonpath={.status.phase}", READY));
        assert!(!met("jsonpath={.status.reason}", READY));
        assert!(met(
            r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}=True"#,
            READY
        ));
        assert!(met(
            "jsonpath={.status.containerStatuses[0].restartCount}=3",
            READY
        ));
    }

    #[test]
    fn more_than_one_value_is_none() {
        let pod = serde_json::from_str(READY).unwrap();
        let refused = |text| {
            let condition = parse(text).unwrap();
            condition.met_by(Some(&pod)).unwrap_err().to_string()
        };
        assert_eq!(
            refused("jsonpath={.status.containerStatuses[*].name}"),
            "given jsonpath expression matches more than one value"
        );
        assert_eq!(
            refused("jsonpath={.status}=x"),
            "jsonpath leads to a nested object or list which is not supported"
        );
    }

    #[test]
    fn only_a_deletion_is_true_of_what_is_not_there() {
        for (text, expected) in [
            ("delete", true),
            ("create", false),
            ("condition=Ready", false),
        ] {
            assert_eq!(parse(text).unwrap().met_by(None).unwrap(), expected);
        }
    }

    /// The answers of kubectl 1.32.
    #[test]
    fn what_is_no_condition_is_refused_in_kubectls_words() {
        let refused = |text| parse(text).err().unwrap().to_string();
        assert_eq!(refused("foo"), "unrecognized condition: \"foo\"");
        assert_eq!(refused(""), "unrecognized condition: \"\"");
        assert_eq!(refused("jsonpath="), "jsonpath expression cannot be empty");
        assert_eq!(
            refused("jsonpath={.a}=''"),
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3"
        );
        assert!(refused("jsonpath={.a}=b=c").starts_with("jsonpath wait format must be"));
    }
}
