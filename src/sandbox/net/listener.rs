//! Listeners: a bounded queue of connections that nobody has accepted yet.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use nix::errno::Errno;

use super::account::{Account, Mortal, Slot};
use super::conn::{self, End, Side};
use super::egress::KernelListener;
use super::options::{TcpOption, TcpOptions};
use super::stream::TcpStream;
use super::table::{Holder, Lease};
use super::wakers::Wakers;

/// A listening socket. Clones are the same listener; the port is free again when the last one is gone.
#[derive(Clone)]
pub struct TcpListener(Inner);

#[derive(Clone)]
enum Inner {
    /// Reached by [`super::Network`]'s table only.
    Virtual(Arc<ListenerCore>),
    /// The host's own, with `host_network`.
    Kernel(Arc<KernelListener>),
}

impl TcpListener {
    pub(super) fn kernel(listener: Arc<KernelListener>) -> TcpListener {
        TcpListener(Inner::Kernel(listener))
    }

    /// Opens a bound socket to connections.
    pub(super) fn open(
        slot: Slot,
        lease: Arc<Lease>,
        options: TcpOptions,
    ) -> io::Result<TcpListener> {
        let account = slot.account().clone();
        let core = Arc::new(ListenerCore {
            lease: lease.clone(),
            account,
            closed: AtomicBool::new(false),
            slot: Mutex::new(Some(slot)),
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                options,
                closed: false,
                acceptors: Wakers::default(),
            }),
        });
        let weak = Arc::downgrade(&core);
        match &mut *core.slot.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(slot) => slot.register(weak.clone())?,
            None => return Err(Errno::ENETDOWN.into()),
        }
        lease.hand_to(Holder::Listener(weak))?;
        Ok(TcpListener(Inner::Virtual(core)))
    }

    pub fn local_addr(&self) -> SocketAddr {
        match &self.0 {
            Inner::Virtual(core) => core.lease.addr(),
            Inner::Kernel(listener) => listener.local_addr(),
        }
    }

    /// Ready when `try_accept` would not say WouldBlock.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.0 {
            Inner::Virtual(core) => core.poll_ready(cx),
            Inner::Kernel(listener) => listener.poll_ready(cx),
        }
    }

    pub async fn ready(&self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }

    /// WouldBlock when nobody waits; ECONNABORTED when the listener was closed under its holder.
    /// `TcpSocket::from(stream)` makes a socket of the result, which has inherited the listener's options.
    pub fn try_accept(&self) -> io::Result<TcpStream> {
        match &self.0 {
            Inner::Virtual(core) => core.try_accept().map(TcpStream::inside),
            Inner::Kernel(listener) => listener.try_accept().map(TcpStream::kernel),
        }
    }

    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            match self.try_accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            std::task::ready!(self.poll_ready(cx));
        }
    }

    pub async fn accept(&self) -> io::Result<TcpStream> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    pub fn options(&self) -> TcpOptions {
        match &self.0 {
            Inner::Virtual(core) => core.state().options,
            Inner::Kernel(listener) => listener.options(),
        }
    }

    /// What connections accepted from now on inherit; the backlog may change while listening.
    pub fn set_option(&self, option: TcpOption) -> io::Result<()> {
        match &self.0 {
            Inner::Virtual(core) => core.state().options.set(option),
            Inner::Kernel(listener) => listener.set_option(option),
        }
    }
}

pub(super) struct ListenerCore {
    lease: Arc<Lease>,
    account: Arc<Account>,
    closed: AtomicBool,
    slot: Mutex<Option<Slot>>,
    state: Mutex<State>,
}

struct State {
    waiting: VecDeque<Arc<End>>,
    options: TcpOptions,
    closed: bool,
    acceptors: Wakers,
}

impl ListenerCore {
    /// A client knocks. It is connected as soon as it is in the queue, before anybody accepts, as on Linux. Where Linux would let
    /// it try again for a minute (full queue), it is refused at once: inside a pod nobody benefits from waiting.
    pub fn connect(&self, client: Side, to: SocketAddr) -> io::Result<Arc<End>> {
        let options = {
            let state = self.state();
            if state.is_refusing() {
                return Err(Errno::ECONNREFUSED.into());
            }
            state.options
        };
        let slot = self.account.open_slot().map_err(|_| Errno::ECONNREFUSED)?;
        let server = Side {
            addr: to,
            slot,
            lease: None,
            options,
        };
        let (client, server) = conn::join(client, server)?;
        let mut state = self.state();
        if state.is_refusing() {
            // Dropping `server` outside of the lock: closing takes other locks.
            drop(state);
            return Err(Errno::ECONNREFUSED.into());
        }
        state.waiting.push_back(server);
        let acceptors = state.acceptors.take();
        drop(state);
        acceptors.wake();
        Ok(client)
    }

    fn try_accept(&self) -> io::Result<Arc<End>> {
        let mut state = self.state();
        match state.waiting.pop_front() {
            Some(end) => {
                end.accept();
                Ok(end)
            }
            None if state.closed => Err(Errno::ECONNABORTED.into()),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.closed || !state.waiting.is_empty() {
            return Poll::Ready(());
        }
        let evicted = state.acceptors.register(cx.waker());
        drop(state);
        evicted.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_refusing(&self) -> bool {
        self.closed || self.waiting.len() >= self.options.backlog
    }
}

impl Mortal for ListenerCore {
    /// Frees the port and resets whoever waits in the queue, as Linux does.
    fn close(&self) {
        if self.closed.swap(true, AcqRel) {
            return;
        }
        self.lease.release();
        let (orphans, acceptors) = {
            let mut state = self.state();
            state.closed = true;
            (std::mem::take(&mut state.waiting), state.acceptors.take())
        };
        acceptors.wake();
        drop(orphans);
        drop(
            self.slot
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl Drop for ListenerCore {
    fn drop(&mut self) {
        self.close();
    }
}
