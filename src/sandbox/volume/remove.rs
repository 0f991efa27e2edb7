//! A tree removed.

use std::path::Path;

use anyhow::{Result, bail};

/// Removes `path` with all that is in it, never following a symlink and never entering another mount. Nothing there is fine.
///
/// # Errors
/// When something in it cannot be removed; what can be is gone then.
pub fn remove_tree(path: &Path) -> Result<()> {
    let _ = path;
    bail!("not built yet")
}
