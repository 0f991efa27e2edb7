//! What the downward API says: facts about a pod as text (`pkg/fieldpath/fieldpath.go`, `pkg/api/v1/resource/helpers.go`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::facts::{Allocatable, Facts};
use super::gotext;
use super::pod::{Amount, Field, NodeResource, Pod, ResourceRef};

/// A field of the pod as text. What is not known is the empty text.
pub fn field(field: &Field, pod: &Pod, facts: &Facts) -> String {
    match field {
        Field::Name => pod.name.clone(),
        Field::Namespace => pod.namespace.clone(),
        Field::Uid => pod.uid.clone(),
        Field::Label(key) => pod.labels.get(key).cloned().unwrap_or_default(),
        Field::Annotation(key) => pod.annotations.get(key).cloned().unwrap_or_default(),
        Field::Labels => map(&pod.labels),
        Field::Annotations => map(&pod.annotations),
        Field::NodeName => facts.node_name.clone(),
        Field::ServiceAccountName => pod.service_account.clone(),
        Field::HostIp => first(&facts.host_ips),
        Field::HostIps => joined(&facts.host_ips),
        Field::PodIp => first(&facts.pod_ips),
        Field::PodIps => joined(&facts.pod_ips),
    }
}

/// One line for each key, sorted, the values quoted as Go quotes them, and no newline at the end.
fn map(map: &BTreeMap<String, String>) -> String {
    let line = |(key, value): (&String, &String)| format!("{key}={}", gotext::quoted(value));
    let lines: Vec<String> = map.iter().map(line).collect();
    lines.join("\n")
}

fn first(addresses: &[IpAddr]) -> String {
    addresses.first().map(IpAddr::to_string).unwrap_or_default()
}

fn joined(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    texts.join(",")
}

/// An amount of a resource in multiples of its divisor, rounded up.
pub fn resource(resource: &ResourceRef, allocatable: &Allocatable) -> Result<String, String> {
    let amount = match &resource.amount {
        Amount::Set(amount) => *amount,
        Amount::Allocatable(NodeResource::Cpu) => allocatable.cpu_milli,
        Amount::Allocatable(NodeResource::Memory) => allocatable.memory,
        Amount::Allocatable(NodeResource::EphemeralStorage) => allocatable.ephemeral_storage,
        Amount::NoContainer(name) => return Err(format!("container {name} not found")),
    };
    Ok(amount.div_ceil(resource.divisor).to_string())
}
