use super::*;

#[test]
fn a_dying_container_takes_its_sockets_along() {
    let pod = pod();
    let (dying, living) = (pod.attach("dying"), pod.attach("living"));
    let listener = dying.listen(at("127.0.0.1:80")).unwrap();
    let quiet = dial(&living, at("127.0.0.1:80")).unwrap();
    let quiet_server = listener.try_accept().unwrap();
    let unread = dial(&living, at("127.0.0.1:80")).unwrap();
    let unread_server = listener.try_accept().unwrap();
    unread.try_write(b"unread").unwrap();
    let waiting = dial(&living, at("127.0.0.1:80")).unwrap();
    let bound = tcp(&dying, "127.0.0.1:81").unwrap();
    let udp = dying.udp_socket(Family::V4).unwrap();
    udp.bind(at("127.0.0.1:82")).unwrap();
    let home = living.listen(at("127.0.0.1:83")).unwrap();
    let outgoing = dial(&dying, at("127.0.0.1:83")).unwrap();
    let incoming = home.try_accept().unwrap();

    drop(dying);

    assert_eq!(read_some(&quiet).unwrap(), b"", "an orderly end");
    assert_eq!(errno(read_some(&unread)), Some(Errno::ECONNRESET));
    assert_eq!(errno(read_some(&waiting)), Some(Errno::ECONNRESET));
    assert_eq!(read_some(&incoming).unwrap(), b"");
    for port in [80, 81] {
        tcp(&living, &format!("127.0.0.1:{port}"))
            .unwrap_or_else(|error| panic!("port {port}: {error}"));
    }
    living
        .udp_socket(Family::V4)
        .unwrap()
        .bind(at("127.0.0.1:82"))
        .unwrap();
    tcp(&living, &outgoing.local_addr().to_string()).expect("the port of an outgoing connection");

    assert_eq!(errno(listener.try_accept()), Some(Errno::ECONNABORTED));
    assert_eq!(errno(outgoing.try_write(b"x")), Some(Errno::EPIPE));
    assert_eq!(errno(udp.try_recv()), Some(Errno::ENETDOWN));
    drop((quiet_server, unread_server, bound));
}

#[test]
fn after_close_all_nothing_new_is_opened() {
    let container = pod().attach("app");
    let copy = container.clone();
    let mut early = container.tcp_socket(Family::V4).unwrap();
    let mut bound = tcp(&container, "127.0.0.1:80").unwrap();
    container.close_all();
    assert_eq!(errno(copy.tcp_socket(Family::V4)), Some(Errno::ENETDOWN));
    assert_eq!(errno(copy.udp_socket(Family::V4)), Some(Errno::ENETDOWN));
    assert_eq!(errno(early.bind(at("127.0.0.1:0"))), Some(Errno::ENETDOWN));
    assert_eq!(errno(bound.listen()), Some(Errno::ENETDOWN));
}

#[test]
fn a_clone_keeps_the_container_alive() {
    let pod = pod();
    let container = pod.attach("app");
    let copy = container.clone();
    let _listener = container.listen(at("127.0.0.1:80")).unwrap();
    drop(container);
    dial(&pod.attach("other"), at("127.0.0.1:80")).expect("still listening");
    drop(copy);
    assert_eq!(
        errno(dial(&pod.attach("other"), at("127.0.0.1:80"))),
        Some(Errno::ECONNREFUSED)
    );
}

#[test]
fn sockets_are_counted_and_limited() {
    let network = Network::new(NetworkConfig {
        limits: Limits {
            sockets: 4,
            ..Limits::default()
        },
        ..NetworkConfig::default()
    });
    let (server, client) = (network.attach("server"), network.attach("client"));
    let listener = server.listen(at("127.0.0.1:80")).unwrap();
    let connections: Vec<_> = (0..3)
        .map(|_| dial(&client, at("127.0.0.1:80")).unwrap())
        .collect();
    assert_eq!(server.usage().sockets, 4);
    assert_eq!(
        errno(dial(&client, at("127.0.0.1:80"))),
        Some(Errno::ECONNREFUSED),
        "the server has no room for it"
    );
    let _last = client.udp_socket(Family::V4).unwrap();
    assert_eq!(errno(client.tcp_socket(Family::V4)), Some(Errno::EMFILE));
    drop(connections);
    while listener.try_accept().is_ok() {}
    assert_eq!((server.usage().sockets, client.usage().sockets), (1, 1));
}

#[test]
fn buffers_are_the_writers_expense_and_paid_back() {
    let pod = pod();
    let (server, client) = (pod.attach("server"), pod.attach("client"));
    let listener = server.listen(at("127.0.0.1:80")).unwrap();
    let stream = dial(&client, at("127.0.0.1:80")).unwrap();
    let accepted = listener.try_accept().unwrap();
    assert_eq!(
        client.usage().buffered_bytes,
        0,
        "an idle connection buffers nothing"
    );
    stream.try_write(&[7; 50_000]).unwrap();
    assert!(
        (50_000..=70_000).contains(&client.usage().buffered_bytes),
        "{:?}",
        client.usage()
    );
    assert_eq!(server.usage().buffered_bytes, 0);
    assert_eq!(read_some(&accepted).unwrap().len(), 50_000);
    drop(accepted);
    assert_eq!(
        client.usage().buffered_bytes,
        0,
        "nobody will read any more"
    );
    drop(stream);
    assert_eq!(client.usage(), Usage::default());
}

#[test]
fn a_container_that_spent_its_share_still_moves() {
    let network = Network::new(NetworkConfig {
        limits: Limits {
            buffered_bytes: 100_000,
            ..Limits::default()
        },
        ..NetworkConfig::default()
    });
    let (server, client) = (network.attach("server"), network.attach("client"));
    let listener = server.listen(at("127.0.0.1:80")).unwrap();
    let mut small = dial(&client, at("127.0.0.1:80")).unwrap();
    let small_peer = listener.try_accept().unwrap();
    let greedy = dial(&client, at("127.0.0.1:80")).unwrap();
    let greedy_peer = listener.try_accept().unwrap();
    while greedy.try_write(&[1; 65536]).is_ok() {}
    assert!(client.usage().buffered_bytes < 100_000 + 65536 + 1);
    assert_eq!(errno(client.tcp_socket(Family::V4)), Some(Errno::ENOBUFS));
    assert_eq!(
        small.try_write(&[2; 10_000]).unwrap(),
        4096,
        "little by little"
    );
    assert!(would_block(small.try_write(b"more")));
    assert_eq!(now(|cx| small.poll_write_ready(cx)), None);
    assert_eq!(read_some(&small_peer).unwrap().len(), 4096);
    assert_eq!(now(|cx| small.poll_write_ready(cx)), Some(()));
    while read_some(&greedy_peer).is_ok() {}
    small = small.clone();
    assert_eq!(small.try_write(&[2; 10_000]).unwrap(), 10_000);
}
