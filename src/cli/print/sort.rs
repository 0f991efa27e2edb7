//! `--sort-by` (`kubectl/pkg/cmd/get/sorter.go`).

use std::cmp::Ordering;

use serde_json::Value;

use super::jsonpath::{JsonPath, relax};
use super::{gotext, natural};
use crate::spec::Quantity;

/// Sorts objects by what the expression finds in them first. Those that have nothing there come first; what is equal
/// stays in its order.
pub fn sort_by<T>(items: Vec<(Value, T)>, expression: &str) -> Result<Vec<(Value, T)>, String> {
    let path = JsonPath::relaxed(expression)?;
    let mut keyed = Vec::with_capacity(items.len());
    for (value, item) in items {
        let found = path.find(&value)?;
        let key = found
            .into_iter()
            .next()
            .and_then(|results| results.into_iter().next());
        let key = key.map(std::borrow::Cow::into_owned);
        keyed.push((key, value, item));
    }
    if !keyed.is_empty() && keyed.iter().all(|(key, _, _)| key.is_none()) {
        return Err(format!(
            "couldn't find any field with path {} in the list of objects",
            gotext::quoted(&relax(expression)?)
        ));
    }
    if let Some(key) = keyed
        .iter()
        .filter_map(|(key, _, _)| key.as_ref())
        .find(|key| !is_sortable(key))
    {
        return Err(format!("unsortable type: {}", gotext::type_of(key)));
    }
    keyed.sort_by(|(a, _, _), (b, _, _)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    Ok(keyed
        .into_iter()
        .map(|(_, value, item)| (value, item))
        .collect())
}

fn is_sortable(key: &Value) -> bool {
    match key {
        Value::Null | Value::Number(_) | Value::String(_) | Value::Bool(_) => true,
        Value::Array(items) => items.iter().all(is_sortable),
        Value::Object(_) => false,
    }
}

/// Amounts by how much they are, other text in natural order.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            match (a.parse::<Quantity>(), b.parse::<Quantity>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                _ => natural::text(a, b),
            }
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a
                .as_f64()
                .partial_cmp(&b.as_f64())
                .unwrap_or(Ordering::Equal),
        },
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => (a.iter().zip(b))
            .map(|(a, b)| compare(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sorted(expression: &str) -> Result<Vec<&'static str>, String> {
        let items = vec![
            (
                json!({"name": "web-10", "restarts": 3, "cpu": "1"}),
                "web-10",
            ),
            (
                json!({"name": "web-9", "restarts": 12, "cpu": "500m"}),
                "web-9",
            ),
            (json!({"name": "api", "cpu": "2"}), "api"),
        ];
        Ok(sort_by(items, expression)?
            .into_iter()
            .map(|(_, name)| name)
            .collect())
    }

    #[test]
    fn objects_are_sorted_by_value() {
        assert_eq!(sorted(".name").unwrap(), ["api", "web-9", "web-10"]);
        assert_eq!(sorted("{.restarts}").unwrap(), ["api", "web-10", "web-9"]);
        assert_eq!(sorted("cpu").unwrap(), ["web-9", "web-10", "api"]);
    }

    #[test]
    fn a_field_that_nobody_has_is_an_error() {
        assert_eq!(
            sorted(".x"),
            Err("couldn't find any field with path \"{.x}\" in the list of objects".to_owned())
        );
    }
}
