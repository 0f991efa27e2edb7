//! Published ports, against the real loopback of the host.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn published(pod: &Network, protocol: Protocol, port: u16) -> Published {
    pod.publish(Publish {
        protocol,
        host: at("127.0.0.1:0"),
        port,
    })
    .unwrap()
}

/// Nothing here waits long; a wait without end is a failure, not a hang.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("something is waited for in vain")
}

#[test]
fn a_connection_from_the_host_is_spliced_with_both_half_closes() {
    single_threaded().block_on(soon(async {
        let pod = pod();
        let server = pod.attach("server");
        let listener = server.listen(at("0.0.0.0:80")).unwrap();
        let port = published(&pod, Protocol::Tcp, 80);
        let mut outside = tokio::net::TcpStream::connect(port.local_addr())
            .await
            .unwrap();
        let mut inside = listener.accept().await.unwrap();
        assert_eq!(
            inside.peer_addr(),
            outside.local_addr().unwrap(),
            "the container sees who it is"
        );
        assert_eq!(inside.local_addr(), at("10.9.8.7:80"));
        let data = vec![9; 1 << 20];
        let sent = data.clone();
        let (mut read, mut write) = outside.split();
        tokio::join!(
            async {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            },
            async {
                let mut all = Vec::new();
                inside.read_to_end(&mut all).await.unwrap();
                assert!(all == data);
                inside.write_all(b"got it").await.unwrap();
                AsyncWriteExt::shutdown(&mut inside).await.unwrap();
            },
            async {
                let mut answer = Vec::new();
                read.read_to_end(&mut answer).await.unwrap();
                assert_eq!(answer, b"got it");
            }
        );
    }));
}

#[test]
fn a_taken_host_port_is_told_at_once() {
    single_threaded().block_on(async {
        let pod = pod();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let first = published(&pod, protocol, 80);
            let again = pod.publish(Publish {
                protocol,
                host: first.local_addr(),
                port: 81,
            });
            assert_eq!(errno(again), Some(Errno::EADDRINUSE), "{protocol:?}");
        }
        let foreign = pod.publish(Publish {
            protocol: Protocol::Tcp,
            host: at("192.0.2.1:0"),
            port: 80,
        });
        assert_eq!(errno(foreign), Some(Errno::EADDRNOTAVAIL));
    });
}

#[test]
fn nobody_inside_is_a_reset_outside_and_a_late_listener_is_found() {
    single_threaded().block_on(soon(async {
        let pod = pod();
        let port = published(&pod, Protocol::Tcp, 80);
        let mut outside = tokio::net::TcpStream::connect(port.local_addr())
            .await
            .unwrap();
        let refused = outside.read(&mut [0; 1]).await;
        assert_eq!(errno(refused), Some(Errno::ECONNRESET));
        let server = pod.attach("server");
        let listener = server.listen(at("[::]:80")).unwrap();
        let _outside = tokio::net::TcpStream::connect(port.local_addr())
            .await
            .unwrap();
        assert_eq!(
            listener.accept().await.unwrap().local_addr(),
            at("[fd00::7]:80"),
            "the other family will do"
        );
    }));
}

#[test]
fn a_reset_crosses_in_both_directions() {
    single_threaded().block_on(soon(async {
        let pod = pod();
        let server = pod.attach("server");
        let listener = server.listen(at("0.0.0.0:80")).unwrap();
        let port = published(&pod, Protocol::Tcp, 80);

        let mut outside = tokio::net::TcpStream::connect(port.local_addr())
            .await
            .unwrap();
        listener.accept().await.unwrap().abort();
        assert_eq!(
            errno(outside.read(&mut [0; 1]).await),
            Some(Errno::ECONNRESET)
        );

        let outside = tokio::net::TcpStream::connect(port.local_addr())
            .await
            .unwrap();
        let mut inside = listener.accept().await.unwrap();
        outside.set_zero_linger().unwrap();
        drop(outside);
        assert_eq!(
            errno(inside.read(&mut [0; 1]).await),
            Some(Errno::ECONNRESET)
        );
    }));
}

#[test]
fn dropping_a_published_port_closes_everything_behind_it() {
    single_threaded().block_on(soon(async {
        let pod = pod();
        let server = pod.attach("server");
        let listener = server.listen(at("0.0.0.0:80")).unwrap();
        let port = published(&pod, Protocol::Tcp, 80);
        let address = port.local_addr();
        let mut outside = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut inside = listener.accept().await.unwrap();
        drop(port);
        assert_eq!(inside.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(outside.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }));
}

#[test]
fn datagrams_find_their_way_in_and_back() {
    single_threaded().block_on(soon(async {
        let pod = pod();
        let server = pod.attach("server");
        let inside = server.udp_socket(Family::V4).unwrap();
        inside.bind(at("0.0.0.0:53")).unwrap();
        let port = published(&pod, Protocol::Udp, 53);
        let mut seen = Vec::new();
        for name in ["first", "second"] {
            let outside = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            outside.connect(port.local_addr()).await.unwrap();
            for _ in 0..3 {
                outside.send(name.as_bytes()).await.unwrap();
                let question = inside.recv().await.unwrap();
                assert_eq!(question.bytes, name);
                inside.send(b"answer", Some(question.from)).await.unwrap();
                let mut answer = [0; 16];
                assert_eq!(outside.recv(&mut answer).await.unwrap(), 6);
                seen.push(question.from);
            }
        }
        seen.dedup();
        assert_eq!(seen.len(), 2, "one address per peer: {seen:?}");
    }));
}

#[test]
fn a_silent_udp_peer_is_forgotten() {
    single_threaded().block_on(soon(async {
        let pod = pod();
        let server = pod.attach("server");
        let inside = server.udp_socket(Family::V4).unwrap();
        inside.bind(at("0.0.0.0:53")).unwrap();
        let wish = Publish {
            protocol: Protocol::Udp,
            host: at("127.0.0.1:0"),
            port: 53,
        };
        let port = Published::start(pod.clone(), wish, Duration::from_millis(1)).unwrap();
        let outside = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        outside.connect(port.local_addr()).await.unwrap();
        for _ in 0..2 {
            outside.send(b"hello").await.unwrap();
            inside.recv().await.unwrap();
            while pod.own().usage().sockets > 0 {
                tokio::task::yield_now().await;
            }
        }
    }));
}

#[test]
fn a_pod_in_the_hosts_network_has_nothing_to_publish() {
    let pod = Network::new(NetworkConfig {
        host_network: true,
        ..NetworkConfig::default()
    });
    let result = pod.publish(Publish {
        protocol: Protocol::Tcp,
        host: at("127.0.0.1:0"),
        port: 80,
    });
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::Unsupported);
}
