//! `get -w`: what changes, as it changes.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::super::Failure;
use super::super::print::Table;
use super::super::print::format::Format;
use super::super::reading::{Asked, Filter, Object, Reader, Wanted};
use super::{Args, Form, print};
use crate::node::Watch;

/// What happened to an object (`apimachinery/pkg/watch`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Change::Added => "ADDED",
            Change::Modified => "MODIFIED",
            Change::Deleted => "DELETED",
        }
    }
}

type Seen = BTreeMap<String, (Value, Object)>;

/// Never ends by itself.
pub fn run(
    args: &Args,
    wanted: &Wanted,
    filter: &Filter,
    form: Form,
    reader: &Reader,
) -> Result<ExitCode, Failure> {
    let trouble = |error| Failure::Machine(anyhow!("could not watch the pods: {error}"));
    let asked = &wanted.asked[0];
    let mut printer = Printer::new(args, form);
    // Watched before it is listed: nothing that happens in between is missed.
    let mut watch = Watch::new(&reader.store, reader.namespace.as_deref()).map_err(trouble)?;
    if let Some(name) = asked.names.first()
        && !args.ignore_not_found
    {
        reader.get(asked.kind, None, name)?;
    }
    let mut seen = look(asked, filter, reader)?;
    if !args.watch_only {
        for (value, object) in seen.values() {
            printer.show(Change::Added, value, object)?;
        }
    }
    loop {
        watch.wait(None).map_err(trouble)?;
        let now = look(asked, filter, reader)?;
        for (change, value, object) in changes(&seen, &now) {
            printer.show(change, value, object)?;
        }
        seen = now;
    }
}

/// What there is now, by uid: an object of the same name may be another one.
fn look(asked: &Asked, filter: &Filter, reader: &Reader) -> Result<Seen, Failure> {
    let mut objects = reader.list(asked.kind, filter)?;
    if let Some(name) = asked.names.first() {
        objects.retain(|object| object.name() == name);
    }
    let keyed = objects.into_iter().map(|object| {
        let metadata = object.metadata();
        let key = [&metadata.namespace, &metadata.name, &metadata.uid]
            .map(|part| part.clone().unwrap_or_default());
        (key.join("/"), (object.value(), object))
    });
    Ok(keyed.collect())
}

/// Deletions first, so that what takes a name comes after what had it.
fn changes<'s>(before: &'s Seen, now: &'s Seen) -> Vec<(Change, &'s Value, &'s Object)> {
    let gone = before.iter().filter(|(key, _)| !now.contains_key(*key));
    let gone = gone.map(|(_, (value, object))| (Change::Deleted, value, object));
    let new = now
        .iter()
        .filter_map(|(key, (value, object))| match before.get(key) {
            None => Some((Change::Added, value, object)),
            Some((old, _)) if old != value => Some((Change::Modified, value, object)),
            Some(_) => None,
        });
    gone.chain(new).collect()
}

/// Prints one object after the other, in columns that stay where they are.
struct Printer {
    form: Form,
    events: bool,
    /// Nothing has been printed yet.
    first: bool,
    table: Table,
}

impl Printer {
    fn new(args: &Args, form: Form) -> Printer {
        Printer {
            form,
            events: args.output_watch_events,
            first: true,
            table: Table::default(),
        }
    }

    fn show(&mut self, change: Change, value: &Value, object: &Object) -> Result<(), Failure> {
        let first = std::mem::replace(&mut self.first, false);
        let text = match &self.form {
            Form::Table(view) => {
                let mut rows = Vec::new();
                if first && !view.no_headers {
                    rows.push((view.head(object.kind()), "EVENT"));
                }
                rows.push((view.row(object, crate::pod::now()), change.as_str()));
                let rows: Vec<Vec<String>> = rows
                    .into_iter()
                    .map(|(mut row, event)| {
                        if self.events {
                            row.insert(0, event.to_owned());
                        }
                        row
                    })
                    .collect();
                self.table.rows(&rows)
            }
            Form::Object(Format::Columns(columns)) => {
                let one = std::slice::from_ref(value);
                let text = columns.print(one, &mut self.table, first);
                text.map_err(anyhow::Error::msg)?
            }
            Form::Object(format) => {
                let between = if format.is_yaml() && !first {
                    "---\n"
                } else {
                    ""
                };
                let shown = match self.events {
                    true => format.print(&json!({"type": change.as_str(), "object": value}))?,
                    false => format.print(value)?,
                };
                format!("{between}{shown}")
            }
        };
        print(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pods: &[(&str, &str)]) -> Seen {
        let entry = |(uid, phase): &(&str, &str)| {
            let value =
                json!({"metadata": {"name": "web", "uid": uid}, "status": {"phase": phase}});
            let pod = serde_json::from_value(value.clone()).unwrap();
            ((*uid).to_owned(), (value, Object::Pod(Box::new(pod))))
        };
        pods.iter().map(entry).collect()
    }

    #[test]
    fn only_what_changes_is_shown() {
        let before = seen(&[("1", "Running"), ("2", "Pending"), ("3", "Running")]);
        let now = seen(&[("2", "Running"), ("3", "Running"), ("4", "Pending")]);
        let found: Vec<_> = changes(&before, &now)
            .into_iter()
            .map(|(change, value, _)| {
                (
                    change,
                    value["metadata"]["uid"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let right = [
            (Change::Deleted, "1"),
            (Change::Modified, "2"),
            (Change::Added, "4"),
        ];
        assert_eq!(found, right.map(|(change, uid)| (change, uid.to_owned())));
    }
}
