//! Datagrams.
//!
//! A socket lives in the pod; when it speaks to the world it gets a kernel twin beside it, and hears both. With `host_network` the twin
//! is all there is.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use nix::errno::Errno;
use socket2::SockRef;

use super::account::{Account, Mortal, Slot};
use super::addr::{Family, Purpose, Verdict, check_family};
use super::defs::{DATAGRAM_OVERHEAD, MAX_DATAGRAM, MAX_DATAGRAM_V4, UDP_QUEUE};
use super::egress;
use super::network::Shared;
use super::options::{UdpOption, UdpOptions};
use super::publish::Protocol;
use super::table::{Holder, Lease};
use super::wakers::Wakers;

/// One received datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub bytes: Bytes,
    pub from: SocketAddr,
}

/// A UDP socket. Clones are the same socket (the two datagram streams of a binding hold one each).
#[derive(Clone)]
pub struct UdpSocket {
    core: Arc<UdpCore>,
}

pub(super) struct UdpCore {
    net: Arc<Shared>,
    family: Family,
    account: Arc<Account>,
    slot: Mutex<Option<Slot>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The pod's address it holds.
    lease: Option<Arc<Lease>>,
    /// The kernel twin.
    kernel: Option<Arc<tokio::net::UdpSocket>>,
    /// Whom it is connected to, and whether that peer is reached through the kernel.
    peer: Option<SocketAddr>,
    peer_beyond: bool,
    queue: VecDeque<Datagram>,
    /// What `queue` costs, as charged to the account.
    queued: usize,
    /// What became of an earlier datagram, told with the next operation.
    error: Option<Errno>,
    closed: bool,
    options: UdpOptions,
    readers: Wakers,
}

/// Where a datagram goes.
enum Route {
    Inside { from: SocketAddr, to: SocketAddr },
    Beyond(Arc<tokio::net::UdpSocket>, SocketAddr),
}

impl UdpSocket {
    pub(super) fn new(net: Arc<Shared>, slot: Slot, family: Family) -> io::Result<UdpSocket> {
        let core = Arc::new(UdpCore {
            net,
            family,
            account: slot.account().clone(),
            slot: Mutex::new(Some(slot)),
            state: Mutex::default(),
        });
        let weak = Arc::downgrade(&core);
        if let Some(slot) = &mut *core.slot.lock().unwrap_or_else(PoisonError::into_inner) {
            slot.register(weak)?;
        }
        Ok(UdpSocket { core })
    }

    pub fn family(&self) -> Family {
        self.core.family
    }

    pub fn is_bound(&self) -> bool {
        let state = self.core.state();
        state.lease.is_some() || (self.core.net.policy.host_network() && state.kernel.is_some())
    }

    /// EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL (already bound; IPv4-mapped).
    pub fn bind(&self, at: SocketAddr) -> io::Result<()> {
        check_family(self.core.family, at)?;
        let verdict = self.core.net.policy.judge(at.ip(), Purpose::Bind);
        let mut state = self.core.live()?;
        if state.lease.is_some() || (verdict == Verdict::Kernel && state.kernel.is_some()) {
            return Err(Errno::EINVAL.into());
        }
        match verdict {
            Verdict::Denied(errno) => return Err(errno.into()),
            Verdict::Virtual => state.lease = Some(self.core.lease(at)?),
            Verdict::Kernel => state.kernel = Some(egress::udp_socket(at, &state.options)?),
        }
        Ok(())
    }

    /// Sets (or changes) the peer; binds implicitly. Only its datagrams are heard from now on, those already queued stay (as on
    /// Linux). An unspecified address means loopback.
    pub fn connect(&self, to: SocketAddr) -> io::Result<()> {
        let core = &self.core;
        check_family(core.family, to)?;
        let verdict = core.net.policy.judge(to.ip(), Purpose::Send);
        let mut state = core.live()?;
        match verdict {
            Verdict::Denied(errno) => return Err(errno.into()),
            Verdict::Virtual => {
                core.ensure_lease(&mut state)?;
                state.peer = Some(core.net.real(to));
            }
            Verdict::Kernel => {
                let kernel = core.ensure_kernel(&mut state)?;
                SockRef::from(&*kernel).connect(&to.into())?;
                state.peer = Some(to);
            }
        }
        state.peer_beyond = verdict == Verdict::Kernel;
        state.error = None;
        Ok(())
    }

    /// EINVAL when not connected. The socket stays bound.
    pub fn disconnect(&self) -> io::Result<()> {
        let mut state = self.core.live()?;
        state.peer.take().ok_or(Errno::EINVAL)?;
        if !std::mem::take(&mut state.peer_beyond) {
            return Ok(());
        }
        // The association of a kernel socket cannot be dissolved through safe interfaces: it is replaced by a fresh one.
        let Some(kernel) = state.kernel.take() else {
            return Ok(());
        };
        if self.core.net.policy.host_network() {
            let at = SocketAddr::new(self.core.family.unspecified(), kernel.local_addr()?.port());
            drop(kernel);
            state.kernel = Some(egress::udp_socket(at, &state.options)?);
        }
        wake_readers(state);
        Ok(())
    }

