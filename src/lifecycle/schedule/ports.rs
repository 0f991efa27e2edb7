//! Ports of the machine, which only one pod can have (`pkg/scheduler/framework/plugins/nodeports`).

use k8s_openapi::api::core::v1;

use super::{Obstacle, neighbour};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPort<'a> {
    protocol: &'a str,
    /// None: on all addresses.
    address: Option<&'a str>,
    port: i32,
}

impl HostPort<'_> {
    fn collides(self, other: HostPort) -> bool {
        let same_address = match (self.address, other.address) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.port == other.port && self.protocol == other.protocol && same_address
    }
}

/// The ports that a pod needs for as long as it runs: those of its containers and sidecars.
pub fn of(spec: &v1::PodSpec) -> impl Iterator<Item = HostPort<'_>> {
    let init = spec.init_containers.iter().flatten();
    let sidecars = init.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars);
    let ports = ports.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| {
        Some(HostPort {
            protocol: port.protocol.as_deref().unwrap_or("TCP"),
            address: port
                .host_ip
                .as_deref()
                .filter(|ip| !matches!(*ip, "" | "0.0.0.0")),
            port: port.host_port.filter(|port| *port > 0)?,
        })
    })
}

pub(super) fn free(spec: &v1::PodSpec, already: &[v1::Pod]) -> Result<(), Obstacle> {
    let taken = || {
        already
            .iter()
            .filter_map(|pod| pod.spec.as_ref())
            .flat_map(of)
    };
    if of(spec).any(|wanted| taken().any(|taken| wanted.collides(taken))) {
        return Err(neighbour(
            "NodePorts",
            "node(s) didn't have free ports for the requested pod ports",
        ));
    }
    Ok(())
}
