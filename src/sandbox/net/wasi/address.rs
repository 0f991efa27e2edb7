//! Which addresses the WIT allows where, before the network is asked about them.
//!
//! Stricter than Linux: a socket knows its own family only (IPv6 sockets are v6-only, mapped and compatible addresses are refused),
//! and "any address" or "any port" is no destination.

use super::fault::Fault;
use crate::sandbox::net::Family;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A local address for a TCP socket: unicast or the wildcard.
pub(super) fn check_tcp_local(family: Family, address: SocketAddr) -> Result<(), Fault> {
    require(fits(family, address.ip()) && !is_group(address.ip()))
}

/// A local address for a UDP socket. Groups are left to the network's judgement.
pub(super) fn check_udp_local(family: Family, address: SocketAddr) -> Result<(), Fault> {
    require(fits(family, address.ip()))
}

/// A destination for a TCP socket.
pub(super) fn check_tcp_remote(family: Family, address: SocketAddr) -> Result<(), Fault> {
    require(fits(family, address.ip()) && !is_group(address.ip()) && is_definite(address))
}

/// A destination for datagrams.
pub(super) fn check_udp_remote(family: Family, address: SocketAddr) -> Result<(), Fault> {
    require(fits(family, address.ip()) && is_definite(address))
}

fn require(allowed: bool) -> Result<(), Fault> {
    if allowed {
        Ok(())
    } else {
        Err(Fault::InvalidArgument)
    }
}

fn fits(family: Family, ip: IpAddr) -> bool {
    match (family, ip) {
        (Family::V4, IpAddr::V4(_)) => true,
        (Family::V6, IpAddr::V6(ip)) => ip.to_ipv4_mapped().is_none() && !is_compatible(ip),
        _ => false,
    }
}

/// `::a.b.c.d`, deprecated by RFC 4291; `::` and `::1` look alike and are not meant.
fn is_compatible(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0, 0, 0, 0, 0, 0, _, _]) && !ip.is_unspecified() && !ip.is_loopback()
}

fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

fn is_definite(address: SocketAddr) -> bool {
    !address.ip().is_unspecified() && address.port() != 0
}
