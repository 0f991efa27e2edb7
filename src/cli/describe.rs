//! `wasmpod describe`: everything about a pod, for people (`k8s.io/kubectl/pkg/cmd/describe/describe.go`).

use std::process::ExitCode;

use anyhow::{Error, anyhow, bail};
use k8s_openapi::api::core::v1::Pod;

use super::documents::{self, Files};
use super::get::print;
use super::print::describe::{self, Clock};
use super::reading::{self, Filter, Kind, Object, Reader};
use super::{Context, Failure, Strictness, say, zone};

#[derive(clap::Args)]
pub struct Args {
    /// What to describe: pods, with names or beginnings of names; or TYPE/NAME.
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

    /// With the events of each pod.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", value_name = "true|false", action = clap::ArgAction::Set)]
    show_events: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let filter = Filter::parse(args.selector.as_deref(), None)?;
    let reader = Reader::new(context, args.all_namespaces)?;
    let names = args.names(context, &filter)?;
    let (pods, failed) = match names {
        None => (all(&reader, &filter)?, false),
        Some(names) => named(&reader, &names)?,
    };
    if pods.is_empty() && !failed {
        eprintln!("{}", reader.nothing_found());
    }
    let clock = Clock {
        now: crate::pod::now(),
        zone: zone::local(),
    };
    for (at, pod) in pods.iter().enumerate() {
        let events = match args.show_events {
            true => Some(
                reader
                    .store
                    .events_of(pod.metadata.uid.as_deref().unwrap_or_default())?,
            ),
            false => None,
        };
        let text = describe::pod(pod, events.as_deref(), &clock);
        print(&format!("{}{text}", if at > 0 { "\n\n" } else { "" }))?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Args {
    /// None: all that match.
    fn names(&self, context: &Context, filter: &Filter) -> Result<Option<Vec<String>>, Failure> {
        if !self.files.is_empty() {
            let mut documents = documents::read(&self.files, context, Strictness::Ignore)?;
            return match documents.failures.pop() {
                Some(failure) => Err(failure),
                None => Ok(Some(
                    documents
                        .pods
                        .into_iter()
                        .map(|document| document.name)
                        .collect(),
                )),
            };
        }
        Ok(self.typed(filter)?)
    }

    fn typed(&self, filter: &Filter) -> Result<Option<Vec<String>>, Error> {
        let wanted = reading::parse(&self.resources)?;
        if wanted.asked.is_empty() {
            bail!("you must specify the type of resource to describe: pods");
        }
        if let Some(other) = wanted.asked.iter().find(|asked| asked.kind != Kind::Pods) {
            bail!(
                "no description has been implemented for {}: use get {0}s",
                other.kind.singular()
            );
        }
        let names: Vec<String> = wanted
            .asked
            .into_iter()
            .flat_map(|asked| asked.names)
            .collect();
        if names.is_empty() {
            return Ok(None);
        }
        if !filter.is_empty() {
            bail!("name cannot be provided when a selector is specified");
        }
        if self.all_namespaces {
            bail!("a resource cannot be retrieved by name across all namespaces");
        }
        Ok(Some(names))
    }
}

fn all(reader: &Reader, filter: &Filter) -> Result<Vec<Pod>, Failure> {
    let pod = |object| match object {
        Object::Pod(pod) => Some(*pod),
        Object::Event(_) => None,
    };
    Ok(reader
        .list(Kind::Pods, filter)?
        .into_iter()
        .filter_map(pod)
        .collect())
}

/// Each by its name; if only one was typed and there is none of that name, all whose names begin so.
fn named(reader: &Reader, names: &[String]) -> Result<(Vec<Pod>, bool), Failure> {
    let (mut pods, mut failed) = (Vec::new(), false);
    for name in names {
        match reader.get(Kind::Pods, name) {
            Ok(Object::Pod(pod)) => pods.push(*pod),
            Ok(Object::Event(_)) => return Err(Failure::Machine(anyhow!("{name} is no pod"))),
            Err(error) => {
                let mut similar = Vec::new();
                if error.is_not_found() && names.len() == 1 {
                    similar = all(reader, &Filter::default())?;
                    similar.retain(|pod| {
                        pod.metadata
                            .name
                            .as_deref()
                            .is_some_and(|full| full.starts_with(name.as_str()))
                    });
                }
                if similar.is_empty() {
                    say(&error.into());
                    failed = true;
                }
                pods.extend(similar);
            }
        }
    }
    Ok((pods, failed))
}
