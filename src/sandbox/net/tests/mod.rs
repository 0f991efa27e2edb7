//! Tests of the room, one file per subject. No sleeps: what must happen is awaited, what must not is asked for at once.

mod addresses;
mod dying;
mod egress;
mod model;
mod names;
mod publish;
mod streams;
mod tables;
mod tcp;
mod threads;
mod udp;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

use nix::errno::Errno;

use super::*;

/// A pod at 10.9.8.7 and fd00::7.
fn pod() -> Network {
    Network::new(NetworkConfig {
        hostname: "web".into(),
        addresses: vec![ip("10.9.8.7"), ip("fd00::7")],
        ..NetworkConfig::default()
    })
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The errno of a failure, `None` of a success.
fn errno<T>(result: io::Result<T>) -> Option<Errno> {
    result.err().map(|error| {
        Errno::from_raw(
            error
                .raw_os_error()
                .unwrap_or_else(|| panic!("no errno in {error:?}")),
        )
    })
}

fn would_block<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Polls once.
fn now<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn tcp(container: &Attachment, bind: &str) -> io::Result<TcpSocket> {
    let mut socket = container.tcp_socket(Family::of(at(bind).ip()))?;
    socket.bind(at(bind))?;
    Ok(socket)
}

/// Connects at once, as everything inside a pod does.
fn dial(container: &Attachment, to: SocketAddr) -> io::Result<TcpStream> {
    let mut socket = container.tcp_socket(Family::of(to.ip()))?;
    socket.start_connect(to)?;
    now(|cx| socket.poll_connect(cx)).expect("inside a pod the outcome is known at once")?;
    Ok(socket.stream().unwrap().clone())
}

/// A connection between two containers: the connecting end and the accepted one.
fn pair() -> (TcpStream, TcpStream) {
    let pod = pod();
    // The attachments live as long as their sockets: a container's death is another test's subject.
    let (one, other) = (
        Box::leak(Box::new(pod.attach("one"))),
        Box::leak(Box::new(pod.attach("other"))),
    );
    let listener = one.listen(at("127.0.0.1:0")).unwrap();
    let client = dial(other, listener.local_addr()).unwrap();
    (client, listener.try_accept().unwrap())
}

fn read_some(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 1 << 20];
    let count = stream.try_read(&mut buffer)?;
    buffer.truncate(count);
    Ok(buffer)
}

fn single_threaded() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
