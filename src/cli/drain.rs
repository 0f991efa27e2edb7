//! `wasmpod drain`: cordons this machine and takes its pods away (`kubectl/pkg/cmd/drain`, `kubectl/pkg/drain`).

use std::process::ExitCode;
use std::time::Instant;

use anyhow::anyhow;
use k8s_openapi::api::core::v1;

use super::duration::{self, Span};
use super::fleet::Fleet;
use super::outcome::{self, DryRun, DryRunFlag};
use super::print::selector::LabelSelector;
use super::{Context, Failure, cordon, nodes};
use crate::node::{self, Consent, Deleted, Deletion, Drain, GoDuration, Watch};

#[derive(clap::Args)]
pub struct Args {
    /// The node; there is one.
    #[arg(value_name = "NODE")]
    names: Vec<String>,

    /// The nodes with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// Only the pods with these labels.
    #[arg(long, value_name = "LABELS")]
    pod_selector: Option<String>,

    /// Also pods that no controller makes again.
    #[arg(long)]
    force: bool,

    /// Leave the pods of DaemonSets, which would come back at once.
    #[arg(long)]
    ignore_daemonsets: bool,

    /// Also pods with emptyDirs, which are deleted with them.
    #[arg(long)]
    delete_emptydir_data: bool,

    /// The seconds that each pod has to end gracefully [default: the pod's own].
    #[arg(
        long,
        value_name = "SECONDS",
        allow_hyphen_values = true,
        default_value_t = -1,
        hide_default_value = true
    )]
    grace_period: i64,

    /// How long to wait for the pods to be gone [default: without end].
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration::parse)]
    timeout: Span,

    /// Do not wait for pods that have been on their way out for longer than this many seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        hide_default_value = true
    )]
    skip_wait_for_delete_timeout: u32,

    /// Delete the pods; to evict them, as is done otherwise, is the same here.
    #[arg(long)]
    disable_eviction: bool,

    #[command(flatten)]
    dry_run: DryRunFlag,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    nodes::check("drain", &args.names, args.selector.as_deref())?;
    let pods = args.pod_selector.as_deref().map(LabelSelector::parse);
    let pods = pods.transpose().map_err(|_| {
        let text = "--pod-selector=<pod_selector> must be a valid label selector";
        Failure::Machine(anyhow!(text))
    })?;
    let fleet = Fleet::new(context)?;
    let chosen = nodes::choose(&fleet, &args.names, args.selector.as_deref())?;
    let dry_run = args.dry_run.dry_run;
    for node in &chosen {
        cordon::change(&fleet, node, true, dry_run)?;
    }
    let mut failed = false;
    for node in &chosen {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        match drain(args, &fleet, name, pods.as_ref()) {
            Ok(()) => outcome::print(&format!("node/{name} {}\n", dry_run.mark("drained")))?,
            Err(errors) => {
                failed = true;
                eprintln!(
                    "error: unable to drain node {name:?} due to error: {}, continuing command...\n\
                     There are pending nodes to be drained:\n {name}",
                    together(&errors)
                );
                errors.iter().for_each(|error| eprintln!("{error}"));
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// `utilerrors.NewAggregate`
fn together(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn drain(
    args: &Args,
    fleet: &Fleet,
    name: &str,
    selector: Option<&LabelSelector>,
) -> Result<(), Vec<String>> {
    let alone = |error: &dyn std::fmt::Display| vec![error.to_string()];
    let mut watch = Watch::new(&fleet.store, None).map_err(|error| alone(&error))?;
    let sights = node::list(&fleet.store, fleet.machinery.as_ref(), None);
    let sights = sights.map_err(|error| alone(&error))?;
    let mut pods: Vec<v1::Pod> = sights.into_iter().map(|sight| sight.pod).collect();
    pods.retain(|pod| {
        let place = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        place == Some(name)
            && selector.is_none_or(|selector| selector.matches(pod.metadata.labels.as_ref()))
            && !is_late(pod, args.skip_wait_for_delete_timeout)
    });
    let consent = Consent {
        force: args.force,
        ignore_daemon_sets: args.ignore_daemonsets,
        delete_empty_dirs: args.delete_emptydir_data,
    };
    let drain = Drain::of(pods, consent);
    let errors = drain.errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    if let Some(warning) = drain.warning() {
        eprintln!("Warning: {warning}");
    }
    if args.dry_run.dry_run == DryRun::Client {
        for pod in &drain.leave {
            say(&format!("evicting pod {} (dry run)", full_name(pod)))?;
        }
        return Ok(());
    }
    let leaving = begin(args, fleet, drain.leave)?;
    wait(args, fleet, leaving, &mut watch)
}

fn say(line: &str) -> Result<(), Vec<String>> {
    outcome::print(&format!("{line}\n"))
        .map_err(|_| vec!["could not write to standard output".to_owned()])
}

fn full_name(pod: &v1::Pod) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let meta = &pod.metadata;
    format!("{}/{}", part(&meta.namespace), part(&meta.name))
}

/// Whether it has been on its way out for longer than that, if that is anything.
fn is_late(pod: &v1::Pod, seconds: u32) -> bool {
    let end = pod.metadata.deletion_timestamp.as_ref();
    let late = end.map_or(0, |end| {
        crate::pod::now()
            .as_second()
            .saturating_sub(end.0.as_second())
    });
    seconds > 0 && late > i64::from(seconds)
}

/// Tells all pods to go. Those that are not gone at once.
fn begin(args: &Args, fleet: &Fleet, pods: Vec<v1::Pod>) -> Result<Vec<v1::Pod>, Vec<String>> {
    let (mut leaving, mut errors) = (Vec::new(), Vec::new());
    for pod in pods {
        if !args.disable_eviction {
            say(&format!("evicting pod {}", full_name(&pod)))?;
        }
        if args.dry_run.dry_run.is_dry() {
            gone(args, &pod)?;
            continue;
        }
        let wish = Deletion {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone(),
            grace: (args.grace_period >= 0).then_some(args.grace_period),
            force: args.grace_period == 0,
        };
        match node::delete(&fleet.store, fleet.machinery.as_ref(), &wish) {
            Ok(Deleted::Stopping { .. }) => leaving.push(pod),
            Ok(Deleted::Gone) => gone(args, &pod)?,
            Err(error) if error.is_not_found() => gone(args, &pod)?,
            Err(error) => errors.push(format!(
                "error when evicting pods/{:?} -n {:?}: {error}",
                wish.name, wish.namespace
            )),
        }
    }
    if errors.is_empty() {
        Ok(leaving)
    } else {
        Err(errors)
    }
}

fn gone(args: &Args, pod: &v1::Pod) -> Result<(), Vec<String>> {
    let word = if args.disable_eviction {
        "deleted"
    } else {
        "evicted"
    };
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    say(&format!("pod/{name} {}", args.dry_run.dry_run.mark(word)))
}

/// Tells of each pod when it is gone.
fn wait(
    args: &Args,
    fleet: &Fleet,
    mut leaving: Vec<v1::Pod>,
    watch: &mut Watch,
) -> Result<(), Vec<String>> {
    let length = args.timeout.length;
    let until = (!length.is_zero()).then(|| Instant::now() + length);
    loop {
        let mut still = Vec::new();
        for pod in leaving {
            let uid = pod.metadata.uid.as_deref().unwrap_or_default();
            let there = is_there(fleet, &pod).map_err(|error| vec![error])?;
            if there {
                still.push(pod);
            } else if fleet
                .is_cleared(uid)
                .map_err(|error| vec![error.to_string()])?
            {
                gone(args, &pod)?;
            } else {
                still.push(pod);
            }
        }
        leaving = still;
        if leaving.is_empty() {
            return Ok(());
        }
        let changed = watch.wait(until).map_err(|error| vec![error.to_string()])?;
        if !changed {
            let late = leaving.iter().map(|pod| {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                format!(
                    "error when waiting for pod {name:?} in namespace {:?} to terminate: global timeout reached: {}",
                    pod.metadata.namespace.as_deref().unwrap_or_default(),
                    GoDuration(length)
                )
            });
            return Err(late.collect());
        }
    }
}

/// Whether the very pod is stored.
fn is_there(fleet: &Fleet, pod: &v1::Pod) -> Result<bool, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    match fleet.store.stored(namespace, name) {
        Ok(found) => Ok(found.metadata.uid == pod.metadata.uid),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
