//! Kinds that kubectl has no description of its own for: all their fields (`printUnstructuredContent`).

use serde_json::{Map, Value};

use super::heading;
use super::page::Page;
use crate::cli::print::gotext;
use crate::spec::Object;

/// Said at the head already.
const SAID: [&str; 5] = [
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
];

pub fn object(page: &mut Page, object: &Object) {
    heading(page, object.metadata());
    if let Value::Object(fields) = object.value() {
        self::fields(page, &fields, 0, "");
    }
}

fn fields(page: &mut Page, fields: &Map<String, Value>, level: usize, path: &str) {
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        if SAID.contains(&path.as_str()) {
            continue;
        }
        let title = title(name);
        match value {
            Value::Object(inner) => {
                page.line(level, &format!("{title}:"));
                self::fields(page, inner, level + 1, &path);
            }
            Value::Array(items) => {
                page.line(level, &format!("{title}:"));
                for item in items {
                    match item {
                        Value::Object(inner) => self::fields(page, inner, level + 1, &path),
                        other => page.line(level + 1, &gotext::sprint(other)),
                    }
                }
            }
            other => page.field(level, &title, &gotext::sprint(other)),
        }
    }
}

/// `volumeMounts` is `Volume Mounts`, `apiVersion` is `API Version`, and a name with other letters than letters is itself.
fn title(name: &str) -> String {
    const SHORT: [&str; 5] = ["API", "URL", "UID", "OSB", "GUID"];
    if name.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return name.to_owned();
    }
    let words = words(name).into_iter().map(|word| {
        let upper = word.to_uppercase();
        if SHORT.contains(&upper.as_str()) {
            return upper;
        }
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// At each change of case: `podIPs` is `pod`, `I`, `Ps`, as the library that kubectl uses cuts it.
fn words(name: &str) -> Vec<String> {
    let class = |c: char| (c.is_lowercase(), c.is_uppercase());
    let mut runs: Vec<String> = Vec::new();
    let mut last = None;
    for letter in name.chars() {
        match runs.last_mut().filter(|_| last == Some(class(letter))) {
            Some(run) => run.push(letter),
            None => runs.push(letter.to_string()),
        }
        last = Some(class(letter));
    }
    // The last capital of several belongs to the word that it begins.
    for at in 1..runs.len() {
        let begins = runs[at].chars().all(char::is_lowercase)
            && runs[at - 1].chars().all(char::is_uppercase);
        if begins && let Some(capital) = runs[at - 1].pop() {
            runs[at].insert(0, capital);
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_words() {
        for (name, words) in [
            ("apiVersion", "API Version"),
            ("creationTimestamp", "Creation Timestamp"),
            ("uid", "UID"),
            ("envFrom", "Env From"),
            ("volumeMounts", "Volume Mounts"),
            ("podIP", "Pod IP"),
            ("app.kubernetes.io/name", "app.kubernetes.io/name"),
        ] {
            assert_eq!(title(name), words);
        }
    }
}
