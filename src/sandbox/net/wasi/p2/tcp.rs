//! `wasi:sockets/tcp@0.2`.

use super::super::tcp::Tcp;
use super::super::{NetCtxView, given, lent, ours};
use super::at_once;
use super::connection::{Connection, Input, Output};
use super::network::{check_network, code, family_name, network_says};
use crate::sandbox::net::{TcpListener, TcpOption};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, ShutdownType, TcpSocket};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, Pollable, SocketResult, subscribe,
};

/// A TCP socket in the table.
pub(super) struct Socket {
    tcp: Tcp,
    pending: Option<Pending>,
    listener: Option<TcpListener>,
    connection: Option<Arc<Connection>>,
}

/// An operation between its `start-` and its `finish-`; no other may begin meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Bind,
    Connect,
    Listen,
}

impl Socket {
    pub fn new(tcp: Tcp) -> Socket {
        Socket {
            tcp,
            pending: None,
            listener: None,
            connection: None,
        }
    }

    fn require_idle(&self) -> SocketResult<()> {
        match self.pending {
            None => Ok(()),
            Some(_) => code(ErrorCode::ConcurrencyConflict),
        }
    }

    fn finish(&mut self, operation: Pending) -> SocketResult<()> {
        if self.pending != Some(operation) {
            return code(ErrorCode::NotInProgress);
        }
        self.pending = None;
        Ok(())
    }

    fn start_listen(&mut self) -> SocketResult<()> {
        self.require_idle()?;
        if !self.tcp.is_bound() {
            return code(ErrorCode::InvalidState);
        }
        self.listener = Some(self.tcp.listen()?);
        self.pending = Some(Pending::Listen);
        Ok(())
    }

    fn finish_connect(&mut self) -> SocketResult<Arc<Connection>> {
        if self.pending != Some(Pending::Connect) {
            return code(ErrorCode::NotInProgress);
        }
        let Poll::Ready(outcome) = self.tcp.poll_connect(&mut at_once()) else {
            return code(ErrorCode::WouldBlock);
        };
        self.pending = None;
        outcome?;
        self.connect()
    }

    /// The connection of a socket that has one now.
    fn connect(&mut self) -> SocketResult<Arc<Connection>> {
        let connection = Connection::new(self.tcp.stream()?);
        self.connection = Some(connection.clone());
        Ok(connection)
    }

    fn accept(&mut self) -> SocketResult<Socket> {
        let Some(listener) = &self.listener else {
            return code(ErrorCode::InvalidState);
        };
        match listener.try_accept() {
            Ok(stream) => Ok(Socket::new(Tcp::accepted(stream))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => code(ErrorCode::WouldBlock),
            Err(error) => Err(network_says(error)),
        }
    }

    fn shutdown(&self, how: Shutdown) -> SocketResult<()> {
        match &self.connection {
            Some(connection) => connection.shutdown(how).map_err(network_says),
            None => code(ErrorCode::InvalidState),
        }
    }
}

#[async_trait]
impl Pollable for Socket {
    /// Ready when `finish-connect` or `accept` has something to say. Nothing else of a socket waits.
    async fn ready(&mut self) {
        match (self.pending, &self.listener) {
            (Some(Pending::Connect), _) => {
                // The outcome stays: `finish-connect` asks for it again.
                let _ = poll_fn(|cx| self.tcp.poll_connect(cx)).await;
            }
            (None, Some(listener)) => poll_fn(|cx| listener.poll_ready(cx)).await,
            _ => {}
        }
    }
}

impl NetCtxView<'_> {
    fn tcp(&mut self, this: &Resource<TcpSocket>) -> SocketResult<&mut Socket> {
        Ok(self.table.get_mut(&ours::<_, Socket>(this))?)
    }

    fn set_tcp(&mut self, this: &Resource<TcpSocket>, option: TcpOption) -> SocketResult<()> {
        Ok(self.tcp(this)?.tcp.set_option(option)?)
    }

    /// The two streams of `connection`, as children of its socket: a guest cannot drop the socket before them.
    fn push_streams(
        &mut self,
        connection: &Arc<Connection>,
        socket: &Resource<Socket>,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let input: DynInputStream = Box::new(Input(connection.clone()));
        let output: DynOutputStream = Box::new(Output(connection.clone()));
        Ok((
            self.table.push_child(input, socket)?,
            self.table.push_child(output, socket)?,
        ))
    }
}

impl tcp::Host for NetCtxView<'_> {}