    /// EINVAL while unbound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let state = self.core.state();
        match (&state.lease, &state.kernel, state.peer) {
            (_, Some(kernel), _) if state.peer_beyond || self.core.net.policy.host_network() => {
                kernel.local_addr()
            }
            (Some(lease), _, Some(peer)) => Ok(self.core.net.speaking_from(lease.addr(), peer)),
            (Some(lease), _, None) => Ok(lease.addr()),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// ENOTCONN unless connected.
    pub fn remote_addr(&self) -> io::Result<SocketAddr> {
        self.core.state().peer.ok_or_else(|| Errno::ENOTCONN.into())
    }

    /// `to` None: the connected peer (EDESTADDRREQ without one). Inside the pod this never waits: a full queue drops, as UDP does.
    /// EMSGSIZE above 65507 bytes, over IPv6 above 65527. ECONNREFUSED on a connected socket whose previous datagram found nobody.
    pub fn try_send(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        let most = match self.family() {
            Family::V4 => MAX_DATAGRAM_V4,
            Family::V6 => MAX_DATAGRAM,
        };
        if bytes.len() > most {
            return Err(Errno::EMSGSIZE.into());
        }
        match self.core.route(to)? {
            Route::Beyond(kernel, to) => kernel.try_send_to(bytes, to).map(drop),
            Route::Inside { from, to } => {
                self.core.deliver_inside(bytes, from, to);
                Ok(())
            }
        }
    }

    pub fn poll_send(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.try_send(bytes, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            ready!(self.poll_send_ready(cx));
        }
    }

    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let kernel = self.core.state().kernel.clone();
        match kernel {
            Some(kernel) => kernel.poll_send_ready(cx).map(drop),
            None => Poll::Ready(()),
        }
    }

    pub async fn send(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        poll_fn(|cx| self.poll_send(cx, bytes, to)).await
    }

    /// WouldBlock when there is nothing; ECONNREFUSED as `try_send`.
    pub fn try_recv(&self) -> io::Result<Datagram> {
        let kernel = {
            let mut state = self.core.state();
            if let Some(errno) = state.error.take() {
                return Err(errno.into());
            }
            if let Some(datagram) = state.queue.pop_front() {
                let cost = cost(&datagram.bytes);
                state.queued -= cost;
                self.core.account.release(cost);
                return Ok(datagram);
            }
            if state.closed {
                return Err(Errno::ENETDOWN.into());
            }
            state.kernel.clone()
        };
        match kernel {
            Some(kernel) => self.core.receive_beyond(&kernel),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<io::Result<Datagram>> {
        loop {
            match self.try_recv() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            ready!(self.poll_recv_ready(cx));
        }
    }

    /// Ready when there is something to receive or an error to be told. Through the kernel it may turn out to be something the socket
    /// must not hear; then `try_recv` says WouldBlock.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.core.state();
        if state.closed || state.error.is_some() || !state.queue.is_empty() {
            return Poll::Ready(());
        }
        let evicted = state.readers.register(cx.waker());
        let kernel = state.kernel.clone();
        drop(state);
        evicted.into_iter().for_each(Waker::wake);
        match kernel {
            Some(kernel) => kernel.poll_recv_ready(cx).map(drop),
            None => Poll::Pending,
        }
    }

    pub async fn recv(&self) -> io::Result<Datagram> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    pub fn options(&self) -> UdpOptions {
        self.core.state().options
    }

    pub fn set_option(&self, option: UdpOption) -> io::Result<()> {
        let mut state = self.core.state();
        let before = state.options;
        state.options.set(option)?;
        match &state.kernel {
            Some(kernel) => {
                state
                    .options
                    .apply(&before, self.core.family, SockRef::from(&**kernel))
            }
            None => Ok(()),
        }
    }
}

impl UdpCore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a socket whose container lives.
    fn live(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.closed {
            return Err(Errno::ENETDOWN.into());
        }
        Ok(state)
    }

    fn lease(self: &Arc<UdpCore>, at: SocketAddr) -> Result<Arc<Lease>, Errno> {
        self.net
            .table
            .bind(Protocol::Udp, at, Holder::Udp(Arc::downgrade(self)))
    }

    /// Binds to the wildcard and a free port if unbound.
    fn ensure_lease(self: &Arc<UdpCore>, state: &mut State) -> Result<SocketAddr, Errno> {
        let lease = match &state.lease {
            Some(lease) => lease,
            None => state
                .lease
                .insert(self.lease(SocketAddr::new(self.family.unspecified(), 0))?),
        };
        Ok(lease.addr())
    }

