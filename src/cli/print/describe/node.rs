//! Nodes (`describeNode`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node, NodeStatus, Pod, PodSpec, Taint};
use k8s_openapi::apimachinery::pkg::api::resource;

use super::page::Page;
use super::{Clock, annotations, labels};
use crate::cli::print::columns::or_none;
use crate::cli::print::nodes::roles;
use crate::cli::print::since;
use crate::spec::Quantity;

type Amounts = BTreeMap<String, resource::Quantity>;

/// `pods`: those that are on it.
pub fn node(page: &mut Page, node: &Node, pods: &[Pod], clock: &Clock) {
    let metadata = &node.metadata;
    let nothing = NodeStatus::default();
    let status = node.status.as_ref().unwrap_or(&nothing);
    let spec = node.spec.as_ref();
    page.field(0, "Name", metadata.name.as_deref().unwrap_or_default());
    page.field(0, "Roles", &or_none(Some(&roles(node))));
    labels(page, "Labels", metadata.labels.as_ref());
    annotations(page, metadata.annotations.as_ref());
    let created = clock.date(metadata.creation_timestamp.as_ref());
    page.field(0, "CreationTimestamp", &created);
    taints(page, spec.and_then(|spec| spec.taints.as_deref()));
    let unschedulable = spec.and_then(|spec| spec.unschedulable).unwrap_or_default();
    page.field(0, "Unschedulable", &unschedulable.to_string());
    conditions(page, status, clock);
    page.line(0, "Addresses:");
    for address in status.addresses.iter().flatten() {
        page.field(1, &address.type_, &address.address);
    }
    amounts(page, "Capacity", status.capacity.as_ref());
    amounts(page, "Allocatable", status.allocatable.as_ref());
    system(page, status);
    let ended = |pod: &&Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    let pods: Vec<&Pod> = pods.iter().filter(|pod| !ended(pod)).collect();
    let allocatable = status.allocatable.as_ref().or(status.capacity.as_ref());
    inhabitants(page, &pods, allocatable, clock);
}

fn taints(page: &mut Page, taints: Option<&[Taint]>) {
    let mut taints: Vec<&Taint> = taints.unwrap_or_default().iter().collect();
    // By effect, then by key, as kubectl sorts them.
    taints.sort_by(|a, b| (&a.effect, &a.key).cmp(&(&b.effect, &b.key)));
    let text = |taint: &Taint| match taint.value.as_deref().unwrap_or_default() {
        "" => format!("{}:{}", taint.key, taint.effect),
        value => format!("{}={value}:{}", taint.key, taint.effect),
    };
    page.list("Taints", taints.into_iter().map(text));
}

fn conditions(page: &mut Page, status: &NodeStatus, clock: &Clock) {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(
        1,
        "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage",
    );
    page.line(
        1,
        "----\t------\t-----------------\t------------------\t------\t-------",
    );
    for one in conditions {
        let cells = [
            one.type_.clone(),
            one.status.clone(),
            clock.date(one.last_heartbeat_time.as_ref()),
            clock.date(one.last_transition_time.as_ref()),
            one.reason.clone().unwrap_or_default(),
            one.message.clone().unwrap_or_default(),
        ];
        page.line(1, &cells.join(" \t"));
    }
}

fn amounts(page: &mut Page, title: &str, amounts: Option<&Amounts>) {
    let Some(amounts) = amounts.filter(|amounts| !amounts.is_empty()) else {
        return;
    };
    page.line(0, &format!("{title}:"));
    for (name, amount) in amounts {
        page.field(1, name, &super::containers::canonical(amount));
    }
}

fn system(page: &mut Page, status: &NodeStatus) {
    let info = status.node_info.clone().unwrap_or_default();
    page.line(0, "System Info:");
    for (title, text) in [
        ("Machine ID", &info.machine_id),
        ("System UUID", &info.system_uuid),
        ("Boot ID", &info.boot_id),
        ("Kernel Version", &info.kernel_version),
        ("OS Image", &info.os_image),
        ("Operating System", &info.operating_system),
        ("Architecture", &info.architecture),
        ("Container Runtime Version", &info.container_runtime_version),
        ("Kubelet Version", &info.kubelet_version),
        ("Kube-Proxy Version", &info.kube_proxy_version),
    ] {
        page.field(1, title, text);
    }
}

