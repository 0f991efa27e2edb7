//! `get -w`: what changes, as it changes.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::super::Failure;
use super::super::context;
use super::super::named::{Asked, Named};
use super::super::print::Table;
use super::super::print::format::Format;
use super::super::reader::Filter;
use super::{Args, Form, Place, View, print};
use crate::spec::Object;

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
    wanted: &Named,
    filter: &Filter,
    form: Form,
    place: &Place,
) -> Result<ExitCode, Failure> {
    let trouble = |error| Failure::Machine(anyhow!("could not watch the objects: {error}"));
    let asked = &wanted.asked[0];
    let mut printer = Printer::new(args, form);
    // Watched before it is listed: nothing that happens in between is missed.
    let mut watch = context::watch(&place.reader.store, &[asked.kind])?;
    if let Some(name) = asked.names.first()
        && !args.ignore_not_found
    {
        place.get(asked, name)?;
    }
    let mut seen = look(asked, filter, place)?;
    if !args.watch_only {
        // Aligned together, like the table without -w (`pkg/cmd/get/get.go`: one writer, flushed once).
        let all = seen.values();
        let all: Vec<_> = all
            .map(|(value, object)| (Change::Added, value, object))
            .collect();
        printer.show(&all)?;
    }
    loop {
        watch.wait(None).map_err(trouble)?;
        let now = look(asked, filter, place)?;
        for one in changes(&seen, &now) {
            printer.show(&[one])?;
        }
        seen = now;
    }
}

/// What there is now, by uid: an object of the same name may be another one.
fn look(asked: &Asked, filter: &Filter, place: &Place) -> Result<Seen, Failure> {
    let mut objects = place.list(asked.kind, filter)?;
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

type Changed<'s> = (Change, &'s Value, &'s Object);

/// Deletions first, so that what takes a name comes after what had it.
fn changes<'s>(before: &'s Seen, now: &'s Seen) -> Vec<Changed<'s>> {
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

    fn show(&mut self, changed: &[Changed]) -> Result<(), Failure> {
        let mut text = String::new();
        if let Form::Table(view) = &self.form {
            text = self.table.rows(&self.rows(view, changed));
            self.first &= changed.is_empty();
        } else {
            for one in changed {
                text.push_str(&self.object(*one)?);
                self.first = false;
            }
        }
        print(&text)
    }

    fn rows(&self, view: &View, changed: &[Changed]) -> Vec<Vec<String>> {
        let now = crate::pod::now();
        let head = changed.first().filter(|_| self.first && !view.no_headers);
        let head = head.map(|(_, _, object)| (view.head(object.kind()), "EVENT"));
        let rows = changed
            .iter()
            .map(|(change, _, object)| (view.row(object, now), change.as_str()));
        head.into_iter()
            .chain(rows)
            .map(|(mut row, event)| {
                if self.events {
                    row.insert(0, event.to_owned());
                }
                row
            })
            .collect()
    }

    fn object(&mut self, (change, value, _): Changed) -> Result<String, Failure> {
        let format = match &self.form {
            Form::Table(_) => return Ok(String::new()),
            Form::Object(Format::Columns(columns)) => {
                let one = std::slice::from_ref(value);
                let text = columns.print(one, &mut self.table, self.first);
                return Ok(text.map_err(anyhow::Error::msg)?);
            }
            Form::Object(format) => format,
        };
        let shown = match self.events {
            true => format.print(&json!({"type": change.as_str(), "object": value}))?,
            false => format.print(value)?,
        };
        let between = if format.is_yaml() && !self.first {
            "---\n"
        } else {
            ""
        };
        Ok(format!("{between}{shown}"))
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
    fn the_rows_of_the_beginning_are_aligned_with_each_other() {
        let seen = seen(&[("1", "Running"), ("2", "ContainerCreating")]);
        let changed: Vec<Changed> = seen
            .values()
            .map(|(value, object)| (Change::Added, value, object))
            .collect();
        let printer = Printer {
            form: Form::Object(Format::Json),
            events: false,
            first: true,
            table: Table::default(),
        };
        let rows = printer.rows(&View::default(), &changed);
        assert_eq!(rows.len(), 3, "the head and both pods: {rows:?}");
        let text = Table::default().rows(&rows);
        let at: Vec<_> = text.lines().map(|line| line.rfind("   ")).collect();
        assert_eq!(at[0], at[1], "{text}");
        assert_eq!(at[1], at[2], "{text}");
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
