//! Directories that guests see: made, shared, and taken away again.
//!
//! A guest may plant symlinks in a directory it can write. Nothing here ever follows one of them: sub-paths are resolved
//! beneath the volume by `cap-std`, handed on as open descriptors, and trees are removed by descriptor (the standard
//! library's `remove_dir_all` opens each level with `O_NOFOLLOW`).
//!
//! Absent from this room: what a directory is for, and any path that is not given by the caller.

mod shared;
mod tree;

pub use shared::{SubPath, host_dir, open_sub_path, shared_dir};
pub use tree::{PodTree, Spare, sweep, sweep_one};
