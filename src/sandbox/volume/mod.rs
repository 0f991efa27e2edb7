//! Directories that guests see: made, shared, filled, measured, and taken away again.
//!
//! A guest may plant symlinks in a directory it can write, link files under other names, and swap directories while we look
//! at them. Nothing here ever follows it out: paths beneath a volume are resolved by `cap-std` or by descriptors that refuse
//! symlinks, and handed on as open descriptors.
//!
//! * [`AtomicDir`]: a set of files that changes at once or not at all.
//! * [`Tmpfs`]: memory as a directory, attached nowhere.
//! * [`host_path`]: what lies at a path of this machine, or is made there.
//! * [`open_sub_path`]: a directory or a file beneath a volume.
//! * [`Assembly`]: a root put together of directories and files, in a mount namespace of its own.
//! * [`usage`], [`own_group`], [`quota`], [`remove_tree`]: a tree measured, given to a group, limited, removed.
//!
//! Absent from this room: what a directory is for, and any path that is not given by the caller.

mod assembly;
mod atomic;
mod group;
pub mod host_path;
#[cfg(test)]
mod needs;
pub mod quota;
mod remove;
mod shared;
mod sub_path;
mod sys;
mod tmpfs;
mod tree;
mod usage;
mod walk;

pub use assembly::{Assembled, Assembly, Bind, ReadOnly};
pub use atomic::{AtomicDir, FileSpec};
pub use group::own_group;
pub use remove::remove_tree;
pub use shared::shared_dir;
pub use sub_path::{SubPath, open_sub_path};
pub use tmpfs::Tmpfs;
pub use tree::{PodTree, Spare, sweep, sweep_one};
pub use usage::usage;
