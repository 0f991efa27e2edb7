//! `wasmpod edit`: stored pods in the user's own editor (`kubectl/pkg/cmd/util/editor`).

use std::process::ExitCode;

use anyhow::anyhow;
use clap::ValueEnum;
use k8s_openapi::api::core::v1;
use serde_json::Value;

use super::documents::Files;
use super::editor::{self, Draft, Reason};
use super::fleet::Fleet;
use super::incoming::{self, Change};
use super::outcome::{Form, Outcome};
use super::targets::{Selectors, Wish};
use super::{Context, Failure, Strictness, print};
use crate::node::PID_ANNOTATION;
use crate::spec::{self, Source};

#[derive(clap::Args)]
pub struct Args {
    /// Pods: TYPE/NAME or TYPE NAME…; a TYPE alone: all of the namespace.
    args: Vec<String>,

    #[command(flatten)]
    files: Files,

    /// The form in which they are edited.
    #[arg(short, long, value_enum, default_value_t)]
    output: Syntax,

    /// Print what was changed.
    #[arg(long)]
    output_patch: bool,

    /// Remember what was edited in the object, so that it can be changed with apply.
    #[arg(long)]
    save_config: bool,

    /// What to do about fields that are unknown or not supported yet.
    #[arg(long, value_enum, default_value_t)]
    validate: Strictness,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Syntax {
    #[default]
    Yaml,
    Json,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let fleet = Fleet::new(context)?;
    let selectors = Selectors::default();
    let wish = Wish {
        files: &args.files,
        args: &args.args,
        selectors: &selectors,
        kind_is_enough: true,
    };
    let mut found = wish.find(context, &fleet)?;
    if let Some(failure) = found.failures.pop() {
        return Err(failure);
    }
    let pods = found
        .targets
        .iter()
        .map(|target| fleet.get(&target.namespace, &target.name));
    let pods: Vec<v1::Pod> = pods.collect::<Result<_, _>>()?;
    if pods.is_empty() {
        return Err(Failure::Machine(anyhow!(
            "edit cancelled, no objects found"
        )));
    }
    let mut edit = Edit {
        args,
        fleet,
        pods,
        outcome: Outcome::new(Form::Words),
    };
    edit.run()
}

struct Edit<'a> {
    args: &'a Args,
    fleet: Fleet,
    pods: Vec<v1::Pod>,
    outcome: Outcome,
}

/// What came of one look at what the user saved.
enum Judged {
    Done,
    /// To be edited again; why is at its head.
    Wrong(Vec<Reason>),
}

