//! One guest of WASI 0.2, driven by calls of its imports: the vocabulary of the tests beside this file.

use super::super::{NetCtxView, NetView};
use super::host::{Guest, guest};
use crate::sandbox::net::Network as Pod;
use futures::FutureExt;
use std::net::SocketAddr;
use wasmtime::component::Resource;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::instance_network::Host as _;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{HostTcpSocket, TcpSocket};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, SocketError, SocketResult, StreamError};

pub struct World {
    pub guest: Guest,
    pub network: Resource<Network>,
}

/// A connected socket and its streams.
pub struct Wire {
    pub socket: Resource<TcpSocket>,
    pub input: Resource<DynInputStream>,
    pub output: Resource<DynOutputStream>,
}

impl World {
    pub fn new(pod: &Pod) -> World {
        let mut guest = guest(pod);
        let network = guest.net().instance_network().unwrap();
        World { guest, network }
    }

    pub fn net(&mut self) -> NetCtxView<'_> {
        self.guest.net()
    }

    pub fn network(&self) -> Resource<Network> {
        again(&self.network)
    }

    pub fn socket(&mut self) -> Resource<TcpSocket> {
        self.net().create_tcp_socket(IpAddressFamily::Ipv4).unwrap()
    }

    pub fn start_bind(&mut self, socket: &Resource<TcpSocket>, to: SocketAddr) -> SocketResult<()> {
        let network = self.network();
        now(self.net().start_bind(again(socket), network, to.into()))
    }

    pub fn bind(&mut self, socket: &Resource<TcpSocket>, to: SocketAddr) -> SocketResult<()> {
        self.start_bind(socket, to)?;
        self.net().finish_bind(again(socket))
    }

    pub fn start_connect(
        &mut self,
        socket: &Resource<TcpSocket>,
        to: SocketAddr,
    ) -> SocketResult<()> {
        let network = self.network();
        self.net().start_connect(again(socket), network, to.into())
    }

    pub fn start_listen(&mut self, socket: &Resource<TcpSocket>) -> SocketResult<()> {
        now(self.net().start_listen(again(socket)))
    }

    /// A listening socket on a free port of 127.0.0.1.
    pub fn listen(&mut self) -> (Resource<TcpSocket>, SocketAddr) {
        let socket = self.socket();
        self.bind(&socket, super::at("127.0.0.1:0")).unwrap();
        self.start_listen(&socket).unwrap();
        self.net().finish_listen(again(&socket)).unwrap();
        let address = self.net().local_address(again(&socket)).unwrap();
        (socket, address.into())
    }

    pub fn connect(&mut self, to: SocketAddr) -> SocketResult<Wire> {
        let socket = self.socket();
        self.start_connect(&socket, to)?;
        let (input, output) = self.net().finish_connect(again(&socket))?;
        Ok(Wire {
            socket,
            input,
            output,
        })
    }

    pub fn accept(&mut self, listener: &Resource<TcpSocket>) -> SocketResult<Wire> {
        let (socket, input, output) = self.net().accept(again(listener))?;
        Ok(Wire {
            socket,
            input,
            output,
        })
    }

    /// Both ends of a connection.
    pub fn pair(&mut self) -> (Wire, Wire) {
        let (listener, address) = self.listen();
        let client = self.connect(address).unwrap();
        let server = self.accept(&listener).unwrap();
        self.net().drop(listener).unwrap();
        (client, server)
    }

    pub fn input(&mut self, wire: &Wire) -> &mut DynInputStream {
        self.guest.ctx().table.get_mut(&wire.input).unwrap()
    }

    pub fn output(&mut self, wire: &Wire) -> &mut DynOutputStream {
        self.guest.ctx().table.get_mut(&wire.output).unwrap()
    }

    pub fn write(&mut self, wire: &Wire, bytes: &'static [u8]) -> Result<(), StreamError> {
        let output = self.output(wire);
        output.check_write()?;
        output.write(bytes.into())
    }

    pub fn read(&mut self, wire: &Wire) -> Result<Vec<u8>, StreamError> {
        self.input(wire).read(1 << 20).map(Vec::from)
    }

    /// As a guest's close() does it: streams first.
    pub fn close(&mut self, wire: Wire) {
        let table = self.guest.ctx().table;
        table.delete(wire.input).unwrap();
        table.delete(wire.output).unwrap();
        self.net().drop(wire.socket).unwrap();
    }
}

/// A second handle on the same resource, as each call of a guest has one.
pub fn again<T: 'static>(handle: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(handle.rep())
}

/// The result of something that must not wait.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("this never waits")
}

/// The code of a failure that is not a trap.
pub fn code<T>(result: SocketResult<T>) -> ErrorCode {
    let error: SocketError = result.err().expect("this fails");
    error.downcast().expect("a code, not a trap")
}

pub fn traps<T>(result: SocketResult<T>) -> bool {
    result.is_err_and(|error| error.downcast().is_err())
}

pub fn address(of: IpSocketAddress) -> SocketAddr {
    of.into()
}
