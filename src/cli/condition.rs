//! What `wait --for=…` waits for (`kubectl/pkg/cmd/wait`).

use anyhow::{Error, anyhow, bail};
use serde_json::Value;

use super::print::JsonPath;
use crate::spec::Object;

/// Something that may be true of an object.
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
    /// Whether it is true of this object; of one that is not there only a deletion is.
    pub fn met_by(&self, object: Option<&Object>) -> Result<bool, Error> {
        let Some(object) = object else {
            return Ok(matches!(self, Condition::Deleted));
        };
        match self {
            Condition::Created => Ok(true),
            Condition::Deleted => Ok(false),
            Condition::Status { name, value } => Ok(has_condition(&object.value(), name, value)),
            Condition::Path { path, value } => has_value(&object.value(), path, value.as_deref()),
        }
    }
}

/// Conditions that were seen before the object last changed say nothing about it.
fn has_condition(object: &Value, name: &str, value: &str) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let status = &object["status"];
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    let Some(found) = conditions.find(|condition| same(&text(&condition["type"]), name)) else {
        return false;
    };
    let observed = found["observedGeneration"]
        .as_i64()
        .or_else(|| status["observedGeneration"].as_i64());
    let generation = object["metadata"]["generation"].as_i64();
    let outdated = matches!((observed, generation), (Some(seen), Some(now)) if seen < now);
    !outdated && same(&text(&found["status"]), value)
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn has_value(object: &Value, path: &JsonPath, wanted: Option<&str>) -> Result<bool, Error> {
    let found = path.find(object).map_err(Error::msg)?;
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
        parse(text).unwrap().met_by(Some(&self::pod(pod))).unwrap()
    }

    fn pod(text: &str) -> Object {
        Object::from_value(crate::spec::Kind::Pod, serde_json::from_str(text).unwrap()).unwrap()
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
        let pod = pod(READY);
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
