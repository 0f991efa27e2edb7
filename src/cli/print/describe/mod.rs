//! `describe` (`kubectl/pkg/describe/describe.go`).

mod account;
mod claim;
mod containers;
mod data;
mod env;
mod generic;
mod limits;
mod namespace;
mod node;
mod page;
mod probe;
mod qos;
mod volumes;

#[cfg(test)]
mod kinds;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Event, LimitRange, Pod, PodSpec, PodStatus, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;

use super::{events, since};
use crate::cli::incoming::LAST_APPLIED;
use crate::spec::{Kind, Object};
use page::Page;

/// Longer annotations get lines of their own, and are cut there.
const LONG_ANNOTATION: usize = 140;

/// When somebody looks, and in which zone he wants to read times.
#[derive(Clone, Debug)]
pub struct Clock {
    pub now: Timestamp,
    pub zone: TimeZone,
}

impl Clock {
    /// RFC 1123 with a numeric zone. What has not happened is shown as Go's zero time.
    fn date(&self, time: Option<&Time>) -> String {
        match time {
            Some(time) => {
                let there = time.0.to_zoned(self.zone.clone());
                there.strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
            }
            None => "Mon, 01 Jan 0001 00:00:00 +0000".to_owned(),
        }
    }
}

/// What is told of an object beside itself.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// None: they are not wanted.
    pub events: Option<Vec<Event>>,
    /// The pods of a claim's namespace, or of a node.
    pub pods: Vec<Pod>,
    /// The names of the secrets there are where a service account is.
    pub secrets: BTreeSet<String>,
    /// The limits of a namespace.
    pub limits: Vec<LimitRange>,
}

/// One object, with what is around it.
pub fn object(object: &Object, around: &Around, clock: &Clock) -> String {
    let events = around.events.as_deref();
    let mut page = Page::default();
    match object {
        Object::Pod(pod) => return self::pod(pod, events, clock),
        Object::ConfigMap(map) => data::config_map(&mut page, map),
        Object::Secret(secret) => data::secret(&mut page, secret),
        Object::ServiceAccount(account) => {
            account::service_account(&mut page, account, &around.secrets);
        }
        Object::PersistentVolumeClaim(claim) => {
            claim::claim(&mut page, claim, &around.pods, clock);
        }
        Object::LimitRange(limits) => limits::limit_range(&mut page, limits),
        Object::Namespace(namespace) => namespace::namespace(&mut page, namespace, &around.limits),
        Object::Node(node) => node::node(&mut page, node, &around.pods, clock),
        Object::Event(_) | Object::PodPreset(_) => generic::object(&mut page, object),
    }
    // kubectl tells of nothing that happens to these.
    let silent = matches!(
        object.kind(),
        Kind::Secret | Kind::LimitRange | Kind::Namespace
    );
    if let Some(events) = events.filter(|_| !silent) {
        happenings(&mut page, events, clock.now);
    }
    page.align()
}

/// What stands at the head of nearly all of them.
fn heading(page: &mut Page, metadata: &ObjectMeta) {
    titles(page, metadata);
    labels(page, "Labels", metadata.labels.as_ref());
    annotations(page, metadata.annotations.as_ref());
}

fn titles(page: &mut Page, metadata: &ObjectMeta) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    page.field(0, "Name", &text(&metadata.name));
    page.field(0, "Namespace", &text(&metadata.namespace));
}

/// One pod, with its events unless they are not wanted.
pub fn pod(pod: &Pod, events: Option<&[Event]>, clock: &Clock) -> String {
    let (no_spec, no_status) = (PodSpec::default(), PodStatus::default());
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let status = pod.status.as_ref().unwrap_or(&no_status);
    let mut page = Page::default();
    head(&mut page, pod, spec, status, clock);
    containers::all(&mut page, pod, spec, status, clock);
    gates_and_conditions(&mut page, spec, status);
    volumes::all(&mut page, spec.volumes.as_deref().unwrap_or_default());
    page.field(0, "QoS Class", &qos::class(spec, status));
    labels(&mut page, "Node-Selectors", spec.node_selector.as_ref());
    tolerations(&mut page, spec.tolerations.as_deref().unwrap_or_default());
    spread(&mut page, spec);
    if let Some(events) = events {
        happenings(&mut page, events, clock.now);
    }
    page.align()
}

