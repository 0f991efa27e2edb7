//! `wasmpod label` and `wasmpod annotate`: small changes to what is said about objects.

use std::process::ExitCode;

use anyhow::anyhow;

use super::documents::{self, Files};
use super::fleet::Fleet;
use super::incoming;
use super::labels::{self, Change, Changed, Pairs, Which};
use super::outcome::{self, DryRun, DryRunFlag, Form, Outcome};
use super::targets::{Selectors, Target, Wish};
use super::{Context, Failure, Strictness};
use crate::node::PID_ANNOTATION;
use crate::spec::{self, Object, Validate};

#[derive(clap::Args)]
pub struct Args {
    /// Objects (TYPE/NAME, TYPE NAME…, or a TYPE with -l or --all) and then changes: KEY=VALUE, or KEY- to remove one.
    #[arg(allow_hyphen_values = false)]
    args: Vec<String>,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    selectors: Selectors,

    #[command(flatten)]
    dry_run: DryRunFlag,

    /// Give another value to what has one already.
    #[arg(long)]
    overwrite: bool,

    /// Show what there is after the change.
    #[arg(long)]
    list: bool,

    /// Change what the manifests of -f say, and nothing that is stored.
    #[arg(long)]
    local: bool,

    /// Only change the object if this is still its version.
    #[arg(long, value_name = "VERSION")]
    resource_version: Option<String>,

    /// name, json, yaml or jsonpath=… instead of words.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,
}

impl Args {
    #[cfg(test)]
    pub fn selects_all(&self) -> bool {
        self.selectors.all
    }
}

pub fn run(args: &Args, context: &Context, which: Which) -> Result<ExitCode, Failure> {
    let (objects, change) = labels::split(&args.args, which).map_err(Failure::Machine)?;
    check(args, &objects, &change, which)?;
    let verb = Verb {
        args,
        which,
        change,
        fleet: Fleet::new(context)?,
    };
    let mut outcome = Outcome::new(Form::parse(args.output.as_deref())?);
    if args.local {
        return verb.locally(context, outcome);
    }
    let wish = Wish {
        files: &args.files,
        args: &objects,
        selectors: &args.selectors,
        kind_is_enough: args.selectors.all,
    };
    let found = wish.find(context, &verb.fleet.reader)?;
    let only = found.targets.len() == 1 && !args.selectors.any();
    if args.resource_version.is_some() && !only {
        return Err(Failure::Machine(anyhow!(
            "--resource-version may only be used with a single resource"
        )));
    }
    found
        .failures
        .iter()
        .for_each(|failure| outcome.fail(failure));
    for target in &found.targets {
        if let Err(failures) = verb.target(target, only, &mut outcome) {
            failures.0.iter().for_each(|failure| outcome.fail(failure));
        }
    }
    outcome.finish()
}

fn check(args: &Args, objects: &[String], change: &Change, which: Which) -> Result<(), Failure> {
    let refuse = |message: String| Err(Failure::Machine(anyhow!(message)));
    args.selectors.check()?;
    if args.list && args.output.is_some() {
        return refuse("--list and --output may not be specified together".to_owned());
    }
    if args.local && !objects.is_empty() {
        return refuse(
            "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set".to_owned(),
        );
    }
    if args.local && args.files.is_empty() {
        return refuse(
            "one or more files must be specified as -f pod.yaml or --filename=pod.json".to_owned(),
        );
    }
    if args.local && args.dry_run.dry_run == DryRun::Server {
        return refuse(
            "cannot specify --local and --dry-run=server - did you mean --dry-run=client?"
                .to_owned(),
        );
    }
    if objects.is_empty() && args.files.is_empty() {
        return refuse(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
                .to_owned(),
        );
    }
    if change.is_empty() && !args.list {
        return refuse(format!(
            "at least one {} update is required",
            which.singular()
        ));
    }
    Ok(())
}

/// Everything that is wrong with a change, at once.
struct Failures(Vec<Failure>);

impl From<Failure> for Failures {
    fn from(failure: Failure) -> Failures {
        Failures(vec![failure])
    }
}

struct Verb<'a> {
    args: &'a Args,
    which: Which,
    change: Change,
    fleet: Fleet,
}

impl Verb<'_> {
    fn locally(&self, context: &Context, mut outcome: Outcome) -> Result<ExitCode, Failure> {
        let read = documents::read(&self.args.files, context, Strictness::Ignore)?;
        read.failures
            .iter()
            .for_each(|failure| outcome.fail(failure));
        let only = read.all.len() == 1;
        for document in read.all {
            let mut object = Object::from_value(document.kind(), document.written)
                .map_err(|error| Failure::Machine(error.into()))?;
            match self.change(&mut object) {
                Ok(changed) => self.tell(&object, &changed, only, &mut outcome)?,
                Err(failures) => failures.0.iter().for_each(|failure| outcome.fail(failure)),
            }
        }
        outcome.finish()
    }

    fn target(&self, target: &Target, only: bool, outcome: &mut Outcome) -> Result<(), Failures> {
        let one = |failure: Failure| Failures::from(failure);
        let (object, changed) = incoming::retry(|| self.once(target))?;
        if !self.args.list {
            for key in &changed.missing {
                let note = format!("{} {key:?} not found.", self.which.singular());
                outcome.note(&note).map_err(one)?;
            }
        }
        self.tell(&object, &changed, only, outcome).map_err(one)
    }

    fn once(&self, target: &Target) -> Result<(Object, Changed), incoming::Change<Failures>> {
        let Target {
            kind,
            namespace,
            name,
            ..
        } = target;
        let live = self.fleet.reader.stored(*kind, namespace, name)?;
        let mut new = live.clone();
        if let Some(version) = &self.args.resource_version {
            new.metadata_mut().resource_version = Some(version.clone());
        }
        let changed = self.change(&mut new).map_err(incoming::Change::Failed)?;
        spec::admit_any(new.clone(), Validate::Ignore)
            .map_err(|complaints| incoming::invalid(&live, &complaints))?;
        if !self.args.dry_run.dry_run.is_dry() && !self.args.list {
            new = self.fleet.update(&live, new)?.0;
        }
        Ok((new, changed))
    }

    fn change(&self, object: &mut Object) -> Result<Changed, Failures> {
        let metadata = object.metadata_mut();
        let place = match self.which {
            Which::Labels => &mut metadata.labels,
            Which::Annotations => &mut metadata.annotations,
        };
        let before: Pairs = place.clone().unwrap_or_default();
        let changed = self
            .change
            .of(&before, self.args.overwrite, self.which)
            .map_err(|errors| Failures(errors.into_iter().map(Failure::Machine).collect()))?;
        *place = (!changed.pairs.is_empty()).then(|| changed.pairs.clone());
        Ok(changed)
    }

    fn tell(
        &self,
        object: &Object,
        changed: &Changed,
        only: bool,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        if !self.args.list {
            let operation = self.args.dry_run.dry_run.mark(changed.outcome);
            return outcome.tell(object, &operation);
        }
        let mut text = String::new();
        let indent = if only {
            ""
        } else {
            let kind = object.kind();
            text = format!(
                "Listing {} for {}.{}/{}:\n",
                self.which.plural(),
                kind.kind(),
                kind.group(),
                object.name()
            );
            " "
        };
        for (key, value) in changed
            .pairs
            .iter()
            .filter(|(key, _)| *key != PID_ANNOTATION)
        {
            text += &format!("{indent}{key}={value}\n");
        }
        outcome::print(&text)
    }
}
