//! `wasi:sockets/udp@0.2`.

use super::super::fault::Fault;
use super::super::udp::Udp;
use super::super::{NetCtxView, given, lent, ours};
use super::network::{check_network, code, family_name, network_says};
use super::{CHUNK, at_once};
use crate::sandbox::net::{Datagram, UdpOption};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use wasmtime::component::Resource;
use wasmtime::format_err;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    self, IncomingDatagram, IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
    UdpSocket,
};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};

/// How many datagrams one call may carry; wasmtime-wasi's number.
const MAX_DATAGRAMS: usize = 16;

/// A UDP socket in the table.
pub(super) struct Socket {
    udp: Udp,
    /// Between `start-bind` and `finish-bind`.
    binding: bool,
}

impl Socket {
    pub fn new(udp: Udp) -> Socket {
        Socket {
            udp,
            binding: false,
        }
    }
}

#[async_trait]
impl Pollable for Socket {
    /// Nothing of the socket itself waits; its streams do.
    async fn ready(&mut self) {}
}

/// The datagrams that arrive.
struct Incoming {
    udp: Udp,
    /// A datagram that was found when only asking whether there is one.
    next: Option<io::Result<Datagram>>,
}

impl Incoming {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.next.is_none() {
            self.next = Some(ready!(self.udp.poll_receive(cx)));
        }
        Poll::Ready(())
    }

    fn take(&mut self) -> Option<io::Result<Datagram>> {
        match self.poll_next(&mut at_once()) {
            Poll::Ready(()) => self.next.take(),
            Poll::Pending => None,
        }
    }

    /// As many datagrams as are there, within bounds. An error that comes after some is kept for the next call.
    fn receive(&mut self, limit: usize) -> SocketResult<Vec<IncomingDatagram>> {
        let mut datagrams = Vec::new();
        let mut bytes = 0;
        while datagrams.len() < limit && bytes < CHUNK {
            match self.take() {
                None => break,
                Some(Ok(Datagram { bytes: data, from })) => {
                    bytes += 1 + data.len();
                    datagrams.push(IncomingDatagram {
                        data: data.into(),
                        remote_address: from.into(),
                    });
                }
                Some(Err(error)) if datagrams.is_empty() => return Err(network_says(error)),
                Some(Err(error)) => {
                    self.next = Some(Err(error));
                    break;
                }
            }
        }
        Ok(datagrams)
    }
}

#[async_trait]
impl Pollable for Incoming {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_next(cx)).await;
    }
}

/// Where datagrams are sent.
struct Outgoing {
    udp: Udp,
    /// How many the last `check-send` allowed.
    permit: usize,
}

impl Outgoing {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.udp.socket.poll_send_ready(cx)
    }

    fn check_send(&mut self) -> usize {
        let ready = self.poll_ready(&mut at_once()).is_ready();
        self.permit = if ready { MAX_DATAGRAMS } else { 0 };
        self.permit
    }

    /// How many were sent. An error is told only when it met the first: else the guest finds it when it goes on from there.
    fn send(&mut self, datagrams: &[OutgoingDatagram]) -> SocketResult<u64> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        if datagrams.len() > self.permit {
            let (asked, permit) = (datagrams.len(), self.permit);
            return Err(SocketError::trap(format_err!(
                "send of {asked} datagrams where {permit} were permitted"
            )));
        }
        self.permit = 0;
        let mut sent = 0;
        for datagram in datagrams {
            match self.send_one(datagram) {
                Ok(()) => sent += 1,
                Err(fault) if fault == WOULD_BLOCK || sent > 0 => break,
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(sent)
    }

    fn send_one(&self, datagram: &OutgoingDatagram) -> Result<(), Fault> {
        let to = self
            .udp
            .destination(datagram.remote_address.map(SocketAddr::from))?;
        match self.udp.socket.try_send(&datagram.data, to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(WOULD_BLOCK),
            other => Ok(other?),
        }
    }
}

const WOULD_BLOCK: Fault = Fault::Errno(nix::libc::EWOULDBLOCK);

#[async_trait]
impl Pollable for Outgoing {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}

impl NetCtxView<'_> {
    fn udp(&mut self, this: &Resource<UdpSocket>) -> SocketResult<&mut Socket> {
        Ok(self.table.get_mut(&ours::<_, Socket>(this))?)
    }

    fn set_udp(&mut self, this: &Resource<UdpSocket>, option: UdpOption) -> SocketResult<()> {
        Ok(self.udp(this)?.udp.set_option(option)?)
    }

    /// A socket has one pair of streams at a time: asking for another before they are dropped is a guest's mistake that the WIT lets trap.
    fn require_no_streams(&mut self, this: &Resource<UdpSocket>) -> SocketResult<()> {
        let mut children = self.table.iter_children(&ours::<_, Socket>(this))?;
        if children.any(|child| child.is::<Incoming>() || child.is::<Outgoing>()) {
            return Err(SocketError::trap(format_err!(
                "the socket's datagram streams are not dropped yet"
            )));
        }
        Ok(())
    }
}

