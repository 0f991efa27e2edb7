//! A TCP socket from its making to its end.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use socket2::SockRef;

use super::account::Slot;
use super::addr::{Family, Purpose, Verdict, check_family};
use super::egress::{self, Dialling, KernelConn, KernelListener};
use super::listener::TcpListener;
use super::network::Shared;
use super::options::{TcpOption, TcpOptions};
use super::publish::Protocol;
use super::stream::{TcpReader, TcpStream, TcpWriter};
use super::table::{Holder, Lease};

/// The state a socket is in, without what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpState {
    Unbound,
    Bound,
    Listening,
    Connecting,
    Connected,
    Closed,
}

/// One guest's TCP socket. Errors are `io::Error`s with the errno Linux gives (`raw_os_error()` is set, but for WouldBlock).
/// An operation that does not fit the state is `EINVAL`, except: connect when connected `EISCONN`, connect while connecting
/// `EALREADY`, shutdown, remote_addr and taking halves when not connected `ENOTCONN`. Nothing here waits or blocks.
pub struct TcpSocket {
    family: Family,
    options: TcpOptions,
    state: State,
}

/// From top to bottom; only `Closed` comes back nowhere.
enum State {
    /// As created. Not decided yet whether it lives in the pod or in the kernel. `bind` leads to `Bound`, `listen` (which binds) to
    /// `Listening`, `start_connect` to `Connecting`.
    Unbound(Roots),
    /// Holds an address. `listen` leads to `Listening`, `start_connect` to `Connecting`.
    Bound(Roots, Binding),
    /// Made by `listen`. A socket does not leave this state; further handles on the listener may outlive it.
    Listening(TcpListener),
    /// Made by `start_connect`. `poll_connect` leads to `Connected` or to `Closed`.
    Connecting(Attempt),
    /// Made by `poll_connect`, or from an accepted stream. A socket does not leave this state: that its peer is gone shows in the
    /// stream.
    Connected {
        stream: TcpStream,
        reader_taken: bool,
        writer_taken: bool,
    },
    /// A connect failed, with the errno that `poll_connect` repeats.
    Closed(Errno),
}

/// Where a socket comes from: needed until its fate is decided.
struct Roots {
    net: Arc<Shared>,
    slot: Slot,
}

/// What a bound socket holds.
enum Binding {
    /// An address of the pod.
    Virtual(Arc<Lease>),
    /// An address of the host (`host_network`).
    Kernel(tokio::net::TcpSocket),
}

/// A connect that was started.
enum Attempt {
    /// Inside the pod the outcome is known at once, and only waits to be fetched.
    Settled(Result<TcpStream, Errno>),
    /// On its way through the kernel. (The mutex is never locked; it makes the socket `Sync`.)
    Dialling(Slot, Mutex<Dialling>),
}

impl TcpSocket {
    pub(super) fn new(net: Arc<Shared>, slot: Slot, family: Family) -> TcpSocket {
        TcpSocket {
            family,
            options: TcpOptions::default(),
            state: State::Unbound(Roots { net, slot }),
        }
    }

    pub fn family(&self) -> Family {
        self.family
    }

    pub fn state(&self) -> TcpState {
        match self.state {
            State::Unbound(_) => TcpState::Unbound,
            State::Bound(..) => TcpState::Bound,
            State::Listening(_) => TcpState::Listening,
            State::Connecting(_) => TcpState::Connecting,
            State::Connected { .. } => TcpState::Connected,
            State::Closed(_) => TcpState::Closed,
        }
    }

    pub fn is_bound(&self) -> bool {
        !matches!(self.state, State::Unbound(_))
    }

    pub fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    /// EADDRINUSE, EADDRNOTAVAIL (not an address of the pod), EAFNOSUPPORT (other family), EINVAL (already bound; IPv4-mapped).
    pub fn bind(&mut self, at: SocketAddr) -> io::Result<()> {
        let State::Unbound(Roots { net, .. }) = &self.state else {
            return Err(Errno::EINVAL.into());
        };
        check_family(self.family, at)?;
        let binding = match net.policy.judge(at.ip(), Purpose::Bind) {
            Verdict::Denied(errno) => return Err(errno.into()),
            Verdict::Virtual => {
                Binding::Virtual(net.table.bind(Protocol::Tcp, at, Holder::Reserved)?)
            }
            Verdict::Kernel => {
                let socket = egress::tcp_socket(self.family, &self.options)?;
                socket.bind(at)?;
                Binding::Kernel(socket)
            }
        };
        let State::Unbound(mut roots) = self.take_state() else {
            unreachable!("checked above");
        };
        if let Binding::Virtual(lease) = &binding {
            roots.slot.register(Arc::downgrade(lease) as _)?;
        }
        self.state = State::Bound(roots, binding);
        Ok(())
    }

