//! `wasmpod delete`: pods end gracefully, and are gone, as is everything else that is named.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;

use super::documents::Files;
use super::duration::{self, Span};
use super::fleet::{self, Fleet};
use super::outcome::{self, DryRun, DryRunFlag};
use super::targets::{Selectors, Target, Wish};
use super::wait::{self, Patience};
use super::{Context, Failure, context, locked, say};
use crate::node::{self, Deleted, Deletion, StoreError, Watch};
use crate::spec::Kind;

#[derive(clap::Args)]
pub struct Args {
    /// Objects: TYPE/NAME, TYPE NAME…, or a TYPE with -l or --all.
    args: Vec<String>,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    selectors: Selectors,

    #[command(flatten)]
    dry_run: DryRunFlag,

    /// The seconds that a pod has to end gracefully; negative: what it says itself. 0 only with --force.
    #[arg(
        long,
        value_name = "SECONDS",
        allow_hyphen_values = true,
        default_value_t = -1,
        hide_default_value = true
    )]
    grace_period: i64,

    /// Do not wait for the pod to end: kill its process.
    #[arg(long)]
    force: bool,

    /// The same as --grace-period=1.
    #[arg(long)]
    now: bool,

    /// Whether to wait until they are gone.
    #[arg(
        long,
        action = clap::ArgAction::Set,
        value_name = "true|false",
        hide_possible_values = true,
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    wait: bool,

    /// How long to wait; 0: a week.
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration::parse, allow_hyphen_values = true)]
    timeout: Span,

    /// That something is not there is no failure [default: only with selectors].
    #[arg(
        long,
        action = clap::ArgAction::Set,
        value_name = "true|false",
        hide_possible_values = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    ignore_not_found: Option<bool>,

    /// Say what would be deleted, and ask.
    #[arg(short, long)]
    interactive: bool,

    /// name: say only which.
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let verb = Verb::new(args, context)?;
    let wish = Wish {
        files: &args.files,
        args: &args.args,
        selectors: &args.selectors,
        kind_is_enough: false,
    };
    // What is wrong with the wish is said before it is warned of what would come of it.
    let found = wish.find(context, &verb.fleet.reader)?;
    if verb.grace.seconds == Some(0) {
        eprintln!(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. \
             The resource may continue to run on the cluster indefinitely."
        );
    }
    if args.interactive && !args.dry_run.dry_run.is_dry() && !agreed(&found.targets)? {
        outcome::print("deletion is cancelled\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    if context.told_namespace.is_some() && found.targets.iter().any(|one| !one.kind.namespaced()) {
        eprintln!(
            "Warning: deleting cluster-scoped resources, not scoped to the provided namespace"
        );
    }
    let kinds: Vec<Kind> = found.targets.iter().map(|target| target.kind).collect();
    let mut watch = context.watch(&verb.fleet.store, &kinds)?;
    found.failures.iter().for_each(|failure| verb.fail(failure));
    // In the order in which they were named; pods that stand together are told together to end.
    let pods = |a: &Target, b: &Target| a.kind == Kind::Pod && b.kind == Kind::Pod;
    for together in found.targets.chunk_by(pods) {
        let work = |target: &Target| {
            let deleted = verb.delete(target);
            deleted.map_err(|failure| target.failure("deleting", failure))
        };
        fleet::for_each(together, work, |deleted| {
            let said = deleted.and_then(|said| said.map_or(Ok(()), |said| outcome::print(&said)));
            if let Err(failure) = said {
                verb.fail(&failure);
            }
        });
    }
    verb.wait_for_all(&mut watch)
}