impl tcp::HostTcpSocket for NetCtxView<'_> {
    async fn start_bind(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        check_network(self.table, &network)?;
        let socket = self.tcp(&this)?;
        socket.require_idle()?;
        socket.tcp.bind(local_address.into())?;
        socket.pending = Some(Pending::Bind);
        Ok(())
    }

    fn finish_bind(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        self.tcp(&this)?.finish(Pending::Bind)
    }

    fn start_connect(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<Network>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        check_network(self.table, &network)?;
        let socket = self.tcp(&this)?;
        socket.require_idle()?;
        socket.tcp.start_connect(remote_address.into())?;
        socket.pending = Some(Pending::Connect);
        Ok(())
    }

    fn finish_connect(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let connection = self.tcp(&this)?.finish_connect()?;
        self.push_streams(&connection, &ours(&this))
    }

    async fn start_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        self.tcp(&this)?.start_listen()
    }

    fn finish_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        self.tcp(&this)?.finish(Pending::Listen)
    }

    fn accept(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> SocketResult<(
        Resource<TcpSocket>,
        Resource<DynInputStream>,
        Resource<DynOutputStream>,
    )> {
        let mut accepted = self.tcp(&this)?.accept()?;
        let connection = accepted.connect()?;
        let accepted = self.table.push(accepted)?;
        let (input, output) = self.push_streams(&connection, &accepted)?;
        Ok((lent(accepted), input, output))
    }

    fn local_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.tcp(&this)?.tcp.local_address()?.into())
    }

    fn remote_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.tcp(&this)?.tcp.remote_address()?.into())
    }

    fn is_listening(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(self
            .table
            .get(&ours::<_, Socket>(&this))?
            .tcp
            .is_listening())
    }

    fn address_family(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(family_name(
            self.table.get(&ours::<_, Socket>(&this))?.tcp.family(),
        ))
    }

    fn set_listen_backlog_size(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        Ok(self.tcp(&this)?.tcp.set_backlog(value)?)
    }

    fn keep_alive_enabled(&mut self, this: Resource<TcpSocket>) -> SocketResult<bool> {
        Ok(self.tcp(&this)?.tcp.options()?.keep_alive)
    }

    fn set_keep_alive_enabled(
        &mut self,
        this: Resource<TcpSocket>,
        value: bool,
    ) -> SocketResult<()> {
        self.set_tcp(&this, TcpOption::KeepAlive(value))
    }

    fn keep_alive_idle_time(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(nanoseconds(self.tcp(&this)?.tcp.options()?.keep_alive_idle))
    }

    fn set_keep_alive_idle_time(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_tcp(&this, TcpOption::KeepAliveIdle(Duration::from_nanos(value)))
    }

    fn keep_alive_interval(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(nanoseconds(
            self.tcp(&this)?.tcp.options()?.keep_alive_interval,
        ))
    }

    fn set_keep_alive_interval(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_tcp(
            &this,
            TcpOption::KeepAliveInterval(Duration::from_nanos(value)),
        )
    }

    fn keep_alive_count(&mut self, this: Resource<TcpSocket>) -> SocketResult<u32> {
        Ok(self.tcp(&this)?.tcp.options()?.keep_alive_count)
    }

    fn set_keep_alive_count(&mut self, this: Resource<TcpSocket>, value: u32) -> SocketResult<()> {
        self.set_tcp(&this, TcpOption::KeepAliveCount(value))
    }

    fn hop_limit(&mut self, this: Resource<TcpSocket>) -> SocketResult<u8> {
        Ok(self.tcp(&this)?.tcp.options()?.hop_limit)
    }

    fn set_hop_limit(&mut self, this: Resource<TcpSocket>, value: u8) -> SocketResult<()> {
        self.set_tcp(&this, TcpOption::HopLimit(value))
    }

    fn receive_buffer_size(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.tcp(&this)?.tcp.options()?.receive_buffer as u64)
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        self.set_tcp(&this, TcpOption::ReceiveBuffer(value))
    }

    fn send_buffer_size(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.tcp(&this)?.tcp.options()?.send_buffer as u64)
    }

    fn set_send_buffer_size(&mut self, this: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        self.set_tcp(&this, TcpOption::SendBuffer(value))
    }

    fn subscribe(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<_, Socket>(&this))
    }

    fn shutdown(
        &mut self,
        this: Resource<TcpSocket>,
        shutdown_type: ShutdownType,
    ) -> SocketResult<()> {
        self.tcp(&this)?.shutdown(shutdown_type.into())
    }

    fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Socket>(this))?;
        Ok(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
