//! Whether a set is there already.

use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use cap_std::fs::{Dir, MetadataExt};

use super::names::{self, Set};
use super::{DATA, FileSpec};

/// The directory that is shown, if it is one that a writer has made.
pub(super) fn current(root: &Dir) -> io::Result<Option<PathBuf>> {
    let Ok(target) = root.read_link_contents(DATA) else {
        return Ok(None);
    };
    let mut parts = target.components();
    let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) else {
        return Ok(None);
    };
    let ours = names::is_hidden(name)
        && root
            .symlink_metadata(name)
            .is_ok_and(|found| found.is_dir());
    Ok(ours.then(|| name.into()))
}

/// Whether `dir` holds exactly the set.
pub(super) fn holds(dir: &Dir, set: &Set<'_>) -> Result<bool> {
    for path in set.dirs() {
        if !dir_is(dir, path, set) {
            return Ok(false);
        }
    }
    for (path, file) in set.files() {
        if !file_is(dir, path, file)? {
            return Ok(false);
        }
    }
    Ok(dir_is(dir, Path::new("."), set) && count(dir)? == set.len())
}

fn dir_is(dir: &Dir, path: &Path, set: &Set<'_>) -> bool {
    dir.symlink_metadata(path).is_ok_and(|found| {
        found.is_dir()
            && found.mode() & 0o7777 == set.dir_mode()
            && set.group().is_none_or(|gid| gid == found.gid())
    })
}

fn file_is(dir: &Dir, path: &Path, file: &FileSpec) -> io::Result<bool> {
    let same = dir.symlink_metadata(path).is_ok_and(|found| {
        found.is_file()
            && found.mode() & 0o7777 == file.mode
            && found.len() == file.content.len() as u64
            && file.uid.is_none_or(|uid| uid == found.uid())
            && file.gid.is_none_or(|gid| gid == found.gid())
    });
    // Compared last: the files may be secrets, and long.
    Ok(same && dir.read(path)? == file.content)
}

/// How many files and directories there are, at all depths.
fn count(dir: &Dir) -> io::Result<usize> {
    let mut count = 0;
    for entry in dir.entries()? {
        let entry = entry?;
        count += 1;
        if entry.file_type()?.is_dir() {
            count += self::count(&entry.open_dir()?)?;
        }
    }
    Ok(count)
}
