//! `wasmpod taint`: what keeps pods away from this machine, or drives them away (`kubectl/pkg/cmd/taint`).

use std::process::ExitCode;

use anyhow::anyhow;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::fleet::Fleet;
use super::outcome::{self, DryRunFlag};
use super::{Context, Failure, nodes};
use crate::node::StoreError;
use crate::spec::TaintChange;

#[derive(clap::Args)]
pub struct Args {
    /// `nodes NAME`, or `nodes` with -l or --all, and then changes: KEY=VALUE:EFFECT, KEY:EFFECT, or KEY- and KEY:EFFECT- to
    /// remove.
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// The nodes with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// All nodes.
    #[arg(long)]
    all: bool,

    /// Replace taints of the same key and effect.
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    dry_run: DryRunFlag,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let (nodes, changes) = split(&args.args)?;
    let change = TaintChange::parse(changes).map_err(refused)?;
    check(args, nodes)?;
    let fleet = Fleet::new(context)?;
    let everything = args.all.then_some("");
    let selector = args.selector.as_deref().or(everything);
    let dry_run = args.dry_run.dry_run;
    for node in nodes::choose(&fleet, &nodes[1..], selector)? {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let mut done = "";
        let apply = |node: &mut v1::Node| {
            let now = Time(crate::pod::now());
            let spec = node.spec.get_or_insert_default();
            let old = spec.taints.take().unwrap_or_default();
            let (new, what) = change.apply(name, &old, args.overwrite, &now)?;
            done = what;
            spec.taints = (!new.is_empty()).then_some(new);
            Ok::<(), String>(())
        };
        if dry_run.is_dry() {
            let mut apply = apply;
            apply(&mut node.clone()).map_err(refused)?;
        } else {
            let mut apply = apply;
            let mut wrong = None;
            let changed = fleet.store.change_node(name, |node| {
                apply(node).map_err(|message| {
                    wrong = Some(message);
                    StoreError::MethodNotAllowed
                })
            });
            if let Some(message) = wrong {
                return Err(refused(message));
            }
            changed?;
        }
        outcome::print(&format!("node/{name} {}\n", dry_run.mark(done)))?;
    }
    if !dry_run.is_dry() {
        nodes::settle(&fleet)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn refused(message: String) -> Failure {
    Failure::Machine(anyhow!(message))
}

/// First what is to be changed, then how.
fn split(args: &[String]) -> Result<(&[String], &[String]), Failure> {
    let is_change = |arg: &String| arg.contains(['=', ':']) || arg.ends_with('-');
    let begin = args.iter().position(is_change).unwrap_or(args.len());
    let (nodes, changes) = args.split_at(begin);
    if let Some(late) = changes.iter().find(|arg| !is_change(arg)) {
        return Err(refused(format!(
            "all resources must be specified before taint changes: {late}"
        )));
    }
    if nodes.is_empty() {
        return Err(refused(
            "one or more resources must be specified as <resource> <name>".to_owned(),
        ));
    }
    if changes.is_empty() {
        return Err(refused("at least one taint update is required".to_owned()));
    }
    Ok((nodes, changes))
}

fn check(args: &Args, nodes: &[String]) -> Result<(), Failure> {
    let kind = nodes[0].to_lowercase();
    if !["node", "nodes", "no"].contains(&kind.as_str()) {
        return Err(refused(format!(
            "invalid resource type {kind}, only node types are supported"
        )));
    }
    match (args.all, &args.selector) {
        (true, Some(_)) => Err(refused(
            "setting 'all' parameter with a non empty selector is prohibited".to_owned(),
        )),
        (false, None) if nodes.len() < 2 => Err(refused(
            "at least one resource name must be specified since 'all' parameter is not set"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn nodes_come_before_changes() {
        let args = words("nodes here a=b:NoSchedule c-");
        let (nodes, changes) = split(&args).unwrap();
        assert_eq!((nodes, changes), (&args[..2], &args[2..]));
        for (text, why) in [
            (
                "nodes a:NoSchedule here",
                "all resources must be specified before taint changes: here",
            ),
            (
                "a:NoSchedule",
                "one or more resources must be specified as <resource> <name>",
            ),
            ("nodes here", "at least one taint update is required"),
        ] {
            let refused = split(&words(text)).err().unwrap();
            assert!(
                matches!(&refused, Failure::Machine(error) if error.to_string() == why),
                "{text}"
            );
        }
    }
}
