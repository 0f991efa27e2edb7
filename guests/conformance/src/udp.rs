//! Datagrams.

use crate::report::{Family, eventually, kind, outcome, same, say, yes};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

pub fn run(family: Family) {
    binding(family);
    boundaries(family);
    truncation(family);
    connected(family);
    wildcard(family);
    sizes(family);
    overflow(family);
    options(family);
}

/// A socket on a free port that never blocks, and its address.
fn socket(ip: IpAddr) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The next datagram as text, and from whom.
fn receive(socket: &UdpSocket) -> io::Result<(String, SocketAddr)> {
    let mut bytes = vec![0; 70_000];
    let (count, from) = eventually(|| socket.recv_from(&mut bytes))?;
    Ok((String::from_utf8_lossy(&bytes[..count]).into_owned(), from))
}

fn text(socket: &UdpSocket) -> String {
    receive(socket).map_or_else(|error| kind(&error), |(text, _)| format!("{text:?}"))
}

fn binding(family: Family) {
    let Family {
        loopback, wildcard, ..
    } = family;
    let (held, address) = socket(loopback);
    say(family, "udp port 0 picks a port", address.port() != 0);
    say(
        family,
        "udp bind specific, then the same",
        outcome(&UdpSocket::bind(address)),
    );
    say(
        family,
        "udp bind specific, then wildcard",
        outcome(&UdpSocket::bind((wildcard, address.port()))),
    );
    for other in family.others {
        say(
            family,
            &format!("udp bind specific, then {other}"),
            outcome(&UdpSocket::bind((*other, address.port()))),
        );
    }
    drop(held);
    say(
        family,
        "udp bind again after the close",
        outcome(&UdpSocket::bind(address)),
    );
    let (_held, address) = socket(wildcard);
    say(
        family,
        "udp bind wildcard, then specific",
        outcome(&UdpSocket::bind((loopback, address.port()))),
    );
    say(
        family,
        "udp bind to an address of nobody here",
        outcome(&UdpSocket::bind((family.foreign, 0))),
    );
    let listener = std::net::TcpListener::bind((loopback, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    say(
        family,
        "udp bind where tcp listens",
        outcome(&UdpSocket::bind((loopback, port))),
    );
}

fn boundaries(family: Family) {
    let ((left, left_address), (right, right_address)) =
        (socket(family.loopback), socket(family.loopback));
    say(
        family,
        "udp receive of nothing",
        outcome(&right.recv_from(&mut [0; 8])),
    );
    for message in ["one", "", "three"] {
        let sent = left.send_to(message.as_bytes(), right_address);
        say(
            family,
            "udp sent bytes",
            sent.map_or_else(|e| kind(&e), |n| n.to_string()),
        );
    }
    for _ in 0..3 {
        say(family, "udp received", text(&right));
    }
    left.send_to(b"who", right_address).unwrap();
    say(
        family,
        "udp sender's address",
        same(receive(&right).unwrap().1, left_address),
    );
    let (_gone, nobody) = socket(family.loopback);
    drop(_gone);
    say(
        family,
        "udp send to nobody",
        outcome(&left.send_to(b"lost", nobody)),
    );
    say(
        family,
        "udp send without a destination",
        outcome(&left.send(b"x")),
    );
    say(
        family,
        "udp peer of an unconnected socket",
        outcome(&left.peer_addr()),
    );
    left.send_to(b"myself", left_address).unwrap();
    say(family, "udp send to oneself", text(&left));
}

fn truncation(family: Family) {
    let ((left, _), (right, right_address)) = (socket(family.loopback), socket(family.loopback));
    left.send_to(b"too long a message", right_address).unwrap();
    left.send_to(b"next", right_address).unwrap();
    let mut small = [0; 8];
    let read = eventually(|| right.recv(&mut small));
    say(
        family,
        "udp into a small buffer",
        read.map_or_else(|e| kind(&e), |n| n.to_string()),
    );
    say(
        family,
        "udp the small buffer holds",
        format!("{:?}", String::from_utf8_lossy(&small)),
    );
    say(family, "udp after a truncated one", text(&right));
}

/// A connected socket hears its peer alone.
fn connected(family: Family) {
    let (one, one_address) = socket(family.loopback);
    let (friend, friend_address) = socket(family.loopback);
    let (stranger, stranger_address) = socket(family.loopback);
    one.connect(friend_address).unwrap();
    say(
        family,
        "udp peer of a connected socket",
        same(one.peer_addr().unwrap(), friend_address),
    );
    stranger.send_to(b"from a stranger", one_address).unwrap();
    friend.send_to(b"from the friend", one_address).unwrap();
    say(family, "udp connected hears", text(&one));
    one.send(b"to the friend").unwrap();
    say(family, "udp connected sends", text(&friend));
    one.connect(stranger_address).unwrap();
    friend.send_to(b"no longer", one_address).unwrap();
    stranger.send_to(b"now welcome", one_address).unwrap();
    say(family, "udp reconnected hears", text(&one));
    say(
        family,
        "udp connecting keeps the port",
        same(one.local_addr().unwrap().port(), one_address.port()),
    );
    // Left out: a destination given to a connected socket, and datagrams queued before connecting (the WIT refuses the first and
    // drops the second, Linux takes both); and the ICMP answer of a closed port, which WASI does not promise.
}

fn wildcard(family: Family) {
    let (server, address) = socket(family.wildcard);
    for ip in [family.loopback].iter().chain(family.others) {
        let (client, client_address) = socket(family.loopback);
        client.send_to(b"ping", (*ip, address.port())).unwrap();
        let (_, from) = receive(&server).unwrap();
        say(
            family,
            &format!("udp wildcard through {ip}, sender"),
            same(from, client_address),
        );
        server.send_to(b"pong", from).unwrap();
        say(
            family,
            &format!("udp wildcard through {ip}, answer comes from"),
            receive(&client).unwrap().1.ip(),
        );
    }
    let (specific, address) = socket(family.loopback);
    for other in family.others {
        let (client, _) = socket(*other);
        client.send_to(b"astray", (*other, address.port())).unwrap();
        client.send_to(b"aimed", address).unwrap();
        say(
            family,
            &format!("udp bound to {}, aimed at {other}", family.loopback),
            text(&specific),
        );
    }
    let (anyone, _) = socket(family.wildcard);
    anyone.send_to(b"from the wildcard", address).unwrap();
    say(
        family,
        "udp sender on the wildcard appears as",
        receive(&specific).unwrap().1.ip(),
    );
}

fn sizes(family: Family) {
    let ((left, _), (right, right_address)) = (socket(family.loopback), socket(family.loopback));
    let largest = vec![b'x'; family.max_datagram];
    say(
        family,
        "udp largest datagram",
        outcome(&left.send_to(&largest, right_address)),
    );
    say(
        family,
        "udp largest arrives whole",
        yes(receive(&right).is_ok_and(|(text, _)| text.len() == largest.len())),
    );
    let larger = vec![b'x'; family.max_datagram + 1];
    say(
        family,
        "udp one byte more",
        outcome(&left.send_to(&larger, right_address)),
    );
}

/// A socket nobody reads drops the newest, and its senders are not told.
fn overflow(family: Family) {
    const SENT: u32 = 5000;
    let ((left, _), (right, right_address)) = (socket(family.loopback), socket(family.loopback));
    let mut datagram = [0; 1000];
    let told = (0..SENT).any(|number| {
        datagram[..4].copy_from_slice(&number.to_le_bytes());
        left.send_to(&datagram, right_address).is_err()
    });
    say(family, "udp sender is told of an overflow", yes(told));
    let mut numbers = Vec::new();
    while right.recv(&mut datagram).is_ok() {
        numbers.push(u32::from_le_bytes([
            datagram[0],
            datagram[1],
            datagram[2],
            datagram[3],
        ]));
    }
    say(
        family,
        "udp overflow drops some",
        yes(numbers.len() < SENT as usize),
    );
    say(
        family,
        "udp overflow keeps the first, in order",
        yes(!numbers.is_empty() && (0..).zip(&numbers).all(|(at, n)| at == *n)),
    );
    left.send_to(b"room again", right_address).unwrap();
    say(family, "udp after an overflow", text(&right));
}

fn options(family: Family) {
    if family.loopback.is_ipv4() {
        let (socket, _) = socket(family.loopback);
        say(
            family,
            "udp hop limit at first",
            socket.ttl().map_or_else(|e| kind(&e), |n| n.to_string()),
        );
        socket.set_ttl(9).unwrap();
        say(
            family,
            "udp hop limit set",
            socket.ttl().map_or_else(|e| kind(&e), |n| n.to_string()),
        );
    }
}
