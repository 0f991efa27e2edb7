//! `wasmpod describe`: everything about objects (`k8s.io/kubectl/pkg/cmd/describe/describe.go`).

use std::process::ExitCode;

use anyhow::{Error, bail};

use super::documents::Files;
use super::get::{Place, in_files, print};
use super::named::{self, Named};
use super::print::describe::{self, Around, Clock};
use super::reader::{Filter, Reader};
use super::{Context, Failure, say, zone};
use crate::spec::{Kind, Object};

#[derive(clap::Args)]
pub struct Args {
    /// What to describe: a kind, with names or beginnings of names; or TYPE/NAME.
    #[arg(value_name = "TYPE [NAME_PREFIX]|TYPE/NAME")]
    resources: Vec<String>,

    #[command(flatten)]
    files: Files,

    /// In every namespace.
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Only those with these labels: a=b, a!=b, a in (b,c), a notin (b,c), a, !a; several with commas.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// With the events of each object.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", value_name = "true|false", action = clap::ArgAction::Set)]
    show_events: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let filter = Filter::parse(args.selector.as_deref(), None)?;
    let wanted = args.wanted(context, &filter)?;
    let place = Place {
        reader: Reader::new(context)?,
        namespace: (!args.all_namespaces).then(|| context.namespace().to_owned()),
    };
    let (objects, failed) = find(&place, &wanted, &filter)?;
    if objects.is_empty() && !failed {
        eprintln!("{}", place.nothing_found(&wanted));
    }
    let clock = Clock {
        now: crate::pod::now(),
        zone: zone::local(),
    };
    for (at, object) in objects.iter().enumerate() {
        let around = around(&place.reader, object, args.show_events)?;
        let text = describe::object(object, &around, &clock);
        print(&format!("{}{text}", if at > 0 { "\n\n" } else { "" }))?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Args {
    fn wanted(&self, context: &Context, filter: &Filter) -> Result<Named, Failure> {
        if !self.files.is_empty() {
            return in_files(&self.files, context);
        }
        Ok(self.typed(filter)?)
    }

    fn typed(&self, filter: &Filter) -> Result<Named, Error> {
        let wanted = named::parse(&self.resources)?;
        if wanted.asked.is_empty() {
            bail!("you must specify the type of resource to describe: pods, configmaps, secrets,…");
        }
        let names = wanted.asked.iter().any(|asked| !asked.names.is_empty());
        if names && !filter.is_empty() {
            bail!("name cannot be provided when a selector is specified");
        }
        if names && self.all_namespaces {
            bail!("a resource cannot be retrieved by name across all namespaces");
        }
        Ok(wanted)
    }
}

/// What was found, and whether something that was named was not. That has been said by then.
fn find(place: &Place, wanted: &Named, filter: &Filter) -> Result<(Vec<Object>, bool), Failure> {
    let (mut found, mut failed) = (Vec::new(), false);
    for asked in &wanted.asked {
        if asked.names.is_empty() {
            found.extend(place.list(asked.kind, filter)?);
        }
        for name in &asked.names {
            match place.get(asked, name) {
                Ok(object) => found.push(object),
                Err(error) => {
                    // If only one was typed, it may be the beginning of the names of others.
                    let similar = if wanted.single && error.is_not_found() {
                        beginning(place, asked.kind, name)?
                    } else {
                        Vec::new()
                    };
                    if similar.is_empty() {
                        say(&error.into());
                        failed = true;
                    }
                    found.extend(similar);
                }
            }
        }
    }
    Ok((found, failed))
}

fn beginning(place: &Place, kind: Kind, prefix: &str) -> Result<Vec<Object>, Failure> {
    let mut objects = place.list(kind, &Filter::default())?;
    objects.retain(|object| object.name().starts_with(prefix));
    Ok(objects)
}

/// What its description tells of an object beside itself.
fn around(reader: &Reader, object: &Object, events: bool) -> Result<Around, Failure> {
    let mut around = Around::default();
    let namespace = Some(object.namespace());
    let any = Filter::default();
    if events {
        let uid = object.metadata().uid.as_deref().unwrap_or_default();
        around.events = Some(reader.store.events_of(uid)?);
    }
    match object.kind() {
        Kind::ServiceAccount => {
            let secrets = reader.list(Kind::Secret, namespace, &any)?;
            around.secrets = secrets.iter().map(|one| one.name().to_owned()).collect();
        }
        Kind::PersistentVolumeClaim => {
            around.pods = typed(reader.list(Kind::Pod, namespace, &any)?)
        }
        Kind::Namespace => {
            let limits = reader.list(Kind::LimitRange, Some(object.name()), &any)?;
            around.limits = typed(limits);
        }
        Kind::Node => {
            let fields = format!("spec.nodeName={}", object.name());
            let here = Filter::parse(None, Some(&fields))?;
            around.pods = typed(reader.list(Kind::Pod, None, &here)?);
        }
        _ => {}
    }
    Ok(around)
}

fn typed<T: crate::spec::Typed>(objects: Vec<Object>) -> Vec<T> {
    objects.into_iter().filter_map(T::of_object).collect()
}
