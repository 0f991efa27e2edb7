//! The way out: kernel sockets behind the same interface. Beyond the pod everything is the host's network; with `host_network`
//! the pod itself is too.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use nix::libc;
use socket2::SockRef;
use tokio::io::{Interest, ReadBuf};

use super::account::{Mortal, Slot};
use super::addr::Family;
use super::defs::CHUNK_MAX;
use super::options::{TcpOption, TcpOptions, UdpOptions};

/// A connection through the kernel.
pub(super) struct KernelConn {
    pub stream: tokio::net::TcpStream,
    family: Family,
    /// Kept from the beginning: a socket that its peer has reset cannot tell any more.
    pub local: SocketAddr,
    pub peer: SocketAddr,
    options: Mutex<TcpOptions>,
    slot: Mutex<Slot>,
}

impl KernelConn {
    pub fn new(
        stream: tokio::net::TcpStream,
        slot: Slot,
        options: TcpOptions,
    ) -> io::Result<Arc<KernelConn>> {
        // Inside the pod nothing is held back to be collected; nor is it outside.
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let conn = Arc::new(KernelConn {
            family: Family::of(local.ip()),
            local,
            peer: stream.peer_addr()?,
            stream,
            options: Mutex::new(options),
            slot: Mutex::new(slot),
        });
        let weak = Arc::downgrade(&conn);
        conn.slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .register(weak)?;
        Ok(conn)
    }

    pub fn options(&self) -> MutexGuard<'_, TcpOptions> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_option(&self, option: TcpOption) -> io::Result<()> {
        let mut options = self.options();
        let before = *options;
        options.set(option)?;
        options.apply(&before, self.family, SockRef::from(&self.stream))
    }

    /// Tokio remembers that there was nothing and does not look again until its reactor was asked. A guest that tries over and over
    /// without ever waiting leaves no time for that, so here the kernel is asked itself.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self.stream.try_read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                (&*SockRef::from(&self.stream)).read(into)
            }
            done => done,
        }
    }

    /// The same for writing.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                SockRef::from(&self.stream).send_with_flags(bytes, libc::MSG_NOSIGNAL)
            }
            done => done,
        }
    }

    /// Looks without taking. (The waker put aside here is that of a task that is just running.)
    pub fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut nobody = Context::from_waker(Waker::noop());
        match self.stream.poll_peek(&mut nobody, &mut ReadBuf::new(into)) {
            Poll::Ready(count) => count,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// A guess at what could be written: the kernel does not tell.
    pub fn permit(&self) -> io::Result<usize> {
        match self.stream.try_io(Interest::WRITABLE, || Ok(())) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            ready => ready.map(|()| CHUNK_MAX),
        }
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(how)
    }

    /// The next close resets.
    pub fn abort(&self) {
        // Fails only on a socket that is gone already.
        let _ = self.stream.set_zero_linger();
        self.close();
    }
}

impl Mortal for KernelConn {
    fn close(&self) {
        // Fails only when the peer was faster.
        let _ = self.shutdown(Shutdown::Both);
    }
}

/// A listener of the host's own network.
pub(super) struct KernelListener {
    listener: tokio::net::TcpListener,
    family: Family,
    local: SocketAddr,
    options: Mutex<TcpOptions>,
    slot: Slot,
    found: Mutex<Found>,
}

/// Tokio can only accept, not tell that it could: what readiness found waits here. And it remembers one waiting task, which a look
/// in passing must not replace.
#[derive(Default)]
struct Found {
    stream: Option<io::Result<tokio::net::TcpStream>>,
    waiting: Option<Waker>,
}

impl Found {
    fn look(&mut self, listener: &tokio::net::TcpListener) -> Poll<()> {
        let waker = self.waiting.as_ref().unwrap_or(Waker::noop());
        if self.stream.is_none() {
            let accepted = ready!(listener.poll_accept(&mut Context::from_waker(waker)));
            self.stream = Some(accepted.map(|(stream, _)| stream));
        }
        Poll::Ready(())
    }
}

impl KernelListener {
    pub fn new(
        socket: tokio::net::TcpSocket,
        family: Family,
        slot: Slot,
        options: TcpOptions,
    ) -> io::Result<Arc<KernelListener>> {
        let listener = socket.listen(u32::try_from(options.backlog).unwrap_or(u32::MAX))?;
        Ok(Arc::new(KernelListener {
            local: listener.local_addr()?,
            listener,
            family,
            options: Mutex::new(options),
            slot,
            found: Mutex::default(),
        }))
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut found = self.found();
        found.waiting = Some(cx.waker().clone());
        found.look(&self.listener)
    }

    pub fn try_accept(&self) -> io::Result<Arc<KernelConn>> {
        let mut found = self.found();
        if found.look(&self.listener).is_pending() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let stream = found.stream.take().ok_or(io::ErrorKind::WouldBlock)??;
        KernelConn::new(stream, self.slot.account().open_slot()?, self.options())
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn options(&self) -> TcpOptions {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_option(&self, option: TcpOption) -> io::Result<()> {
        let mut options = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *options;
        options.set(option)?;
        if options.backlog != before.backlog {
            SockRef::from(&self.listener)
                .listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
        }
        options.apply(&before, self.family, SockRef::from(&self.listener))
    }
}

/// A connect on its way through the kernel.
pub(super) type Dialling = Pin<Box<dyn Future<Output = io::Result<tokio::net::TcpStream>> + Send>>;

/// An unbound kernel socket with the options set so far.
pub(super) fn tcp_socket(
    family: Family,
    options: &TcpOptions,
) -> io::Result<tokio::net::TcpSocket> {
    let socket = match family {
        Family::V4 => tokio::net::TcpSocket::new_v4()?,
        Family::V6 => tokio::net::TcpSocket::new_v6()?,
    };
    let reference = SockRef::from(&socket);
    if family == Family::V6 {
        reference.set_only_v6(true)?;
    }
    // As WASI demands; inside the pod it is implied.
    reference.set_reuse_address(true)?;
    options.apply(&TcpOptions::default(), family, SockRef::from(&socket))?;
    Ok(socket)
}

pub(super) fn dial(socket: tokio::net::TcpSocket, to: SocketAddr) -> Dialling {
    Box::pin(socket.connect(to))
}

/// A kernel UDP socket, bound. Must be called inside a tokio runtime.
pub(super) fn udp_socket(
    at: SocketAddr,
    options: &UdpOptions,
) -> io::Result<Arc<tokio::net::UdpSocket>> {
    let family = Family::of(at.ip());
    let domain = socket2::Domain::for_address(at);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    if family == Family::V6 {
        socket.set_only_v6(true)?;
    }
    options.apply(&UdpOptions::default(), family, SockRef::from(&socket))?;
    socket.bind(&at.into())?;
    Ok(Arc::new(tokio::net::UdpSocket::from_std(socket.into())?))
}

/// Whose datagram comes next; asks the kernel itself where tokio would rely on its memory, as [`KernelConn::try_read`] does.
pub(super) fn udp_next(socket: &tokio::net::UdpSocket) -> io::Result<SocketAddr> {
    let kernel = SockRef::from(socket);
    let from = match socket.try_io(Interest::READABLE, || kernel.peek_sender()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => kernel.peek_sender()?,
        known => known?,
    };
    from.as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes the datagram that [`udp_next`] told of.
pub(super) fn udp_take(socket: &tokio::net::UdpSocket, into: &mut [u8]) -> io::Result<usize> {
    (&*SockRef::from(socket)).read(into)
}
