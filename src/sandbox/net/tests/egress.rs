//! The kernel's side of the same interface, through a pod in the host's network.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn host_pod() -> Attachment {
    Network::new(NetworkConfig {
        host_network: true,
        ..NetworkConfig::default()
    })
    .attach("app")
}

#[test]
fn with_the_hosts_network_sockets_are_the_kernels() {
    single_threaded().block_on(async {
        let container = host_pod();
        let mut server = container.tcp_socket(Family::V4).unwrap();
        server.set_option(TcpOption::HopLimit(33)).unwrap();
        server.bind(at("127.0.0.1:0")).unwrap();
        let listener = server.listen().unwrap();
        assert!(would_block(listener.try_accept()));
        // A program that knows nothing of us is served.
        let mut foreign = tokio::net::TcpStream::connect(listener.local_addr())
            .await
            .unwrap();
        let accepted = listener.accept().await.unwrap();
        assert_eq!(accepted.peer_addr(), foreign.local_addr().unwrap());
        assert_eq!(accepted.options().hop_limit, 33);
        let (reader, writer) = accepted.split();
        assert!(writer.permit().unwrap() > 0 || now(|cx| writer.poll_ready(cx)).is_none());
        poll_fn(|cx| writer.poll_write(cx, b"hello")).await.unwrap();
        drop(writer);
        let mut all = Vec::new();
        foreign.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"hello");
        foreign.write_all(b"bye").await.unwrap();
        reader.ready().await;
        assert_eq!(&reader.try_read_bytes(100).unwrap()[..], b"bye");
        assert_eq!(container.usage().sockets, 2);
    });
}

#[test]
fn kernel_connects_tell_their_outcome() {
    single_threaded().block_on(async {
        let container = host_pod();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = container.connect(address).await.unwrap();
        assert_eq!(stream.peer_addr(), address);
        drop((stream, listener));
        let mut socket = container.tcp_socket(Family::V4).unwrap();
        assert_eq!(
            errno(socket.connect(address).await),
            Some(Errno::ECONNREFUSED)
        );
        assert_eq!(socket.state(), TcpState::Closed);
        assert_eq!(container.usage().sockets, 0);
    });
}

#[test]
fn a_dying_container_ends_its_kernel_connections_too() {
    single_threaded().block_on(async {
        let container = host_pod();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let held = container
            .connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut outside, _) = listener.accept().await.unwrap();
        container.close_all();
        assert_eq!(outside.read(&mut [0; 1]).await.unwrap(), 0);
        drop(held);
    });
}

#[test]
fn the_hosts_loopback_is_not_to_be_reached() {
    single_threaded().block_on(async {
        let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let udp = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        listener.set_nonblocking(true).unwrap();
        let container = pod().attach("app");
        let (tcp_port, udp_port) = (
            listener.local_addr().unwrap().port(),
            udp.local_addr().unwrap().port(),
        );
        for host in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "::127.0.0.1",
            "10.9.8.7",
        ] {
            let to = SocketAddr::new(ip(host), tcp_port);
            let mut socket = container.tcp_socket(Family::of(to.ip())).unwrap();
            assert!(socket.connect(to).await.is_err(), "tcp {to}");
            let socket = container.udp_socket(Family::of(to.ip())).unwrap();
            let _ = socket.try_send(b"x", Some(SocketAddr::new(ip(host), udp_port)));
        }
        assert!(would_block(listener.accept()));
        assert!(would_block(udp.recv_from(&mut [0; 1])));
    });
}

#[test]
fn kernel_datagrams_behave_alike() {
    single_threaded().block_on(async {
        let container = host_pod();
        let server = container.udp_socket(Family::V4).unwrap();
        assert!(!server.is_bound());
        server.bind(at("127.0.0.1:0")).unwrap();
        assert_eq!(errno(server.bind(at("127.0.0.1:0"))), Some(Errno::EINVAL));
        let client = container.udp_socket(Family::V4).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        assert_eq!(client.local_addr().unwrap().ip(), ip("127.0.0.1"));
        client.send(b"question", None).await.unwrap();
        let question = server.recv().await.unwrap();
        assert_eq!(
            (&question.bytes[..], question.from),
            (&b"question"[..], client.local_addr().unwrap())
        );
        server.send(b"answer", Some(question.from)).await.unwrap();
        assert_eq!(&client.recv().await.unwrap().bytes[..], b"answer");
        let port = client.local_addr().unwrap().port();
        client.disconnect().unwrap();
        assert_eq!(client.local_addr().unwrap().port(), port);
        server
            .send(b"still there", Some(question.from))
            .await
            .unwrap();
        assert_eq!(&client.recv().await.unwrap().bytes[..], b"still there");
    });
}

#[test]
fn a_guest_that_never_waits_still_gets_its_bytes() {
    let runtime = single_threaded();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let container = host_pod();
    let stream = runtime
        .block_on(container.connect(listener.local_addr().unwrap()))
        .unwrap();
    let (mut outside, _) = listener.accept().unwrap();
    let socket = {
        let _inside = runtime.enter();
        let socket = container.udp_socket(Family::V4).unwrap();
        socket.bind(at("127.0.0.1:0")).unwrap();
        socket
    };
    runtime.block_on(async {
        assert!(would_block(stream.try_read(&mut [0; 8])));
        assert!(would_block(socket.try_recv()));
        io::Write::write_all(&mut outside, b"now").unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        sender
            .send_to(b"now", socket.local_addr().unwrap())
            .unwrap();
        // No await in here: the reactor gets no chance.
        while would_block(stream.try_read(&mut [0; 8])) {}
        while would_block(socket.try_recv()) {}
    });
}
