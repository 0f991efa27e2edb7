//! Places in a root that belongs to guests: found as a process would find them whose `/` it is, made where they are missing.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::super::sys::open_resolved;

/// The path of a place, from the root.
pub(super) fn relative(target: &str) -> Result<PathBuf> {
    let mut parts = PathBuf::new();
    let mut components = Path::new(target).components();
    if components.next() != Some(Component::RootDir) {
        bail!("{target:?} is not an absolute path");
    }
    for part in components {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => bail!("{target:?} must not contain '..'"),
        }
    }
    Ok(parts)
}

/// What lies at `path`, with every symlink on the way resolved within `root`.
pub(super) fn resolve(root: BorrowedFd<'_>, path: &Path) -> nix::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let within = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    open_resolved(root, path, OFlag::O_PATH, within)
}

/// The same, made if it is missing: directories, and at the end an empty file unless it is to be a `directory`.
pub(super) fn make(root: BorrowedFd<'_>, path: &Path, directory: bool) -> Result<OwnedFd> {
    match resolve(root, path) {
        Err(Errno::ENOENT) => {}
        result => return Ok(result?),
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        bail!("the root is gone");
    };
    let above = make(root, parent, true)?;
    let made = if directory {
        mkdirat(&above, name, Mode::from_bits_truncate(0o755))
    } else {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        openat(&above, name, flags, Mode::from_bits_truncate(0o644)).map(drop)
    };
    match made {
        // Somebody was faster, or it is a symlink that leads to nothing; the next look tells which.
        Err(Errno::EEXIST) | Ok(()) => {}
        Err(error) => {
            let at = Path::new("/").join(path);
            return Err(error).with_context(|| format!("could not make {}", at.display()));
        }
    }
    let at = || format!("could not open {}", Path::new("/").join(path).display());
    resolve(root, path).with_context(at)
}
