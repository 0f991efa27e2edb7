//! Ports of the host that lead into the pod.
//!
//! A published port is a host socket whose connections are spliced into the virtual network. It costs nothing while nothing comes.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::addr::{Family, Policy};
use super::defs::{
    MAX_DATAGRAM, PUBLISH_BUFFER, PUBLISH_CONNECTIONS, PUBLISH_PEER_IDLE, PUBLISH_PEERS,
    PUBLISH_REST,
};
use super::network::Network;
use super::stream::TcpStream;
use super::udp::UdpSocket;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// A wish: what arrives at `host` goes to the pod's `port`, at the pod's own addresses (at loopback if it has none).
/// Port 0 of `host` takes a free one. An IPv6 `host` takes IPv6 only, so that `0.0.0.0` and `::` can both be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    pub protocol: Protocol,
    pub host: SocketAddr,
    pub port: u16,
}

/// An open host port. Dropping it closes the port and everything that came through it.
#[derive(Debug)]
pub struct Published {
    local: SocketAddr,
    task: AbortHandle,
}

impl Published {
    pub(super) fn open(network: Network, publish: Publish) -> io::Result<Published> {
        if network.shared().policy.host_network() {
            let why =
                "a pod in the host's network has nothing to publish: its ports are the host's";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        Published::start(network, publish, PUBLISH_PEER_IDLE)
    }

    pub(super) fn start(
        network: Network,
        publish: Publish,
        idle: Duration,
    ) -> io::Result<Published> {
        let socket = bind(publish.protocol, publish.host)?;
        let local = socket
            .local_addr()?
            .as_socket()
            .ok_or(Errno::EAFNOSUPPORT)?;
        let task = match publish.protocol {
            Protocol::Tcp => {
                socket.listen(i32::try_from(PUBLISH_CONNECTIONS).unwrap_or(i32::MAX))?;
                let listener = tokio::net::TcpListener::from_std(socket.into())?;
                tokio::spawn(serve_tcp(network, listener, publish.port))
            }
            Protocol::Udp => {
                let socket = Arc::new(tokio::net::UdpSocket::from_std(socket.into())?);
                tokio::spawn(serve_udp(network, socket, publish.port, idle))
            }
        };
        Ok(Published {
            local,
            task: task.abort_handle(),
        })
    }

    /// Where it listens on the host.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bind(protocol: Protocol, at: SocketAddr) -> io::Result<Socket> {
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    let socket = Socket::new(Domain::for_address(at), kind, None)?;
    socket.set_nonblocking(true)?;
    if protocol == Protocol::Tcp {
        // A port left a moment ago is free again; one that is listened on is not.
        socket.set_reuse_address(true)?;
    }
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&at.into())?;
    Ok(socket)
}

/// Where in the pod a published port leads, in the order to be tried: the peer's own family first.
fn targets(policy: &Policy, peer: SocketAddr, port: u16) -> Vec<SocketAddr> {
    let mut addresses: Vec<IpAddr> = policy.own().to_vec();
    if addresses.is_empty() {
        addresses = vec![Family::V4.loopback(), Family::V6.loopback()];
    }
    addresses.sort_by_key(|ip| ip.is_ipv4() != peer.is_ipv4());
    addresses
        .into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect()
}

