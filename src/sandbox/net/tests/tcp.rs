use std::net::Shutdown;

use super::*;

#[test]
fn a_socket_goes_through_its_states() {
    let container = pod().attach("app");
    let mut server = container.tcp_socket(Family::V4).unwrap();
    assert_eq!(server.state(), TcpState::Unbound);
    assert_eq!(errno(server.local_addr()), Some(Errno::EINVAL));
    server.bind(at("127.0.0.1:0")).unwrap();
    assert_eq!(server.state(), TcpState::Bound);
    assert_eq!(errno(server.bind(at("127.0.0.1:0"))), Some(Errno::EINVAL));
    assert_eq!(errno(server.remote_addr()), Some(Errno::ENOTCONN));
    let listener = server.listen().unwrap();
    assert!(server.is_listening());
    assert_eq!(errno(server.listen()), Some(Errno::EINVAL));
    assert_eq!(
        errno(server.start_connect(at("127.0.0.1:1"))),
        Some(Errno::EISCONN)
    );

    let mut client = container.tcp_socket(Family::V4).unwrap();
    assert_eq!(
        errno(now(|cx| client.poll_connect(cx)).unwrap()),
        Some(Errno::EINVAL)
    );
    client.start_connect(listener.local_addr()).unwrap();
    assert_eq!(client.state(), TcpState::Connecting);
    assert_eq!(
        errno(client.start_connect(listener.local_addr())),
        Some(Errno::EALREADY)
    );
    now(|cx| client.poll_connect(cx)).unwrap().unwrap();
    assert_eq!(client.state(), TcpState::Connected);
    now(|cx| client.poll_connect(cx)).unwrap().unwrap();
    assert_eq!(
        errno(client.start_connect(listener.local_addr())),
        Some(Errno::EISCONN)
    );
    assert_eq!(errno(client.listen()), Some(Errno::EINVAL));
    assert_eq!(client.remote_addr().unwrap(), listener.local_addr());
    client.take_reader().unwrap();
    assert_eq!(errno(client.take_reader()), Some(Errno::EINVAL));
}

#[test]
fn both_ends_know_both_addresses() {
    let container = pod().attach("app");
    for (listen, connect, local, remote) in [
        ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", "127.0.0.1:80"),
        ("0.0.0.0:80", "127.0.0.1:80", "127.0.0.1", "127.0.0.1:80"),
        ("0.0.0.0:80", "127.1.2.3:80", "127.0.0.1", "127.1.2.3:80"),
        ("0.0.0.0:80", "10.9.8.7:80", "10.9.8.7", "10.9.8.7:80"),
        ("0.0.0.0:80", "0.0.0.0:80", "127.0.0.1", "127.0.0.1:80"),
        ("[::]:80", "[::1]:80", "::1", "[::1]:80"),
        ("[::]:80", "[::]:80", "::1", "[::1]:80"),
        ("[fd00::7]:80", "[fd00::7]:80", "fd00::7", "[fd00::7]:80"),
    ] {
        let listener = container.listen(at(listen)).unwrap();
        let client = dial(&container, at(connect)).unwrap();
        let server = listener.try_accept().unwrap();
        assert_eq!(client.local_addr().ip(), ip(local), "{listen} {connect}");
        assert_eq!(client.peer_addr(), at(remote), "{listen} {connect}");
        assert_eq!(
            server.local_addr(),
            client.peer_addr(),
            "{listen} {connect}"
        );
        assert_eq!(
            server.peer_addr(),
            client.local_addr(),
            "{listen} {connect}"
        );
    }
}

#[test]
fn a_bound_socket_connects_from_its_address() {
    let container = pod().attach("app");
    let listener = container.listen(at("0.0.0.0:80")).unwrap();
    for (bound, seen) in [
        ("127.7.7.7:1234", "127.7.7.7:1234"),
        ("0.0.0.0:1235", "127.0.0.1:1235"),
        ("10.9.8.7:1236", "10.9.8.7:1236"),
    ] {
        let mut client = tcp(&container, bound).unwrap();
        client.start_connect(at("127.0.0.1:80")).unwrap();
        now(|cx| client.poll_connect(cx)).unwrap().unwrap();
        assert_eq!(listener.try_accept().unwrap().peer_addr(), at(seen));
        assert_eq!(
            errno(tcp(&container, bound)),
            Some(Errno::EADDRINUSE),
            "the port is held while connected"
        );
    }
}

