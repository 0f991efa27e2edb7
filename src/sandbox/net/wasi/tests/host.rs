//! A minimal machine for guests: an engine, a linker with our sockets, a store per guest.

use super::super::{NetCtxView, NetView, add_p2, add_p3};
use crate::sandbox::net::{Attachment, Network, NetworkConfig};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// A store's data.
pub struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
    net: Attachment,
}

impl Guest {
    pub fn new(wasi: WasiCtx, net: Attachment) -> Guest {
        Guest {
            wasi,
            table: ResourceTable::new(),
            net,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl NetView for Guest {
    fn net(&mut self) -> NetCtxView<'_> {
        NetCtxView {
            net: &self.net,
            table: &mut self.table,
        }
    }
}

pub fn network() -> Network {
    Network::new(NetworkConfig {
        hostname: "pod".into(),
        ..NetworkConfig::default()
    })
}

/// A guest that prints nothing, attached to `network`.
pub fn guest(network: &Network) -> Guest {
    Guest::new(WasiCtx::builder().build(), network.attach("guest"))
}

pub fn linker(engine: &Engine) -> Linker<Guest> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    wasmtime_wasi::p3::add_to_linker(&mut linker).unwrap();
    add_p2(&mut linker).unwrap();
    add_p3(&mut linker).unwrap();
    linker
}

/// Runs a command of WASI 0.2 to its end. What it printed, and whether it ended well.
pub async fn run(engine: &Engine, code: &[u8], net: Attachment) -> (String, wasmtime::Result<()>) {
    let output = MemoryOutputPipe::new(1 << 20);
    let wasi = WasiCtx::builder()
        .stdout(output.clone())
        .inherit_stderr()
        .build();
    let outcome = run_in(Store::new(engine, Guest::new(wasi, net)), code).await;
    (
        String::from_utf8_lossy(&output.contents()).into_owned(),
        outcome,
    )
}

async fn run_in(mut store: Store<Guest>, code: &[u8]) -> wasmtime::Result<()> {
    let component = Component::from_binary(store.engine(), code)?;
    let linker = linker(store.engine());
    let command = Command::instantiate_async(&mut store, &component, &linker).await?;
    let outcome = command.wasi_cli_run().call_run(&mut store).await?;
    outcome.map_err(|()| wasmtime::format_err!("the guest failed"))
}
