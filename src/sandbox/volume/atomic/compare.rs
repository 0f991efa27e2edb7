//! Whether a set is there already.

use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use cap_std::fs::{Dir, MetadataExt};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode};

use super::super::walk::{Place, Visitor, walk};
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
    // Compared last: it may be long.
    match same.then(|| dir.read(path)) {
        Some(Ok(content)) => Ok(content == file.content),
        // Its mode keeps even its owner out, unless that is root: it may be anything.
        Some(Err(e)) if e.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Some(Err(error)) => Err(error),
        None => Ok(false),
    }
}

/// How many files and directories there are, at all depths.
fn count(dir: &Dir) -> io::Result<usize> {
    let mut count = Count(0);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    walk(openat(dir, c".", flags, Mode::empty())?, &mut count)?;
    Ok(count.0)
}

struct Count(usize);

impl Visitor for Count {
    fn entry(&mut self, _: BorrowedFd<'_>, _: &CStr, _: &FileStat) -> io::Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn leave(&mut self, _: OwnedFd, _: &FileStat, place: Place<'_>) -> io::Result<()> {
        self.0 += usize::from(place.is_some());
        Ok(())
    }

    fn locked(&mut self, _: Place<'_>, error: Errno) -> io::Result<bool> {
        Err(error.into())
    }
}
