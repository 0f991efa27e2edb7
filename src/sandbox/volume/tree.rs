//! The directory of one pod process, and the leftovers of dead ones.

use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Name of the lock that a living process holds on its directory.
const LOCK: &str = "lock";

/// A directory that belongs to one living process and disappears with it.
///
/// The process holds a lock in it; a directory whose lock is free was left behind by a process that was killed, and any
/// other process may [`sweep`] it away.
#[derive(Debug)]
pub struct PodTree {
    root: PathBuf,
    lock: Option<File>,
}

impl PodTree {
    /// Makes `parent/name` (0750, as the kubelet's) and takes its lock.
    ///
    /// # Errors
    /// When the directory is held by another living process or cannot be made.
    pub fn create(parent: &Path, name: &str) -> Result<PodTree> {
        let root = parent.join(name);
        let text = || format!("could not make the directory {}", root.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(&root)
            .with_context(text)?;
        let lock = File::create(root.join(LOCK)).with_context(text)?;
        match lock.try_lock() {
            Ok(()) => Ok(PodTree {
                root,
                lock: Some(lock),
            }),
            Err(TryLockError::WouldBlock) => {
                bail!("{} is in use by another process", root.display())
            }
            Err(TryLockError::Error(e)) => Err(e).with_context(text),
        }
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Removes the directory with all that is in it. May be called again.
    ///
    /// # Errors
    /// When something in it cannot be removed; the rest is gone then.
    pub fn remove(&mut self) -> Result<()> {
        if self.lock.take().is_none() {
            return Ok(());
        }
        remove_tree(&self.root)
    }
}

impl Drop for PodTree {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!("{error:#}");
        }
    }
}

fn remove_tree(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("could not remove the directory {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the directories below `parent` that processes left behind when they were killed.
pub fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // A directory without a lock file is one in the making, or not ours.
        let Ok(lock) = File::options().write(true).open(path.join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok()
            && let Err(error) = remove_tree(&path)
        {
            tracing::warn!("{error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_gone_with_its_owner() {
        let scratch = tempfile::tempdir().unwrap();
        let tree = PodTree::create(scratch.path(), "pod").unwrap();
        std::fs::create_dir(tree.path().join("volumes")).unwrap();
        drop(tree);
        assert!(!scratch.path().join("pod").exists());
    }

    #[test]
    fn a_sweep_takes_the_dead_and_leaves_the_living_and_the_foreign() {
        let scratch = tempfile::tempdir().unwrap();
        let living = PodTree::create(scratch.path(), "living").unwrap();
        std::fs::create_dir(scratch.path().join("dead")).unwrap();
        std::fs::write(scratch.path().join("dead/lock"), "").unwrap();
        std::fs::create_dir(scratch.path().join("foreign")).unwrap();
        sweep(scratch.path());
        assert!(living.path().exists());
        assert!(!scratch.path().join("dead").exists());
        assert!(scratch.path().join("foreign").exists());
    }

    #[test]
    fn a_directory_in_use_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let _first = PodTree::create(scratch.path(), "pod").unwrap();
        let error = PodTree::create(scratch.path(), "pod")
            .unwrap_err()
            .to_string();
        assert!(error.contains("in use"), "{error}");
    }

    #[test]
    fn removing_a_tree_does_not_follow_symlinks() {
        let scratch = tempfile::tempdir().unwrap();
        let outside = scratch.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("keep"), "x").unwrap();
        let tree = PodTree::create(scratch.path(), "pod").unwrap();
        std::os::unix::fs::symlink(&outside, tree.path().join("link")).unwrap();
        drop(tree);
        assert!(outside.join("keep").exists());
    }
}
