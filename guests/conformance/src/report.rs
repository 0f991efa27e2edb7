//! The vocabulary of the transcript: facts are printed in words that do not change from run to run.

use std::fmt::Display;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// One half of the program's work: the same observations over IPv4 and over IPv6.
#[derive(Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    pub loopback: IpAddr,
    pub wildcard: IpAddr,
    /// Further addresses of the loopback: all of 127.0.0.0/8 is local, but `::1` stands alone.
    pub others: &'static [IpAddr],
    /// A documentation address (RFC 5737, RFC 3849): valid, and on no machine.
    pub foreign: IpAddr,
    /// The largest payload of a datagram: 65535 less the headers that count against it.
    pub max_datagram: usize,
}

pub const FAMILIES: [Family; 2] = [
    Family {
        name: "v4",
        loopback: IpAddr::V4(Ipv4Addr::LOCALHOST),
        wildcard: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        others: &[
            IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
            IpAddr::V4(Ipv4Addr::new(127, 1, 2, 3)),
        ],
        foreign: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        max_datagram: 65507,
    },
    Family {
        name: "v6",
        loopback: IpAddr::V6(Ipv6Addr::LOCALHOST),
        wildcard: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        others: &[],
        foreign: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        max_datagram: 65527,
    },
];

/// Prints one observation.
pub fn say(family: Family, what: &str, fact: impl Display) {
    println!("{} {what}: {fact}", family.name);
}

/// "ok" or the error's name.
pub fn outcome<T>(result: &io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(error) => kind(error),
    }
}

/// The error by its portable name; numbers and texts differ between the systems.
pub fn kind(error: &io::Error) -> String {
    format!("{:?}", error.kind())
}

/// "ok" or "broken".
///
/// Left out: which error a broken stream reports. WASI 0.2's stream errors carry no code that its libc would read (a reset is EIO
/// to a guest, ECONNRESET to a native program).
pub fn broken<T>(result: &io::Result<T>) -> String {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => "WouldBlock".into(),
        Err(_) => "broken".into(),
        Ok(_) => "ok".into(),
    }
}

/// A listener on a free port of `ip`, and its address.
pub fn listen(ip: IpAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((ip, 0)).expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    (listener, address)
}

/// A connection through the family's loopback: the client's end and the server's.
pub fn pair(family: Family) -> (TcpStream, TcpStream) {
    let (listener, address) = listen(family.loopback);
    let client = TcpStream::connect(address).expect("a listener is there");
    let (server, _) = listener.accept().expect("a client waits");
    (client, server)
}

/// Runs `step` until it no longer says `WouldBlock`: what was sent over a loopback arrives soon, but not at once.
pub fn eventually<T>(mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        match step() {
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    }
}

/// Everything up to the end of the stream, as text, or the reason why it broke.
pub fn drain(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => format!("{:?} then end", String::from_utf8_lossy(&text)),
        Err(_) => format!("{:?} then broken", String::from_utf8_lossy(&text)),
    }
}

/// Exactly `count` bytes, as text.
pub fn take(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    match stream.read_exact(&mut bytes) {
        Ok(()) => format!("{:?}", String::from_utf8_lossy(&bytes)),
        Err(error) => kind(&error),
    }
}

/// "same" or what differs: for addresses whose port was picked.
pub fn same<T: PartialEq>(left: T, right: T) -> &'static str {
    if left == right { "same" } else { "different" }
}

pub fn yes(fact: bool) -> &'static str {
    if fact { "yes" } else { "no" }
}
