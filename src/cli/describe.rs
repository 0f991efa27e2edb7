//! `wasmpod describe`: everything about a pod, for people (`k8s.io/kubectl/pkg/cmd/describe/describe.go`).

use std::process::ExitCode;

use anyhow::{Error, bail};
use k8s_openapi::api::core::v1::Pod;

use super::documents::Files;
use super::get::print;
use super::print::describe::{self, Clock};
use super::reading::{self, Asked, Filter, Kind, Object, Reader};
use super::{Context, Failure, say, zone};

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
    let asked = args.asked(context, &filter)?;
    let (pods, failed) = match asked.is_empty() {
        true => (all(&reader, &filter)?, false),
        false => named(&reader, &asked)?,
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
    /// The pods that are named; none is all that match.
    fn asked(&self, context: &Context, filter: &Filter) -> Result<Vec<Asked>, Failure> {
        if !self.files.is_empty() {
            return Ok(reading::in_files(&self.files, context)?.asked);
        }
        Ok(self.typed(filter)?)
    }

    fn typed(&self, filter: &Filter) -> Result<Vec<Asked>, Error> {
        let wanted = reading::parse(&self.resources)?;
        if wanted.asked.is_empty() {
            bail!("you must specify the type of resource to describe: pods");
        }
        if let Some(other) = wanted.asked.iter().find(|asked| asked.kind != Kind::Pods) {
            let kind = other.kind.singular();
            bail!("no description has been implemented for {kind}: use get {kind}s");
        }
        if wanted.asked.iter().all(|asked| asked.names.is_empty()) {
            return Ok(Vec::new());
        }
        if !filter.is_empty() {
            bail!("name cannot be provided when a selector is specified");
        }
        if self.all_namespaces {
            bail!("a resource cannot be retrieved by name across all namespaces");
        }
        Ok(wanted.asked)
    }
}

fn all(reader: &Reader, filter: &Filter) -> Result<Vec<Pod>, Failure> {
    Ok(reader
        .list(Kind::Pods, filter)?
        .into_iter()
        .filter_map(pod)
        .collect())
}

fn pod(object: Object) -> Option<Pod> {
    match object {
        Object::Pod(pod) => Some(*pod),
        Object::Event(_) => None,
    }
}

/// Each by its name; if only one was typed and there is none of that name, all whose names begin so.
fn named(reader: &Reader, asked: &[Asked]) -> Result<(Vec<Pod>, bool), Failure> {
    let (mut pods, mut failed) = (Vec::new(), false);
    let alone = asked.len() == 1 && asked[0].names.len() == 1;
    for one in asked {
        for name in &one.names {
            match reader.get(Kind::Pods, one.namespace.as_deref(), name) {
                Ok(object) => pods.extend(pod(object)),
                Err(error) => {
                    let prefix = alone && error.is_not_found();
                    let similar = if prefix {
                        beginning(reader, name)?
                    } else {
                        Vec::new()
                    };
                    if similar.is_empty() {
                        say(&error.into());
                        failed = true;
                    }
                    pods.extend(similar);
                }
            }
        }
    }
    Ok((pods, failed))
}

fn beginning(reader: &Reader, prefix: &str) -> Result<Vec<Pod>, Failure> {
    let mut pods = all(reader, &Filter::default())?;
    pods.retain(|pod| {
        pod.metadata
            .name
            .as_deref()
            .is_some_and(|name| name.starts_with(prefix))
    });
    Ok(pods)
}