#[test]
fn nobody_listening_is_a_refusal() {
    let container = pod().attach("app");
    let bound = tcp(&container, "127.0.0.1:81").unwrap();
    for to in [
        "127.0.0.1:80",
        "127.0.0.1:81",
        "[::1]:80",
        "10.9.8.7:80",
        "127.0.0.1:0",
    ] {
        assert_eq!(
            errno(dial(&container, at(to))),
            Some(Errno::ECONNREFUSED),
            "{to}"
        );
    }
    drop(bound);
    let _specific = container.listen(at("127.0.0.2:80")).unwrap();
    assert_eq!(
        errno(dial(&container, at("127.0.0.1:80"))),
        Some(Errno::ECONNREFUSED),
        "never misrouted"
    );
    let mut socket = container.tcp_socket(Family::V4).unwrap();
    socket.start_connect(at("127.0.0.1:80")).unwrap();
    for _ in 0..2 {
        assert_eq!(
            errno(now(|cx| socket.poll_connect(cx)).unwrap()),
            Some(Errno::ECONNREFUSED),
            "told again"
        );
    }
    assert_eq!(socket.state(), TcpState::Closed);
}

#[test]
fn the_backlog_is_bounded_and_may_be_changed() {
    let container = pod().attach("app");
    let mut socket = tcp(&container, "127.0.0.1:80").unwrap();
    socket.set_option(TcpOption::Backlog(2)).unwrap();
    let listener = socket.listen().unwrap();
    let _waiting = [
        dial(&container, at("127.0.0.1:80")).unwrap(),
        dial(&container, at("127.0.0.1:80")).unwrap(),
    ];
    assert_eq!(
        errno(dial(&container, at("127.0.0.1:80"))),
        Some(Errno::ECONNREFUSED)
    );
    let accepted = listener.try_accept().unwrap();
    let third = dial(&container, at("127.0.0.1:80")).unwrap();
    socket.set_option(TcpOption::Backlog(3)).unwrap();
    let fourth = dial(&container, at("127.0.0.1:80")).unwrap();
    assert_eq!(
        errno(dial(&container, at("127.0.0.1:80"))),
        Some(Errno::ECONNREFUSED)
    );
    drop((accepted, third, fourth));
    assert_eq!(
        errno(socket.set_option(TcpOption::Backlog(0))),
        Some(Errno::EINVAL)
    );
}

#[test]
fn a_connection_is_usable_before_it_is_accepted() {
    let container = pod().attach("app");
    let listener = container.listen(at("127.0.0.1:80")).unwrap();
    let client = dial(&container, at("127.0.0.1:80")).unwrap();
    client.try_write(b"early").unwrap();
    drop(client);
    let server = listener.try_accept().unwrap();
    assert_eq!(read_some(&server).unwrap(), b"early");
    assert_eq!(read_some(&server).unwrap(), b"");
}

#[test]
fn a_listener_that_closes_resets_whoever_waits() {
    let container = pod().attach("app");
    let listener = container.listen(at("127.0.0.1:80")).unwrap();
    let client = dial(&container, at("127.0.0.1:80")).unwrap();
    assert!(would_block(read_some(&client)));
    drop(listener);
    assert_eq!(errno(read_some(&client)), Some(Errno::ECONNRESET));
    assert_eq!(read_some(&client).unwrap(), b"", "told once");
    assert_eq!(errno(client.try_write(b"x")), Some(Errno::EPIPE));
}

#[test]
fn listening_unbound_binds_to_the_wildcard() {
    let container = pod().attach("app");
    let mut socket = container.tcp_socket(Family::V6).unwrap();
    let listener = socket.listen().unwrap();
    assert!(listener.local_addr().ip().is_unspecified());
    assert!(listener.local_addr().port() >= 32768);
}

#[test]
fn accepted_sockets_inherit_the_options() {
    let container = pod().attach("app");
    let mut socket = tcp(&container, "127.0.0.1:80").unwrap();
    for option in [
        TcpOption::KeepAlive(true),
        TcpOption::HopLimit(42),
        TcpOption::ReceiveBuffer(9000),
        TcpOption::KeepAliveCount(200),
    ] {
        socket.set_option(option).unwrap();
    }
    let listener = socket.listen().unwrap();
    socket.set_option(TcpOption::SendBuffer(7000)).unwrap();
    let _client = dial(&container, at("127.0.0.1:80")).unwrap();
    let mut accepted = TcpSocket::from(listener.try_accept().unwrap());
    let options = accepted.options();
    assert!(options.keep_alive);
    assert_eq!(
        (
            options.hop_limit,
            options.receive_buffer,
            options.send_buffer,
            options.keep_alive_count
        ),
        (42, 9000, 7000, 127)
    );
    accepted.set_option(TcpOption::HopLimit(7)).unwrap();
    assert_eq!(
        (accepted.options().hop_limit, socket.options().hop_limit),
        (7, 42)
    );
    assert_eq!(
        errno(accepted.set_option(TcpOption::HopLimit(0))),
        Some(Errno::EINVAL)
    );
}

