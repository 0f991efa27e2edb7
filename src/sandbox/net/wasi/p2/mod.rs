//! `wasi:sockets` 0.2: sockets with pollables, bytes in `wasi:io` streams.

mod connection;
mod lookup;
mod network;
mod tcp;
mod udp;

use super::{NetView, VirtualSockets};
use std::task::{Context, Waker};
use wasmtime::component::Linker;
use wasmtime_wasi::p2::bindings::sockets;

/// As in wasmtime-wasi: how much one call may read, write or hold at a time.
const CHUNK: usize = 64 * 1024;

/// Every interface of the package; the caller has allowed shadowing.
pub(super) fn add_to_linker<T: NetView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut options = sockets::network::LinkOptions::default();
    // How a guest learns why a stream broke. Marked unstable in 0.2, and harmless where nobody imports it.
    options.network_error_code(true);
    sockets::network::add_to_linker::<T, VirtualSockets>(linker, &options, T::net)?;
    sockets::instance_network::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    sockets::tcp_create_socket::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    sockets::tcp::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    sockets::udp_create_socket::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    sockets::udp::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    sockets::ip_name_lookup::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    Ok(())
}

/// For asking whether something is ready now, without wishing to be woken.
fn at_once() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
