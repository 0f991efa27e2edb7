//! The directory of one pod process, and the leftovers of dead ones.

use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::remove_tree;

/// Name of the lock that a living process holds on its directory.
const LOCK: &str = "lock";
/// A file with the names of what in the directory outlives a process, one a line. Without it nothing does.
const KEEP: &str = "keep";

/// A directory that belongs to one living process and disappears with it.
///
/// The process holds a lock in it; a directory whose lock is free was left behind by a process that was killed, and any
/// other process may [`sweep`] it away, unless parts of it are kept for another process of the same name.
#[derive(Debug)]
pub struct PodTree {
    root: PathBuf,
    lock: Option<File>,
    /// What a process before this one has left is not this one's to throw away if it comes to nothing.
    inherited: bool,
}

/// What is left where a process has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spare {
    /// What its owner said is to outlive it.
    Kept,
    Nothing,
}

impl PodTree {
    /// Makes `parent/name` (0750, as the kubelet's) and takes its lock. The entries named by `kept` outlive this process if it
    /// is killed, and are found again by the next one of that name.
    ///
    /// # Errors
    /// When the directory is held by another living process or cannot be made.
    pub fn create(parent: &Path, name: &str, kept: &[&str]) -> Result<PodTree> {
        let root = parent.join(name);
        let text = || format!("could not make the directory {}", root.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(&root)
            .with_context(text)?;
        // Until the lock is held it looks like one that was left behind.
        let door = door(parent)?;
        let lock = lock(&root)?;
        let inherited = !kept.is_empty() && root.join(KEEP).exists();
        if inherited {
            clear(&root, &kept_in(&root))?;
        }
        if !kept.is_empty() && kept_in(&root) != kept {
            keep(&root, kept).with_context(text)?;
        }
        drop(door);
        Ok(PodTree {
            root,
            lock: Some(lock),
            inherited,
        })
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Removes the directory with all that is in it. May be called again.
    ///
    /// # Errors
    /// When something in it cannot be removed; the rest is gone then.
    pub fn remove(&mut self) -> Result<()> {
        // Held to the end, so that nobody else removes it too.
        match self.lock.take() {
            Some(_lock) => remove_tree(&self.root),
            None => Ok(()),
        }
    }
}

impl Drop for PodTree {
    fn drop(&mut self) {
        let dropped = match &self.lock {
            Some(_) if self.inherited => clear(&self.root, &kept_in(&self.root)),
            _ => self.remove(),
        };
        if let Err(error) = dropped {
            tracing::warn!("{error:#}");
        }
    }
}

/// Held by who makes a directory and by who looks for leftovers, so that neither takes the other's for one.
fn door(parent: &Path) -> Result<File> {
    let door = File::open(parent).and_then(|door| door.lock().map(|()| door));
    door.with_context(|| format!("could not lock the directory {}", parent.display()))
}

/// Notes what outlives the process. Whole or not at all: who finds half of it would throw the other half away.
fn keep(root: &Path, kept: &[&str]) -> std::io::Result<()> {
    let fresh = root.join(".keep");
    std::fs::write(&fresh, kept.join("\n"))?;
    std::fs::rename(&fresh, root.join(KEEP))
}

fn lock(root: &Path) -> Result<File> {
    let text = || format!("could not lock the directory {}", root.display());
    let lock = File::create(root.join(LOCK)).with_context(text)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("{} is in use by another process", root.display()),
        Err(TryLockError::Error(e)) => Err(e).with_context(text),
    }
}

fn kept_in(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join(KEEP)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Removes everything but the entries that are kept and our own.
fn clear(root: &Path, kept: &[String]) -> Result<()> {
    let text = || format!("could not clear the directory {}", root.display());
    for entry in std::fs::read_dir(root).with_context(text)? {
        let entry = entry.with_context(text)?;
        let name = entry.file_name();
        if name == LOCK || name == KEEP || kept.iter().any(|kept| name == kept.as_str()) {
            continue;
        }
        if entry.file_type().with_context(text)?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            std::fs::remove_file(entry.path()).with_context(text)?;
        }
    }
    Ok(())
}

/// Removes the directories below `parent` that processes left behind when they were killed. One in which something is kept
/// waits for the next process of its name, or for [`sweep_one`].
pub fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.join(KEEP).exists() {
            continue;
        }
        // A directory without a lock file is one in the making, or not ours.
        let Ok(lock) = File::options().write(true).open(path.join(LOCK)) else {
            continue;
        };
        let Ok(door) = door(parent) else {
            return;
        };
        // Only now: it may have been one in the making.
        let dead = !path.join(KEEP).exists() && lock.try_lock().is_ok();
        drop(door);
        if dead && let Err(error) = remove_tree(&path) {
            tracing::warn!("{error:#}");
        }
    }
}