impl udp::Host for NetCtxView<'_> {}

impl udp::HostUdpSocket for NetCtxView<'_> {
    async fn start_bind(
        &mut self,
        this: Resource<UdpSocket>,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        check_network(self.table, &network)?;
        let socket = self.udp(&this)?;
        if socket.binding {
            return code(ErrorCode::ConcurrencyConflict);
        }
        socket.udp.bind(local_address.into())?;
        socket.binding = true;
        Ok(())
    }

    fn finish_bind(&mut self, this: Resource<UdpSocket>) -> SocketResult<()> {
        match std::mem::take(&mut self.udp(&this)?.binding) {
            true => Ok(()),
            false => code(ErrorCode::NotInProgress),
        }
    }

    async fn stream(
        &mut self,
        this: Resource<UdpSocket>,
        remote_address: Option<IpSocketAddress>,
    ) -> SocketResult<(
        Resource<IncomingDatagramStream>,
        Resource<OutgoingDatagramStream>,
    )> {
        self.require_no_streams(&this)?;
        let udp = self.udp(&this)?.udp.clone();
        if !udp.is_bound() {
            return code(ErrorCode::InvalidState);
        }
        match remote_address {
            Some(peer) => udp.connect(peer.into())?,
            None if udp.remote_address().is_ok() => udp.disconnect()?,
            None => {}
        }
        let incoming = Incoming {
            udp: udp.clone(),
            next: None,
        };
        let incoming = self.table.push_child(incoming, &ours::<_, Socket>(&this))?;
        let outgoing = self
            .table
            .push_child(Outgoing { udp, permit: 0 }, &ours::<_, Socket>(&this))?;
        Ok((lent(incoming), lent(outgoing)))
    }

    fn local_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.udp(&this)?.udp.local_address()?.into())
    }

    fn remote_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.udp(&this)?.udp.remote_address()?.into())
    }

    fn address_family(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(family_name(
            self.table.get(&ours::<_, Socket>(&this))?.udp.family(),
        ))
    }

    fn unicast_hop_limit(&mut self, this: Resource<UdpSocket>) -> SocketResult<u8> {
        Ok(self.udp(&this)?.udp.options().hop_limit)
    }

    fn set_unicast_hop_limit(&mut self, this: Resource<UdpSocket>, value: u8) -> SocketResult<()> {
        self.set_udp(&this, UdpOption::HopLimit(value))
    }

    fn receive_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Ok(self.udp(&this)?.udp.options().receive_buffer as u64)
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<UdpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_udp(&this, UdpOption::ReceiveBuffer(value))
    }

    fn send_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Ok(self.udp(&this)?.udp.options().send_buffer as u64)
    }

    fn set_send_buffer_size(&mut self, this: Resource<UdpSocket>, value: u64) -> SocketResult<()> {
        self.set_udp(&this, UdpOption::SendBuffer(value))
    }

    fn subscribe(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<_, Socket>(&this))
    }

    fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Socket>(this))?;
        Ok(())
    }
}

impl udp::HostIncomingDatagramStream for NetCtxView<'_> {
    fn receive(
        &mut self,
        this: Resource<IncomingDatagramStream>,
        max_results: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        let limit = usize::try_from(max_results)
            .unwrap_or(usize::MAX)
            .min(MAX_DATAGRAMS);
        self.table
            .get_mut(&ours::<_, Incoming>(&this))?
            .receive(limit)
    }

    fn subscribe(
        &mut self,
        this: Resource<IncomingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<_, Incoming>(&this))
    }

    fn drop(&mut self, this: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Incoming>(this))?;
        Ok(())
    }
}

impl udp::HostOutgoingDatagramStream for NetCtxView<'_> {
    fn check_send(&mut self, this: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        Ok(self
            .table
            .get_mut(&ours::<_, Outgoing>(&this))?
            .check_send() as u64)
    }

    fn send(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        self.table
            .get_mut(&ours::<_, Outgoing>(&this))?
            .send(&datagrams)
    }

    fn subscribe(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<_, Outgoing>(&this))
    }

    async fn drop(&mut self, this: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Outgoing>(this))?;
        Ok(())
    }
}
