//! `udp-socket` of `wasi:sockets/types@0.3`.

use super::super::fault::Fault;
use super::super::udp::Udp;
use super::super::{NetCtxView, VirtualSockets, given, lent, ours};
use super::{family_name, family_of};
use crate::sandbox::net::UdpOption;
use std::net::SocketAddr;
use wasmtime::component::{Accessor, Resource};
use wasmtime_wasi::p3::bindings::sockets::types::{
    HostUdpSocket, HostUdpSocketWithStore, IpAddressFamily, IpSocketAddress, UdpSocket,
};
use wasmtime_wasi::p3::sockets::{SocketError, SocketResult};

impl NetCtxView<'_> {
    fn udp3(&mut self, this: &Resource<UdpSocket>) -> SocketResult<&mut Udp> {
        self.table
            .get_mut(&ours::<_, Udp>(this))
            .map_err(SocketError::trap)
    }

    fn set_udp3(&mut self, this: &Resource<UdpSocket>, option: UdpOption) -> SocketResult<()> {
        Ok(self.udp3(this)?.set_option(option)?)
    }
}

impl<T: Send> HostUdpSocketWithStore<T> for VirtualSockets {
    async fn send(
        store: &Accessor<T, Self>,
        this: Resource<UdpSocket>,
        data: Vec<u8>,
        remote_address: Option<IpSocketAddress>,
    ) -> SocketResult<()> {
        let udp = store.with(|mut store| store.get().udp3(&this).map(|udp| udp.clone()))?;
        let to = udp.destination(remote_address.map(SocketAddr::from))?;
        udp.socket.send(&data, to).await.map_err(Fault::from)?;
        Ok(())
    }

    async fn receive(
        store: &Accessor<T, Self>,
        this: Resource<UdpSocket>,
    ) -> SocketResult<(Vec<u8>, IpSocketAddress)> {
        let udp = store.with(|mut store| store.get().udp3(&this).map(|udp| udp.clone()))?;
        let datagram = udp.receive().await?;
        Ok((datagram.bytes.into(), datagram.from.into()))
    }
}

impl HostUdpSocket for NetCtxView<'_> {
    async fn bind(
        &mut self,
        this: Resource<UdpSocket>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        Ok(self.udp3(&this)?.bind(local_address.into())?)
    }

    async fn connect(
        &mut self,
        this: Resource<UdpSocket>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        Ok(self.udp3(&this)?.connect(remote_address.into())?)
    }

    async fn create(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        let udp = Udp::new(self.net, family_of(family))?;
        Ok(lent(self.table.push(udp).map_err(SocketError::trap)?))
    }

    fn disconnect(&mut self, this: Resource<UdpSocket>) -> SocketResult<()> {
        Ok(self.udp3(&this)?.disconnect()?)
    }

    fn get_local_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.udp3(&this)?.local_address()?.into())
    }

    fn get_remote_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.udp3(&this)?.remote_address()?.into())
    }

    fn get_address_family(
        &mut self,
        this: Resource<UdpSocket>,
    ) -> wasmtime::Result<IpAddressFamily> {
        Ok(family_name(
            self.table.get(&ours::<_, Udp>(&this))?.family(),
        ))
    }

    fn get_unicast_hop_limit(&mut self, this: Resource<UdpSocket>) -> SocketResult<u8> {
        Ok(self.udp3(&this)?.options().hop_limit)
    }

    fn set_unicast_hop_limit(&mut self, this: Resource<UdpSocket>, value: u8) -> SocketResult<()> {
        self.set_udp3(&this, UdpOption::HopLimit(value))
    }

    fn get_receive_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Ok(self.udp3(&this)?.options().receive_buffer as u64)
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<UdpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_udp3(&this, UdpOption::ReceiveBuffer(value))
    }

    fn get_send_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Ok(self.udp3(&this)?.options().send_buffer as u64)
    }

    fn set_send_buffer_size(&mut self, this: Resource<UdpSocket>, value: u64) -> SocketResult<()> {
        self.set_udp3(&this, UdpOption::SendBuffer(value))
    }

    fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Udp>(this))?;
        Ok(())
    }
}