    fn ensure_kernel(
        self: &Arc<UdpCore>,
        state: &mut State,
    ) -> io::Result<Arc<tokio::net::UdpSocket>> {
        if !self.net.policy.host_network() && self.ensure_lease(state)?.ip().is_loopback() {
            // From loopback there is no way out; Linux says the same.
            return Err(Errno::EINVAL.into());
        }
        if let Some(kernel) = &state.kernel {
            return Ok(kernel.clone());
        }
        let kernel = egress::udp_socket(
            SocketAddr::new(self.family.unspecified(), 0),
            &state.options,
        )?;
        state.kernel = Some(kernel.clone());
        // Whoever waits for datagrams of the pod has to wait for the twin's as well now.
        if !state.readers.is_empty() {
            state.readers.take().wake();
        }
        Ok(kernel)
    }

    /// All checks before anything is sent.
    fn route(self: &Arc<UdpCore>, to: Option<SocketAddr>) -> io::Result<Route> {
        let mut state = self.live()?;
        if let Some(errno) = state.error.take() {
            return Err(errno.into());
        }
        let to = to.or(state.peer).ok_or(Errno::EDESTADDRREQ)?;
        check_family(self.family, to)?;
        if to.port() == 0 {
            return Err(Errno::EINVAL.into());
        }
        match self.net.policy.judge(to.ip(), Purpose::Send) {
            Verdict::Denied(errno) => Err(errno.into()),
            Verdict::Kernel => Ok(Route::Beyond(self.ensure_kernel(&mut state)?, to)),
            Verdict::Virtual => {
                let to = self.net.real(to);
                let from = self.net.speaking_from(self.ensure_lease(&mut state)?, to);
                Ok(Route::Inside { from, to })
            }
        }
    }

    fn deliver_inside(&self, bytes: &[u8], from: SocketAddr, to: SocketAddr) {
        let target = match self.net.table.find(Protocol::Udp, to) {
            Some(Holder::Udp(weak)) => weak.upgrade(),
            _ => None,
        };
        match target {
            Some(target) => target.accept(bytes, from),
            None => self.note_unreachable(to),
        }
    }

    /// What the kernel learns by ICMP: nobody is there. Only connected sockets hear of it.
    fn note_unreachable(&self, to: SocketAddr) {
        let mut state = self.state();
        if state.peer == Some(to) {
            state.error = Some(Errno::ECONNREFUSED);
            wake_readers(state);
        }
    }

    /// A datagram arrives. Dropped when it is not from the connected peer, when the queue is full or the container has spent its share.
    fn accept(&self, bytes: &[u8], from: SocketAddr) {
        let mut state = self.state();
        let bound = state.options.receive_buffer.min(4 * UDP_QUEUE);
        if state.closed
            || state.queued > bound
            || state.peer.is_some_and(|peer| peer != from)
            || self.account.is_spent()
        {
            return;
        }
        let bytes = Bytes::copy_from_slice(bytes);
        state.queued += cost(&bytes);
        self.account.charge(cost(&bytes));
        state.queue.push_back(Datagram { bytes, from });
        wake_readers(state);
    }

    fn receive_beyond(&self, kernel: &tokio::net::UdpSocket) -> io::Result<Datagram> {
        loop {
            // Asked first, lest every look at an empty socket cost a large buffer.
            let from = egress::udp_next(kernel)?;
            let mut buffer = vec![0; MAX_DATAGRAM];
            let count = egress::udp_take(kernel, &mut buffer)?;
            if self.hears(from) {
                let bytes = Bytes::copy_from_slice(&buffer[..count]);
                return Ok(Datagram { bytes, from });
            }
        }
    }

    /// Whether a datagram that came through the kernel is for this socket.
    fn hears(&self, from: SocketAddr) -> bool {
        self.net.policy.judge(from.ip(), Purpose::Receive) == Verdict::Kernel
            && self.state().peer.is_none_or(|peer| peer == from)
    }
}

fn cost(bytes: &Bytes) -> usize {
    bytes.len() + DATAGRAM_OVERHEAD
}

fn wake_readers(mut state: MutexGuard<'_, State>) {
    let readers = state.readers.take();
    drop(state);
    readers.wake();
}

impl Mortal for UdpCore {
    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let lease = state.lease.take();
        let kernel = state.kernel.take();
        let queue = std::mem::take(&mut state.queue);
        self.account.release(std::mem::take(&mut state.queued));
        wake_readers(state);
        drop((lease, kernel, queue));
        drop(
            self.slot
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl Drop for UdpCore {
    fn drop(&mut self) {
        self.close();
    }
}
