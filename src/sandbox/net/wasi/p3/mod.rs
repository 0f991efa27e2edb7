//! `wasi:sockets` 0.3: sockets with asynchronous functions, bytes in streams and outcomes in futures.

mod lookup;
mod streams;
mod tcp;
mod udp;

use super::{NetCtxView, NetView, VirtualSockets};
use crate::sandbox::net::Family;
use wasmtime::component::Linker;
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup;
use wasmtime_wasi::p3::bindings::sockets::types::{self, ErrorCode, IpAddressFamily};
use wasmtime_wasi::p3::sockets::SocketError;

/// Both interfaces of the package; the caller has allowed shadowing.
pub(super) fn add_to_linker<T: NetView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    ip_name_lookup::add_to_linker::<T, VirtualSockets>(linker, T::net)?;
    Ok(())
}

impl types::Host for NetCtxView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}

fn family_of(family: IpAddressFamily) -> Family {
    match family {
        IpAddressFamily::Ipv4 => Family::V4,
        IpAddressFamily::Ipv6 => Family::V6,
    }
}

fn family_name(family: Family) -> IpAddressFamily {
    match family {
        Family::V4 => IpAddressFamily::Ipv4,
        Family::V6 => IpAddressFamily::Ipv6,
    }
}
