//! MANY PODS: objects on disk, launching and finding pod processes again.
//!
//! Absent from this room: the sandbox. It reaches pods through [`crate::control`] and the launcher it is given.

mod layout;
pub mod logs;

pub use layout::Layout;
