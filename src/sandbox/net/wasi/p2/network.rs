//! The `network` resource, making sockets, and the codes of stream errors.

use super::super::fault::Fault;
use super::super::tcp::Tcp;
use super::super::udp::Udp;
use super::super::{NetCtxView, given, lent, ours};
use super::tcp::Socket;
use crate::sandbox::net::Family;
use std::io;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, HostNetwork, IpAddressFamily, Network,
};
use wasmtime_wasi::p2::bindings::sockets::{
    instance_network, network, tcp, tcp_create_socket, udp, udp_create_socket,
};
use wasmtime_wasi::p2::{IoError, SocketError, SocketResult};

/// The right to use the network, as 0.2 has it. Which network is the store's matter; the handle only has to be a real one.
struct Door;

/// Fails (with a trap) unless the guest showed a network handle it was given.
pub(super) fn check_network(
    table: &ResourceTable,
    network: &Resource<Network>,
) -> SocketResult<()> {
    table.get(&ours::<_, Door>(network))?;
    Ok(())
}

impl instance_network::Host for NetCtxView<'_> {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        Ok(lent(self.table.push(Door)?))
    }
}

impl HostNetwork for NetCtxView<'_> {
    fn drop(&mut self, this: Resource<Network>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Door>(this))?;
        Ok(())
    }
}

impl network::Host for NetCtxView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error.downcast_ref::<io::Error>().map(ErrorCode::from))
    }
}

impl tcp_create_socket::Host for NetCtxView<'_> {
    fn create_tcp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<tcp::TcpSocket>> {
        let socket = Socket::new(Tcp::new(self.net, family_of(family))?);
        Ok(lent(self.table.push(socket)?))
    }
}

impl udp_create_socket::Host for NetCtxView<'_> {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<udp::UdpSocket>> {
        let socket = super::udp::Socket::new(Udp::new(self.net, family_of(family))?);
        Ok(lent(self.table.push(socket)?))
    }
}

fn family_of(family: IpAddressFamily) -> Family {
    match family {
        IpAddressFamily::Ipv4 => Family::V4,
        IpAddressFamily::Ipv6 => Family::V6,
    }
}

pub(super) fn family_name(family: Family) -> IpAddressFamily {
    match family {
        Family::V4 => IpAddressFamily::Ipv4,
        Family::V6 => IpAddressFamily::Ipv6,
    }
}

/// A code that has no errno behind it.
pub(super) fn code<T>(code: ErrorCode) -> SocketResult<T> {
    Err(code.into())
}

/// So that `?` carries what the core says to the guest.
pub(super) fn network_says(error: io::Error) -> SocketError {
    Fault::from(error).into()
}