/// Removes what the dead process of `parent/name` has left, but for what it `spare`s. Nothing there is fine.
///
/// # Errors
/// When its process lives, the name is more than a name, or something cannot be removed.
pub fn sweep_one(parent: &Path, name: &str, spare: Spare) -> Result<()> {
    let mut parts = Path::new(name).components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        bail!("{name:?} is not the name of a directory");
    };
    let root = parent.join(name);
    if !root.exists() {
        return Ok(());
    }
    let _lock = lock(&root)?;
    if spare == Spare::Kept && root.join(KEEP).exists() {
        clear(&root, &kept_in(&root))
    } else {
        remove_tree(&root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_gone_with_its_owner() {
        let scratch = tempfile::tempdir().unwrap();
        let tree = PodTree::create(scratch.path(), "pod", &[]).unwrap();
        std::fs::create_dir(tree.path().join("volumes")).unwrap();
        drop(tree);
        assert!(!scratch.path().join("pod").exists());
    }

    #[test]
    fn a_sweep_takes_the_dead_and_leaves_the_living_and_the_foreign() {
        let scratch = tempfile::tempdir().unwrap();
        let living = PodTree::create(scratch.path(), "living", &[]).unwrap();
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
        let _first = PodTree::create(scratch.path(), "pod", &[]).unwrap();
        let error = PodTree::create(scratch.path(), "pod", &[])
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
        let tree = PodTree::create(scratch.path(), "pod", &[]).unwrap();
        std::os::unix::fs::symlink(&outside, tree.path().join("link")).unwrap();
        drop(tree);
        assert!(outside.join("keep").exists());
    }

    /// A guest can make directories in directories until its disk is full.
    #[test]
    fn a_tree_deeper_than_any_path_is_removed() {
        use nix::fcntl::{OFlag, open, openat};
        use nix::sys::stat::{Mode, mkdirat};
        let scratch = tempfile::tempdir().unwrap();
        let tree = PodTree::create(scratch.path(), "pod", &[]).unwrap();
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut dir = open(tree.path(), flags, Mode::empty()).unwrap();
        for _ in 0..1500 {
            mkdirat(&dir, "deep", Mode::S_IRWXU).unwrap();
            dir = openat(&dir, "deep", flags, Mode::empty()).unwrap();
        }
        drop((dir, tree));
        assert_eq!(names(scratch.path()), [""; 0]);
    }

    /// A process with a volume that is to outlive it, killed.
    fn killed(parent: &Path) {
        let mut tree = PodTree::create(parent, "pod", &["volumes"]).unwrap();
        std::fs::create_dir_all(tree.path().join("volumes/v")).unwrap();
        std::fs::create_dir(tree.path().join("roots")).unwrap();
        // The kernel lets the lock go, and nothing is cleaned up.
        tree.lock = None;
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_kept_outlives_a_kill_and_is_found_by_the_next_process() {
        let scratch = tempfile::tempdir().unwrap();
        killed(scratch.path());
        sweep(scratch.path());
        let mut tree = PodTree::create(scratch.path(), "pod", &["volumes"]).unwrap();
        assert_eq!(names(tree.path()), ["keep", "lock", "volumes"]);
        tree.remove().unwrap();
        assert_eq!(names(scratch.path()), [""; 0]);
    }

    /// Every pod that starts sweeps, so two that started at once could fail.
    #[test]
    fn one_in_the_making_is_not_swept() {
        let scratch = tempfile::tempdir().unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    sweep(scratch.path());
                }
            });
            let made: Result<Vec<()>> = (0..2000)
                .map(|number| {
                    let name = format!("pod-{number}");
                    let kept: &[&str] = if number % 2 == 0 { &["volumes"] } else { &[] };
                    let mut tree = PodTree::create(scratch.path(), &name, kept)?;
                    assert!(tree.path().join(LOCK).exists());
                    tree.remove()
                })
                .collect();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            made.unwrap();
        });
    }

    /// On a full disk the list of what is kept was emptied, and the next process threw the volumes away.
    #[test]
    fn what_is_kept_is_never_forgotten_in_between() {
        let scratch = tempfile::tempdir().unwrap();
        killed(scratch.path());
        let file = scratch.path().join("pod").join(KEEP);
        let before = std::fs::metadata(&file).unwrap().modified().unwrap();
        drop(PodTree::create(scratch.path(), "pod", &["volumes"]).unwrap());
        let after = std::fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(before, after, "nothing is written where nothing changes");
        drop(PodTree::create(scratch.path(), "pod", &["volumes", "roots"]).unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "volumes\nroots");
        assert_eq!(
            names(&scratch.path().join("pod")),
            ["keep", "lock", "volumes"]
        );
    }

    #[test]
    fn a_process_that_comes_to_nothing_removes_its_own_and_leaves_what_it_found() {
        let scratch = tempfile::tempdir().unwrap();
        drop(PodTree::create(scratch.path(), "pod", &["volumes"]).unwrap());
        assert_eq!(names(scratch.path()), [""; 0]);
        killed(scratch.path());
        drop(PodTree::create(scratch.path(), "pod", &["volumes"]).unwrap());
        assert_eq!(
            names(&scratch.path().join("pod")),
            ["keep", "lock", "volumes"]
        );
    }

    #[test]
    fn one_dead_process_is_swept_with_or_without_what_it_kept() {
        let scratch = tempfile::tempdir().unwrap();
        killed(scratch.path());
        sweep_one(scratch.path(), "pod", Spare::Kept).unwrap();
        assert_eq!(
            names(&scratch.path().join("pod")),
            ["keep", "lock", "volumes"]
        );
        sweep_one(scratch.path(), "pod", Spare::Nothing).unwrap();
        assert_eq!(names(scratch.path()), [""; 0]);
        sweep_one(scratch.path(), "pod", Spare::Nothing).unwrap();
    }

    #[test]
    fn one_that_lives_or_lies_elsewhere_is_not_swept() {
        let scratch = tempfile::tempdir().unwrap();
        let tree = PodTree::create(scratch.path(), "pod", &["volumes"]).unwrap();
        assert!(sweep_one(scratch.path(), "pod", Spare::Nothing).is_err());
        assert!(tree.path().exists());
        for name in ["", ".", "..", "a/b", "/etc"] {
            assert!(
                sweep_one(scratch.path(), name, Spare::Nothing).is_err(),
                "{name}"
            );
        }
    }
}
