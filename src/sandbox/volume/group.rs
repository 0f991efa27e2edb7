//! A tree given to a group.

use std::path::Path;

use anyhow::{Result, bail};

/// Gives everything in `dir`, and at last `dir` itself, to the group `gid`, readable (and, unless `read_only`, writable) for
/// it. With `on_root_mismatch` nothing is done if `dir` itself is so already.
pub fn own_group(dir: &Path, gid: u32, read_only: bool, on_root_mismatch: bool) -> Result<()> {
    let _ = (dir, gid, read_only, on_root_mismatch);
    bail!("not built yet")
}
