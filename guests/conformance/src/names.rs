//! Names of the loopback.

use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

pub fn run() {
    let addresses: Vec<_> = ("localhost", 80).to_socket_addrs().unwrap().collect();
    println!(
        "names localhost has 127.0.0.1: {}",
        addresses.iter().any(|a| a.ip() == Ipv4Addr::LOCALHOST)
    );
    println!(
        "names localhost is all loopback: {}",
        addresses
            .iter()
            .all(|a| a.ip().is_loopback() && a.port() == 80)
    );
    for literal in ["127.0.0.2", "::1", "192.0.2.7"] {
        let addresses: Vec<_> = (literal, 7)
            .to_socket_addrs()
            .unwrap()
            .map(|a| a.to_string())
            .collect();
        println!("names {literal}: {}", addresses.join(" "));
    }
    // Left out: names that do not exist. The answer is the same, but natively it is the machine's resolver that gives it, or does not.
    println!(
        "names of nonsense: {}",
        ("not a name", 1).to_socket_addrs().is_err()
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("localhost", port)).unwrap();
    println!(
        "names connect to localhost reaches: {}",
        client.peer_addr().unwrap().ip()
    );
    println!(
        "names udp to 127.0.0.1 by name: {}",
        UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .send_to(b"x", ("127.0.0.1", port))
            .is_ok()
    );
}