#[test]
fn half_close_leaves_the_other_direction_open() {
    let (client, server) = pair();
    client.try_write(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_some(&server).unwrap(), b"question");
    assert_eq!(read_some(&server).unwrap(), b"", "end");
    assert_eq!(errno(client.try_write(b"x")), Some(Errno::EPIPE));
    server.try_write(b"answer").unwrap();
    assert_eq!(read_some(&client).unwrap(), b"answer");
    assert!(would_block(read_some(&client)));
    drop(server);
    assert_eq!(read_some(&client).unwrap(), b"");
}

#[test]
fn after_the_peer_closed_the_first_write_still_succeeds() {
    let (client, server) = pair();
    drop(server);
    assert_eq!(client.try_write(b"lost").unwrap(), 4);
    assert_eq!(errno(client.try_write(b"x")), Some(Errno::EPIPE));
    assert_eq!(errno(client.try_write(b"x")), Some(Errno::EPIPE));
    assert_eq!(read_some(&client).unwrap(), b"");

    let (client, server) = pair();
    drop(server);
    assert_eq!(
        client.try_write(&[1; 100_000]).unwrap(),
        100_000,
        "a large one too"
    );
    assert_eq!(errno(client.try_write(&[1; 100_000])), Some(Errno::EPIPE));
}

#[test]
fn unread_data_makes_a_close_a_reset() {
    let (client, server) = pair();
    client.try_write(b"unread").unwrap();
    server.try_write(b"arrived").unwrap();
    drop(server);
    assert_eq!(
        read_some(&client).unwrap(),
        b"arrived",
        "what had arrived is not lost"
    );
    assert_eq!(errno(read_some(&client)), Some(Errno::ECONNRESET));
    assert_eq!(read_some(&client).unwrap(), b"");

    let (client, server) = pair();
    client.try_write(b"half read").unwrap();
    server.try_read(&mut [0; 4]).unwrap();
    drop(server);
    assert_eq!(
        errno(client.try_write(b"x")),
        Some(Errno::ECONNRESET),
        "told to whoever comes first"
    );
    assert_eq!(errno(client.try_write(b"x")), Some(Errno::EPIPE));
    assert_eq!(read_some(&client).unwrap(), b"");
}

#[test]
fn a_reset_after_the_end_is_but_a_broken_pipe() {
    let (client, server) = pair();
    client.try_write(b"unread").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    drop(server);
    assert_eq!(read_some(&client).unwrap(), b"");
    assert_eq!(errno(client.try_write(b"x")), Some(Errno::EPIPE));
}

#[test]
fn halves_shut_their_direction_and_together_close() {
    let (client, server) = pair();
    let (reader, writer) = server.clone().split();
    drop(writer);
    assert_eq!(read_some(&client).unwrap(), b"");
    client.try_write(b"still").unwrap();
    assert_eq!(&reader.try_read_bytes(100).unwrap()[..], b"still");
    drop(reader);
    client.try_write(b"into the void").unwrap();

    let (client, server) = pair();
    client.try_write(b"unread").unwrap();
    let (reader, writer) = server.clone().split();
    drop(reader);
    drop(writer);
    assert_eq!(
        errno(read_some(&client)),
        Some(Errno::ECONNRESET),
        "while the socket itself still exists"
    );
    drop(server);
}

#[test]
fn shut_reading_reports_the_end_after_the_data() {
    let (client, server) = pair();
    client.try_write(b"before").unwrap();
    server.shutdown(Shutdown::Read).unwrap();
    assert_eq!(read_some(&server).unwrap(), b"before");
    assert_eq!(read_some(&server).unwrap(), b"");
    assert_eq!(client.try_write(b"after").unwrap(), 5);
}

#[test]
fn aborting_resets_even_when_all_was_read() {
    let (client, server) = pair();
    server.abort();
    assert_eq!(errno(read_some(&client)), Some(Errno::ECONNRESET));
    assert_eq!(errno(server.try_write(b"x")), Some(Errno::EPIPE));
    assert_eq!(read_some(&server).unwrap(), b"");
}
