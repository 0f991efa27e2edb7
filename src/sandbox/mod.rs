//! What this machine can do.

pub mod net;
pub mod resident;
pub mod toolbox;
pub mod volume;
pub mod wasm;
