//! A tree removed.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, fchmod, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::sys::{UNREMOVABLE, inode_flags, proc_path, set_inode_flags};
use super::walk::{Place, Visitor, is_dir, open_entry, walk};

/// Removes `path` with all that is in it, however deep it is, and even if it is marked immutable. No symlink is followed,
/// and nothing is touched that is mounted in it (which is then an error). Nothing there is fine.
///
/// # Errors
/// When something in it cannot be removed; what can be is gone then.
pub fn remove_tree(path: &Path) -> Result<()> {
    let text = || format!("could not remove {}", path.display());
    let (parent, name) = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if parent.as_os_str().is_empty() => (Path::new("."), name),
        (Some(parent), Some(name)) => (parent, name),
        _ => bail!("could not remove {}: it has no name", path.display()),
    };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match open(parent, flags, Mode::empty()) {
        Ok(parent) => remove_at(parent.as_fd(), Path::new(name)).with_context(text),
        Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error).with_context(text),
    }
}

/// The same, of what has a `name` in `dir`.
pub(super) fn remove_at(dir: BorrowedFd<'_>, name: &Path) -> Result<()> {
    let name = CString::new(name.as_os_str().as_bytes())?;
    let mut removal = Removal::default();
    match fstatat(dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(found) if is_dir(&found) => removal.tree(dir, &name)?,
        Ok(_) => removal.unlink(dir, &name, UnlinkatFlags::NoRemoveDir),
        Err(Errno::ENOENT) => {}
        Err(error) => return Err(error.into()),
    }
    match removal.first_error {
        Some((name, error)) => Err(error).context(name),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Removal {
    /// And what it was about.
    first_error: Option<(String, Errno)>,
}

impl Removal {
    fn tree(&mut self, dir: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let mut opened = open_entry(dir, name, flags);
        if matches!(opened, Err(Errno::EACCES)) && self.locked(Some((dir, name)), Errno::EACCES)? {
            opened = open_entry(dir, name, flags);
        }
        match opened {
            Ok(root) => {
                walk(root, self)?;
                self.unlink(dir, name, UnlinkatFlags::RemoveDir);
            }
            Err(Errno::EXDEV) => self.note(name, Errno::EBUSY),
            Err(error) => self.note(name, error),
        }
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use nix::mount::{MsFlags, mount};
    use nix::sys::stat::{mkdirat, mknod};

    use super::super::needs::{as_nobody, in_own_namespace, is_root, require, require_mounts};
    use super::*;

    fn scratch() -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let tree = scratch.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), "x").unwrap();
        fs::create_dir(scratch.path().join("outside")).unwrap();
        fs::write(scratch.path().join("outside/keep"), "x").unwrap();
        (scratch, tree)
    }

    #[test]
    fn all_kinds_of_things_go_and_nothing_else() {
        let (scratch, tree) = scratch();
        symlink("../outside", tree.join("link")).unwrap();
        symlink(scratch.path().join("outside/keep"), tree.join("a/link")).unwrap();
        fs::hard_link(scratch.path().join("outside/keep"), tree.join("a/hard")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap();
        nix::unistd::mkfifo(&tree.join("pipe"), Mode::S_IRWXU).unwrap();
        fs::write(tree.join("-rf\n*"), "x").unwrap();
        if is_root() {
            let kind = nix::sys::stat::SFlag::S_IFCHR;
            mknod(
                &tree.join("null"),
                kind,
                Mode::S_IRWXU,
                nix::sys::stat::makedev(1, 3),
            )
            .unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(
            fs::read_to_string(scratch.path().join("outside/keep")).unwrap(),
            "x"
        );
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn a_symlink_or_a_file_in_its_place_goes_alone() {
        let (scratch, tree) = scratch();
        let link = scratch.path().join("link");
        symlink(&tree, &link).unwrap();
        remove_tree(&link).unwrap();
        assert!(!link.is_symlink() && tree.join("a/b/file").exists());
        remove_tree(&tree.join("a/b/file")).unwrap();
        assert!(!tree.join("a/b/file").exists());
    }

    /// Deeper than a process has descriptors, and longer than a path can be.
    #[test]
    fn a_tree_may_be_deeper_than_any_path() {
        let (_scratch, tree) = scratch();
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut dir = open(&tree, flags, Mode::empty()).unwrap();
        for _ in 0..1500 {
            mkdirat(&dir, "deep", Mode::S_IRWXU).unwrap();
            dir = nix::fcntl::openat(&dir, "deep", flags, Mode::empty()).unwrap();
        }
        let flags = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let file = nix::fcntl::openat(&dir, "bottom", flags, Mode::S_IRWXU).unwrap();
        fs::File::from(file).write_all(&[1; 100_000]).unwrap();
        drop(dir);
        assert!(super::super::usage(&tree).unwrap() >= 100_000);
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn what_is_marked_immutable_goes_too() {
        let (scratch, tree) = scratch();
        let mark = |path: &Path, marks: nix::libc::c_int| {
            let file = fs::File::open(path).unwrap();
            let others = inode_flags(file.as_fd())? & !UNREMOVABLE;
            set_inode_flags(file.as_fd(), others | marks)
        };
        let marks =
            |path: &Path| inode_flags(fs::File::open(path).unwrap().as_fd()).unwrap() & UNREMOVABLE;
        // A name elsewhere, linked before it was marked.
        fs::hard_link(scratch.path().join("outside/keep"), tree.join("a/hard")).unwrap();
        let marked = mark(&tree.join("a/b/file"), 0x10);
        if !require(
            "root, and a file system with immutable files",
            marked.is_ok(),
        ) {
            return;
        }
        mark(&tree.join("a/hard"), 0x20).unwrap();
        mark(&tree.join("a/b"), 0x10).unwrap();
        mark(&tree.join("a"), 0x20).unwrap();
        assert!(fs::remove_dir_all(&tree).is_err());
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        let keep = scratch.path().join("outside/keep");
        assert_eq!(marks(&keep), 0x20, "it was marked for a reason");
        mark(&keep, 0).unwrap();
    }

    #[test]
    fn what_its_owner_has_locked_goes_too() {
        if !require("root", is_root()) {
            return;
        }
        as_nobody(|| {
            let (_scratch, tree) = scratch();
            for (path, mode) in [("a/b", 0o000), ("a", 0o555), ("", 0o000)] {
                fs::set_permissions(tree.join(path), fs::Permissions::from_mode(mode)).unwrap();
            }
            remove_tree(&tree).unwrap();
            assert!(!tree.exists());
        });
    }

    #[test]
    fn what_is_mounted_in_it_is_not_touched() {
        if !require_mounts() {
            return;
        }
        in_own_namespace(|| {
            let (scratch, tree) = scratch();
            let outside = scratch.path().join("outside");
            let none = None::<&str>;
            mount(
                Some(&outside),
                &tree.join("a/b"),
                none,
                MsFlags::MS_BIND,
                none,
            )
            .unwrap();
            fs::write(tree.join("a/file"), "x").unwrap();
            fs::write(tree.join("a/file2"), "x").unwrap();
            let keep = outside.join("keep");
            mount(
                Some(&keep),
                &tree.join("a/file"),
                none,
                MsFlags::MS_BIND,
                none,
            )
            .unwrap();
            let error = remove_tree(&tree).unwrap_err();
            assert!(
                format!("{error:#}").contains("could not remove"),
                "{error:#}"
            );
            assert!(keep.exists());
            assert!(!tree.join("a/file2").exists(), "the rest goes");
            nix::mount::umount(&tree.join("a/b")).unwrap();
            remove_tree(&tree).unwrap_err();
            nix::mount::umount(&tree.join("a/file")).unwrap();
            remove_tree(&tree).unwrap();
        });
    }

    #[test]
    fn what_cannot_go_is_named() {
        if !require("root", is_root()) {
            return;
        }
        let (scratch, tree) = scratch();
        let _ = fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755));
        as_nobody(|| {
            let error = remove_tree(&tree).unwrap_err();
            assert!(
                format!("{error:#}").contains("Permission denied"),
                "{error:#}"
            );
        });
        assert!(tree.join("a/b/file").exists());
    }
}
