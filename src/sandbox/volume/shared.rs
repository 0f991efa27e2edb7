//! Directories shared between guests.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Makes a directory that every guest may write: mode 0777, whatever the umask says.
pub fn shared_dir(path: &Path) -> Result<()> {
    let text = || format!("could not make the directory {}", path.display());
    std::fs::create_dir_all(path).with_context(text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).with_context(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_shared_directory_is_writable_for_all_whatever_the_umask() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("volume");
        shared_dir(&path).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o7777, 0o777);
    }
}