fn head(page: &mut Page, pod: &Pod, spec: &PodSpec, status: &PodStatus, clock: &Clock) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    page.field(0, "Name", &text(&pod.metadata.name));
    page.field(0, "Namespace", &text(&pod.metadata.namespace));
    if let Some(priority) = spec.priority {
        page.field(0, "Priority", &priority.to_string());
    }
    page.filled(
        0,
        "Priority Class Name",
        spec.priority_class_name.as_deref(),
    );
    page.filled(0, "Runtime Class Name", spec.runtime_class_name.as_deref());
    page.filled(0, "Service Account", spec.service_account_name.as_deref());
    match spec.node_name.as_deref() {
        None | Some("") => page.field(0, "Node", "<none>"),
        Some(node) => page.field(0, "Node", &format!("{node}/{}", text(&status.host_ip))),
    }
    if status.start_time.is_some() {
        page.field(0, "Start Time", &clock.date(status.start_time.as_ref()));
    }
    labels(page, "Labels", pod.metadata.labels.as_ref());
    annotations(page, pod.metadata.annotations.as_ref());
    phase(page, pod, status, clock.now);
    page.filled(0, "Reason", status.reason.as_deref());
    page.filled(0, "Message", status.message.as_deref());
    let seccomp = spec
        .security_context
        .as_ref()
        .and_then(|context| context.seccomp_profile.as_ref());
    if let Some(profile) = seccomp {
        page.field(0, "SeccompProfile", &profile.type_);
        if profile.type_ == "Localhost" {
            page.field(0, "LocalhostProfile", &text(&profile.localhost_profile));
        }
    }
    page.field(0, "IP", &text(&status.pod_ip));
    addresses(page, status);
    let owners = pod.metadata.owner_references.iter().flatten();
    if let Some(owner) = owners
        .into_iter()
        .find(|owner| owner.controller == Some(true))
    {
        page.field(
            0,
            "Controlled By",
            &format!("{}/{}", owner.kind, owner.name),
        );
    }
    page.filled(
        0,
        "NominatedNodeName",
        status.nominated_node_name.as_deref(),
    );
    if let Some(resources) = &spec.resources {
        page.line(0, "Resources:");
        containers::amounts(page, resources, 1);
    }
}

/// The phase, or how long the pod has been on its way out.
fn phase(page: &mut Page, pod: &Pod, status: &PodStatus, now: Timestamp) {
    let phase = status.phase.as_deref().unwrap_or_default();
    let leaving = pod.metadata.deletion_timestamp.as_ref();
    match leaving.filter(|_| !matches!(phase, "Succeeded" | "Failed")) {
        Some(time) => {
            let age = since(Some(time), now);
            page.field(0, "Status", &format!("Terminating (lasts {age})"));
            let grace = pod
                .metadata
                .deletion_grace_period_seconds
                .unwrap_or_default();
            page.field(0, "Termination Grace Period", &format!("{grace}s"));
        }
        None => page.field(0, "Status", phase),
    }
}

fn addresses(page: &mut Page, status: &PodStatus) {
    let ips = status.pod_ips.as_deref().unwrap_or_default();
    if ips.is_empty() {
        return page.field(0, "IPs", "<none>");
    }
    page.line(0, "IPs:");
    ips.iter().for_each(|ip| page.field(1, "IP", &ip.ip));
}

/// `title:` with one `key=value` a line behind it.
fn labels(page: &mut Page, title: &str, labels: Option<&BTreeMap<String, String>>) {
    let lines = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"));
    page.list(title, lines);
}

fn annotations(page: &mut Page, annotations: Option<&BTreeMap<String, String>>) {
    let shown = annotations
        .into_iter()
        .flatten()
        // Not shown: it repeats the whole object.
        .filter(|(key, _)| *key != LAST_APPLIED);
    let text = |(key, value): (&String, &String)| {
        let value = value.strip_suffix('\n').unwrap_or(value);
        if value.len() + key.len() + 2 <= LONG_ANNOTATION && !value.contains('\n') {
            return format!("{key}: {value}");
        }
        let lines = value
            .split('\n')
            .map(|line| format!("\n\t  {}", shortened(line, LONG_ANNOTATION - 2)));
        format!("{key}:{}", lines.collect::<String>())
    };
    page.list("Annotations", shown.map(text));
}

