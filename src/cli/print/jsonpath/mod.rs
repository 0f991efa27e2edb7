//! kubectl's dialect of JSONPath (`client-go/util/jsonpath`): text with `{actions}` in it.
//!
//! ```text
//! {.items[*].metadata.name}          fields, lists; the results of one action are parted by a blank
//! {range .items[*]}{.x}{"\n"}{end}   once for every result
//! {.a[0]} {.a[-1]} {.a[1:3]} {.a[::2]} {.a[0,2]} {['x','y']}
//! {..image}                          wherever it is
//! {.items[?(@.x=="y")]}              those for which it holds: == != < <= > >=, or that have it at all
//! {.metadata.labels.app\.kubernetes\.io/name}
//! ```

mod eval;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

use super::{gotext, json};

/// A template, parsed.
#[derive(Clone, Debug)]
pub struct JsonPath {
    nodes: Vec<Node>,
    allow_missing: bool,
}

/// A part of the template.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Action(Vec<Step>),
    Range { over: Vec<Step>, body: Vec<Node> },
}

/// What is done, one after the other, to the values an action has found so far.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Text(String),
    Literal(Value),
    Field(String),
    Wildcard,
    Recursive,
    Slice(Slice),
    Union(Vec<Vec<Step>>),
    Filter(Filter),
    /// Neither a field nor a keyword: an error, but only once it is reached.
    Identifier(String),
}

/// `[start:end:step]`. A lone index has the end right behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slice {
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
    /// The end was not written: `[-1]` ends at the end of the list, not before its first item.
    lone: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: Vec<Step>,
    /// None: it is enough that the left side is there.
    right: Option<(String, Vec<Step>)>,
}

/// The results of one action, found in the object or made up by the template.
pub type Results<'v> = Vec<Cow<'v, Value>>;

impl JsonPath {
    /// `Err` says what is wrong with the template.
    pub fn parse(template: &str, allow_missing: bool) -> Result<JsonPath, String> {
        let nodes = parse::parse(template)?;
        Ok(JsonPath {
            nodes,
            allow_missing,
        })
    }

    /// An expression that may leave out the braces and the first dot (`kubectl/pkg/cmd/get/customcolumn.go`).
    pub fn relaxed(expression: &str) -> Result<JsonPath, String> {
        JsonPath::parse(&relax(expression)?, true)
    }

    /// The results of each action, in the order of the template.
    pub fn find<'v>(&self, data: &'v Value) -> Result<Vec<Results<'v>>, String> {
        eval::Eval {
            allow_missing: self.allow_missing,
        }
        .nodes(&self.nodes, Cow::Borrowed(data))
    }

    /// What `-o jsonpath=` prints.
    pub fn print(&self, data: &Value) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data)? {
            let texts: Vec<String> = results.iter().map(|value| text(value)).collect();
            out.push_str(&texts.join(" "));
        }
        Ok(out)
    }

    /// What `-o jsonpath-as-json=` prints.
    pub fn print_json(&self, data: &Value) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data)? {
            let results = results.into_iter().map(Cow::into_owned).collect();
            out.push_str(&json::pretty(&Value::Array(results)));
            out.push('\n');
        }
        Ok(out)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => json::compact(value),
        _ => gotext::sprint(value),
    }
}

/// `metadata.name`, `.metadata.name`, `{metadata.name}` and `{.metadata.name}` all become the last.
pub fn relax(expression: &str) -> Result<String, String> {
    if expression.is_empty() {
        return Ok(String::new());
    }
    let inner = expression
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(expression);
    let path = match inner.strip_prefix('.') {
        Some(rest) if !rest.is_empty() => rest,
        _ => inner,
    };
    if path.is_empty() || path.contains(['{', '}']) {
        return Err("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'".to_owned());
    }
    Ok(format!("{{.{path}}}"))
}
