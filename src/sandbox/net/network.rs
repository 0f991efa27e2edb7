//! The network of one pod and a container's handle on it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use nix::errno::Errno;

use super::account::{Account, Limits, Slot, Usage};
use super::addr::{Family, Policy};
use super::conn::Side;
use super::listener::TcpListener;
use super::names::{Asking, NameFile, Names, OwnNames};
use super::options::TcpOptions;
use super::publish::{Protocol, Publish, Published};
use super::socket::TcpSocket;
use super::stream::TcpStream;
use super::table::{Holder, Lease, Table};
use super::udp::UdpSocket;

/// What a pod's network is made of.
#[derive(Clone, Debug, Default)]
pub struct NetworkConfig {
    /// The pod's own name; resolves to the pod's own addresses (to loopback when it has none).
    pub hostname: String,
    /// The pod's own addresses, besides all of 127.0.0.0/8 and ::1.
    pub addresses: Vec<IpAddr>,
    /// The pod's hosts file.
    pub hosts: NameFile,
    /// The pod's resolv.conf; without one there are no names beyond the hosts file.
    pub resolv_conf: NameFile,
    /// Name servers that the machine itself uses: where resolv.conf names one of them it is asked there, on the machine's
    /// loopback if that is where it is. Every other server is reached as a container reaches any address.
    pub machine_servers: Vec<IpAddr>,
    /// Every socket is the host's own: nothing is virtual.
    pub host_network: bool,
    /// What each container may hold.
    pub limits: Limits,
}

/// One pod's network. Cheap to clone; all clones are the same network.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
    /// What the pod process itself opens: published ports, probes, forwarded ports.
    own: Attachment,
}

/// What every socket of the pod needs.
pub(super) struct Shared {
    pub policy: Policy,
    pub table: Arc<Table>,
    names: Names,
    limits: Limits,
}

impl Network {
    pub fn new(config: NetworkConfig) -> Network {
        let shared = Arc::new(Shared {
            names: Names::new(&config),
            policy: Policy::new(config.addresses, config.host_network),
            table: Arc::default(),
            limits: config.limits,
        });
        let own = Attachment::new(
            shared.clone(),
            "network",
            Limits {
                buffered_bytes: usize::MAX,
                sockets: usize::MAX,
            },
            OwnNames::default(),
        );
        Network { shared, own }
    }

    /// A container's handle. `owner` names it in logs and accounts.
    pub fn attach(&self, owner: &str) -> Attachment {
        self.attach_with(owner, OwnNames::default())
    }

    /// The same for a container that sees other files than the pod's where names are looked up.
    pub fn attach_with(&self, owner: &str, names: OwnNames) -> Attachment {
        Attachment::new(self.shared.clone(), owner, self.shared.limits, names)
    }

    /// Opens a host port and splices what arrives there into the pod. Binds at once, so that EADDRINUSE and EACCES are seen here;
    /// dropping the result closes it. Must be called inside a tokio runtime (with time enabled), which then carries the traffic.
    pub fn publish(&self, publish: Publish) -> io::Result<Published> {
        Published::open(self.clone(), publish)
    }

    /// Connects from outside the containers (port-forward, probes) to an address of the pod.
    /// Refused at once when nothing listens; only a kernel socket (`host_network`) really waits.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.own.connect(to).await
    }

    /// The same on behalf of a peer that came from elsewhere: the container sees `from` as the remote address.
    pub(super) fn connect_from(&self, from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
        let slot = self.own.handle.account.open_slot()?;
        let options = TcpOptions::default();
        self.shared.join(
            Side {
                addr: from,
                slot,
                lease: None,
                options,
            },
            to,
        )
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn own(&self) -> &Attachment {
        &self.own
    }

    /// Addresses of a name as a container would see them.
    pub async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.own.resolve(name).await
    }
}

impl Shared {
    /// Connects a socket to an address of the pod, binding it first if it is not bound.
    pub fn connect_inside(
        &self,
        mut slot: Slot,
        lease: Option<Arc<Lease>>,
        options: TcpOptions,
        to: SocketAddr,
    ) -> io::Result<TcpStream> {
        let to = self.real(to);
        let lease = match lease {
            Some(lease) => lease,
            None => self.bind_for(Protocol::Tcp, to)?,
        };
        slot.register(Arc::downgrade(&lease) as _)?;
        let addr = self.speaking_from(lease.addr(), to);
        self.join(
            Side {
                addr,
                slot,
                lease: Some(lease),
                options,
            },
            to,
        )
    }

    /// A free port at the address one would speak to `to` from. Linux says EADDRNOTAVAIL when there is none.
    fn bind_for(&self, protocol: Protocol, to: SocketAddr) -> Result<Arc<Lease>, Errno> {
        let at = SocketAddr::new(self.policy.source_for(to.ip()), 0);
        self.table
            .bind(protocol, at, Holder::Reserved)
            .map_err(|_| Errno::EADDRNOTAVAIL)
    }

