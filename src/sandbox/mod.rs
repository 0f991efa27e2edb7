//! What this machine can do.

pub mod net;
pub mod toolbox;
pub mod wasm;
