//! `wasmpod events` (`k8s.io/kubectl/pkg/cmd/events/events.go`).

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Error, anyhow, bail};
use k8s_openapi::api::core::v1::Event;
use serde_json::{Value, json};

use super::get::Place;
use super::get::print;
use super::print::format::Format;
use super::print::{Table, events as rows};
use super::reader::{Filter, Reader};
use super::{Context, Failure, context, named};
use crate::spec::{Kind, Typed};

#[derive(clap::Args)]
pub struct Args {
    /// In every namespace.
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Only what happened to this: pod/web
    #[arg(long = "for", value_name = "TYPE/NAME")]
    of: Option<String>,

    /// Only events of these types: Normal, Warning
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,

    /// json, yaml, name, jsonpath=TEMPLATE, jsonpath-file=FILE or jsonpath-as-json=TEMPLATE.
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<String>,

    /// The table without a head.
    #[arg(long)]
    no_headers: bool,

    /// Go on with what happens.
    #[arg(short, long)]
    watch: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let format = match args.output.as_deref() {
        None | Some("") => None,
        Some(output) => Some(Format::parse(output)?),
    };
    args.check()?;
    let filter = Filter::parse(None, args.fields()?.as_deref())?;
    let place = Place {
        reader: Reader::new(context)?,
        namespace: (!args.all_namespaces).then(|| context.namespace().to_owned()),
    };
    if args.watch {
        return args.follow(&place, &filter, format.as_ref());
    }
    let events = args.find(&place, &filter)?;
    if events.is_empty() {
        match &place.namespace {
            Some(namespace) => eprintln!("No events found in {namespace} namespace."),
            None => eprintln!("No events found."),
        }
        return Ok(ExitCode::SUCCESS);
    }
    match format {
        Some(format) => {
            let items: Vec<Value> = events.iter().map(|event| json!(event)).collect();
            let list =
                json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": items});
            print(&format.print(&list)?)?;
        }
        None => print(&args.table(&events, &mut Table::default(), !args.no_headers))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn check(&self) -> Result<(), Error> {
        let known = |kind: &String| ["normal", "warning"].contains(&kind.to_lowercase().as_str());
        if !self.types.iter().all(known) {
            bail!("valid --types are Normal or Warning");
        }
        Ok(())
    }

    /// The field selector that `--for` stands for.
    fn fields(&self) -> Result<Option<String>, Error> {
        let Some(of) = &self.of else {
            return Ok(None);
        };
        if !of.contains('/') {
            bail!("--for must be in resource/name form");
        }
        let (kind, name) = named::pair(of)?;
        let kind = kind.kind();
        Ok(Some(format!(
            "involvedObject.kind={kind},involvedObject.name={name}"
        )))
    }

    /// Those last seen last come last.
    fn find(&self, place: &Place, filter: &Filter) -> Result<Vec<Event>, Failure> {
        let listed = place.list(Kind::Event, filter)?;
        let mut events: Vec<Event> = listed.into_iter().filter_map(Event::of_object).collect();
        events.retain(|event| {
            let kind = event.type_.as_deref().unwrap_or_default();
            self.types.is_empty()
                || self
                    .types
                    .iter()
                    .any(|wanted| wanted.eq_ignore_ascii_case(kind))
        });
        events.sort_by_key(rows::last_seen);
        Ok(events)
    }

    fn table(&self, events: &[Event], table: &mut Table, head: bool) -> String {
        let now = crate::pod::now();
        let mut lines: Vec<Vec<String>> = Vec::new();
        if head {
            lines.push(rows::HEAD.iter().map(|&cell| cell.to_owned()).collect());
        }
        lines.extend(events.iter().map(|event| rows::listed(event, now)));
        if self.all_namespaces {
            let heads = head.then(|| "NAMESPACE".to_owned());
            let names = events
                .iter()
                .map(|event| event.metadata.namespace.clone().unwrap_or_default());
            for (line, name) in lines.iter_mut().zip(heads.into_iter().chain(names)) {
                line.insert(0, name);
            }
        }
        table.rows(&lines)
    }

    /// What there is and what comes. That an event has become too old is not told.
    fn follow(
        &self,
        place: &Place,
        filter: &Filter,
        format: Option<&Format>,
    ) -> Result<ExitCode, Failure> {
        let trouble = |error| Failure::Machine(anyhow!("could not watch the events: {error}"));
        let mut watch = context::watch(&place.reader.store, &[Kind::Event])?;
        let (mut table, mut head) = (Table::default(), !self.no_headers);
        let mut seen: BTreeMap<String, Event> = BTreeMap::new();
        let mut told = false;
        loop {
            let mut now = BTreeMap::new();
            for event in self.find(place, filter)? {
                let key = [&event.metadata.namespace, &event.metadata.name]
                    .map(|part| part.clone().unwrap_or_default())
                    .join("/");
                if seen.get(&key) != Some(&event) {
                    let one = std::slice::from_ref(&event);
                    let text = match format {
                        None => self.table(one, &mut table, std::mem::take(&mut head)),
                        Some(format) => {
                            let between = if format.is_yaml() && told {
                                "---\n"
                            } else {
                                ""
                            };
                            format!("{between}{}", format.print(&json!(event))?)
                        }
                    };
                    told = true;
                    print(&text)?;
                }
                now.insert(key, event);
            }
            seen = now;
            watch.wait(None).map_err(trouble)?;
        }
    }
}