/// At most so many bytes (and no torn character), with dots for the rest.
fn shortened(text: &str, most: usize) -> String {
    match text.len() > most {
        true => format!("{}...", &text[..text.floor_char_boundary(most)]),
        false => text.to_owned(),
    }
}

fn gates_and_conditions(page: &mut Page, spec: &PodSpec, status: &PodStatus) {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let gates = spec.readiness_gates.as_deref().unwrap_or_default();
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:\n  Type\tStatus");
        for gate in gates {
            let found = conditions
                .iter()
                .find(|condition| condition.type_ == gate.condition_type);
            let status = found.map_or("<none>", |condition| &condition.status);
            page.line(1, &format!("{} \t{status} ", gate.condition_type));
        }
    }
    if !conditions.is_empty() {
        page.line(0, "Conditions:\n  Type\tStatus");
        for condition in conditions {
            page.line(1, &format!("{} \t{} ", condition.type_, condition.status));
        }
    }
}

fn tolerations(page: &mut Page, tolerations: &[Toleration]) {
    let mut sorted: Vec<&Toleration> = tolerations.iter().collect();
    sorted.sort_by_key(|toleration| toleration.key.as_deref().unwrap_or_default());
    page.list("Tolerations", sorted.into_iter().map(toleration));
}

/// `key=value:NoExecute op=Exists for 300s`
fn toleration(toleration: &Toleration) -> String {
    let part = |before: &str, text: &Option<String>| match text.as_deref() {
        None | Some("") => String::new(),
        Some(text) => format!("{before}{text}"),
    };
    let mut text =
        part("", &toleration.key) + &part("=", &toleration.value) + &part(":", &toleration.effect);
    let has_value = toleration
        .value
        .as_deref()
        .is_some_and(|value| !value.is_empty());
    if toleration.operator.as_deref() == Some("Exists") && !has_value {
        text += if text.is_empty() {
            "op=Exists"
        } else {
            " op=Exists"
        };
    }
    if let Some(seconds) = toleration.toleration_seconds {
        text += &format!(" for {seconds}s");
    }
    text
}

fn spread(page: &mut Page, spec: &PodSpec) {
    let mut all: Vec<_> = spec.topology_spread_constraints.iter().flatten().collect();
    if all.is_empty() {
        return;
    }
    all.sort_by(|a, b| a.topology_key.cmp(&b.topology_key));
    let text = |constraint: &k8s_openapi::api::core::v1::TopologySpreadConstraint| {
        let selector = constraint
            .label_selector
            .as_ref()
            .and_then(|selector| selector.match_labels.as_ref());
        let selector = selector.map(|labels| {
            let labels: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!(" for selector {}", labels.join(","))
        });
        format!(
            "{}:{} when max skew {} is exceeded{}",
            constraint.topology_key,
            constraint.when_unsatisfiable,
            constraint.max_skew,
            selector.unwrap_or_default()
        )
    };
    page.list("Topology Spread Constraints", all.into_iter().map(text));
}

fn happenings(page: &mut Page, events: &[Event], now: Timestamp) {
    if events.is_empty() {
        return page.field(0, "Events", "<none>");
    }
    let mut sorted: Vec<&Event> = events.iter().collect();
    sorted.sort_by_key(|event| events::last_seen(event));
    page.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
    page.line(1, "----\t------\t----\t----\t-------");
    for event in sorted {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let component = event
            .source
            .as_ref()
            .and_then(|source| source.component.clone());
        let from = component
            .filter(|from| !from.is_empty())
            .or_else(|| event.reporting_component.clone());
        let cells = [
            text(&event.type_),
            text(&event.reason),
            events::interval(event, now),
            from.unwrap_or_default(),
            text(&event.message).trim().to_owned(),
        ];
        page.line(1, &cells.join("\t"));
    }
}
