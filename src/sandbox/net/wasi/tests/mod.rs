//! The sockets as guests see them: the Host traits driven directly, and the conformance program in a store.

mod conformance;
mod host;
mod p2_tcp;
mod p2_udp;
mod p2_world;
mod p3_sockets;

use std::net::SocketAddr;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
