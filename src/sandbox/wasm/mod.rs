//! One WebAssembly guest after another: compiled once, started on a thread of its own, stopped, and told apart by how it ended.
//!
//! ```text
//! Engine ── load(Code) ──> Program ── start(GuestSpec) ──> Guest ── signal ──> on_exit(Exit)
//!    │          │
//!    │          └ cache: machine code by content digest, written by a short-lived compiler process
//!    └ one per process; holds two engines of wasmtime, with and without interruption checks
//! ```
//!
//! What is absent here: policy (when to start again, how long to wait before a kill), the names of what asked for a guest,
//! and the network itself, which is [`super::net`]'s.

mod cache;
mod compile;
mod config;
mod digest;
mod engine;
mod error;
mod exit;
mod guest;
mod interrupt;
mod limiter;
mod link;
mod p1;
mod program;
mod source;
mod spec;
mod state;
mod stdio;
mod stop;
mod view;

#[cfg(test)]
mod tests;

pub use compile::{Compiler, compile_main};
pub use digest::Digest;
pub use engine::{Code, Engine, EngineConfig};
pub use error::{LoadError, SetupError};
pub use exit::Exit;
pub use guest::{Guest, Signal, Stopping};
pub use program::{Kind, Program};
pub use spec::{GuestSpec, Listener, Mount};
pub use stdio::{Output, Sink, Stdin};
