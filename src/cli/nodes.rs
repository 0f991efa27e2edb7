//! The nodes that a verb is about. There is one, and it may be named, or meant by its labels.

use anyhow::anyhow;
use k8s_openapi::api::core::v1;

use super::Failure;
use super::fleet::Fleet;
use super::print::selector::LabelSelector;
use crate::node::{Among, StoreError};

/// Chooses among the nodes by name or, where no name is given, by labels.
///
/// # Errors
/// There is no node of a name.
pub fn choose(
    fleet: &Fleet,
    names: &[String],
    selector: Option<&str>,
) -> Result<Vec<v1::Node>, Failure> {
    fleet.store.ensure_node()?;
    let node = fleet.store.node()?;
    let own = node.metadata.name.as_deref().unwrap_or_default();
    if let Some(selector) = selector {
        let selector = LabelSelector::parse(selector).map_err(Failure::Machine)?;
        let meant = selector.matches(node.metadata.labels.as_ref());
        return Ok(meant.then_some(node).into_iter().collect());
    }
    let bare = |name: &String| {
        let kinds = ["nodes/", "node/", "no/"];
        let rest = kinds.iter().find_map(|kind| name.strip_prefix(kind));
        rest.unwrap_or(name).to_owned()
    };
    match names.iter().map(bare).find(|name| name != own) {
        Some(name) => Err(StoreError::NotFound {
            kind: "nodes",
            name,
        }
        .into()),
        None => Ok(vec![node]),
    }
}

/// Names or a selector, and not both (`kubectl/pkg/cmd/drain/drain.go` `Complete`).
///
/// # Errors
/// Neither, or both.
pub fn check(verb: &str, names: &[String], selector: Option<&str>) -> Result<(), Failure> {
    let wrong = match (names.is_empty(), selector) {
        (true, None) => format!("USAGE: {verb} NODE [flags]"),
        (false, Some(_)) => {
            "error: cannot specify both a node name and a --selector option".to_owned()
        }
        _ => return Ok(()),
    };
    Err(Failure::Usage(anyhow!(wrong)))
}

/// Sees to it that the pods of this machine are those that may be here: drives away whom a taint does not let stay, and
/// starts those that waited for this.
///
/// # Errors
/// The pods cannot be listed.
pub fn settle(fleet: &Fleet) -> Result<(), Failure> {
    let sights = crate::node::list(&fleet.store, fleet.machinery.as_ref(), None)?;
    let now = crate::pod::now();
    let driven = crate::node::drive_away(&fleet.store, fleet.machinery.as_ref(), &sights, now)?;
    for pod in driven.pods {
        eprintln!("Warning: pod {pod} is evicted: it does not tolerate the node's taints");
    }
    fleet.place(Among::All)
}