    /// Starts connecting; the outcome comes from `poll_connect`. Inside the pod the outcome is there at once (refusal included).
    /// Needs a tokio runtime around it if the address is beyond the pod. An address that may not be reached is refused here.
    /// 0.0.0.0 and :: mean loopback, as on Linux (a layer that forbids them checks before).
    pub fn start_connect(&mut self, to: SocketAddr) -> io::Result<()> {
        let net = match &self.state {
            State::Unbound(roots) | State::Bound(roots, _) => &roots.net,
            State::Connecting(_) => return Err(Errno::EALREADY.into()),
            State::Connected { .. } | State::Listening(_) => return Err(Errno::EISCONN.into()),
            State::Closed(_) => return Err(Errno::EINVAL.into()),
        };
        check_family(self.family, to)?;
        let verdict = net.policy.judge(to.ip(), Purpose::Connect);
        if let Verdict::Denied(errno) = verdict {
            return Err(errno.into());
        }
        if let (Verdict::Kernel, State::Bound(_, Binding::Virtual(lease))) = (verdict, &self.state)
            && lease.addr().ip().is_loopback()
        {
            // From loopback there is no way out; Linux says the same.
            return Err(Errno::EINVAL.into());
        }
        self.state = State::Connecting(match self.take_state() {
            State::Unbound(roots) => self.attempt(roots, None, to, verdict)?,
            State::Bound(roots, binding) => self.attempt(roots, Some(binding), to, verdict)?,
            _ => unreachable!("checked above"),
        });
        Ok(())
    }

    fn attempt(
        &self,
        Roots { net, slot }: Roots,
        binding: Option<Binding>,
        to: SocketAddr,
        verdict: Verdict,
    ) -> io::Result<Attempt> {
        let lease = match binding {
            Some(Binding::Kernel(socket)) => return Ok(dialling(slot, socket, to)),
            Some(Binding::Virtual(lease)) => Some(lease),
            None => None,
        };
        if verdict == Verdict::Kernel {
            // What the guest bound to was the pod's port; the host's side has its own numbers, as behind any address translation.
            return Ok(dialling(
                slot,
                egress::tcp_socket(self.family, &self.options)?,
                to,
            ));
        }
        let outcome = net.connect_inside(slot, lease, self.options, to);
        Ok(Attempt::Settled(outcome.map_err(errno_of)))
    }