/// The pods, and what they have been given together.
fn inhabitants(page: &mut Page, pods: &[&Pod], allocatable: Option<&Amounts>, clock: &Clock) {
    page.field(
        0,
        "Non-terminated Pods",
        &format!("({} in total)", pods.len()),
    );
    page.line(
        1,
        "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge",
    );
    page.line(
        1,
        "---------\t----\t\t------------\t----------\t---------------\t-------------\t---",
    );
    let share = |amount: Quantity, name: &str| {
        format!("{amount} ({}%)", percent(amount, name, allocatable))
    };
    for pod in pods {
        let (requests, limits) = asked(pod);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            text(&pod.metadata.namespace),
            text(&pod.metadata.name) + "\t",
            share(of(&requests, "cpu"), "cpu"),
            share(of(&limits, "cpu"), "cpu"),
            share(of(&requests, "memory"), "memory"),
            share(of(&limits, "memory"), "memory"),
            since(pod.metadata.creation_timestamp.as_ref(), clock.now),
        ];
        page.line(1, &cells.join("\t"));
    }
    page.line(
        0,
        "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)",
    );
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    let (mut requests, mut limits) = (Sums::new(), Sums::new());
    for pod in pods {
        let (more, most) = asked(pod);
        add(&mut requests, &more);
        add(&mut limits, &most);
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        let (request, limit) = (of(&requests, name), of(&limits, name));
        page.line(
            1,
            &format!("{name}\t{}\t{}", share(request, name), share(limit, name)),
        );
    }
}

type Sums = BTreeMap<String, Quantity>;

fn of(sums: &Sums, name: &str) -> Quantity {
    sums.get(name).copied().unwrap_or(Quantity::ZERO)
}

fn add(sums: &mut Sums, more: &Sums) {
    for (name, amount) in more {
        let sum = sums.get(name).map_or(*amount, |sum| sum.plus(*amount));
        sums.insert(name.clone(), sum);
    }
}

fn at_least(sums: &mut Sums, more: &Sums) {
    for (name, amount) in more {
        let most = of(sums, name).max(*amount);
        sums.insert(name.clone(), most);
    }
}

/// What a pod asks for: that of its containers and sidecars together, or of the init container that asks for most beside the
/// sidecars before it (`component-helpers/resource/helpers.go`, `AggregateContainerRequests`).
fn asked(pod: &Pod) -> (Sums, Sums) {
    let nothing = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&nothing);
    let sum = |pick: fn(&Container) -> Option<&Amounts>| {
        let parsed = |container: &Container| -> Sums {
            let amounts = pick(container).into_iter().flatten();
            let parse = |(name, amount): (&String, &resource::Quantity)| {
                Some((name.clone(), amount.0.parse().ok()?))
            };
            amounts.filter_map(parse).collect()
        };
        let mut all = Sums::new();
        spec.containers
            .iter()
            .for_each(|one| add(&mut all, &parsed(one)));
        let (mut sidecars, mut init) = (Sums::new(), Sums::new());
        for container in spec.init_containers.iter().flatten() {
            let own = parsed(container);
            if container.restart_policy.as_deref() == Some("Always") {
                add(&mut sidecars, &own);
                at_least(&mut init, &sidecars);
            } else {
                let mut together = sidecars.clone();
                add(&mut together, &own);
                at_least(&mut init, &together);
            }
        }
        add(&mut all, &sidecars);
        at_least(&mut all, &init);
        all
    };
    (
        sum(|container| container.resources.as_ref()?.requests.as_ref()),
        sum(|container| container.resources.as_ref()?.limits.as_ref()),
    )
}

/// Of what there is; of nothing it is no part.
fn percent(amount: Quantity, name: &str, allocatable: Option<&Amounts>) -> i128 {
    let there = allocatable.and_then(|all| all.get(name)?.0.parse::<Quantity>().ok());
    match there.map(Quantity::milli) {
        None | Some(0) => 0,
        Some(whole) => amount.milli() * 100 / whole,
    }
}
