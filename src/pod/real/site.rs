//! What a pod owns on this machine from before its first container to after its last.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::super::dirs::Dirs;
use super::super::etc::{Etc, Node, Placed};
use crate::sandbox::net::{Limits, Network, NetworkConfig, Publish, Published};
use crate::sandbox::volume::{PodTree, host_dir, shared_dir, sweep};
use crate::spec::pod::{HostPathKind, Pod, Protocol, Volume, VolumeSource};

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
    tree: PodTree,
    /// Where all pods lie, for sweeping up behind dead ones.
    pods: PathBuf,
    _published: Vec<Published>,
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
            tree,
            pods: dirs.pods(),
            _published: Vec::new(),
        };
        for volume in &pod.volumes {
            site.make_volume(volume)?;
        }
        let _published = publish(pod, &site.network)?;
        Ok(Site { _published, ..site })
    }

    fn make_volume(&self, volume: &Volume) -> Result<()> {
        let path = self.volume(volume);
        match &volume.source {
            VolumeSource::EmptyDir(_) => shared_dir(&path),
            VolumeSource::HostPath { kind, .. } => {
                host_dir(&path, *kind == HostPathKind::DirectoryOrCreate)
            }
            VolumeSource::Projected(_) | VolumeSource::Claim { .. } => {
                Err(anyhow::anyhow!("volumes of this kind are not mounted yet"))
            }
        }
        .with_context(|| format!("volume {:?}", volume.name))
    }

    /// The directory of one volume, laid out as the kubelet lays it out.
    pub fn volume(&self, volume: &Volume) -> PathBuf {
        let made = |kind: &str| {
            let volumes = self.tree.path().join(VOLUMES);
            volumes.join(kind).join(&volume.name)
        };
        match &volume.source {
            VolumeSource::EmptyDir(_) => made("kubernetes.io~empty-dir"),
            VolumeSource::HostPath { path, .. } => path.clone(),
            VolumeSource::Projected(projected) => made(projected.flavor.directory()),
            VolumeSource::Claim { .. } => made("kubernetes.io~local-volume"),
        }
    }

    /// The root of one container's file system.
    pub fn root(&self, container: &str) -> PathBuf {
        self.tree.path().join("roots").join(container)
    }

    /// Closes the network, then removes the pod's directory, then those of pods that died without a word.
    pub fn remove(self) -> Result<()> {
        let Site {
            network,
            mut tree,
            pods,
            _published,
            ..
        } = self;
        drop((_published, network));
        let removed = tree.remove();
        sweep(&pods);
        removed
    }
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