    /// Ready(Ok) when Connected (again and again), Ready(Err) when it failed (again and again, socket Closed), EINVAL when none was
    /// started.
    pub fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Connected { .. } => return Poll::Ready(Ok(())),
            State::Closed(errno) => return Poll::Ready(Err((*errno).into())),
            State::Connecting(Attempt::Settled(_)) => {}
            State::Connecting(Attempt::Dialling(_, dialling)) => {
                let dialling = dialling.get_mut().unwrap_or_else(PoisonError::into_inner);
                let outcome = ready!(dialling.as_mut().poll(cx));
                self.settle(outcome);
            }
            _ => return Poll::Ready(Err(Errno::EINVAL.into())),
        }
        let State::Connecting(Attempt::Settled(outcome)) = self.take_state() else {
            unreachable!("settled above");
        };
        self.state = match outcome {
            Ok(stream) => State::Connected {
                stream,
                reader_taken: false,
                writer_taken: false,
            },
            Err(errno) => State::Closed(errno),
        };
        self.poll_connect(cx)
    }

    /// A dial through the kernel came to its end.
    fn settle(&mut self, outcome: io::Result<tokio::net::TcpStream>) {
        if let State::Connecting(Attempt::Dialling(slot, _)) = self.take_state() {
            let stream = outcome.and_then(|stream| KernelConn::new(stream, slot, self.options));
            self.state = State::Connecting(Attempt::Settled(
                stream.map(TcpStream::kernel).map_err(errno_of),
            ));
        }
    }

    pub async fn connect(&mut self, to: SocketAddr) -> io::Result<()> {
        self.start_connect(to)?;
        poll_fn(|cx| self.poll_connect(cx)).await
    }

    /// Binds to the wildcard and a free port first if unbound, as Linux does. The socket is Listening then; the returned handle
    /// is the same listener (`listener()` gives further ones).
    pub fn listen(&mut self) -> io::Result<TcpListener> {
        if let State::Unbound(_) = &self.state {
            self.bind(SocketAddr::new(self.family.unspecified(), 0))?;
        }
        if !matches!(self.state, State::Bound(..)) {
            return Err(Errno::EINVAL.into());
        }
        let State::Bound(Roots { slot, .. }, binding) = self.take_state() else {
            unreachable!("checked above");
        };
        let listener = match binding {
            Binding::Virtual(lease) => TcpListener::open(slot, lease, self.options)?,
            Binding::Kernel(socket) => TcpListener::kernel(KernelListener::new(
                socket,
                self.family,
                slot,
                self.options,
            )?),
        };
        self.state = State::Listening(listener.clone());
        Ok(listener)
    }

    pub fn listener(&self) -> Option<TcpListener> {
        match &self.state {
            State::Listening(listener) => Some(listener.clone()),
            _ => None,
        }
    }

    /// The connection, if Connected. Clones share it.
    pub fn stream(&self) -> Option<&TcpStream> {
        match &self.state {
            State::Connected { stream, .. } => Some(stream),
            _ => None,
        }
    }

    /// Each half can be taken once: `EINVAL` the second time. Dropping a taken half shuts its direction down.
    pub fn take_reader(&mut self) -> io::Result<TcpReader> {
        match &mut self.state {
            State::Connected {
                reader_taken: true, ..
            } => Err(Errno::EINVAL.into()),
            State::Connected {
                stream,
                reader_taken,
                ..
            } => {
                *reader_taken = true;
                Ok(stream.reader())
            }
            _ => Err(Errno::ENOTCONN.into()),
        }
    }

    pub fn take_writer(&mut self) -> io::Result<TcpWriter> {
        match &mut self.state {
            State::Connected {
                writer_taken: true, ..
            } => Err(Errno::EINVAL.into()),
            State::Connected {
                stream,
                writer_taken,
                ..
            } => {
                *writer_taken = true;
                Ok(stream.writer())
            }
            _ => Err(Errno::ENOTCONN.into()),
        }
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream().ok_or(Errno::ENOTCONN)?.shutdown(how)
    }

    /// EINVAL while unbound, connecting or closed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.state {
            State::Bound(_, Binding::Virtual(lease)) => Ok(lease.addr()),
            State::Bound(_, Binding::Kernel(socket)) => socket.local_addr(),
            State::Listening(listener) => Ok(listener.local_addr()),
            State::Connected { stream, .. } => Ok(stream.local_addr()),
            State::Unbound(_) | State::Connecting(_) | State::Closed(_) => {
                Err(Errno::EINVAL.into())
            }
        }
    }

    pub fn remote_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.stream().ok_or(Errno::ENOTCONN)?.peer_addr())
    }

    pub fn options(&self) -> TcpOptions {
        match &self.state {
            State::Listening(listener) => listener.options(),
            State::Connected { stream, .. } => stream.options(),
            _ => self.options,
        }
    }

    /// The backlog may change while listening.
    pub fn set_option(&mut self, option: TcpOption) -> io::Result<()> {
        match &self.state {
            State::Listening(listener) => listener.set_option(option),
            State::Connected { stream, .. } => stream.set_option(option),
            State::Bound(_, Binding::Kernel(socket)) => {
                let before = self.options;
                self.options.set(option)?;
                self.options
                    .apply(&before, self.family, SockRef::from(socket))
            }
            _ => self.options.set(option),
        }
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Closed(Errno::ECONNABORTED))
    }
}

/// An accepted connection as a socket.
impl From<TcpStream> for TcpSocket {
    fn from(stream: TcpStream) -> TcpSocket {
        TcpSocket {
            family: stream.family(),
            options: stream.options(),
            state: State::Connected {
                stream,
                reader_taken: false,
                writer_taken: false,
            },
        }
    }
}

fn dialling(slot: Slot, socket: tokio::net::TcpSocket, to: SocketAddr) -> Attempt {
    Attempt::Dialling(slot, Mutex::new(egress::dial(socket, to)))
}

/// An error worth repeating. The core's own always have an errno.
fn errno_of(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
