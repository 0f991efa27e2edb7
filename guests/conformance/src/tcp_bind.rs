//! Which addresses a listener may have, and which of them exclude each other.

use crate::report::{Family, listen, outcome, pair, same, say};
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

pub fn run(family: Family) {
    port_zero(family);
    conflicts(family);
    neighbours(family);
    reuse(family);
    say(
        family,
        "bind to an address of nobody here",
        outcome(&TcpListener::bind((family.foreign, 0))),
    );
    // Left out: [::] against 0.0.0.0 on one port. WASI's IPv6 sockets are always IPV6_V6ONLY, Linux' by default are not.
    // Left out: multicast and IPv4-mapped addresses, which the WIT refuses and Linux accepts in part.
}

fn port_zero(family: Family) {
    let (first, address) = listen(family.loopback);
    let (_second, other) = listen(family.loopback);
    say(family, "port 0 picks a port", address.port() != 0);
    say(
        family,
        "port 0 twice picks ports",
        same(address.port(), other.port()),
    );
    say(
        family,
        "port 0 keeps the address",
        first.local_addr().unwrap().ip(),
    );
    let (_wild, address) = listen(family.wildcard);
    say(family, "port 0 on the wildcard keeps it", address.ip());
}

fn conflicts(family: Family) {
    let Family {
        loopback, wildcard, ..
    } = family;
    for (what, held, wanted) in [
        ("specific, then the same", loopback, loopback),
        ("wildcard, then specific", wildcard, loopback),
        ("specific, then wildcard", loopback, wildcard),
        ("wildcard, then wildcard", wildcard, wildcard),
    ] {
        say(family, &format!("bind {what}"), second_bind(held, wanted));
    }
}

/// The other loopback addresses are other places: the same port on them is free.
fn neighbours(family: Family) {
    for other in family.others {
        say(
            family,
            &format!("bind {}, then {other}", family.loopback),
            second_bind(family.loopback, *other),
        );
        say(
            family,
            &format!("bind the wildcard, then {other}"),
            second_bind(family.wildcard, *other),
        );
    }
    let stranger: IpAddr = if family.loopback.is_ipv4() {
        "::1".parse().unwrap()
    } else {
        "127.0.0.1".parse().unwrap()
    };
    say(
        family,
        "bind the loopback, then that of the other family",
        second_bind(family.loopback, stranger),
    );
}

fn second_bind(held: IpAddr, wanted: IpAddr) -> String {
    let (_first, address) = listen(held);
    outcome(&TcpListener::bind((wanted, address.port())))
}

fn reuse(family: Family) {
    let (listener, address) = listen(family.loopback);
    drop(listener);
    say(
        family,
        "bind again after the listener is gone",
        outcome(&TcpListener::bind(address)),
    );

    let (listener, address) = listen(family.loopback);
    let client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop(listener);
    let again = TcpListener::bind(address);
    say(
        family,
        "bind again while an accepted connection lives",
        outcome(&again),
    );
    drop(again);
    drop((client, server));
    say(
        family,
        "bind again after both ends are closed",
        outcome(&TcpListener::bind(address)),
    );

    let (mut client, server) = pair(family);
    let address: SocketAddr = server.local_addr().unwrap();
    // The server's end closes first and with unread bytes, the two ways to leave a port busy on a host without SO_REUSEADDR.
    client.write_all(b"unread").unwrap();
    drop(server);
    say(
        family,
        "bind again after a reset",
        outcome(&TcpListener::bind(address)),
    );
}