async fn serve_tcp(network: Network, listener: tokio::net::TcpListener, port: u16) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < PUBLISH_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(splice(network.clone(), stream, peer, port));
                }
                Err(error) => {
                    // Mostly the host's want of descriptors: wait until others have gone.
                    tracing::warn!(%error, "published port {port} cannot accept");
                    tokio::time::sleep(PUBLISH_REST).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until both directions have ended. An end of one direction is passed on, a reset as well.
async fn splice(network: Network, mut outside: tokio::net::TcpStream, peer: SocketAddr, port: u16) {
    // Neither call fails on a living connection, and a dying one needs no options.
    let _ = outside.set_nodelay(true);
    let Some(mut inside) = enter(&network, peer, port) else {
        let _ = outside.set_zero_linger();
        return;
    };
    let copied = tokio::io::copy_bidirectional_with_sizes(
        &mut outside,
        &mut inside,
        PUBLISH_BUFFER,
        PUBLISH_BUFFER,
    )
    .await;
    if copied.is_err() {
        inside.abort();
        let _ = outside.set_zero_linger();
    }
}

fn enter(network: &Network, peer: SocketAddr, port: u16) -> Option<TcpStream> {
    targets(&network.shared().policy, peer, port)
        .into_iter()
        .find_map(|to| network.connect_from(seen_from(peer, to), to).ok())
}

/// The address a container sees: the peer's own, unless it is of the other family.
fn seen_from(peer: SocketAddr, to: SocketAddr) -> SocketAddr {
    if peer.is_ipv4() == to.is_ipv4() {
        peer
    } else {
        SocketAddr::new(Family::of(to.ip()).loopback(), peer.port())
    }
}

/// Somebody outside who has sent datagrams: a socket of ours inside, whose answers go back to him.
struct Peer {
    inside: UdpSocket,
    heard: Arc<Mutex<Instant>>,
}

impl Peer {
    fn find(network: &Network, from: SocketAddr, port: u16) -> io::Result<Peer> {
        let shared = network.shared();
        let mut targets = targets(&shared.policy, from, port).into_iter();
        let to = targets
            .find(|to| shared.has_udp(*to))
            .ok_or(Errno::ECONNREFUSED)?;
        let inside = network.own().udp_socket(Family::of(to.ip()))?;
        inside.connect(to)?;
        Ok(Peer {
            inside,
            heard: Arc::new(Mutex::new(Instant::now())),
        })
    }

    fn carry_in(&self, bytes: &[u8]) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        // As UDP does: what cannot be delivered is lost.
        let _ = self.inside.try_send(bytes, None);
    }
}

async fn serve_udp(
    network: Network,
    outside: Arc<tokio::net::UdpSocket>,
    port: u16,
    idle: Duration,
) {
    let mut peers: HashMap<SocketAddr, Peer> = HashMap::new();
    // Dropped with this task, and all answers with it.
    let mut answering = JoinSet::new();
    let mut arrived = Vec::new();
    loop {
        tokio::select! {
            readable = outside.readable() => {
                if let Err(error) = readable {
                    tracing::warn!(%error, "published port {port} is gone");
                    return;
                }
                take_some(&outside, &mut arrived);
            }
            Some(gone) = answering.join_next() => {
                if let Ok(from) = gone {
                    peers.remove(&from);
                }
            }
        }
        for (from, bytes) in arrived.drain(..) {
            if !peers.contains_key(&from)
                && peers.len() < PUBLISH_PEERS
                && let Ok(peer) = Peer::find(&network, from, port)
            {
                answering.spawn(answer(
                    outside.clone(),
                    peer.inside.clone(),
                    from,
                    peer.heard.clone(),
                    idle,
                ));
                peers.insert(from, peer);
            }
            if let Some(peer) = peers.get(&from) {
                peer.carry_in(&bytes);
            }
        }
    }
}

/// Takes what is there, up to a bound, so that a flood does not keep the task from its other work.
fn take_some(socket: &tokio::net::UdpSocket, into: &mut Vec<(SocketAddr, Vec<u8>)>) {
    // Lives only while datagrams come: an idle port holds no buffer.
    let mut buffer = vec![0; MAX_DATAGRAM];
    for _ in 0..64 {
        match socket.try_recv_from(&mut buffer) {
            Ok((count, from)) => into.push((from, buffer[..count].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // An answer of ours bounced (ICMP): no reason to stop.
            Err(_) => {}
        }
    }
}

/// Carries answers back until nothing went either way for `idle`. Returns whom it served.
async fn answer(
    outside: Arc<tokio::net::UdpSocket>,
    inside: UdpSocket,
    to: SocketAddr,
    heard: Arc<Mutex<Instant>>,
    idle: Duration,
) -> SocketAddr {
    let mut spoke = Instant::now();
    loop {
        let last = spoke.max(*heard.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::time::timeout_at(last + idle, inside.recv()).await {
            Ok(Ok(datagram)) => {
                spoke = Instant::now();
                // Lost answers are UDP's nature.
                let _ = outside.send_to(&datagram.bytes, to).await;
            }
            // Nobody listens there now; somebody may later.
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::ECONNREFUSED as i32) => {}
            Ok(Err(_)) => return to,
            Err(_) if *heard.lock().unwrap_or_else(PoisonError::into_inner) > last => {}
            Err(_) => return to,
        }
    }
}
