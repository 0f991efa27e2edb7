use std::collections::HashSet;

use super::super::defs::{EPHEMERAL_FIRST, EPHEMERAL_LAST};
use super::*;

#[test]
fn addresses_collide_as_on_linux() {
    let free = None;
    let taken = Some(Errno::EADDRINUSE);
    let table = [
        ("127.0.0.1:80", "127.0.0.1:80", taken),
        ("127.0.0.1:80", "127.0.0.1:81", free),
        ("127.0.0.1:80", "127.0.0.2:80", free),
        ("127.0.0.1:80", "10.9.8.7:80", free),
        ("127.0.0.1:80", "0.0.0.0:80", taken),
        ("0.0.0.0:80", "127.0.0.1:80", taken),
        ("0.0.0.0:80", "10.9.8.7:80", taken),
        ("0.0.0.0:80", "0.0.0.0:80", taken),
        // v6-only sockets know nothing of the other family
        ("0.0.0.0:80", "[::]:80", free),
        ("[::]:80", "127.0.0.1:80", free),
        ("[::]:80", "[::1]:80", taken),
        ("[fd00::7]:80", "[::]:80", taken),
    ];
    for (first, second, expected) in table {
        let container = pod().attach("app");
        let held = tcp(&container, first).unwrap();
        assert_eq!(
            errno(tcp(&container, second)),
            expected,
            "tcp {first}, then {second}"
        );
        let _listening = held;

        let held = container.udp_socket(Family::of(at(first).ip())).unwrap();
        held.bind(at(first)).unwrap();
        let other = container.udp_socket(Family::of(at(second).ip())).unwrap();
        assert_eq!(
            errno(other.bind(at(second))),
            expected,
            "udp {first}, then {second}"
        );
    }
}

#[test]
fn containers_share_one_space_of_ports() {
    let pod = pod();
    let (one, other) = (pod.attach("one"), pod.attach("other"));
    let held = tcp(&one, "0.0.0.0:80").unwrap();
    assert_eq!(errno(tcp(&other, "127.0.0.1:80")), Some(Errno::EADDRINUSE));
    drop(held);
    assert_eq!(errno(tcp(&other, "127.0.0.1:80")), None);
    assert_eq!(
        errno(tcp(&pod_alone(), "127.0.0.1:80")),
        None,
        "pods know nothing of each other"
    );
}

fn pod_alone() -> Attachment {
    pod().attach("alone")
}

#[test]
fn what_is_not_the_pods_cannot_be_bound() {
    let container = pod().attach("app");
    for (family, address, expected) in [
        (Family::V4, "192.0.2.1:80", Errno::EADDRNOTAVAIL),
        (Family::V4, "8.8.8.8:0", Errno::EADDRNOTAVAIL),
        (Family::V6, "[2001:db8::1]:80", Errno::EADDRNOTAVAIL),
        (Family::V4, "[::1]:80", Errno::EAFNOSUPPORT),
        (Family::V6, "127.0.0.1:80", Errno::EAFNOSUPPORT),
        (Family::V6, "[::ffff:127.0.0.1]:80", Errno::EINVAL),
    ] {
        let mut socket = container.tcp_socket(family).unwrap();
        assert_eq!(
            errno(socket.bind(at(address))),
            Some(expected),
            "tcp {address}"
        );
        let socket = container.udp_socket(family).unwrap();
        assert_eq!(
            errno(socket.bind(at(address))),
            Some(expected),
            "udp {address}"
        );
    }
}

#[test]
fn port_zero_gives_every_ephemeral_port_once_and_then_fails() {
    let container = pod().attach("app");
    let limit = usize::from(EPHEMERAL_LAST - EPHEMERAL_FIRST) + 1;
    let network = Network::new(NetworkConfig {
        limits: Limits {
            sockets: limit * 2,
            ..Limits::default()
        },
        ..NetworkConfig::default()
    });
    drop(container);
    let container = network.attach("greedy");
    let mut held: Vec<_> = (0..limit)
        .map(|_| tcp(&container, "127.0.0.1:0").unwrap())
        .collect();
    let ports: HashSet<u16> = held
        .iter()
        .map(|socket| socket.local_addr().unwrap().port())
        .collect();
    assert_eq!(ports.len(), limit);
    assert!(
        ports
            .iter()
            .all(|port| (EPHEMERAL_FIRST..=EPHEMERAL_LAST).contains(port))
    );
    assert_eq!(
        errno(tcp(&container, "127.0.0.1:0")),
        Some(Errno::EADDRINUSE)
    );
    assert_eq!(
        errno(tcp(&container, "[::1]:0")),
        None,
        "the other family has its own"
    );

    let freed = held.swap_remove(limit / 3).local_addr().unwrap();
    assert_eq!(
        tcp(&container, "127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap(),
        freed
    );
}

#[test]
fn a_port_just_closed_is_the_last_to_come_again() {
    let container = pod().attach("app");
    let first = tcp(&container, "127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let next = tcp(&container, "127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_ne!(first, next);
}

#[test]
fn a_closed_connection_blocks_no_port() {
    let container = pod().attach("app");
    let listener = container.listen(at("127.0.0.1:80")).unwrap();
    let client = dial(&container, at("127.0.0.1:80")).unwrap();
    let server = listener.try_accept().unwrap();
    drop(listener);
    let again = container
        .listen(at("127.0.0.1:80"))
        .expect("an accepted connection does not hold the port");
    drop((server, client, again));
    container
        .listen(at("0.0.0.0:80"))
        .expect("there is no TIME_WAIT");
}
