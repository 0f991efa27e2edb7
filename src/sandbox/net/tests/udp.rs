use super::*;

fn bound(container: &Attachment, address: &str) -> UdpSocket {
    let socket = container.udp_socket(Family::of(at(address).ip())).unwrap();
    socket.bind(at(address)).unwrap();
    socket
}

fn text(socket: &UdpSocket) -> String {
    String::from_utf8(socket.try_recv().unwrap().bytes.to_vec()).unwrap()
}

#[test]
fn boundaries_are_kept() {
    let container = pod().attach("app");
    let server = bound(&container, "127.0.0.1:53");
    let client = container.udp_socket(Family::V4).unwrap();
    for datagram in [&b"one"[..], b"", b"three"] {
        client.try_send(datagram, Some(at("127.0.0.1:53"))).unwrap();
    }
    let from = SocketAddr::new(ip("127.0.0.1"), client.local_addr().unwrap().port());
    for expected in [&b"one"[..], b"", b"three"] {
        let datagram = server.try_recv().unwrap();
        assert_eq!((&datagram.bytes[..], datagram.from), (expected, from));
    }
    assert!(would_block(server.try_recv()));
    assert!(
        client.is_bound() && client.local_addr().unwrap().ip().is_unspecified(),
        "bound by sending"
    );
}

#[test]
fn the_largest_datagram_passes_and_a_larger_one_does_not() {
    let container = pod().attach("app");
    for (to, largest) in [("127.0.0.1:53", 65507), ("[::1]:53", 65527)] {
        let server = bound(&container, to);
        let client = container.udp_socket(Family::of(at(to).ip())).unwrap();
        client.try_send(&vec![1; largest], Some(at(to))).unwrap();
        assert_eq!(server.try_recv().unwrap().bytes.len(), largest, "{to}");
        let larger = client.try_send(&vec![1; largest + 1], Some(at(to)));
        assert_eq!(errno(larger), Some(Errno::EMSGSIZE), "{to}");
    }
}

#[test]
fn a_full_queue_drops_and_the_sender_never_waits() {
    let container = pod().attach("app");
    let server = bound(&container, "127.0.0.1:53");
    let client = container.udp_socket(Family::V4).unwrap();
    for _ in 0..1000 {
        client
            .try_send(&[0; 10_000], Some(at("127.0.0.1:53")))
            .unwrap();
    }
    let mut kept = 0;
    while server.try_recv().is_ok() {
        kept += 1;
    }
    assert!((15..30).contains(&kept), "{kept}");
    for _ in 0..100_000 {
        client.try_send(b"", Some(at("127.0.0.1:53"))).unwrap();
    }
    assert!(
        container.usage().buffered_bytes < 1 << 20,
        "empty ones count too"
    );
    drop(server);
    assert_eq!(container.usage().buffered_bytes, 0);
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    let container = pod().attach("app");
    let server = bound(&container, "127.0.0.1:53");
    let stranger = bound(&container, "127.0.0.1:54");
    let client = container.udp_socket(Family::V4).unwrap();
    assert_eq!(
        errno(client.try_send(b"x", None)),
        Some(Errno::EDESTADDRREQ)
    );
    assert_eq!(errno(client.remote_addr()), Some(Errno::ENOTCONN));
    client.connect(at("127.0.0.1:53")).unwrap();
    let here = client.local_addr().unwrap();
    assert_eq!(here.ip(), ip("127.0.0.1"), "connecting settles the address");
    assert_eq!(client.remote_addr().unwrap(), at("127.0.0.1:53"));
    client.try_send(b"to the peer", None).unwrap();
    assert_eq!(text(&server), "to the peer");
    stranger.try_send(b"unheard", Some(here)).unwrap();
    server.try_send(b"heard", Some(here)).unwrap();
    assert_eq!(text(&client), "heard");
    assert!(would_block(client.try_recv()));

    client.disconnect().unwrap();
    assert_eq!(errno(client.disconnect()), Some(Errno::EINVAL));
    assert_eq!(
        client.local_addr().unwrap().port(),
        here.port(),
        "still bound"
    );
    stranger.try_send(b"heard now", Some(here)).unwrap();
    assert_eq!(text(&client), "heard now");
}

#[test]
fn a_connected_socket_learns_that_nobody_is_there() {
    let container = pod().attach("app");
    let client = container.udp_socket(Family::V4).unwrap();
    client.try_send(b"x", Some(at("127.0.0.1:53"))).unwrap();
    assert!(
        would_block(client.try_recv()),
        "an unconnected one does not"
    );
    client.connect(at("127.0.0.1:53")).unwrap();
    client.try_send(b"x", None).unwrap();
    assert_eq!(now(|cx| client.poll_recv_ready(cx)), Some(()));
    assert_eq!(errno(client.try_recv()), Some(Errno::ECONNREFUSED));
    assert!(would_block(client.try_recv()), "told once");
    client.try_send(b"x", None).unwrap();
    assert_eq!(
        errno(client.try_send(b"x", None)),
        Some(Errno::ECONNREFUSED)
    );
}

#[test]
fn the_source_is_what_linux_would_choose() {
    let container = pod().attach("app");
    let server = bound(&container, "0.0.0.0:53");
    let client = bound(&container, "0.0.0.0:1000");
    for (to, from) in [
        ("127.0.0.1:53", "127.0.0.1:1000"),
        ("127.9.9.9:53", "127.0.0.1:1000"),
        ("10.9.8.7:53", "10.9.8.7:1000"),
        ("0.0.0.0:53", "127.0.0.1:1000"),
    ] {
        client.try_send(b"x", Some(at(to))).unwrap();
        assert_eq!(server.try_recv().unwrap().from, at(from), "to {to}");
    }
}

#[test]
fn nonsense_is_refused_before_anything_is_sent() {
    let container = pod().attach("app");
    let client = container.udp_socket(Family::V4).unwrap();
    for (to, expected) in [
        ("[::1]:53", Errno::EAFNOSUPPORT),
        ("127.0.0.1:0", Errno::EINVAL),
        ("255.255.255.255:53", Errno::EACCES),
        ("224.0.0.1:53", Errno::ENETUNREACH),
    ] {
        assert_eq!(
            errno(client.try_send(b"x", Some(at(to)))),
            Some(expected),
            "{to}"
        );
        assert!(!client.is_bound(), "{to}");
    }
    let local = bound(&container, "127.0.0.1:0");
    assert_eq!(
        errno(local.try_send(b"x", Some(at("192.0.2.1:53")))),
        Some(Errno::EINVAL),
        "no way out from loopback"
    );
}
