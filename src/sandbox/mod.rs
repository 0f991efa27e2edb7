//! What this machine can do.

pub mod net;
