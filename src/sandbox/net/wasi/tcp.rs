//! A guest's TCP socket: the core's, with the WIT's rules about states and addresses in front.

use super::address::{check_tcp_local, check_tcp_remote};
use super::fault::Fault;
use crate::sandbox::net::{
    Attachment, Family, TcpListener, TcpOption, TcpOptions, TcpReader, TcpSocket, TcpState,
    TcpStream, TcpWriter,
};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

/// One TCP socket of a guest. Both versions of WASI keep it in their table.
pub(super) struct Tcp {
    socket: TcpSocket,
    attempt: Attempt,
}

/// What the guest knows of its connection attempt. The network may know more: inside the pod an attempt is over when it began, but to
/// the guest it goes on until it asks for the outcome.
#[derive(Clone, Copy)]
enum Attempt {
    /// Never begun, or told to have succeeded.
    None,
    /// Begun, and the outcome not yet told.
    Begun,
    /// Told to have failed, and why. The socket is of no more use.
    Failed(Fault),
}

/// Where a socket stands in the WIT's view.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Listening,
    Connecting,
    Connected,
}

impl Tcp {
    pub fn new(net: &Attachment, family: Family) -> Result<Tcp, Fault> {
        Ok(Tcp {
            socket: net.tcp_socket(family)?,
            attempt: Attempt::None,
        })
    }

    pub fn accepted(stream: TcpStream) -> Tcp {
        Tcp {
            socket: TcpSocket::from(stream),
            attempt: Attempt::None,
        }
    }

    /// Every operation begins here: a failed socket answers with its failure.
    fn stage(&self) -> Result<Stage, Fault> {
        match self.attempt {
            Attempt::Begun => return Ok(Stage::Connecting),
            Attempt::Failed(fault) => return Err(fault),
            Attempt::None => {}
        }
        match self.socket.state() {
            TcpState::Unbound | TcpState::Bound => Ok(Stage::Fresh),
            TcpState::Listening => Ok(Stage::Listening),
            TcpState::Connecting => Ok(Stage::Connecting),
            TcpState::Connected => Ok(Stage::Connected),
            TcpState::Closed => Err(Fault::InvalidState),
        }
    }

    fn require(&self, allowed: impl FnOnce(Stage) -> bool) -> Result<(), Fault> {
        if allowed(self.stage()?) {
            Ok(())
        } else {
            Err(Fault::InvalidState)
        }
    }

    pub fn is_bound(&self) -> bool {
        self.socket.is_bound()
    }

    pub fn bind(&mut self, address: SocketAddr) -> Result<(), Fault> {
        if self.socket.is_bound() || self.stage() != Ok(Stage::Fresh) {
            return Err(Fault::InvalidState);
        }
        check_tcp_local(self.family(), address)?;
        Ok(self.socket.bind(address)?)
    }

    /// The outcome, a refusal included, comes from [`Tcp::poll_connect`]: here fail only calls that cannot be meant.
    pub fn start_connect(&mut self, address: SocketAddr) -> Result<(), Fault> {
        if self.stage() != Ok(Stage::Fresh) {
            return Err(Fault::InvalidState);
        }
        check_tcp_remote(self.family(), address)?;
        self.attempt = match self.socket.start_connect(address) {
            Ok(()) => Attempt::Begun,
            Err(error) => Attempt::Failed(error.into()),
        };
        Ok(())
    }

    /// The outcome of the attempt, again and again.
    pub fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if let Attempt::Begun = self.attempt {
            self.attempt = match ready!(self.socket.poll_connect(cx)) {
                Ok(()) => Attempt::None,
                Err(error) => Attempt::Failed(error.into()),
            };
        }
        Poll::Ready(self.require(|stage| stage == Stage::Connected))
    }

    /// Binds first if need be, as 0.3 wants it; 0.2 asks [`Tcp::is_bound`] before.
    pub fn listen(&mut self) -> Result<TcpListener, Fault> {
        if self.stage() != Ok(Stage::Fresh) {
            return Err(Fault::InvalidState);
        }
        Ok(self.socket.listen()?)
    }

    pub fn stream(&self) -> Result<TcpStream, Fault> {
        self.require(|stage| stage == Stage::Connected)?;
        self.socket.stream().cloned().ok_or(Fault::InvalidState)
    }

    /// The receiving half, once.
    pub fn take_reader(&mut self) -> Result<TcpReader, Fault> {
        self.require(|stage| stage == Stage::Connected)?;
        self.socket.take_reader().map_err(|_| Fault::InvalidState)
    }

    /// The sending half, once.
    pub fn take_writer(&mut self) -> Result<TcpWriter, Fault> {
        self.require(|stage| stage == Stage::Connected)?;
        self.socket.take_writer().map_err(|_| Fault::InvalidState)
    }

    pub fn local_address(&self) -> Result<SocketAddr, Fault> {
        self.require(|stage| stage != Stage::Connecting && self.socket.is_bound())?;
        Ok(self.socket.local_addr()?)
    }

    pub fn remote_address(&self) -> Result<SocketAddr, Fault> {
        self.require(|stage| stage == Stage::Connected)?;
        Ok(self.socket.remote_addr()?)
    }

    pub fn is_listening(&self) -> bool {
        self.stage() == Ok(Stage::Listening)
    }

    pub fn family(&self) -> Family {
        self.socket.family()
    }

    pub fn set_backlog(&mut self, value: u64) -> Result<(), Fault> {
        if value == 0 {
            return Err(Fault::InvalidArgument);
        }
        self.require(|stage| matches!(stage, Stage::Fresh | Stage::Listening))?;
        Ok(self.socket.set_option(TcpOption::Backlog(value))?)
    }

    /// Options can be had in every state but that of connecting, where the socket belongs to the attempt.
    pub fn options(&self) -> Result<TcpOptions, Fault> {
        self.require(|stage| stage != Stage::Connecting)?;
        Ok(self.socket.options())
    }

    pub fn set_option(&mut self, option: TcpOption) -> Result<(), Fault> {
        self.require(|stage| stage != Stage::Connecting)?;
        Ok(self.socket.set_option(option)?)
    }
}
