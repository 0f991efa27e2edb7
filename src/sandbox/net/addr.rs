//! Which address is whose.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;

/// The family of a socket. IPv6 sockets are v6-only, as WASI demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(ip: IpAddr) -> Family {
        match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    pub fn unspecified(self) -> IpAddr {
        match self {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    pub fn loopback(self) -> IpAddr {
        match self {
            Family::V4 => Ipv4Addr::LOCALHOST.into(),
            Family::V6 => Ipv6Addr::LOCALHOST.into(),
        }
    }
}

/// Why an address is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be a socket's own address, TCP or UDP.
    Bind,
    /// To be the other end of a TCP connection.
    Connect,
    /// To get a datagram.
    Send,
    /// A datagram came from there through the kernel.
    Receive,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The pod's: handled in memory.
    Virtual,
    /// The world's: a kernel socket is used.
    Kernel,
    /// Nobody's, or not for a guest: the errno to answer with.
    Denied(Errno),
}

/// The rules of one pod.
pub(super) struct Policy {
    own: Vec<IpAddr>,
    host_network: bool,
}

impl Policy {
    pub fn new(own: Vec<IpAddr>, host_network: bool) -> Policy {
        Policy { own, host_network }
    }

    pub fn host_network(&self) -> bool {
        self.host_network
    }

    /// The pod's own addresses, without loopback.
    pub fn own(&self) -> &[IpAddr] {
        &self.own
    }

    /// The one place that decides where an address leads. The host's loopback is not behind any address: 127.0.0.0/8, ::1 and the
    /// unspecified addresses are the pod's, and the IPv6 disguises of IPv4 addresses are refused.
    pub fn judge(&self, ip: IpAddr, purpose: Purpose) -> Verdict {
        if is_disguised(ip) {
            return Verdict::Denied(Errno::EINVAL);
        }
        if self.host_network {
            return Verdict::Kernel;
        }
        let pods = self.is_pods(ip);
        match purpose {
            Purpose::Bind if pods || ip.is_unspecified() => Verdict::Virtual,
            Purpose::Bind => Verdict::Denied(Errno::EADDRNOTAVAIL),
            // Linux takes an unspecified destination for loopback.
            Purpose::Connect | Purpose::Send if pods || ip.is_unspecified() => Verdict::Virtual,
            Purpose::Receive if pods || ip.is_unspecified() => Verdict::Denied(Errno::EACCES),
            // Without SO_BROADCAST, which WASI does not have.
            Purpose::Send if ip == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                Verdict::Denied(Errno::EACCES)
            }
            _ if is_routed(ip) => Verdict::Kernel,
            _ => Verdict::Denied(Errno::ENETUNREACH),
        }
    }

    fn is_pods(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.own.contains(&ip)
    }

    /// The address a socket bound to the wildcard speaks from, as Linux' local routes have it:
    /// 127.0.0.1 for all of 127.0.0.0/8, otherwise the pod's own address itself.
    pub fn source_for(&self, to: IpAddr) -> IpAddr {
        if self.own.contains(&to) {
            to
        } else {
            Family::of(to).loopback()
        }
    }
}

/// IPv4-mapped (`::ffff:a.b.c.d`) and the long deprecated IPv4-compatible (`::a.b.c.d`) addresses. WIT forbids them on v6 sockets,
/// and through the kernel the first would reach the host's 127.0.0.1.
pub(super) fn is_disguised(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => {
            let compatible =
                v6.segments()[..6] == [0; 6] && !v6.is_loopback() && !v6.is_unspecified();
            compatible || v6.to_ipv4_mapped().is_some()
        }
    }
}

/// Whether a pod may send there through the host: unicast, and not "this network" (0.0.0.0/8).
/// Multicast stays out: it would reach listeners on the host itself.
fn is_routed(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast() && v4.octets()[0] != 0,
        IpAddr::V6(v6) => !v6.is_multicast(),
    }
}

/// The checks every operation begins with: the family is the socket's.
pub(super) fn check_family(family: Family, at: SocketAddr) -> io::Result<()> {
    if Family::of(at.ip()) == family {
        Ok(())
    } else {
        Err(Errno::EAFNOSUPPORT.into())
    }
}
