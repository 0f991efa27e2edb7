//! `wasi:sockets` 0.2 and 0.3 over the virtual loopback.
//!
//! wasmtime-wasi's own sockets wrap the kernel's and cannot be exchanged, but the Host traits it generates are public. They are
//! implemented here a second time, on [`NetCtxView`], and put into the linker over the stock ones ([`add_p2`], [`add_p3`]).
//!
//! The resource types in those traits are wasmtime-wasi's and cannot be made outside of it. A [`Resource`] is no more than a typed
//! index into the table, though: ours lie in the table under their own types, and only the index is handed out under the
//! stock type (`lent`) and taken back (`ours`, `given`). No stock socket is ever in the table, so the two cannot be mixed up: what is
//! not ours fails the table's own type check.
//!
//! Both versions share one layer: `tcp` and `udp` know which operation fits which state and which addresses the WIT allows,
//! `fault` is why something failed. `p2` and `p3` only translate: resources and pollables there, streams and futures here.
//!
//! # What is absent
//! Decisions about addresses (the core's policy makes them), and any socket of the kernel's: those of the world beyond the pod hide in
//! the core's types.

mod address;
mod fault;
mod lookup;
mod p2;
mod p3;
mod tcp;
mod udp;

#[cfg(test)]
mod tests;

use super::Attachment;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

/// What a store's data must offer to have the pod's sockets.
pub trait NetView: Send {
    fn net(&mut self) -> NetCtxView<'_>;
}

/// A guest's attachment to the network, and the table its resources are in.
pub struct NetCtxView<'a> {
    pub net: &'a Attachment,
    pub table: &'a mut ResourceTable,
}

/// Marks the functions in the linker that reach their data through [`NetView::net`].
struct VirtualSockets;

impl HasData for VirtualSockets {
    type Data<'a> = NetCtxView<'a>;
}

/// Puts `wasi:sockets` 0.2 into a linker that already holds the stock interfaces (`wasmtime_wasi::p2::add_to_linker_async`).
/// Shadowing is allowed for that, and forbidden afterwards.
pub fn add_p2<T: NetView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let added = p2::add_to_linker(linker);
    linker.allow_shadowing(false);
    added
}

/// Puts `wasi:sockets` 0.3 into a linker that already holds the stock interfaces (`wasmtime_wasi::p3::add_to_linker`).
/// Shadowing is allowed for that, and forbidden afterwards.
pub fn add_p3<T: NetView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let added = p3::add_to_linker(linker);
    linker.allow_shadowing(false);
    added
}

/// Our new resource under the type the guest's interface has for it.
fn lent<Ours: 'static, Stock: 'static>(ours: Resource<Ours>) -> Resource<Stock> {
    Resource::new_own(ours.rep())
}

/// A guest's handle as a borrow of what we put there.
fn ours<Stock: 'static, Ours: 'static>(stock: &Resource<Stock>) -> Resource<Ours> {
    Resource::new_borrow(stock.rep())
}

/// A guest's handle as the owner of what we put there, to be deleted.
fn given<Stock: 'static, Ours: 'static>(stock: Resource<Stock>) -> Resource<Ours> {
    Resource::new_own(stock.rep())
}
