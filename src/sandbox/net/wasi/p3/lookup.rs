//! `wasi:sockets/ip-name-lookup@0.3`.

use super::super::lookup::{LookupFault, resolve};
use super::super::{NetCtxView, VirtualSockets};
use wasmtime::component::Accessor;
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup::{ErrorCode, Host, HostWithStore};
use wasmtime_wasi::p3::bindings::sockets::types::IpAddress;

impl Host for NetCtxView<'_> {}

impl<T: Send> HostWithStore<T> for VirtualSockets {
    async fn resolve_addresses(
        store: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<IpAddress>, ErrorCode>> {
        let question = store.with(|mut store| resolve(store.get().net, &name));
        Ok(match question.await {
            Ok(addresses) => Ok(addresses.into_iter().map(IpAddress::from).collect()),
            Err(fault) => Err(name_of(fault)),
        })
    }
}

fn name_of(fault: LookupFault) -> ErrorCode {
    match fault {
        LookupFault::InvalidArgument => ErrorCode::InvalidArgument,
        LookupFault::Unresolvable => ErrorCode::NameUnresolvable,
        LookupFault::Temporary => ErrorCode::TemporaryResolverFailure,
        LookupFault::AccessDenied => ErrorCode::AccessDenied,
        LookupFault::Permanent => ErrorCode::PermanentResolverFailure,
    }
}
