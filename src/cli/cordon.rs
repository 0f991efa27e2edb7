//! `wasmpod cordon` and `wasmpod uncordon`: whether this machine takes new pods.

use std::process::ExitCode;

use k8s_openapi::api::core::v1;

use super::fleet::Fleet;
use super::outcome::{self, DryRun, DryRunFlag};
use super::{Context, Failure, nodes};
use crate::node;

#[derive(clap::Args)]
pub struct Args {
    /// The node; there is one.
    #[arg(value_name = "NODE")]
    names: Vec<String>,

    /// The nodes with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    #[command(flatten)]
    dry_run: DryRunFlag,
}

pub fn run(args: &Args, context: &Context, cordoned: bool) -> Result<ExitCode, Failure> {
    let verb = if cordoned { "cordon" } else { "uncordon" };
    nodes::check(verb, &args.names, args.selector.as_deref())?;
    let fleet = Fleet::new(context)?;
    let chosen = nodes::choose(&fleet, &args.names, args.selector.as_deref())?;
    for node in &chosen {
        change(&fleet, node, cordoned, args.dry_run.dry_run)?;
    }
    if !args.dry_run.dry_run.is_dry() && !cordoned {
        nodes::settle(&fleet)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what became of the node (`kubectl/pkg/cmd/drain/drain.go` `RunCordonOrUncordon`).
pub fn change(
    fleet: &Fleet,
    node: &v1::Node,
    cordoned: bool,
    dry_run: DryRun,
) -> Result<(), Failure> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let mut changed = node::cordon(&mut node.clone(), cordoned);
    if changed && !dry_run.is_dry() {
        fleet.store.change_node(name, |node| {
            changed = node::cordon(node, cordoned);
            Ok(())
        })?;
    }
    let already = if changed { "" } else { "already " };
    let word = if cordoned { "cordoned" } else { "uncordoned" };
    let operation = dry_run.mark(&format!("{already}{word}"));
    outcome::print(&format!("node/{name} {operation}\n"))
}
