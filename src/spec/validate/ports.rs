//! Container ports and host ports.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1;

use super::network::ip;
use super::one_of;
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub fn check(container: &v1::Container, host_network: bool, path: &Path, report: &mut Report) {
    let mut names = HashSet::new();
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let path = path.index(index);
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let wrong = names::port_name(name);
            if wrong.is_empty() && !names.insert(name) {
                report.duplicate(&path.field("name"), name);
            }
            report.invalid_each(&path.field("name"), name, wrong);
        }
        number(
            port.container_port,
            true,
            &path.field("containerPort"),
            report,
        );
        number(
            port.host_port.unwrap_or_default(),
            false,
            &path.field("hostPort"),
            report,
        );
        if host_network
            && port
                .host_port
                .is_some_and(|host| host != port.container_port)
        {
            let detail = "must match `hostPort` when `hostNetwork` is true";
            report.invalid(&path.field("containerPort"), &port.container_port, detail);
        }
        one_of(
            port.protocol.as_deref(),
            &["SCTP", "TCP", "UDP"],
            &path.field("protocol"),
            report,
        );
        if let Some(address) = port
            .host_ip
            .as_deref()
            .filter(|address| !address.is_empty())
        {
            ip(address, &path.field("hostIP"), report);
        }
    }
}

fn number(port: i32, required: bool, path: &Path, report: &mut Report) {
    match port {
        0 if required => report.required(path, ""),
        0 => {}
        _ => names::port_number(port)
            .iter()
            .for_each(|detail| report.invalid(path, &port, detail)),
    }
}

/// A host port can be given once for each protocol and address. Regular containers and sidecars run side by side; plain
/// init containers run alone, so they only conflict with themselves and the sidecars before them.
pub fn host_conflicts(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let stays = |container: &v1::Container| container.restart_policy.as_deref() == Some("Always");
    let (mut together, mut sidecars) = (Taken::default(), Taken::default());
    let (list_path, init_path) = (path.field("containers"), path.field("initContainers"));
    for (index, container) in spec.containers.iter().enumerate() {
        take(container, &mut together, &list_path.index(index), report);
    }
    let with_ports = init
        .iter()
        .enumerate()
        .filter(|(_, container)| container.ports.is_some());
    for (index, container) in with_ports {
        let path = init_path.index(index);
        if stays(container) {
            take(container, &mut together, &path, report);
            take(container, &mut sidecars, &path, &mut Report::default());
        } else {
            take(container, &mut sidecars.clone(), &path, report);
        }
    }
}

/// The addresses each port is taken on; none stands for all of them.
type Taken<'c> = HashMap<(&'c str, i32), HashSet<Option<IpAddr>>>;

fn take<'c>(container: &'c v1::Container, taken: &mut Taken<'c>, path: &Path, report: &mut Report) {
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let Some(number) = port.host_port.filter(|number| *number != 0) else {
            continue;
        };
        let protocol = port.protocol.as_deref().unwrap_or_default();
        let written = port.host_ip.as_deref().unwrap_or_default();
        let address = written
            .parse::<IpAddr>()
            .ok()
            .filter(|address| !address.is_unspecified());
        let addresses = taken.entry((protocol, number)).or_default();
        // The same port on one address and on all of them can not both be had.
        let clash = match address {
            Some(_) => addresses.contains(&address) || addresses.contains(&None),
            None => !addresses.is_empty(),
        };
        if clash {
            let shown = format!("{protocol}/{written}/{number}");
            report.duplicate(&path.field("ports").index(index).field("hostPort"), &shown);
        }
        addresses.insert(address);
    }
}
