use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Wake;

use super::super::defs::{CHUNK_MAX, PIPE_LIMIT};
use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

#[test]
fn a_full_pipe_pushes_back_and_goes_on() {
    let (client, server) = pair();
    let mut sent = 0;
    while let Ok(count) = client.try_write(&[5; 30_000]) {
        sent += count;
    }
    assert_eq!(sent, PIPE_LIMIT);
    assert!(would_block(client.try_write(b"x")));
    let (woken, waker) = counter();
    assert!(
        client
            .poll_write_ready(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut received = read_exactly(&server, 1000);
    assert_eq!(
        woken.0.load(Relaxed),
        0,
        "a writer is not woken for a trifle"
    );
    received += read_exactly(&server, PIPE_LIMIT - 1000);
    assert_eq!(woken.0.load(Relaxed), 1, "and once only");
    assert_eq!(received, sent);
    assert!(would_block(read_some(&server)));
    assert_eq!(client.try_write(b"x").unwrap(), 1);
}

fn read_exactly(stream: &TcpStream, mut count: usize) -> usize {
    let whole = count;
    while count > 0 {
        let mut buffer = vec![0; count];
        count -= stream.try_read(&mut buffer).unwrap();
    }
    whole
}

#[test]
fn a_reader_is_woken_only_if_it_waits() {
    let (client, server) = pair();
    let (woken, waker) = counter();
    client.try_write(b"1").unwrap();
    assert!(
        server
            .poll_read_ready(&mut Context::from_waker(&waker))
            .is_ready()
    );
    read_some(&server).unwrap();
    for _ in 0..3 {
        assert!(
            server
                .poll_read_ready(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    client.try_write(b"2").unwrap();
    client.try_write(b"3").unwrap();
    assert_eq!(woken.0.load(Relaxed), 1);
    assert_eq!(read_some(&server).unwrap(), b"23");
}

#[test]
fn all_who_wait_are_woken_and_a_crowd_is_bounded() {
    let (client, server) = pair();
    let crowd: Vec<_> = (0..100).map(|_| counter()).collect();
    for (_, waker) in &crowd {
        assert!(
            server
                .poll_read_ready(&mut Context::from_waker(waker))
                .is_pending()
        );
    }
    client.try_write(b"x").unwrap();
    assert!(
        crowd.iter().all(|(woken, _)| woken.0.load(Relaxed) == 1),
        "the first of them early, but none not at all"
    );
}

#[test]
fn a_permit_is_kept() {
    let (client, server) = pair();
    let (_reader, writer) = client.split();
    let mut sent = 0;
    loop {
        let permit = writer.permit().unwrap();
        if permit == 0 {
            break;
        }
        assert_eq!(writer.try_write(&vec![1; permit]).unwrap(), permit);
        sent += permit;
    }
    assert_eq!(sent, PIPE_LIMIT);
    assert_eq!(now(|cx| writer.poll_ready(cx)), None);
    read_exactly(&server, PIPE_LIMIT);
    assert_eq!(now(|cx| writer.poll_ready(cx)), Some(()));
    drop(server);
    assert_eq!(
        writer.permit().unwrap(),
        CHUNK_MAX,
        "the first write after the peer closed"
    );
    assert_eq!(writer.try_write(b"x").unwrap(), 1);
    // It is the write that tells, lest asking swallow the error.
    assert_eq!(writer.permit().unwrap(), CHUNK_MAX);
    assert_eq!(errno(writer.try_write(b"x")), Some(Errno::EPIPE));
}

#[test]
fn small_buffers_make_small_pipes() {
    let container = pod().attach("app");
    let mut server = tcp(&container, "127.0.0.1:80").unwrap();
    server.set_option(TcpOption::ReceiveBuffer(8192)).unwrap();
    let listener = server.listen().unwrap();
    let mut client = container.tcp_socket(Family::V4).unwrap();
    client.set_option(TcpOption::SendBuffer(8192)).unwrap();
    client.start_connect(at("127.0.0.1:80")).unwrap();
    now(|cx| client.poll_connect(cx)).unwrap().unwrap();
    assert_eq!(
        client.stream().unwrap().try_write(&[0; 100_000]).unwrap(),
        16384
    );
    drop(listener);
}

#[test]
fn peeking_takes_nothing() {
    let (client, server) = pair();
    assert!(would_block(server.try_peek(&mut [0; 4])));
    client.try_write(b"hello").unwrap();
    let mut buffer = [0; 4];
    for _ in 0..2 {
        assert_eq!(server.try_peek(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer, b"hell");
    }
    assert_eq!(read_some(&server).unwrap(), b"hello");
    assert!(would_block(server.try_peek(&mut buffer)));
    drop(client);
    assert_eq!(server.try_peek(&mut buffer).unwrap(), 0);
}

#[test]
fn empty_reads_and_writes_do_nothing() {
    let (client, server) = pair();
    assert_eq!(client.try_write(b"").unwrap(), 0);
    assert_eq!(server.try_read(&mut []).unwrap(), 0);
    assert!(would_block(read_some(&server)));
}

#[test]
fn waiting_for_the_end_is_ended_by_it() {
    for abort in [false, true] {
        let (client, server) = pair();
        let (woken, waker) = counter();
        assert!(
            server
                .poll_read_ready(&mut Context::from_waker(&waker))
                .is_pending()
        );
        if abort {
            client.abort();
        }
        drop(client);
        assert_eq!(woken.0.load(Relaxed), 1);
        assert!(
            server
                .poll_read_ready(&mut Context::from_waker(&waker))
                .is_ready()
        );
    }
}