    /// What a destination means: the unspecified address is loopback.
    pub fn real(&self, to: SocketAddr) -> SocketAddr {
        if to.ip().is_unspecified() {
            SocketAddr::new(Family::of(to.ip()).loopback(), to.port())
        } else {
            to
        }
    }

    /// The address a socket bound to `bound` shows when it speaks to `to`.
    pub fn speaking_from(&self, bound: SocketAddr, to: SocketAddr) -> SocketAddr {
        if bound.ip().is_unspecified() {
            SocketAddr::new(self.policy.source_for(to.ip()), bound.port())
        } else {
            bound
        }
    }

    /// Whether a datagram sent there would find somebody.
    pub fn has_udp(&self, to: SocketAddr) -> bool {
        self.table.find(Protocol::Udp, to).is_some()
    }

    fn join(&self, client: Side, to: SocketAddr) -> io::Result<TcpStream> {
        match self.table.find(Protocol::Tcp, to) {
            Some(Holder::Listener(listener)) => {
                let listener = listener.upgrade().ok_or(Errno::ECONNREFUSED)?;
                listener.connect(client, to).map(TcpStream::inside)
            }
            _ => Err(Errno::ECONNREFUSED.into()),
        }
    }
}

/// One container's handle on the pod's network. Clones are the same attachment; when the last one goes, every socket
/// made from it is closed, whoever still holds it.
#[derive(Clone)]
pub struct Attachment {
    handle: Arc<Handle>,
}

pub(super) struct Handle {
    shared: Arc<Shared>,
    account: Arc<Account>,
    own_names: OwnNames,
    asking: Asking,
}

impl From<Arc<Handle>> for Attachment {
    fn from(handle: Arc<Handle>) -> Attachment {
        Attachment { handle }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.account.close();
    }
}

impl Attachment {
    fn new(shared: Arc<Shared>, owner: &str, limits: Limits, own_names: OwnNames) -> Attachment {
        Attachment {
            handle: Arc::new(Handle {
                shared,
                account: Account::new(owner, limits),
                own_names,
                asking: Asking::default(),
            }),
        }
    }

    /// For who outlives the container, or lies within it.
    #[cfg(test)]
    pub(super) fn downgrade(&self) -> std::sync::Weak<Handle> {
        Arc::downgrade(&self.handle)
    }

    pub fn owner(&self) -> &str {
        self.handle.account.owner()
    }

    /// A new socket, in state `Unbound`. `EMFILE` and `ENOBUFS` beyond the limits, `ENETDOWN` after `close_all`.
    pub fn tcp_socket(&self, family: Family) -> io::Result<TcpSocket> {
        let slot = self.handle.account.open_slot()?;
        Ok(TcpSocket::new(self.handle.shared.clone(), slot, family))
    }

    /// The same for datagrams.
    pub fn udp_socket(&self, family: Family) -> io::Result<UdpSocket> {
        UdpSocket::new(
            self.handle.shared.clone(),
            self.handle.account.open_slot()?,
            family,
        )
    }

    /// Bind and listen in one go (listeners prepared for a guest).
    pub fn listen(&self, at: SocketAddr) -> io::Result<TcpListener> {
        let mut socket = self.tcp_socket(Family::of(at.ip()))?;
        socket.bind(at)?;
        socket.listen()
    }

    /// Create, connect and wait.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let mut socket = self.tcp_socket(Family::of(to.ip()))?;
        socket.connect(to).await?;
        Ok(socket.stream().ok_or(Errno::ENOTCONN)?.clone())
    }

    /// Addresses of a name, IPv4 first; a literal address is its own answer. `NotFound` if there is none, `TimedOut` if the servers
    /// are silent, `InvalidInput` if it cannot be a name. Must be polled inside a tokio runtime with time enabled.
    pub fn resolve(
        &self,
        name: &str,
    ) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send + use<> {
        let handle = self.handle.clone();
        let name = name.to_owned();
        async move {
            let names = &handle.shared.names;
            let own = &handle.own_names;
            match names.look_up_here(own, &name)? {
                Some(found) => Ok(found),
                None => {
                    let container = Arc::downgrade(&handle);
                    names
                        .look_up_beyond(&handle.asking, own, container, &name)
                        .await
                }
            }
        }
    }

    pub fn usage(&self) -> Usage {
        self.handle.account.usage()
    }

    /// Closes every socket of this container at once, as the kernel does when a process dies; later ones are refused (`ENETDOWN`).
    pub fn close_all(&self) {
        self.handle.account.close();
    }
}
