//! What guests can import. One linker per world and engine, made when the first program of that world comes.

use std::sync::OnceLock;

use wasmtime::Engine;
use wasmtime::component;
use wasmtime_wasi::I32Exit;

use super::p1;
use super::state::State;
use crate::sandbox::net::wasi as sockets;

pub(super) struct Linkers {
    engine: Engine,
    modules: OnceLock<wasmtime::Linker<State>>,
    listening: OnceLock<wasmtime::Linker<State>>,
    p2: OnceLock<component::Linker<State>>,
    p3: OnceLock<component::Linker<State>>,
}

impl Linkers {
    pub fn new(engine: &Engine) -> Linkers {
        Linkers {
            engine: engine.clone(),
            modules: OnceLock::new(),
            listening: OnceLock::new(),
            p2: OnceLock::new(),
            p3: OnceLock::new(),
        }
    }

    /// `wasi_snapshot_preview1` and the older `wasi_unstable`.
    pub fn modules(&self) -> wasmtime::Result<&wasmtime::Linker<State>> {
        get_or_try(&self.modules, || {
            let mut linker = wasmtime::Linker::new(&self.engine);
            wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut State| {
                &mut state.p1.wasi
            })?;
            wasmtime_wasi::p0::add_to_linker_async(&mut linker, |state: &mut State| {
                &mut state.p1.wasi
            })?;
            add_exit(&mut linker)?;
            Ok(linker)
        })
    }

    /// The same for modules that accept connections.
    pub fn listening(&self) -> wasmtime::Result<&wasmtime::Linker<State>> {
        get_or_try(&self.listening, || {
            let mut linker = wasmtime::Linker::new(&self.engine);
            p1::add_to_linker(&mut linker)?;
            Ok(linker)
        })
    }

    /// WASI 0.2 alone: most components, and it is made in a third of the time.
    pub fn p2(&self) -> wasmtime::Result<&component::Linker<State>> {
        get_or_try(&self.p2, || {
            let mut linker = component::Linker::new(&self.engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            sockets::add_p2(&mut linker)?;
            Ok(linker)
        })
    }

    /// WASI 0.2 and 0.3 side by side: a component may import some of each.
    pub fn p3(&self) -> wasmtime::Result<&component::Linker<State>> {
        get_or_try(&self.p3, || {
            let mut linker = component::Linker::new(&self.engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            wasmtime_wasi::p3::add_to_linker(&mut linker)?;
            sockets::add_p2(&mut linker)?;
            sockets::add_p3(&mut linker)?;
            Ok(linker)
        })
    }
}

/// Lets a guest end with any code, of which the low eight bits count, as they do for a process. Wasmtime's own `proc_exit`
/// turns a code of 126 or more into a trap.
fn add_exit(linker: &mut wasmtime::Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    for abi in ["wasi_snapshot_preview1", "wasi_unstable"] {
        linker.func_wrap(abi, "proc_exit", |code: i32| -> wasmtime::Result<()> {
            Err(I32Exit(code & 0xff).into())
        })?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// `OnceLock::get_or_try_init`, which is not stable yet. Two that race both make one and the second is dropped.
fn get_or_try<T>(
    cell: &OnceLock<T>,
    make: impl FnOnce() -> wasmtime::Result<T>,
) -> wasmtime::Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}