/// `--interactive` (`kubectl/pkg/cmd/delete/delete.go`, `confirmation`).
fn agreed(targets: &[Target]) -> Result<bool, Failure> {
    if targets.is_empty() {
        return Ok(true);
    }
    let mut text = format!(
        "You are about to delete the following {} resource(s):\n",
        targets.len()
    );
    for target in targets {
        text += &format!("{}\n", target.shown());
    }
    outcome::print(&(text + "Do you want to continue? (y/n): "))?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::Machine(anyhow!("could not read the answer: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

/// How long a pod has, and whether it is to be killed when it takes longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// None: what the pod says.
    seconds: Option<i64>,
    force: bool,
}

impl Grace {
    /// `--grace-period` and `--force`, as `kubectl delete` reads them.
    pub fn of(period: i64, force: bool) -> Result<Grace, Failure> {
        let seconds = match (period, force) {
            (1.., true) => {
                return Err(Failure::Machine(anyhow!(
                    "--force and --grace-period greater than 0 cannot be specified together"
                )));
            }
            (_, true) => Some(0),
            // Nobody shall kill a pod by mistake: without --force, 0 is as short as can be with grace.
            (0, false) => Some(1),
            (seconds, false) => (seconds > 0).then_some(seconds),
        };
        Ok(Grace { seconds, force })
    }
}

struct Verb<'a> {
    args: &'a Args,
    fleet: Fleet,
    grace: Grace,
    ignore_not_found: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: bool,
    found: bool,
    namespaces: HashSet<String>,
    /// Those that are on their way out, with their uids.
    leaving: Vec<(Target, String)>,
}

impl Verb<'_> {
    fn new<'a>(args: &'a Args, context: &Context) -> Result<Verb<'a>, Failure> {
        let refuse = |message: String| Err(Failure::Machine(anyhow!(message)));
        if let Some(form) = args.output.as_deref().filter(|form| *form != "name") {
            return refuse(format!(
                "unexpected -o output mode: {form}. We only support '-o name'"
            ));
        }
        args.selectors.check()?;
        if args.now && args.grace_period != -1 {
            return refuse("--now and --grace-period cannot be specified together".to_owned());
        }
        let period = if args.now { 1 } else { args.grace_period };
        Ok(Verb {
            args,
            fleet: Fleet::new(context)?,
            grace: Grace::of(period, args.force)?,
            ignore_not_found: args.ignore_not_found.unwrap_or(args.selectors.any()),
            state: Mutex::default(),
        })
    }

    fn fail(&self, failure: &Failure) {
        say(failure);
        locked(&self.state).failed = true;
    }

    /// What is to be said of it, if anything.
    fn delete(&self, target: &Target) -> Result<Option<String>, Failure> {
        let deleted = match self.args.dry_run.dry_run {
            DryRun::None => begin(&self.fleet, target, self.grace),
            _ => self
                .fleet
                .reader
                .stored(target.kind, &target.namespace, &target.name)
                .map(|_| Deleted::Gone),
        };
        let deleted = match deleted {
            Err(error) if error.is_not_found() && self.ignore_not_found => return Ok(None),
            Err(error) if error.is_not_found() && self.went_with_its_namespace(target) => {
                Deleted::Gone
            }
            deleted => deleted?,
        };
        let mut state = locked(&self.state);
        state.found = true;
        if target.kind == Kind::Namespace {
            state.namespaces.insert(target.name.clone());
        }
        if let Deleted::Stopping { uid } = deleted {
            state.leaving.push((target.clone(), uid));
        }
        drop(state);
        if self.args.output.is_some() {
            return Ok(Some(format!("{}\n", target.shown())));
        }
        let forced = if self.grace.seconds == Some(0) {
            "force "
        } else {
            ""
        };
        let operation = self.args.dry_run.dry_run.mark(&format!("{forced}deleted"));
        Ok(Some(format!("{}\n", target.deleted(&operation))))
    }

    /// A namespace that was named before it took it along. On a cluster that takes its time, and nobody sees it.
    fn went_with_its_namespace(&self, target: &Target) -> bool {
        locked(&self.state).namespaces.contains(&target.namespace)
    }

    fn wait_for_all(self, watch: &mut Watch) -> Result<ExitCode, Failure> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if !state.found && !state.failed {
            outcome::print("No resources found\n")?;
        }
        let mut failed = state.failed;
        if self.args.wait {
            let patience = Patience::for_deletion(self.args.timeout);
            let failures = wait::gone(&self.fleet, &state.leaving, &patience, watch);
            failed |= !failures.is_empty();
            failures.iter().for_each(|failure| {
                say(failure);
            });
        }
        // What earlier ones left that were killed on their way.
        if !self.args.dry_run.dry_run.is_dry()
            && let Err(error) = node::reconcile(&self.fleet.store, self.fleet.machinery.as_ref())
        {
            tracing::warn!("what is left of deleted pods: {error}");
        }
        Ok(if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn begin(fleet: &Fleet, target: &Target, grace: Grace) -> Result<Deleted, StoreError> {
    let wish = Deletion {
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        uid: None,
        grace: grace.seconds,
        force: grace.force,
    };
    node::delete_object(&fleet.store, fleet.machinery.as_ref(), target.kind, &wish)
}

/// Deletes an object and waits until it is gone.
pub fn remove(fleet: &Fleet, target: &Target, grace: Grace, timeout: Span) -> Result<(), Failure> {
    let mut watch = context::watch(&fleet.store, &[target.kind])?;
    let Deleted::Stopping { uid } = begin(fleet, target, grace)? else {
        return Ok(());
    };
    let patience = Patience::for_deletion(timeout);
    let failures = wait::gone(fleet, &[(target.clone(), uid)], &patience, &mut watch);
    failures.into_iter().next().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grace_is_read_as_kubectl_reads_it() {
        let grace = |period, force| Grace::of(period, force).ok().map(|grace| grace.seconds);
        assert_eq!(grace(-1, false), Some(None));
        assert_eq!(grace(0, false), Some(Some(1)));
        assert_eq!(grace(7, false), Some(Some(7)));
        assert_eq!(grace(-1, true), Some(Some(0)));
        assert_eq!(grace(0, true), Some(Some(0)));
        assert_eq!(grace(1, true), None);
    }
}
