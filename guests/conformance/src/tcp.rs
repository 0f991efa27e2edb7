//! Connecting, accepting, addresses and options.

use crate::report::{Family, eventually, kind, listen, outcome, pair, same, say, take, yes};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

pub fn run(family: Family) {
    refused(family);
    addresses(family);
    wildcard(family);
    routing(family);
    backlog(family);
    nonblocking(family);
    timeouts(family);
    options(family);
}

/// An address of the loopback where nobody listens.
fn vacant(ip: IpAddr) -> SocketAddr {
    let (_listener, address) = listen(ip);
    address
}

fn refused(family: Family) {
    let address = vacant(family.loopback);
    say(
        family,
        "connect to a closed port",
        outcome(&TcpStream::connect(address)),
    );
    let patient = TcpStream::connect_timeout(&address, Duration::from_secs(5));
    say(
        family,
        "connect to a closed port with a timeout",
        outcome(&patient),
    );
    // Left out: port 0 and the wildcard as destinations; the WIT refuses both as invalid, Linux takes the wildcard for loopback.
    // Left out: a full backlog, which Linux answers with silence and retries.
}

fn addresses(family: Family) {
    let (listener, address) = listen(family.loopback);
    let client = TcpStream::connect(address).unwrap();
    let (server, peer) = listener.accept().unwrap();
    say(
        family,
        "client's peer is the listener",
        same(client.peer_addr().unwrap(), address),
    );
    say(
        family,
        "server's local is the listener",
        same(server.local_addr().unwrap(), address),
    );
    say(
        family,
        "server's peer is the client",
        same(server.peer_addr().unwrap(), client.local_addr().unwrap()),
    );
    say(
        family,
        "accept names the client",
        same(peer, client.local_addr().unwrap()),
    );
    say(
        family,
        "client's own address",
        client.local_addr().unwrap().ip(),
    );
    let second = TcpStream::connect(address).unwrap();
    let ports = (
        client.local_addr().unwrap().port(),
        second.local_addr().unwrap().port(),
    );
    say(family, "two clients have ports", same(ports.0, ports.1));
    drop(listener);
    say(
        family,
        "addresses outlive the listener",
        same(server.local_addr().unwrap(), address),
    );
}

/// A listener on the wildcard is reached through every local address, and knows through which.
fn wildcard(family: Family) {
    let (listener, address) = listen(family.wildcard);
    for ip in [family.loopback].iter().chain(family.others) {
        let client = TcpStream::connect((*ip, address.port())).unwrap();
        let (server, _) = listener.accept().unwrap();
        say(
            family,
            &format!("wildcard through {ip}, server's local"),
            server.local_addr().unwrap().ip(),
        );
        say(
            family,
            &format!("wildcard through {ip}, server's peer"),
            server.peer_addr().unwrap().ip(),
        );
        say(
            family,
            &format!("wildcard through {ip}, client's peer"),
            client.peer_addr().unwrap().ip(),
        );
    }
    say(
        family,
        "the listener's own address",
        listener.local_addr().unwrap().ip(),
    );
}

/// One port, several addresses: each connection goes where it was sent.
fn routing(family: Family) {
    let (listener, address) = listen(family.loopback);
    for other in family.others {
        let elsewhere = (*other, address.port());
        say(
            family,
            &format!("connect to {other}, listener on {}", family.loopback),
            outcome(&TcpStream::connect(elsewhere)),
        );
        let Ok(neighbour) = TcpListener::bind(elsewhere) else {
            continue;
        };
        let mut client = TcpStream::connect(elsewhere).unwrap();
        let (mut server, _) = neighbour.accept().unwrap();
        client.write_all(b"next door").unwrap();
        say(
            family,
            &format!("connect to {other}, listener on it too"),
            take(&mut server, 9),
        );
    }
    listener.set_nonblocking(true).unwrap();
    say(
        family,
        "connections that went astray",
        yes(listener.accept().is_ok()),
    );
}

/// Clients may connect and speak, and even leave, before anybody accepts; they are accepted in their order.
fn backlog(family: Family) {
    const CLIENTS: u8 = 50;
    let (listener, address) = listen(family.loopback);
    let mut clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for (number, client) in (0..).zip(&mut clients) {
        client.write_all(&[number]).unwrap();
    }
    clients.truncate(usize::from(CLIENTS) / 2);
    let order = (0..CLIENTS).all(|number| {
        let (mut server, _) = listener.accept().unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).is_ok() && byte == [number]
    });
    say(
        family,
        "50 waiting clients are accepted in order",
        yes(order),
    );
    listener.set_nonblocking(true).unwrap();
    say(family, "accept of nobody", outcome(&listener.accept()));
}

fn nonblocking(family: Family) {
    let (mut client, mut server) = pair(family);
    client.set_nonblocking(true).unwrap();
    let mut byte = [0; 8];
    say(family, "read of nothing", outcome(&client.read(&mut byte)));
    server.write_all(b"now").unwrap();
    say(
        family,
        "read of something",
        eventually(|| client.read(&mut byte)).map_or_else(|e| kind(&e), |n| n.to_string()),
    );
    say(
        family,
        "read of nothing again",
        outcome(&client.read(&mut byte)),
    );
    client.set_nonblocking(false).unwrap();
    server.write_all(b"later").unwrap();
    say(family, "read after blocking again", take(&mut client, 5));
    say(
        family,
        "write of nothing",
        client
            .write(b"")
            .map_or_else(|e| kind(&e), |n| n.to_string()),
    );
    // Left out: peek, which WASI 0.2's libc does not have.
}

fn timeouts(family: Family) {
    let (mut client, mut server) = pair(family);
    client
        .set_read_timeout(Some(Duration::from_millis(5)))
        .unwrap();
    say(
        family,
        "read with a timeout, nothing comes",
        outcome(&client.read(&mut [0; 8])),
    );
    server.write_all(b"data").unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    say(
        family,
        "read with a timeout, data comes",
        take(&mut client, 4),
    );
}

fn options(family: Family) {
    let (client, _server) = pair(family);
    say(
        family,
        "no-delay can be set",
        outcome(&client.set_nodelay(true).and_then(|()| client.nodelay())),
    );
    say(
        family,
        "error of a sound socket",
        format!("{:?}", client.take_error().unwrap().is_some()),
    );
    if family.loopback.is_ipv6() {
        // Left out: the hop limit of IPv6 sockets, for which std has no call (its `ttl` is IPv4's option).
        return;
    }
    let (listener, address) = listen(family.loopback);
    say(
        family,
        "hop limit at first",
        client.ttl().map_or_else(|e| kind(&e), |n| n.to_string()),
    );
    say(family, "hop limit 0", outcome(&client.set_ttl(0)));
    listener.set_ttl(42).unwrap();
    let _client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();
    say(
        family,
        "hop limit inherited from the listener",
        server.ttl().map_or_else(|e| kind(&e), |n| n.to_string()),
    );
    server.set_ttl(7).unwrap();
    say(
        family,
        "hop limit set anew",
        server.ttl().map_or_else(|e| kind(&e), |n| n.to_string()),
    );
    say(
        family,
        "hop limit of the listener after that",
        listener.ttl().map_or_else(|e| kind(&e), |n| n.to_string()),
    );
}
