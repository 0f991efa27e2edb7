//! `tcp-socket` of `wasi:sockets/types@0.3`.

use super::super::fault::Fault;
use super::super::tcp::Tcp;
use super::super::{NetCtxView, VirtualSockets, given, lent, ours};
use super::streams::{Accepting, Receiving, Report, Sending};
use super::{family_name, family_of};
use crate::sandbox::net::TcpOption;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::oneshot;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};
use wasmtime_wasi::p3::bindings::sockets::types::{
    ErrorCode, HostTcpSocket, HostTcpSocketWithStore, IpAddressFamily, IpSocketAddress, TcpSocket,
};
use wasmtime_wasi::p3::sockets::{SocketError, SocketResult};

impl NetCtxView<'_> {
    fn tcp3(&mut self, this: &Resource<TcpSocket>) -> SocketResult<&mut Tcp> {
        self.table
            .get_mut(&ours::<_, Tcp>(this))
            .map_err(SocketError::trap)
    }

    fn set_tcp3(&mut self, this: &Resource<TcpSocket>, option: TcpOption) -> SocketResult<()> {
        Ok(self.tcp3(this)?.set_option(option)?)
    }
}

/// A future that is over: the operation could not even begin.
async fn failed(fault: Fault) -> wasmtime::Result<Result<(), ErrorCode>> {
    Ok(Err(fault.into()))
}

impl<T: Send + 'static> HostTcpSocketWithStore<T> for VirtualSockets {
    async fn connect(
        store: &Accessor<T, Self>,
        this: Resource<TcpSocket>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        store.with(|mut store| -> SocketResult<()> {
            Ok(store
                .get()
                .tcp3(&this)?
                .start_connect(remote_address.into())?)
        })?;
        poll_fn(|cx| {
            store.with(|mut store| match store.get().tcp3(&this) {
                Ok(tcp) => tcp.poll_connect(cx).map_err(SocketError::from),
                Err(error) => Poll::Ready(Err(error)),
            })
        })
        .await
    }

    async fn listen(
        mut store: Access<'_, T, Self>,
        this: Resource<TcpSocket>,
    ) -> SocketResult<StreamReader<Resource<TcpSocket>>> {
        let view = store.getter();
        let listener = store.get().tcp3(&this)?.listen()?;
        StreamReader::new(&mut store, Accepting { listener, view }).map_err(SocketError::trap)
    }

    fn send(
        mut store: Access<'_, T, Self>,
        this: Resource<TcpSocket>,
        mut data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Result<(), ErrorCode>>> {
        match store
            .get()
            .table
            .get_mut(&ours::<_, Tcp>(&this))?
            .take_writer()
        {
            Ok(writer) => {
                let (report, outcome) = oneshot::channel();
                data.pipe(&mut store, Sending::new(writer, Report::new(report)))?;
                FutureReader::new(&mut store, outcome)
            }
            Err(fault) => {
                data.close(&mut store)?;
                FutureReader::new(&mut store, failed(fault))
            }
        }
    }

    fn receive(
        mut store: Access<'_, T, Self>,
        this: Resource<TcpSocket>,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), ErrorCode>>)> {
        match store
            .get()
            .table
            .get_mut(&ours::<_, Tcp>(&this))?
            .take_reader()
        {
            Ok(reader) => {
                let (report, outcome) = oneshot::channel();
                let bytes =
                    StreamReader::new(&mut store, Receiving::new(reader, Report::new(report)))?;
                Ok((bytes, FutureReader::new(&mut store, outcome)?))
            }
            Err(fault) => {
                let nothing = StreamReader::new(&mut store, std::iter::empty())?;
                Ok((nothing, FutureReader::new(&mut store, failed(fault))?))
            }
        }
    }
}

impl HostTcpSocket for NetCtxView<'_> {
    async fn bind(
        &mut self,
        this: Resource<TcpSocket>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        Ok(self.tcp3(&this)?.bind(local_address.into())?)
    }

    fn create(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let tcp = Tcp::new(self.net, family_of(family))?;
        Ok(lent(self.table.push(tcp).map_err(SocketError::trap)?))
    }

    fn get_local_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.tcp3(&this)?.local_address()?.into())
    }

    fn get_remote_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.tcp3(&this)?.remote_address()?.into())
    }

    fn get_is_listening(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&ours::<_, Tcp>(&this))?.is_listening())
    }

    fn get_address_family(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> wasmtime::Result<IpAddressFamily> {
        Ok(family_name(
            self.table.get(&ours::<_, Tcp>(&this))?.family(),
        ))
    }

    fn set_listen_backlog_size(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        Ok(self.tcp3(&this)?.set_backlog(value)?)
    }

    fn get_keep_alive_enabled(&mut self, this: Resource<TcpSocket>) -> SocketResult<bool> {
        Ok(self.tcp3(&this)?.options()?.keep_alive)
    }

    fn set_keep_alive_enabled(
        &mut self,
        this: Resource<TcpSocket>,
        value: bool,
    ) -> SocketResult<()> {
        self.set_tcp3(&this, TcpOption::KeepAlive(value))
    }

    fn get_keep_alive_idle_time(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(nanoseconds(self.tcp3(&this)?.options()?.keep_alive_idle))
    }

    fn set_keep_alive_idle_time(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_tcp3(&this, TcpOption::KeepAliveIdle(Duration::from_nanos(value)))
    }

    fn get_keep_alive_interval(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(nanoseconds(
            self.tcp3(&this)?.options()?.keep_alive_interval,
        ))
    }

    fn set_keep_alive_interval(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_tcp3(
            &this,
            TcpOption::KeepAliveInterval(Duration::from_nanos(value)),
        )
    }

    fn get_keep_alive_count(&mut self, this: Resource<TcpSocket>) -> SocketResult<u32> {
        Ok(self.tcp3(&this)?.options()?.keep_alive_count)
    }

    fn set_keep_alive_count(&mut self, this: Resource<TcpSocket>, value: u32) -> SocketResult<()> {
        self.set_tcp3(&this, TcpOption::KeepAliveCount(value))
    }

    fn get_hop_limit(&mut self, this: Resource<TcpSocket>) -> SocketResult<u8> {
        Ok(self.tcp3(&this)?.options()?.hop_limit)
    }

    fn set_hop_limit(&mut self, this: Resource<TcpSocket>, value: u8) -> SocketResult<()> {
        self.set_tcp3(&this, TcpOption::HopLimit(value))
    }

    fn get_receive_buffer_size(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.tcp3(&this)?.options()?.receive_buffer as u64)
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_tcp3(&this, TcpOption::ReceiveBuffer(value))
    }

    fn get_send_buffer_size(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.tcp3(&this)?.options()?.send_buffer as u64)
    }

    fn set_send_buffer_size(&mut self, this: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        self.set_tcp3(&this, TcpOption::SendBuffer(value))
    }

    fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Tcp>(this))?;
        Ok(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
