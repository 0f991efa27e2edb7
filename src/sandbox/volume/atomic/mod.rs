//! A set of files that changes at once or not at all.
//!
//! The files lie in a directory that is never changed once it can be seen; a symlink leads to it and is swapped by one
//! rename (kubelet `pkg/volume/util/atomic_writer.go`):
//!
//! ```text
//! ..2026_01_31_12_00_00.1234567890/name   the files
//! ..data -> ..2026_01_31_12_00_00.1234567890
//! name   -> ..data/name                   the first part of each path
//! ```
//!
//! Who resolves `..data` once and reads what is there sees one set and never half of two. Nothing is synced to the disk:
//! the set is written anew by the next process, which finds out by comparing what is whole.

mod compare;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions};
use nix::fcntl::AtFlags;
use nix::unistd::{Gid, Uid, fchown, fchownat};

use super::remove::remove_at;
use names::Set;

/// The symlink that is swapped.
const DATA: &str = "..data";
/// The next one, before it takes that name.
const NEXT: &str = "..data_tmp";

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    pub content: Vec<u8>,
    /// Exactly these permission bits, whatever the umask says.
    pub mode: u32,
    /// Its owner; this process's if none is given.
    pub uid: Option<u32>,
    /// Its group. The directories of a set whose files all have the same group belong to that group too.
    pub gid: Option<u32>,
}

/// The writer of such sets.
#[derive(Debug)]
pub struct AtomicDir;

impl AtomicDir {
    /// Makes `dir` (which must exist) show exactly `files`, whose names are relative paths. True if a reader can see a
    /// difference; nothing is written otherwise. `at` names the hidden directory that holds the files.
    ///
    /// There must be one writer at a time. One that was killed, at whatever moment, leaves nothing that the next does not
    /// repair. What lies in `dir` beside the set is left alone unless it has the name of a file of the set.
    ///
    /// # Errors
    /// When a name is no relative path within the directory, two names exclude each other, or something cannot be
    /// written. Readers see the set from before then.
    pub fn write(dir: &Path, files: &BTreeMap<String, FileSpec>, at: SystemTime) -> Result<bool> {
        let set = Set::new(files)?;
        let text = || format!("could not write the files of {}", dir.display());
        let root = Dir::open_ambient_dir(dir, ambient_authority()).with_context(text)?;
        write(&root, &set, at).with_context(text)
    }
}

fn write(root: &Dir, set: &Set<'_>, at: SystemTime) -> Result<bool> {
    let current = compare::current(root)?;
    let same = match &current {
        Some(name) => compare::holds(&root.open_dir(name)?, set)?,
        None => false,
    };
    let shown = if let (Some(current), true) = (current, same) {
        current
    } else {
        let fresh = names::make_hidden(root, at)?;
        if let Err(error) = fill(root, &fresh, set) {
            // There may be no room for it: make some. Readers see the set from before.
            let _ = remove_at(root.as_fd(), &fresh);
            return Err(error);
        }
        fresh
    };
    let links = link(root, set)?;
    tidy(root, set, &shown)?;
    Ok(!same || links)
}

/// Writes the set into the new directory `fresh` and then shows it.
fn fill(root: &Dir, fresh: &Path, set: &Set<'_>) -> Result<()> {
    let dir = root.open_dir(fresh)?;
    for path in set.dirs() {
        dir.create_dir(path)?;
    }
    for (path, file) in set.files() {
        write_file(&dir, path, file).with_context(|| format!("file {}", path.display()))?;
    }
    let group = set.group();
    let own_dir = |dir: &Dir| -> io::Result<()> {
        if let Some(gid) = group {
            let gid = Some(Gid::from_raw(gid));
            fchownat(dir, c"", None, gid, AtFlags::AT_EMPTY_PATH)?;
        }
        let mode = Permissions::from_std(std::fs::Permissions::from_mode(set.dir_mode()));
        dir.set_permissions(".", mode)
    };
    for path in set.dirs() {
        own_dir(&dir.open_dir(path)?)?;
    }
    own_dir(&dir)?;
    remove_at(root.as_fd(), NEXT.as_ref())?;
    root.symlink_contents(fresh, NEXT)?;
    if root.symlink_metadata(DATA).is_ok_and(|data| data.is_dir()) {
        // Not of our making; no symlink can take its place.
        remove_at(root.as_fd(), DATA.as_ref())?;
    }
    root.rename(NEXT, root, DATA)?;
    Ok(())
}

fn write_file(dir: &Dir, path: &Path, file: &FileSpec) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // Nobody else may read it before it has its owner and mode.
    options.write(true).create_new(true).mode(0o600);
    let mut made = dir.open_with(path, &options)?;
    made.write_all(&file.content)?;
    if file.uid.is_some() || file.gid.is_some() {
        let uid = file.uid.map(Uid::from_raw);
        fchown(made.as_fd(), uid, file.gid.map(Gid::from_raw))?;
    }
    let mode = std::fs::Permissions::from_mode(file.mode);
    made.set_permissions(Permissions::from_std(mode))
}

/// Makes the symlinks by which the files are seen. True if one was missing.
fn link(root: &Dir, set: &Set<'_>) -> Result<bool> {
    let mut changed = false;
    for name in set.tops() {
        let target = Path::new(DATA).join(name);
        if root.read_link_contents(name).ok().as_ref() == Some(&target) {
            continue;
        }
        remove_at(root.as_fd(), name.as_ref())?;
        root.symlink_contents(&target, name)?;
        changed = true;
    }
    Ok(changed)
}

/// Removes what earlier sets have left: their symlinks, and the directories that held them.
fn tidy(root: &Dir, set: &Set<'_>, shown: &Path) -> Result<()> {
    let wanted: BTreeSet<OsString> = set.tops().map(OsString::from).collect();
    for entry in root.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        let stale = if kind.is_symlink() {
            name == NEXT || (!wanted.contains(&name) && is_ours(root, &name))
        } else {
            kind.is_dir() && Path::new(&name) != shown && names::is_hidden(&name)
        };
        if stale {
            remove_at(root.as_fd(), name.as_ref())?;
        }
    }
    Ok(())
}

/// Whether a symlink is one of those by which files are seen.
fn is_ours(root: &Dir, name: &OsString) -> bool {
    let target = root.read_link_contents(name).ok();
    target == Some(PathBuf::from(DATA).join(name))
}
