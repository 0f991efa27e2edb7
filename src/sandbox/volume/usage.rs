//! A tree measured.

use std::collections::HashSet;
use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{FileStat, Mode, fstatat};

use super::walk::{Place, Visitor, walk};

/// The bytes that `dir` occupies with all that is in it, as `du -x` counts: blocks, every file once however many names it
/// has, no symlink followed, nothing that is mounted in it. A directory that this process may not read counts for itself
/// alone.
///
/// Guests may be at work in it meanwhile; what comes, goes or moves may or may not be counted.
///
/// # Errors
/// When `dir` itself is no directory or cannot be read.
pub fn usage(dir: &Path) -> io::Result<u64> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(dir, flags, Mode::empty())?;
    let mut count = Count::default();
    walk(root, &mut count)?;
    Ok(count.bytes)
}

#[derive(Default)]
struct Count {
    bytes: u64,
    device: u64,
    /// Files with several names that have been counted.
    linked: HashSet<u64>,
}

impl Count {
    fn add(&mut self, stat: &FileStat) {
        // Whatever the block size of the file system.
        self.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
    }
}

impl Visitor for Count {
    fn entry(&mut self, _: BorrowedFd<'_>, _: &CStr, stat: &FileStat) -> io::Result<()> {
        let mounted = stat.st_dev != self.device;
        if !mounted && (stat.st_nlink < 2 || self.linked.insert(stat.st_ino)) {
            self.add(stat);
        }
        Ok(())
    }

    fn enter(&mut self, _: BorrowedFd<'_>, stat: &FileStat) -> io::Result<()> {
        self.device = stat.st_dev;
        self.add(stat);
        Ok(())
    }

    fn leave(&mut self, _: OwnedFd, _: &FileStat, _: Place<'_>) -> io::Result<()> {
        Ok(())
    }

    fn locked(&mut self, place: Place<'_>, _: Errno) -> io::Result<bool> {
        if let Some((dir, name)) = place
            && let Ok(stat) = fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)
        {
            self.add(&stat);
        }
        Ok(false)
    }
}