impl Edit<'_> {
    fn run(&mut self) -> Result<ExitCode, Failure> {
        let original = self.text()?;
        let extension = match self.args.output {
            Syntax::Yaml => "yaml",
            Syntax::Json => "json",
        };
        let mut draft = Draft::new(extension, self.args.output == Syntax::Yaml)?;
        let mut reasons: Vec<Reason> = Vec::new();
        let mut text = original.clone();
        loop {
            let edited = draft.edit(&text, &reasons)?;
            let unchanged_since = |before: &str| editor::strip(before) == editor::strip(&edited);
            if !reasons.is_empty() && unchanged_since(&text) {
                draft.keep();
                return Err(Failure::Machine(anyhow!(
                    "Edit cancelled, no valid changes were saved."
                )));
            }
            if unchanged_since(&original) {
                eprintln!("Edit cancelled, no changes made.");
                return Ok(ExitCode::SUCCESS);
            }
            if editor::strip(&edited).trim().is_empty() {
                eprintln!("Edit cancelled, saved file was empty.");
                return Ok(ExitCode::SUCCESS);
            }
            match self.judge(&edited) {
                Ok(Judged::Done) => return Ok(self.outcome.code()),
                Ok(Judged::Wrong(found)) => reasons = found,
                Err(failure) => {
                    draft.keep();
                    return Err(failure);
                }
            }
            text = edited;
        }
    }

    /// What is put before the user: one object, or a list of them.
    fn text(&self) -> Result<String, Failure> {
        let mut objects = Vec::new();
        for pod in &self.pods {
            objects.push(shown(pod)?);
        }
        let whole = if objects.len() == 1 {
            objects.swap_remove(0)
        } else {
            print::format::list_of(objects)
        };
        Ok(match self.args.output {
            Syntax::Yaml => print::yaml(&whole),
            Syntax::Json => print::pretty(&whole) + "\n",
        })
    }

    fn judge(&mut self, edited: &str) -> Result<Judged, Failure> {
        let source = Source {
            name: "edited-file".to_owned(),
            base: std::path::PathBuf::from("/"),
            text: edited.as_bytes().to_vec(),
        };
        let loaded = match spec::load(&source, self.args.validate.into()) {
            Ok(loaded) => loaded,
            Err(complaints) => {
                let head = "The edited file failed validation".to_owned();
                let other: Vec<String> = complaints.iter().map(ToString::to_string).collect();
                other.iter().for_each(|line| eprintln!("error: {line}"));
                return Ok(Judged::Wrong(vec![Reason { head, other }]));
            }
        };
        let mut wrong = Vec::new();
        for pod in loaded.pods {
            if let Some(reason) = self.one(pod.object)? {
                wrong.push(reason);
            }
        }
        if wrong.is_empty() {
            Ok(Judged::Done)
        } else {
            Ok(Judged::Wrong(wrong))
        }
    }

    /// Puts one edited object in its place, or says what is wrong with it.
    fn one(&mut self, mut edited: v1::Pod) -> Result<Option<Reason>, Failure> {
        let same = |pod: &&v1::Pod| pod.metadata.uid == edited.metadata.uid;
        let Some(original) = self.pods.iter().find(same) else {
            return Err(Failure::Machine(anyhow!(
                "At least one of apiVersion, kind and name was changed"
            )));
        };
        let name = original.metadata.name.clone().unwrap_or_default();
        if (&edited.metadata.name, &edited.metadata.namespace)
            != (&original.metadata.name, &original.metadata.namespace)
        {
            return Err(Failure::Machine(anyhow!(
                "At least one of apiVersion, kind and name was changed"
            )));
        }
        // Neither is the user's to change, and both may have changed meanwhile.
        edited.status.clone_from(&original.status);
        edited
            .metadata
            .resource_version
            .clone_from(&original.metadata.resource_version);
        if shown(&edited)? == shown(original)? {
            self.outcome.tell(original, &name, "skipped")?;
            return Ok(None);
        }
        if self.args.output_patch {
            let patch = editor::patch(&shown(original)?, &shown(&edited)?);
            super::outcome::print(&format!("Patch: {patch}\n"))?;
        }
        let original = original.clone();
        match self.put(&original, &edited) {
            Ok(pod) => {
                self.outcome.tell(&pod, &name, "edited")?;
                self.pods
                    .iter_mut()
                    .filter(|old| old.metadata.uid == pod.metadata.uid)
                    .for_each(|old| old.clone_from(&pod));
                Ok(None)
            }
            Err(Refused::Invalid(other)) => {
                eprintln!("error: pods {name:?} is invalid");
                Ok(Some(Reason {
                    head: format!("pods {name:?} was not valid"),
                    other,
                }))
            }
            Err(Refused::Other(failure)) => Err(failure),
        }
    }
}

enum Refused {
    Invalid(Vec<String>),
    Other(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Other(failure)
    }
}

impl Edit<'_> {
    /// Merges what the user changed into what is stored by now.
    fn put(&self, original: &v1::Pod, edited: &v1::Pod) -> Result<v1::Pod, Refused> {
        let (before, after) = (shown(original)?, shown(edited)?);
        let metadata = &original.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let name = metadata.name.as_deref().unwrap_or_default();
        incoming::retry(|| {
            let live = self.fleet.store.stored(namespace, name)?;
            let merged = spec::patch::three_way(Some(&before), &shown(&live)?, &after);
            let mut merged: v1::Pod = serde_json::from_value(merged)
                .map_err(|error| Failure::Machine(anyhow!("pods {name:?}: {error}")))?;
            merged.status = None;
            merged
                .metadata
                .resource_version
                .clone_from(&live.metadata.resource_version);
            if self.args.save_config {
                incoming::remember(&mut merged, &after);
            }
            let new = incoming::admitted(merged, &live, std::path::Path::new("/")).map_err(
                |complaints| Change::Failed(Refused::Invalid(incoming::sentences(&complaints))),
            )?;
            Ok(self.fleet.update(&live, new)?.0)
        })
    }
}

/// The object as the user sees it: without what changes by itself.
fn shown(pod: &v1::Pod) -> Result<Value, Failure> {
    let mut pod = pod.clone();
    if let Some(annotations) = &mut pod.metadata.annotations {
        annotations.remove(PID_ANNOTATION);
        if annotations.is_empty() {
            pod.metadata.annotations = None;
        }
    }
    serde_json::to_value(&pod).map_err(|error| Failure::Machine(error.into()))
}
