//! Walking an object along the steps of a template.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::{Filter, Node, Results, Slice, Step};
use crate::cli::print::gotext;

type Found<'v> = Cow<'v, Value>;

pub struct Eval {
    /// A field that is nowhere is no result rather than an error.
    pub allow_missing: bool,
}

impl Eval {
    pub fn nodes<'v>(&self, nodes: &[Node], data: Found<'v>) -> Result<Vec<Results<'v>>, String> {
        let mut all = Vec::new();
        for node in nodes {
            match node {
                Node::Text(text) => all.push(vec![literal(text)]),
                Node::Action(steps) => all.push(self.steps(steps, vec![data.clone()])?),
                Node::Range { over, body } => {
                    for item in self.steps(over, vec![data.clone()])? {
                        all.extend(self.nodes(body, item)?);
                    }
                }
            }
        }
        Ok(all)
    }

    fn steps<'v>(&self, steps: &[Step], input: Results<'v>) -> Result<Results<'v>, String> {
        steps
            .iter()
            .try_fold(input, |found, step| self.step(step, found))
    }

    fn step<'v>(&self, step: &Step, input: Results<'v>) -> Result<Results<'v>, String> {
        match step {
            Step::Text(text) => Ok(vec![literal(text)]),
            Step::Literal(value) => Ok(input.iter().map(|_| Cow::Owned(value.clone())).collect()),
            Step::Field(name) => self.field(name, input),
            Step::Wildcard => Ok(input.into_iter().flat_map(children).collect()),
            Step::Recursive => {
                let mut found = Vec::new();
                input
                    .into_iter()
                    .for_each(|value| recurse(value, &mut found));
                Ok(found)
            }
            Step::Slice(slice) => {
                let mut found = Vec::new();
                for value in input {
                    found.extend(sliced(value, slice)?);
                }
                Ok(found)
            }
            Step::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    found.extend(self.steps(part, input.clone())?);
                }
                Ok(found)
            }
            Step::Filter(filter) => {
                let mut found = Vec::new();
                for value in input {
                    self.filter(filter, value, &mut found)?;
                }
                Ok(found)
            }
            Step::Identifier(name) => Err(format!("unrecognized identifier {name}")),
        }
    }

    fn field<'v>(&self, name: &str, input: Results<'v>) -> Result<Results<'v>, String> {
        if input.is_empty() {
            return Ok(input);
        }
        let found: Results = input
            .into_iter()
            .filter_map(|value| member(value, name))
            .collect();
        match found.is_empty() && !self.allow_missing {
            true => Err(format!("{name} is not found")),
            false => Ok(found),
        }
    }

    fn filter<'v>(
        &self,
        filter: &Filter,
        value: Found<'v>,
        found: &mut Results<'v>,
    ) -> Result<(), String> {
        if !value.is_array() {
            let shown = gotext::sprint(&value);
            return Err(format!(
                "{shown} is not array or slice and cannot be filtered"
            ));
        }
        for item in children(value) {
            if self.holds(filter, &item)? {
                found.push(item);
            }
        }
        Ok(())
    }

    fn holds(&self, filter: &Filter, item: &Value) -> Result<bool, String> {
        let of = |steps| self.steps(steps, vec![Cow::Borrowed(item)]);
        let Some((operator, right)) = &filter.right else {
            // Whatever goes wrong on the way means that it is not there.
            return Ok(of(&filter.left).is_ok_and(|found| !found.is_empty()));
        };
        let (left, right) = (of(&filter.left)?, of(right)?);
        match (&left[..], &right[..]) {
            ([], _) | (_, []) => Ok(false),
            ([left], [right]) => compare(left, operator, right),
            _ => Err("can only compare one element at a time".to_owned()),
        }
    }
}

fn literal<'v>(text: &str) -> Found<'v> {
    Cow::Owned(Value::String(text.to_owned()))
}

fn member<'v>(value: Found<'v>, name: &str) -> Option<Found<'v>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(Value::Object(mut map)) => map.remove(name).map(Cow::Owned),
        Cow::Owned(_) => None,
    }
}

/// The items of a list, or the values of a map in the order of their keys (Go's own order is random).
fn children(value: Found<'_>) -> Vec<Found<'_>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(map)) => map
            .into_iter()
            .map(|(_, value)| Cow::Owned(value))
            .collect(),
        _ => Vec::new(),
    }
}

/// A value that has something in it, and all such below it.
fn recurse<'v>(value: Found<'v>, found: &mut Results<'v>) {
    let filled = match &*value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    };
    if filled {
        found.push(value.clone());
        children(value)
            .into_iter()
            .for_each(|child| recurse(child, found));
    }
}

fn sliced<'v>(value: Found<'v>, slice: &Slice) -> Result<Results<'v>, String> {
    if !value.is_array() {
        return Err(format!("{} is not array or slice", gotext::type_of(&value)));
    }
    let items = children(value);
    let length = items.len() as i64;
    let from_end = |at: i64| if at < 0 { at + length } else { at };
    let start = from_end(slice.start.unwrap_or(0));
    let end = match slice.end {
        Some(0) if slice.lone => length,
        Some(end) => from_end(end),
        None => length,
    };
    if start == end {
        return Ok(Vec::new());
    }
    let outside = match () {
        () if start < 0 || start >= length => Some(start),
        () if end < 0 || end > length => Some(end - 1),
        () => None,
    };
    if let Some(at) = outside {
        return Err(format!(
            "array index out of bounds: index {at}, length {length}"
        ));
    }
    if start > end {
        return Err(format!(
            "starting index {start} is greater than ending index {end}"
        ));
    }
    let step = match slice.step {
        Some(step) if step <= 0 => return Err("step must be > 0".to_owned()),
        step => step.unwrap_or(1) as usize,
    };
    let wanted = items.into_iter().take(end as usize).skip(start as usize);
    Ok(wanted.step_by(step).collect())
}

/// Only values of one kind compare (`client-go/third_party/forked/golang/template`).
fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, String> {
    let order = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => match operator {
            "==" | "!=" => left.cmp(right),
            _ => return Err("invalid type for comparison".to_owned()),
        },
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) if left.is_f64() == right.is_f64() => {
            match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => (left.as_f64().partial_cmp(&right.as_f64())).unwrap_or(Ordering::Less),
            }
        }
        (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (_, Value::Null | Value::Array(_) | Value::Object(_)) => {
            return Err("invalid type for comparison".to_owned());
        }
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    match operator {
        "==" => Ok(order.is_eq()),
        "!=" => Ok(order.is_ne()),
        "<" => Ok(order.is_lt()),
        "<=" => Ok(order.is_le()),
        ">" => Ok(order.is_gt()),
        ">=" => Ok(order.is_ge()),
        _ => Err(format!("unrecognized filter operator {operator}")),
    }
}
