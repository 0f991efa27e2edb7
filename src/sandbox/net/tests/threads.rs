//! Containers as they are: each on its own thread with its own runtime.

use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Runs each container's program on its own thread, as guests run.
fn together(programs: Vec<Box<dyn FnOnce(tokio::runtime::Runtime) + Send>>) {
    let threads: Vec<_> = programs
        .into_iter()
        .map(|program| thread::spawn(|| program(single_threaded())))
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// A long stream of bytes that depend on their place.
fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn streams_arrive_whole_whatever_the_sizes() {
    let pod = pod();
    for (write, read) in [
        (1, 1),
        (3, 4096),
        (1000, 7),
        (4096, 4096),
        (4097, 65536),
        (65536, 100),
        (200_000, 200_000),
    ] {
        let (server, client) = (pod.attach("server"), pod.attach("client"));
        let listener = server.listen(at("127.0.0.1:80")).unwrap();
        let data = pattern(
            write as u64,
            (write.min(read) * 5000).clamp(10_000, 3 << 20),
        );
        let expected = data.clone();
        together(vec![
            Box::new(move |runtime| {
                runtime.block_on(async {
                    let mut stream = client.connect(at("127.0.0.1:80")).await.unwrap();
                    for part in data.chunks(write) {
                        stream.write_all(part).await.unwrap();
                    }
                    AsyncWriteExt::shutdown(&mut stream).await.unwrap();
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).await.unwrap();
                    assert_eq!(answer, b"thanks");
                });
            }),
            Box::new(move |runtime| {
                runtime.block_on(async {
                    let mut stream = listener.accept().await.unwrap();
                    let (mut received, mut buffer) = (Vec::new(), vec![0; read]);
                    loop {
                        match stream.read(&mut buffer).await.unwrap() {
                            0 => break,
                            count => received.extend_from_slice(&buffer[..count]),
                        }
                    }
                    assert!(received == expected, "writes of {write}, reads of {read}");
                    stream.write_all(b"thanks").await.unwrap();
                });
                drop(server);
            }),
        ]);
    }
}

#[test]
fn many_containers_talk_at_once() {
    const CLIENTS: u64 = 6;
    const ROUNDS: u64 = 40;
    let pod = pod();
    let server = pod.attach("server");
    let listener = server.listen(at("0.0.0.0:80")).unwrap();
    let mut programs: Vec<Box<dyn FnOnce(tokio::runtime::Runtime) + Send>> =
        vec![Box::new(move |runtime| {
            runtime.block_on(async {
                let mut served = tokio::task::JoinSet::new();
                for _ in 0..CLIENTS * ROUNDS {
                    let mut stream = listener.accept().await.unwrap();
                    served.spawn(async move {
                        let mut all = Vec::new();
                        stream.read_to_end(&mut all).await.unwrap();
                        stream.write_all(&all).await.unwrap();
                    });
                }
                while served.join_next().await.is_some() {}
            });
            drop(server);
        })];
    for client in 0..CLIENTS {
        let pod = pod.clone();
        programs.push(Box::new(move |runtime| {
            let attachment = pod.attach("client");
            runtime.block_on(async {
                for round in 0..ROUNDS {
                    let data = pattern(client * 1000 + round, 1 << (round % 17));
                    let mut stream = attachment.connect(at("10.9.8.7:80")).await.unwrap();
                    stream.write_all(&data).await.unwrap();
                    AsyncWriteExt::shutdown(&mut stream).await.unwrap();
                    let mut echo = Vec::new();
                    stream.read_to_end(&mut echo).await.unwrap();
                    assert!(echo == data, "client {client}, round {round}");
                }
            });
        }));
    }
    together(programs);
}

#[test]
fn pings_are_answered_across_threads() {
    let pod = pod();
    let (server, client) = (pod.attach("server"), pod.attach("client"));
    let listener = server.listen(at("[::1]:80")).unwrap();
    together(vec![
        Box::new(move |runtime| {
            runtime.block_on(async {
                let mut stream = listener.accept().await.unwrap();
                let mut word = [0; 4];
                while stream.read_exact(&mut word).await.is_ok() {
                    stream.write_all(&word).await.unwrap();
                }
            });
            drop(server);
        }),
        Box::new(move |runtime| {
            runtime.block_on(async {
                let mut stream = client.connect(at("[::1]:80")).await.unwrap();
                for number in 0..5000_u32 {
                    stream.write_all(&number.to_le_bytes()).await.unwrap();
                    let mut word = [0; 4];
                    stream.read_exact(&mut word).await.unwrap();
                    assert_eq!(u32::from_le_bytes(word), number);
                }
            });
        }),
    ]);
}

#[test]
fn datagrams_cross_threads() {
    let pod = pod();
    let (server, client) = (pod.attach("server"), pod.attach("client"));
    let socket = server.udp_socket(Family::V4).unwrap();
    socket.bind(at("0.0.0.0:53")).unwrap();
    together(vec![
        Box::new(move |runtime| {
            runtime.block_on(async {
                for _ in 0..2000 {
                    let question = socket.recv().await.unwrap();
                    socket
                        .send(&question.bytes, Some(question.from))
                        .await
                        .unwrap();
                }
            });
            drop(server);
        }),
        Box::new(move |runtime| {
            runtime.block_on(async {
                let socket = client.udp_socket(Family::V4).unwrap();
                socket.connect(at("127.0.0.1:53")).unwrap();
                for number in 0..2000_u32 {
                    socket.send(&number.to_le_bytes(), None).await.unwrap();
                    assert_eq!(
                        &socket.recv().await.unwrap().bytes[..],
                        number.to_le_bytes()
                    );
                }
            });
        }),
    ]);
}

#[test]
fn a_container_may_die_while_others_talk_to_it() {
    for _ in 0..50 {
        let pod = pod();
        let (server, client) = (pod.attach("server"), pod.attach("client"));
        let listener = server.listen(at("127.0.0.1:80")).unwrap();
        let first = dial(&client, at("127.0.0.1:80")).unwrap();
        together(vec![
            Box::new(move |_| {
                let _accepted = listener.try_accept().unwrap();
                server.close_all();
            }),
            Box::new(move |runtime| {
                runtime.block_on(async {
                    let mut stream = first;
                    // Whatever the moment: an end or a reset, never a wait.
                    while stream.write_all(&[0; 10_000]).await.is_ok() {}
                    let mut rest = Vec::new();
                    let _ = stream.read_to_end(&mut rest).await;
                    assert!(client.connect(at("127.0.0.1:80")).await.is_err());
                });
                drop(client);
            }),
        ]);
    }
}
