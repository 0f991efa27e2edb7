//! `wasmpod edit`: stored objects in the user's own editor (`kubectl/pkg/cmd/util/editor`).

use std::process::ExitCode;

use anyhow::anyhow;
use clap::ValueEnum;
use serde_json::Value;

use super::documents::{self, Files};
use super::editor::{self, Draft, Reason};
use super::fleet::Fleet;
use super::incoming::{self, Change};
use super::outcome::{Form, Outcome};
use super::targets::{Selectors, Wish};
use super::{Context, Failure, Strictness, print};
use crate::node::PID_ANNOTATION;
use crate::spec::{self, Object, Source};

#[derive(clap::Args)]
pub struct Args {
    /// Objects: TYPE/NAME or TYPE NAME…; a TYPE alone: all of the namespace.
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
    let mut found = wish.find(context, &fleet.reader)?;
    if let Some(failure) = found.failures.pop() {
        return Err(failure);
    }
    let objects = found.targets.iter().map(|target| {
        let reader = &fleet.reader;
        reader.get(target.kind, &target.namespace, &target.name)
    });
    let objects: Vec<Object> = objects.collect::<Result<_, _>>()?;
    if objects.is_empty() {
        return Err(Failure::Machine(anyhow!(
            "edit cancelled, no objects found"
        )));
    }
    let mut edit = Edit {
        args,
        fleet,
        objects,
        outcome: Outcome::new(Form::Words),
    };
    edit.run()
}

struct Edit<'a> {
    args: &'a Args,
    fleet: Fleet,
    objects: Vec<Object>,
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
        let mut objects: Vec<Value> = self.objects.iter().map(shown).collect();
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
        for loaded in documents::in_order(loaded) {
            if let Some(reason) = self.one(loaded.object)? {
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
    fn one(&mut self, mut edited: Object) -> Result<Option<Reason>, Failure> {
        let key = |object: &Object| {
            let (kind, uid) = (object.kind(), object.metadata().uid.clone());
            (
                kind,
                object.namespace().to_owned(),
                object.name().to_owned(),
                uid,
            )
        };
        let found = self.objects.iter().find(|one| key(one) == key(&edited));
        let Some(original) = found.cloned() else {
            return Err(Failure::Machine(anyhow!(
                "At least one of apiVersion, kind and name was changed"
            )));
        };
        // Neither is the user's to change, and both may have changed meanwhile.
        keep_status(&mut edited, &original);
        edited
            .metadata_mut()
            .resource_version
            .clone_from(&original.metadata().resource_version);
        if shown(&edited) == shown(&original) {
            self.outcome.tell(&original, "skipped")?;
            return Ok(None);
        }
        if self.args.output_patch {
            let patch = editor::patch(&shown(&original), &shown(&edited));
            super::outcome::print(&format!("Patch: {patch}\n"))?;
        }
        match self.put(&original, &edited) {
            Ok(object) => {
                self.outcome.tell(&object, "edited")?;
                self.objects
                    .iter_mut()
                    .filter(|old| key(old) == key(&object))
                    .for_each(|old| old.clone_from(&object));
                Ok(None)
            }
            Err(Refused::Invalid(other)) => {
                let (kind, name) = (original.kind().qualified_plural(), original.name());
                eprintln!("error: {kind} {name:?} is invalid");
                Ok(Some(Reason {
                    head: format!("{kind} {name:?} was not valid"),
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
    fn put(&self, original: &Object, edited: &Object) -> Result<Object, Refused> {
        let (before, after) = (shown(original), shown(edited));
        let (kind, namespace, name) = (original.kind(), original.namespace(), original.name());
        incoming::retry(|| {
            let live = self.fleet.reader.stored(kind, namespace, name)?;
            let merged = spec::patch::three_way(Some(&before), &shown(&live), &after);
            let mut merged = Object::from_value(kind, merged).map_err(|error| {
                let kind = kind.qualified_plural();
                Failure::Machine(anyhow!("{kind} {name:?}: {error}"))
            })?;
            keep_status(&mut merged, &live);
            merged
                .metadata_mut()
                .resource_version
                .clone_from(&live.metadata().resource_version);
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

/// Nobody writes a status by hand; kinds without one have nothing to keep.
fn keep_status(object: &mut Object, of: &Object) {
    match (object, of) {
        (Object::Pod(object), Object::Pod(of)) => object.status.clone_from(&of.status),
        (Object::Namespace(object), Object::Namespace(of)) => object.status.clone_from(&of.status),
        (Object::Node(object), Object::Node(of)) => object.status.clone_from(&of.status),
        (Object::PersistentVolumeClaim(object), Object::PersistentVolumeClaim(of)) => {
            object.status.clone_from(&of.status);
        }
        _ => {}
    }
}

/// The object as the user sees it: without what changes by itself.
fn shown(object: &Object) -> Value {
    let mut object = object.clone();
    let annotations = &mut object.metadata_mut().annotations;
    if let Some(annotations) = annotations {
        annotations.remove(PID_ANNOTATION);
    }
    annotations.take_if(|annotations| annotations.is_empty());
    object.value()
}
