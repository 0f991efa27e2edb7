//! A guest's UDP socket: the core's, with the WIT's rules about states and addresses in front.

use super::address::{check_udp_local, check_udp_remote};
use super::fault::Fault;
use crate::sandbox::net::{Attachment, Datagram, Family, UdpOption, UdpOptions, UdpSocket};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

/// One UDP socket of a guest. Clones are the same socket.
#[derive(Clone)]
pub(super) struct Udp {
    pub socket: UdpSocket,
}

impl Udp {
    pub fn new(net: &Attachment, family: Family) -> Result<Udp, Fault> {
        Ok(Udp {
            socket: net.udp_socket(family)?,
        })
    }

    pub fn is_bound(&self) -> bool {
        self.socket.is_bound()
    }

    pub fn bind(&self, address: SocketAddr) -> Result<(), Fault> {
        if self.is_bound() {
            return Err(Fault::InvalidState);
        }
        check_udp_local(self.family(), address)?;
        Ok(self.socket.bind(address)?)
    }

    /// Binds first if need be, as 0.3 wants it; 0.2 asks [`Udp::is_bound`] before.
    pub fn connect(&self, address: SocketAddr) -> Result<(), Fault> {
        check_udp_remote(self.family(), address)?;
        Ok(self.socket.connect(address)?)
    }

    pub fn disconnect(&self) -> Result<(), Fault> {
        self.remote_address()?;
        Ok(self.socket.disconnect()?)
    }

    /// Whither a datagram goes: to the named address, or to the connected one; on a connected socket they must be the same. `None` stands
    /// for the connected one.
    pub fn destination(&self, named: Option<SocketAddr>) -> Result<Option<SocketAddr>, Fault> {
        let connected = self.remote_address().ok();
        let Some(named) = named else {
            return if connected.is_some() {
                Ok(None)
            } else {
                Err(Fault::InvalidArgument)
            };
        };
        check_udp_remote(self.family(), named)?;
        match connected {
            None => Ok(Some(named)),
            Some(connected) if connected == named => Ok(None),
            Some(_) => Err(Fault::InvalidArgument),
        }
    }

    /// The next datagram, from the connected peer alone if there is one: what others sent before the socket was connected, and was queued,
    /// is dropped.
    pub fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<io::Result<Datagram>> {
        let peer = self.remote_address().ok();
        loop {
            match ready!(self.socket.poll_recv(cx)) {
                Ok(datagram) if peer.is_some_and(|peer| peer != datagram.from) => {}
                other => return Poll::Ready(other),
            }
        }
    }

    pub async fn receive(&self) -> Result<Datagram, Fault> {
        if !self.is_bound() {
            return Err(Fault::InvalidState);
        }
        Ok(poll_fn(|cx| self.poll_receive(cx)).await?)
    }

    pub fn local_address(&self) -> Result<SocketAddr, Fault> {
        if !self.is_bound() {
            return Err(Fault::InvalidState);
        }
        Ok(self.socket.local_addr()?)
    }

    pub fn remote_address(&self) -> Result<SocketAddr, Fault> {
        self.socket.remote_addr().map_err(|_| Fault::InvalidState)
    }

    pub fn family(&self) -> Family {
        self.socket.family()
    }

    pub fn options(&self) -> UdpOptions {
        self.socket.options()
    }

    pub fn set_option(&self, option: UdpOption) -> Result<(), Fault> {
        Ok(self.socket.set_option(option)?)
    }
}
