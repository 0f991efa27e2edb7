//! What a guest's store carries.

use std::sync::Arc;

use wasmtime_wasi::{WasiCtxView, WasiView};

use super::limiter::Limiter;
use super::p1::P1;
use super::stop::Stop;
use crate::sandbox::net::Attachment;
use crate::sandbox::net::wasi::{NetCtxView, NetView};

/// The data of a guest's store. The context of WASI 0.1 holds that of the later ones, so it serves for all of them.
pub(super) struct State {
    pub p1: P1,
    pub net: Attachment,
    pub limiter: Limiter,
    pub stop: Arc<Stop>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.p1.wasi.ctx()
    }
}

impl NetView for State {
    fn net(&mut self) -> NetCtxView<'_> {
        NetCtxView {
            net: &self.net,
            table: self.p1.wasi.ctx().table,
        }
    }
}
