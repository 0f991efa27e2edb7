//! A connected TCP socket and its two halves. Inside the pod or through the kernel: one interface for both.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::addr::Family;
use super::conn::End;
use super::defs::CHUNK_MAX;
use super::egress::KernelConn;
use super::options::{TcpOption, TcpOptions};

/// A connection. Clones share it; it is closed when the last clone and the last half are gone. With unread data left, that is a
/// reset for the peer (ECONNRESET).
#[derive(Clone)]
pub struct TcpStream(Inner);

#[derive(Clone)]
enum Inner {
    /// Both ends are in the pod (or one is ours: a published port, a probe).
    Inside(Arc<End>),
    /// The other end is beyond the pod, or the pod has no network of its own.
    Kernel(Arc<KernelConn>),
}

impl TcpStream {
    /// Reads at most `limit` bytes into a buffer of just the right size. Ok(empty) is the end of the stream (when limit > 0).
    pub fn try_read_bytes(&self, limit: usize) -> io::Result<bytes::Bytes> {
        let limit = limit
            .min(self.available().unwrap_or(CHUNK_MAX).max(1))
            .min(CHUNK_MAX);
        let mut buffer = vec![0; limit];
        let count = self.try_read(&mut buffer)?;
        buffer.truncate(count);
        Ok(buffer.into())
    }

    /// How many bytes could be read right now (None: unknown, a kernel socket).
    pub fn available(&self) -> Option<usize> {
        match &self.0 {
            Inner::Inside(end) => Some(end.incoming().available()),
            Inner::Kernel(_) => None,
        }
    }

    /// How many bytes may be written now: what `check-write` wants. Ok(0): wait until `ready`. Inside the pod a `try_write` of at
    /// most that many takes them all. For a kernel socket the number is a guess: `try_write` may take less, or say WouldBlock, and the
    /// caller keeps the rest. Errors as `try_write`.
    pub fn permit(&self) -> io::Result<usize> {
        match &self.0 {
            Inner::Inside(end) => end.permit(),
            Inner::Kernel(conn) => conn.permit(),
        }
    }

    pub(super) fn inside(end: Arc<End>) -> TcpStream {
        TcpStream(Inner::Inside(end))
    }

    pub(super) fn kernel(conn: Arc<KernelConn>) -> TcpStream {
        TcpStream(Inner::Kernel(conn))
    }

    pub fn local_addr(&self) -> SocketAddr {
        match &self.0 {
            Inner::Inside(end) => end.local,
            Inner::Kernel(conn) => conn.local,
        }
    }

    pub fn peer_addr(&self) -> SocketAddr {
        match &self.0 {
            Inner::Inside(end) => end.peer,
            Inner::Kernel(conn) => conn.peer,
        }
    }

    pub fn family(&self) -> Family {
        Family::of(self.local_addr().ip())
    }

    /// SHUT_RD, SHUT_WR, SHUT_RDWR.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &self.0 {
            Inner::Inside(end) => {
                end.shutdown(how);
                Ok(())
            }
            Inner::Kernel(conn) => conn.shutdown(how),
        }
    }

    /// Ends the connection with a reset (ECONNRESET at the peer), as close with SO_LINGER 0 does.
    pub fn abort(&self) {
        match &self.0 {
            Inner::Inside(end) => end.abort(),
            Inner::Kernel(conn) => conn.abort(),
        }
    }

    /// Ready when `try_read` would not say WouldBlock.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.0 {
            Inner::Inside(end) if end.incoming().poll_readable(cx.waker()) => Poll::Ready(()),
            Inner::Inside(_) => Poll::Pending,
            Inner::Kernel(conn) => conn.stream.poll_read_ready(cx).map(drop),
        }
    }

    /// Ready when `try_write` would take a useful amount (or tell an error).
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.0 {
            Inner::Inside(end) if end.outgoing().poll_writable(cx.waker()) => Poll::Ready(()),
            Inner::Inside(_) => Poll::Pending,
            Inner::Kernel(conn) => conn.stream.poll_write_ready(cx).map(drop),
        }
    }

    /// Ok(0) is the end of the stream (or an empty `into`); WouldBlock; ECONNRESET.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        match &self.0 {
            Inner::Inside(end) => end.read(into),
            Inner::Kernel(conn) => conn.try_read(into),
        }
    }

    /// Looks without taking (MSG_PEEK).
    pub fn try_peek(&self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        match &self.0 {
            Inner::Inside(end) => end.peek(into),
            Inner::Kernel(conn) => conn.peek(into),
        }
    }

    /// How much fitted; WouldBlock when nothing did; EPIPE; ECONNRESET.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Inner::Inside(end) => end.write(bytes),
            Inner::Kernel(conn) => conn.try_write(bytes),
        }
    }

    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            ready!(self.poll_read_ready(cx));
        }
    }

    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            ready!(self.poll_write_ready(cx));
        }
    }

    pub fn options(&self) -> TcpOptions {
        match &self.0 {
            Inner::Inside(end) => *end.options(),
            Inner::Kernel(conn) => *conn.options(),
        }
    }

    pub fn set_option(&self, option: TcpOption) -> io::Result<()> {
        match &self.0 {
            Inner::Inside(end) => end.options().set(option),
            Inner::Kernel(conn) => conn.set_option(option),
        }
    }

    /// Two halves; dropping one shuts its direction down (FIN for the writer).
    pub fn split(self) -> (TcpReader, TcpWriter) {
        (TcpReader(self.clone()), TcpWriter(self))
    }

    pub(super) fn reader(&self) -> TcpReader {
        TcpReader(self.clone())
    }

    pub(super) fn writer(&self) -> TcpWriter {
        TcpWriter(self.clone())
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(TcpStream::poll_read(&self, cx, buf.initialize_unfilled()))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        TcpStream::poll_write(&self, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

/// The receiving half. Not `Clone`; dropping it shuts reading down (SHUT_RD). All methods take `&self`; inside the pod several
/// tasks may wait at once.
pub struct TcpReader(TcpStream);

impl TcpReader {
    /// Ready when `try_read` would not say WouldBlock (data, end, or error).
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_read_ready(cx)
    }

    pub async fn ready(&self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }

    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }

    pub fn try_read_bytes(&self, limit: usize) -> io::Result<bytes::Bytes> {
        self.0.try_read_bytes(limit)
    }

    /// With an empty `into`: Ready(Ok(0)) at once.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, into)
    }

    pub fn available(&self) -> Option<usize> {
        self.0.available()
    }

    pub fn stream(&self) -> &TcpStream {
        &self.0
    }
}

impl Drop for TcpReader {
    fn drop(&mut self) {
        match &self.0.0 {
            Inner::Inside(end) => end.drop_reader(),
            // Fails only when the connection is gone already.
            Inner::Kernel(conn) => drop(conn.shutdown(Shutdown::Read)),
        }
    }
}

/// The sending half. Not `Clone`; dropping it sends FIN (SHUT_WR). All methods take `&self`.
pub struct TcpWriter(TcpStream);

impl TcpWriter {
    /// Ready when `permit` would not be Ok(0).
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_write_ready(cx)
    }

    pub async fn ready(&self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }

    pub fn permit(&self) -> io::Result<usize> {
        self.0.permit()
    }

    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    pub fn stream(&self) -> &TcpStream {
        &self.0
    }
}

impl Drop for TcpWriter {
    fn drop(&mut self) {
        match &self.0.0 {
            Inner::Inside(end) => end.drop_writer(),
            // Fails only when the connection is gone already.
            Inner::Kernel(conn) => drop(conn.shutdown(Shutdown::Write)),
        }
    }
}
