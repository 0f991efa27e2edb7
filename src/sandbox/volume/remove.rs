//! A tree removed.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, fchmod, fchmodat, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::sys::{UNREMOVABLE, inode_flags, proc_path, set_inode_flags};
use super::walk::{Place, Visitor, is_dir, open_entry, walk};

/// Removes `path` with all that is in it, however deep it is, and even if it is marked immutable. No symlink is followed,
/// and nothing is touched that is mounted in it (which is then an error). Nothing there is fine.
///
/// # Errors
/// When something in it cannot be removed; what can be is gone then.
pub fn remove_tree(path: &Path) -> Result<()> {
    remove(path).with_context(|| format!("could not remove {}", path.display()))
}

fn remove(path: &Path) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut removal = Removal::default();
    let mut root = open(path, flags, Mode::empty());
    if matches!(root, Err(Errno::EACCES)) {
        fchmodat(
            nix::fcntl::AT_FDCWD,
            path,
            Mode::S_IRWXU,
            FchmodatFlags::FollowSymlink,
        )?;
        root = open(path, flags, Mode::empty());
    }
    match root {
        Ok(root) => walk(root, &mut removal)?,
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => return Ok(std::fs::remove_file(path)?),
        Err(error) => return Err(error.into()),
    }
    match removal.first_error {
        Some((name, error)) => Err(error).context(name),
        None => Ok(std::fs::remove_dir(path)?),
    }
}

#[derive(Default)]
struct Removal {
    /// And what it was about.
    first_error: Option<(String, Errno)>,
}

impl Removal {
    fn unlink(&mut self, dir: BorrowedFd<'_>, name: &CStr, how: UnlinkatFlags) {
        let mut result = unlinkat(dir, name, how);
        if result == Err(Errno::EPERM) {
            // Either of them may be marked; the directory stays unmarked, for it is to go too.
            let _ = unmark(dir);
            let marked = open_marked(dir, name);
            result = unlinkat(dir, name, how);
            if let Some((file, flags)) = marked {
                // It may have other names elsewhere, where it was marked for a reason.
                let _ = set_inode_flags(file.as_fd(), flags);
            }
        }
        if let Err(error) = result {
            self.note(name, error);
        }
    }

    fn note(&mut self, name: &CStr, error: Errno) {
        if error != Errno::ENOENT && self.first_error.is_none() {
            self.first_error = Some((name.to_string_lossy().into_owned(), error));
        }
    }
}

/// Takes the marks off that keep a file, and gives it back with the ones it had.
fn open_marked(dir: BorrowedFd<'_>, name: &CStr) -> Option<(OwnedFd, nix::libc::c_int)> {
    // Nonblocking, for this may be a pipe.
    let file = open_entry(dir, name, OFlag::O_RDONLY | OFlag::O_NONBLOCK).ok()?;
    let flags = unmark(file.as_fd()).ok()??;
    Some((file, flags))
}

/// The flags it had, if it was marked.
fn unmark(file: BorrowedFd<'_>) -> io::Result<Option<nix::libc::c_int>> {
    let flags = inode_flags(file)?;
    if flags & UNREMOVABLE == 0 {
        return Ok(None);
    }
    set_inode_flags(file, flags & !UNREMOVABLE)?;
    Ok(Some(flags))
}

impl Visitor for Removal {
    fn entry(&mut self, dir: BorrowedFd<'_>, name: &CStr, stat: &FileStat) -> io::Result<()> {
        if is_dir(stat) {
            self.note(name, Errno::EBUSY);
        } else {
            self.unlink(dir, name, UnlinkatFlags::NoRemoveDir);
        }
        Ok(())
    }

    fn enter(&mut self, dir: BorrowedFd<'_>, stat: &FileStat) -> io::Result<()> {
        // Without these bits nothing can be removed from it, but by root.
        if stat.st_mode & 0o700 != 0o700 {
            let mode = Mode::from_bits_truncate(stat.st_mode & 0o7777);
            let _ = fchmod(dir, mode | Mode::S_IRWXU);
        }
        Ok(())
    }

    fn leave(&mut self, _: OwnedFd, _: &FileStat, place: Place<'_>) -> io::Result<()> {
        if let Some((parent, name)) = place {
            self.unlink(parent, name, UnlinkatFlags::RemoveDir);
        }
        Ok(())
    }

    fn locked(&mut self, place: Place<'_>, error: Errno) -> io::Result<bool> {
        let Some((dir, name)) = place else {
            return Ok(false);
        };
        let opened = open_entry(dir, name, OFlag::O_PATH | OFlag::O_DIRECTORY);
        let unlocked = opened.and_then(|fd| {
            fstat(&fd)?;
            let path = proc_path(&fd);
            let follow = FchmodatFlags::FollowSymlink;
            fchmodat(nix::fcntl::AT_FDCWD, &path, Mode::S_IRWXU, follow)
        });
        if unlocked.is_err() {
            self.note(name, error);
        }
        Ok(unlocked.is_ok())
    }
}
