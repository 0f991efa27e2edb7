//! Removing what guests have written: trees of any depth, following nothing.
//!
//! A directory that is not empty is moved up to the root of the tree before the one around it is removed. So two open
//! directories are enough for any tree, and whoever goes on after a kill finds a flatter one.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::disk::step::step;

/// Removes a folder and all in it. That it is not there is fine, and a symlink in its place is removed alone.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    step("remove", path)?;
    match Tree::open(path) {
        Ok(tree) => tree.clear()?,
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            unlinkat(AT_FDCWD, path, UnlinkatFlags::NoRemoveDir)?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    match unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

const FLAGS: OFlag = OFlag::O_DIRECTORY
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOFOLLOW);

struct Tree {
    root: Dir,
    /// How many directories were moved to it.
    moved: u64,
}

impl Tree {
    fn open(path: &Path) -> nix::Result<Tree> {
        Ok(Tree {
            root: Dir::open(path, FLAGS, Mode::empty())?,
            moved: 0,
        })
    }

    fn clear(mut self) -> io::Result<()> {
        loop {
            let names = names(&mut self.root)?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                if !remove(&self.root, &name)? {
                    self.flatten(&name)?;
                }
            }
        }
    }

    /// Removes a directory of the root, whose own directories become the root's.
    fn flatten(&mut self, name: &CStr) -> io::Result<()> {
        let mut sub = Dir::openat(&self.root, name, FLAGS, Mode::empty())?;
        for inside in names(&mut sub)? {
            if !remove(&sub, &inside)? {
                self.lift(&sub, &inside)?;
            }
        }
        remove(&self.root, name).map(|_| ())
    }

    fn lift(&mut self, sub: &Dir, name: &CStr) -> io::Result<()> {
        loop {
            self.moved += 1;
            let free = format!("{}", self.moved);
            match renameat(sub, name, &self.root, free.as_str()) {
                Ok(()) => return Ok(()),
                // The guest has used that name.
                Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What is in a directory.
fn names(dir: &mut Dir) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in dir.iter() {
        let name = entry?.file_name().to_owned();
        if ![c".", c".."].contains(&name.as_c_str()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Removes a file, or a directory that is empty. Whether it is gone.
fn remove(dir: impl AsFd, name: &CStr) -> io::Result<bool> {
    for flags in [UnlinkatFlags::NoRemoveDir, UnlinkatFlags::RemoveDir] {
        match unlinkat(&dir, name, flags) {
            Ok(()) | Err(Errno::ENOENT) => return Ok(true),
            Err(Errno::EISDIR | Errno::ENOTEMPTY | Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_tree_of_any_depth_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tree");
        fs::create_dir(&path).unwrap();
        let mut at = Dir::open(&path, FLAGS, Mode::empty()).unwrap();
        // Deeper than paths may be long, and than a process may hold directories open.
        for depth in 0..5000 {
            let mode = Mode::S_IRWXU;
            nix::sys::stat::mkdirat(&at, "d", mode).unwrap();
            if depth % 1000 == 0 {
                // Names that are also given to what is moved.
                nix::sys::stat::mkdirat(&at, "1", mode).unwrap();
                let flags = OFlag::O_CREAT | OFlag::O_CLOEXEC;
                nix::fcntl::openat(&at, "2", flags, mode).unwrap();
            }
            at = Dir::openat(&at, "d", FLAGS, Mode::empty()).unwrap();
        }
        drop(at);
        remove_tree(&path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        remove_tree(&path).unwrap();
    }

    #[test]
    fn nothing_is_followed() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let foreign = dir.path().join("foreign");
        fs::create_dir_all(foreign.join("sub")).unwrap();
        fs::write(foreign.join("file"), "kept").unwrap();
        let path = dir.path().join("tree");
        fs::create_dir_all(path.join("a/b")).unwrap();
        for link in ["link", "a/link", "a/b/link"] {
            symlink(&foreign, path.join(link)).unwrap();
        }
        nix::unistd::mkfifo(&path.join("a/pipe"), Mode::S_IRWXU).unwrap();
        remove_tree(&path).unwrap();
        symlink(&foreign, &path).unwrap();
        remove_tree(&path).unwrap();
        assert!(!path.is_symlink());
        assert_eq!(fs::read_to_string(foreign.join("file")).unwrap(), "kept");
        assert!(foreign.join("sub").exists());
    }
}
