//! `wasmpod wait`: until something is true of objects.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::condition::{self, Condition};
use super::documents::Files;
use super::duration::{self, Span};
use super::fleet::Fleet;
use super::outcome::{Form, Outcome};
use super::targets::{Meant, Selectors, Target, Wish};
use super::{Context, Failure};
use crate::node::Watch;
use crate::spec::{Kind, Object};

/// A week: kubectl's for ever.
pub const FOR_EVER: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(clap::Args)]
pub struct Args {
    /// Objects: TYPE/NAME, TYPE NAME…, or a TYPE with -l or --all.
    args: Vec<String>,

    /// A manifest that names them, a directory of them, or - for standard input; may be given several times.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        value_delimiter = ','
    )]
    filename: Vec<PathBuf>,

    /// Whether to take the manifests of directories within the directories of -f, too.
    #[arg(
        short = 'R',
        long,
        action = clap::ArgAction::Set,
        value_name = "true|false",
        hide_possible_values = true,
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    recursive: bool,

    #[command(flatten)]
    selectors: Selectors,

    /// create, delete, condition=NAME[=VALUE] or jsonpath='{EXPRESSION}'[=VALUE].
    #[arg(long = "for", value_name = "CONDITION", default_value = "")]
    condition: String,

    /// How long to wait; 0: look once, negative: a week.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse, allow_hyphen_values = true)]
    timeout: Span,

    /// name, json, yaml or jsonpath=… instead of words.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let condition = condition::parse(&args.condition).map_err(Failure::Machine)?;
    let form = Form::parse(args.output.as_deref())?;
    let fleet = Fleet::new(context)?;
    let files = Files {
        names: args.filename.clone(),
        recursive: args.recursive,
    };
    let wish = Wish {
        files: &files,
        args: &args.args,
        selectors: &args.selectors,
        kind_is_enough: false,
    };
    let patience = Patience::new(args.timeout);
    // From before the first look, so that nothing happens unseen.
    let mut watch = context.watch(&fleet.store, &wish.kinds(context)?)?;
    let targets = targets(&wish, context, &fleet, &condition, &patience, &mut watch)?;
    let mut outcome = Outcome::new(form);
    for target in &targets {
        match until(&fleet, target, &condition, &patience, &mut watch) {
            Ok(Seen::Met(object)) => outcome.tell(&object, "condition met")?,
            Ok(Seen::NeverThere) => {}
            Err(failure) => outcome.fail(&failure),
        }
    }
    Ok(outcome.code())
}

/// How long to wait for all of them together.
pub struct Patience {
    /// None: look once.
    until: Option<Instant>,
}

impl Patience {
    pub fn new(timeout: Span) -> Patience {
        let length = if timeout.negative {
            FOR_EVER
        } else {
            timeout.length
        };
        Patience {
            until: (!length.is_zero()).then(|| Instant::now() + length),
        }
    }

    /// For those that are being deleted, 0 is no time to look once but all the time there is.
    pub fn for_deletion(timeout: Span) -> Patience {
        Patience::new(Span {
            negative: timeout.negative || timeout.length.is_zero(),
            ..timeout
        })
    }

    /// Sleeps until something may have changed; false when there is no time left.
    fn sleep(&self, watch: &mut Watch) -> Result<bool, Failure> {
        match self.until {
            None => Ok(false),
            Some(until) => watch
                .wait(Some(until))
                .map_err(|error| Failure::Machine(anyhow!("could not watch the objects: {error}"))),
        }
    }

    fn is_over(&self, target: &Target) -> Failure {
        let kind_and_name = format!("{}/{}", target.kind.qualified_plural(), target.name);
        Failure::Machine(match self.until {
            None => anyhow!("condition not met for {kind_and_name}"),
            Some(_) => anyhow!("timed out waiting for the condition on {kind_and_name}"),
        })
    }
}

/// The objects to wait for. Where a creation is waited for, the first match is.
fn targets(
    wish: &Wish<'_>,
    context: &Context,
    fleet: &Fleet,
    condition: &Condition,
    patience: &Patience,
    watch: &mut Watch,
) -> Result<Vec<Target>, Failure> {
    let by_selector = matches!(wish.meant(context)?, Meant::Matching { .. });
    loop {
        let mut found = wish.find(context, &fleet.reader)?;
        if let Some(failure) = found.failures.pop() {
            return Err(failure);
        }
        match condition {
            _ if !found.targets.is_empty() => return Ok(found.targets),
            Condition::Deleted => return Ok(Vec::new()),
            Condition::Created if by_selector && patience.sleep(watch)? => {}
            Condition::Created if by_selector && patience.until.is_some() => {
                return Err(Failure::Machine(anyhow!(
                    "timed out waiting for the condition"
                )));
            }
            _ => return Err(Failure::Machine(anyhow!("no matching resources found"))),
        }
    }
}

/// What came of waiting for one object.
pub enum Seen {
    /// The condition is met by this object, or was by its going.
    Met(Box<Object>),
    /// It was waited for to be gone, and was not there to begin with.
    NeverThere,
}

/// Waits for one object. It must be there at first, unless its creation or deletion is waited for.
fn until(
    fleet: &Fleet,
    target: &Target,
    condition: &Condition,
    patience: &Patience,
    watch: &mut Watch,
) -> Result<Seen, Failure> {
    let mut last: Option<Object> = None;
    loop {
        let now = match fleet
            .reader
            .get(target.kind, &target.namespace, &target.name)
        {
            Ok(object) => Some(object),
            Err(error) if error.is_not_found() => match (&last, condition) {
                (None, Condition::Deleted) => return Ok(Seen::NeverThere),
                (Some(_), _) | (None, Condition::Created) => None,
                _ => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        // One that has another uid came after the one that is gone.
        let another = last
            .as_ref()
            .zip(now.as_ref())
            .is_some_and(|(last, now)| last.metadata().uid != now.metadata().uid);
        let met = condition.met_by(now.as_ref()).map_err(Failure::Machine)?
            || (another && matches!(condition, Condition::Deleted));
        last = now.or(last);
        if let (true, Some(object)) = (met, &last) {
            return Ok(Seen::Met(Box::new(object.clone())));
        }
        if !patience.sleep(watch)? {
            return Err(patience.is_over(target));
        }
    }
}

/// Waits until objects are gone that are being deleted; one that came after them under the same name is another.
pub fn gone(
    fleet: &Fleet,
    leaving: &[(Target, String)],
    patience: &Patience,
    watch: &mut Watch,
) -> Vec<Failure> {
    leaving
        .iter()
        .filter_map(|(target, uid)| one_gone(fleet, target, uid, patience, watch).err())
        .collect()
}

fn one_gone(
    fleet: &Fleet,
    target: &Target,
    uid: &str,
    patience: &Patience,
    watch: &mut Watch,
) -> Result<(), Failure> {
    loop {
        let there = match fleet
            .reader
            .get(target.kind, &target.namespace, &target.name)
        {
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(error.into()),
            Ok(object) => object.metadata().uid.as_deref() == Some(uid),
        };
        // A pod's object goes before its process has cleared its last things away.
        if !there && (target.kind != Kind::Pod || fleet.is_cleared(uid)?) {
            return Ok(());
        }
        if !patience.sleep(watch)? {
            return Err(patience.is_over(target));
        }
    }
}
