//! What a pod owns on this machine from before its first container to after its last.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::super::dirs::Dirs;
use super::super::etc::{Etc, Node, Placed};
use super::World;
use super::volumes::Volumes;
use crate::sandbox::net::{Limits, Network, NetworkConfig, Publish, Published};
use crate::sandbox::volume::{PodTree, sweep};
use crate::spec::pod::{Container, EnvValue, Pod, Protocol, Slot};
use crate::spec::{self, Composed};

/// The address of a pod whose network is virtual: IANA's IPv4 dummy address (RFC 7600), which no other host has. It is
/// reachable from the containers of the pod and from nowhere else.
const POD_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8));

/// Where the volumes lie in the pod's directory.
const VOLUMES: &str = "volumes";

pub(super) struct Site {
    pub network: Network,
    pub addresses: Vec<IpAddr>,
    /// The files that the pod has in its containers' `/etc`.
    pub etc: Placed,
    pub volumes: Volumes,
    tree: PodTree,
    /// Where all pods lie, for sweeping up behind dead ones.
    pods: PathBuf,
    _published: Vec<Published>,
}

/// What the status and the downward API tell as the addresses of the pod.
pub(in crate::pod) fn addresses(pod: &Pod, host_ips: &[IpAddr]) -> Vec<IpAddr> {
    if pod.host_network {
        host_ips.to_vec()
    } else {
        vec![POD_ADDRESS]
    }
}

impl Site {
    pub fn build(pod: &Pod, dirs: &Dirs, keep_volumes: bool) -> Result<Site> {
        let addresses = if pod.host_network {
            vec![Ipv4Addr::LOCALHOST.into()]
        } else {
            vec![POD_ADDRESS]
        };
        let kept: &'static [&str] = if keep_volumes { &[VOLUMES] } else { &[] };
        let tree = PodTree::create(&dirs.pods(), &pod.uid, kept)?;
        let etc = Etc::new(pod, &addresses, &Node::read()).place(tree.path())?;
        let site = Site {
            network: network(pod, &addresses, &etc),
            etc,
            addresses,
            volumes: Volumes::new(pod, tree.path().join(VOLUMES)),
            tree,
            pods: dirs.pods(),
            _published: Vec::new(),
        };
        let _published = publish(pod, &site.network)?;
        Ok(Site { _published, ..site })
    }

    /// Mounts the volumes and looks everything up that the containers refer to, before anything is started.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn prepare(&mut self, pod: &Pod, world: &World) -> Result<()> {
        if let Some((index, error)) = self.volumes.mount_early(pod, world) {
            bail!("volume {:?}: {error}", pod.volumes[index].name);
        }
        for (slot, container) in pod.containers.iter().enumerate() {
            // What another container is to write first is not there yet.
            if !reads_files(container) {
                self.compose(pod, slot, world)
                    .with_context(|| format!("container {:?}", container.name))?;
            }
        }
        Ok(())
    }

    /// What one start of a container consists of, with everything looked up as it is now.
    pub fn compose(&self, pod: &Pod, slot: Slot, world: &World) -> Result<Composed> {
        let outlook = self.volumes.outlook(world);
        spec::compose(pod, slot, &world.facts, &outlook).map_err(anyhow::Error::msg)
    }

    /// # Errors
    /// When the pod cannot be called what it wants to be called.
    pub fn named(&self) -> Result<()> {
        match &self.etc.etc.hostname {
            Ok(_) => Ok(()),
            Err(error) => Err(anyhow::Error::msg(error.clone())),
        }
    }

    /// The root of one container's file system.
    pub fn root(&self, container: &str) -> PathBuf {
        self.tree.path().join("roots").join(container)
    }

    /// Closes the network, then removes the pod's directory, then those of pods that died without a word.
    pub fn remove(self, pod: &Pod) -> Result<()> {
        let Site {
            network,
            mut tree,
            mut volumes,
            pods,
            _published,
            ..
        } = self;
        drop((_published, network));
        volumes.release(pod);
        let removed = tree.remove();
        sweep(&pods);
        removed
    }
}

fn reads_files(container: &Container) -> bool {
    let mut env = container.env.iter();
    env.any(|variable| matches!(variable.value, EnvValue::FileKey(_)))
}

fn network(pod: &Pod, addresses: &[IpAddr], etc: &Placed) -> Network {
    Network::new(NetworkConfig {
        hostname: etc.etc.hostname.clone().unwrap_or_default(),
        addresses: addresses.to_vec(),
        hosts: etc.hosts.clone(),
        resolv_conf: etc.resolv_conf.clone(),
        machine_servers: etc.machine_servers(),
        host_network: pod.host_network,
        limits: Limits::default(),
    })
}

/// Opens every `hostPort` of the pod. On the host's network the containers listen there themselves.
fn publish(pod: &Pod, network: &Network) -> Result<Vec<Published>> {
    let mut published = Vec::new();
    if pod.host_network {
        return Ok(published);
    }
    for container in &pod.containers {
        for port in &container.ports {
            let Some(host_port) = port.host_port else {
                continue;
            };
            let host = SocketAddr::new(
                port.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
                host_port,
            );
            let (protocol, name) = match port.protocol {
                Protocol::Tcp => (crate::sandbox::net::Protocol::Tcp, "tcp"),
                Protocol::Udp => (crate::sandbox::net::Protocol::Udp, "udp"),
            };
            let opened = network
                .publish(Publish {
                    protocol,
                    host,
                    port: port.container_port,
                })
                .with_context(|| {
                    format!(
                        "container {:?}: could not open hostPort {host_port} ({name}, {host})",
                        container.name
                    )
                })?;
            published.push(opened);
        }
    }
    Ok(published)
}
