//! `wasi:sockets/ip-name-lookup@0.2`.

use super::super::lookup::{LookupFault, resolve};
use super::super::{NetCtxView, given, lent, ours};
use super::at_once;
use super::network::{check_network, code};
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketResult, subscribe};

/// A question under way, or the rest of its answer.
enum Lookup {
    Asking(Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, LookupFault>> + Send>>),
    Answered(std::vec::IntoIter<IpAddr>),
    Failed(LookupFault),
}

impl Lookup {
    /// Goes on only while the guest waits or asks: nobody else wants the answer.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Lookup::Asking(question) = self else {
            return Poll::Ready(());
        };
        let Poll::Ready(answer) = question.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        *self = match answer {
            Ok(addresses) => Lookup::Answered(addresses.into_iter()),
            Err(fault) => Lookup::Failed(fault),
        };
        Poll::Ready(())
    }

    fn next(&mut self) -> SocketResult<Option<IpAddress>> {
        let _ = self.poll(&mut at_once());
        match self {
            Lookup::Asking(_) => code(ErrorCode::WouldBlock),
            Lookup::Answered(addresses) => Ok(addresses.next().map(IpAddress::from)),
            Lookup::Failed(fault) => code(name_of(*fault)),
        }
    }
}

#[async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

impl Host for NetCtxView<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        check_network(self.table, &network)?;
        let mut lookup = Lookup::Asking(Box::pin(resolve(self.net, &name)));
        let _ = lookup.poll(&mut at_once());
        // What can be said at once is an error of this very call: an unfit name always is.
        if let Lookup::Failed(fault) = lookup {
            return code(name_of(fault));
        }
        Ok(lent(self.table.push(lookup)?))
    }
}

impl HostResolveAddressStream for NetCtxView<'_> {
    fn resolve_next_address(
        &mut self,
        this: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        self.table.get_mut(&ours::<_, Lookup>(&this))?.next()
    }

    fn subscribe(
        &mut self,
        this: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<_, Lookup>(&this))
    }

    fn drop(&mut self, this: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(given::<_, Lookup>(this))?;
        Ok(())
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
