//! How a name server is reached: with the container's own sockets, so that a server inside the pod is found there and the host's
//! loopback stays out of reach; but the servers that the machine itself uses are asked on the machine.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use nix::errno::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::addr::Family;
use super::super::defs::RESOLVE_TIMEOUT;
use super::super::network::{Attachment, Handle};
use super::super::{TcpStream, UdpSocket};

/// Opens sockets for one container's questions.
#[derive(Clone)]
pub(in super::super) struct Dialler {
    /// Weak: the resolver lies in there.
    container: Weak<Handle>,
    machines: Arc<[IpAddr]>,
    tokio: TokioRuntimeProvider,
}

type Later<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

impl Dialler {
    pub fn new(container: Weak<Handle>, machines: Arc<[IpAddr]>) -> Dialler {
        Dialler {
            container,
            machines,
            tokio: TokioRuntimeProvider::new(),
        }
    }

    fn is_machines(&self, server: SocketAddr) -> bool {
        self.machines.contains(&server.ip())
    }

    /// ENETDOWN when the container has ended.
    fn container(&self) -> io::Result<Attachment> {
        let handle = self.container.upgrade().ok_or(Errno::ENETDOWN)?;
        Ok(Attachment::from(handle))
    }
}

impl RuntimeProvider for Dialler {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = Datagrams;
    type Tcp = AsyncIoTokioAsStd<Bytes>;

    fn create_handle(&self) -> TokioHandle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        bind: Option<SocketAddr>,
        patience: Option<Duration>,
    ) -> Later<Self::Tcp> {
        if self.is_machines(server) {
            let machines = self.tokio.connect_tcp(server, bind, patience);
            return Box::pin(async { Ok(AsyncIoTokioAsStd(Bytes::Machine(machines.await?.0))) });
        }
        let container = self.container();
        Box::pin(async move {
            let container = container?;
            let connecting = container.connect(server);
            let stream = tokio::time::timeout(patience.unwrap_or(RESOLVE_TIMEOUT), connecting)
                .await
                .map_err(|_| io::ErrorKind::TimedOut)??;
            Ok(AsyncIoTokioAsStd(Bytes::Container(stream)))
        })
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Later<Datagrams> {
        if self.is_machines(server) {
            let machines = self.tokio.bind_udp(local, server);
            return Box::pin(async { Ok(Datagrams::Machine(machines.await?)) });
        }
        // Bound by the first datagram, in the pod or on the machine, as its destination demands.
        let socket = self
            .container()
            .and_then(|container| container.udp_socket(Family::of(server.ip())));
        Box::pin(async { Ok(Datagrams::Container(socket?)) })
    }
}

pub(in super::super) enum Datagrams {
    Machine(tokio::net::UdpSocket),
    Container(UdpSocket),
}

impl DnsUdpSocket for Datagrams {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        match self {
            Datagrams::Machine(socket) => DnsUdpSocket::poll_recv_from(socket, cx, buf),
            Datagrams::Container(socket) => {
                let datagram = ready!(socket.poll_recv(cx))?;
                let count = datagram.bytes.len().min(buf.len());
                buf[..count].copy_from_slice(&datagram.bytes[..count]);
                Poll::Ready(Ok((count, datagram.from)))
            }
        }
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        match self {
            Datagrams::Machine(socket) => DnsUdpSocket::poll_send_to(socket, cx, buf, target),
            Datagrams::Container(socket) => {
                ready!(socket.poll_send(cx, buf, Some(target)))?;
                Poll::Ready(Ok(buf.len()))
            }
        }
    }
}

pub(in super::super) enum Bytes {
    Machine(tokio::net::TcpStream),
    Container(TcpStream),
}

impl AsyncRead for Bytes {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Bytes::Machine(stream) => Pin::new(stream).poll_read(cx, buf),
            Bytes::Container(stream) => AsyncRead::poll_read(Pin::new(stream), cx, buf),
        }
    }
}

impl AsyncWrite for Bytes {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Bytes::Machine(stream) => Pin::new(stream).poll_write(cx, buf),
            Bytes::Container(stream) => AsyncWrite::poll_write(Pin::new(stream), cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Bytes::Machine(stream) => Pin::new(stream).poll_flush(cx),
            Bytes::Container(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Bytes::Machine(stream) => Pin::new(stream).poll_shutdown(cx),
            Bytes::Container(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
