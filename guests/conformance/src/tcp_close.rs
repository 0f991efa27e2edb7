//! The ways a connection ends: half, wholly, and by reset.

use crate::report::{Family, broken, drain, kind, listen, outcome, pair, say, take};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

pub fn run(family: Family) {
    client_half(family);
    server_half(family);
    deaf(family);
    both(family);
    close_keeps_bytes(family);
    write_to_closed(family);
    reset(family);
    abandoned(family);
}

/// The client says it is done and still hears the answer.
fn client_half(family: Family) {
    let (mut client, mut server) = pair(family);
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    say(family, "half-close, server hears", drain(&mut server));
    say(
        family,
        "half-close, client's own write",
        outcome(&client.write(b"x")),
    );
    say(
        family,
        "half-close twice",
        outcome(&client.shutdown(Shutdown::Write)),
    );
    server.write_all(b"answer").unwrap();
    say(
        family,
        "half-close, client still hears",
        take(&mut client, 6),
    );
    drop(server);
    say(
        family,
        "half-close, then the server closes",
        drain(&mut client),
    );
}

fn server_half(family: Family) {
    let (mut client, mut server) = pair(family);
    server.write_all(b"greeting").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    say(
        family,
        "server's half-close, client hears",
        drain(&mut client),
    );
    say(family, "server's half-close, end again", drain(&mut client));
    client.write_all(b"thanks").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    say(
        family,
        "server's half-close, server still hears",
        drain(&mut server),
    );
}

fn deaf(family: Family) {
    let (mut client, mut server) = pair(family);
    client.shutdown(Shutdown::Read).unwrap();
    say(
        family,
        "after shutting down reading, read",
        drain(&mut client),
    );
    client.write_all(b"still speaking").unwrap();
    say(
        family,
        "after shutting down reading, the other end hears",
        take(&mut server, 14),
    );
    // Left out: what is sent to a deaf end. The WIT lets it vanish, Linux still delivers it.
}

fn both(family: Family) {
    let (mut client, mut server) = pair(family);
    client.write_all(b"last words").unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    say(family, "after shutting down both, read", drain(&mut client));
    say(
        family,
        "after shutting down both, write",
        outcome(&client.write(b"x")),
    );
    say(
        family,
        "after shutting down both, the other end hears",
        drain(&mut server),
    );
}

fn close_keeps_bytes(family: Family) {
    let (mut client, mut server) = pair(family);
    client.write_all(b"sent and gone").unwrap();
    drop(client);
    say(family, "bytes outlive their sender", drain(&mut server));

    let (listener, address) = listen(family.loopback);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"hello and goodbye").unwrap();
    drop(client);
    let (mut server, _) = listener.accept().unwrap();
    say(
        family,
        "bytes outlive a sender who left before the accept",
        drain(&mut server),
    );
}

/// The peer closed with nothing unread: the first write is still taken, then the connection turns out to be gone.
fn write_to_closed(family: Family) {
    let (mut client, server) = pair(family);
    drop(server);
    say(family, "peer closed, read", drain(&mut client));
    say(
        family,
        "peer closed, first write",
        outcome(&client.write(b"x")),
    );
    say(
        family,
        "peer closed, a later write",
        kind(&write_until_error(&mut client)),
    );
}

fn write_until_error(stream: &mut TcpStream) -> io::Error {
    loop {
        if let Err(error) = stream.write(b"x") {
            return error;
        }
    }
}

/// A close with unread bytes is a reset: the peer learns that what it sent was lost.
fn reset(family: Family) {
    let (mut client, mut server) = pair(family);
    client.write_all(b"half read").unwrap();
    // One byte is read to know that the others have arrived: a close before that is an ordinary one, with the reset only after it.
    say(family, "reset, before it", take(&mut server, 1));
    drop(server);
    say(family, "reset, read", broken(&client.read(&mut [0; 8])));
    say(family, "reset, write", broken(&client.write(b"x")));

    let (mut client, mut server) = pair(family);
    client.write_all(b"question").unwrap();
    server.write_all(b"answer").unwrap();
    say(
        family,
        "reset behind an answer, before it",
        take(&mut server, 4),
    );
    say(
        family,
        "reset behind an answer, first half of it",
        take(&mut client, 3),
    );
    drop(server);
    // Left out: the other half of the answer. A reset may overtake it, and does so on Linux only when it comes early enough.
    let mut rest = Vec::new();
    say(
        family,
        "reset behind an answer, read on",
        broken(&client.read_to_end(&mut rest)),
    );
}

/// A listener that goes away takes the connections with it that nobody accepted.
fn abandoned(family: Family) {
    let (listener, address) = listen(family.loopback);
    let mut client = TcpStream::connect(address).unwrap();
    drop(listener);
    say(
        family,
        "never accepted, read",
        broken(&client.read(&mut [0; 8])),
    );
    say(
        family,
        "never accepted, connect again",
        outcome(&TcpStream::connect(address)),
    );
}
