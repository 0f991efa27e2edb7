//! A tree visited by descriptors, while guests may be at work in it.
//!
//! No symlink is followed and no other mount is entered. A tree may be deeper than a process has descriptors, and deeper
//! than a path can be long: only the outer levels stay open, and the way back from further below is `..`, believed only if
//! it leads to the very directory we came from.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, ResolveFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::sys::open_resolved;

/// How many levels stay open.
const OPEN_LEVELS: usize = 64;

pub(super) fn is_dir(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
}

/// The same object, whatever it is called.
pub(super) fn same(a: &FileStat, b: &FileStat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

/// What is done on the way. An error that is returned ends the walk.
pub(super) trait Visitor {
    /// Something that is not a directory, or a directory that lies on another mount.
    fn entry(&mut self, dir: BorrowedFd<'_>, name: &CStr, stat: &FileStat) -> io::Result<()>;

    /// A directory about to be looked into.
    fn enter(&mut self, dir: BorrowedFd<'_>, stat: &FileStat) -> io::Result<()> {
        let _ = (dir, stat);
        Ok(())
    }

    /// A directory all of which has been visited. `place` is where it lies: its parent and its name in there, unless it
    /// is the root of the walk.
    fn leave(&mut self, dir: OwnedFd, stat: &FileStat, place: Place<'_>) -> io::Result<()>;

    /// A directory that cannot be opened for this reason. With `Ok(true)` it is tried once more.
    fn locked(&mut self, place: Place<'_>, error: Errno) -> io::Result<bool>;
}

pub(super) type Place<'a> = Option<(BorrowedFd<'a>, &'a CStr)>;

struct Frame {
    /// None while a level further below is visited, unless this is an outer one.
    fd: Option<OwnedFd>,
    stat: FileStat,
    name: CString,
    /// What is still to be visited, each name with its zero byte.
    names: Vec<u8>,
    next: usize,
}

impl Frame {
    fn new(fd: OwnedFd, name: CString) -> io::Result<Frame> {
        let stat = fstat(&fd)?;
        Ok(Frame {
            names: names(fd.as_fd())?,
            fd: Some(fd),
            stat,
            name,
            next: 0,
        })
    }

    fn next(&mut self) -> Option<CString> {
        let name = CStr::from_bytes_until_nul(&self.names[self.next..]).ok()?;
        self.next += name.count_bytes() + 1;
        Some(name.to_owned())
    }
}

/// All names in a directory but the two of every directory. Read at once: what is added later is not visited.
fn names(dir: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut dir = Dir::openat(dir, c".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.extend_from_slice(name.to_bytes_with_nul());
        }
    }
    Ok(names)
}

/// Opens one name in `dir` without following it, and without leaving the mount (`EXDEV`).
pub(super) fn open_entry(dir: BorrowedFd<'_>, name: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match open_resolved(dir, name, flags, ResolveFlag::RESOLVE_NO_XDEV) {
        // A kernel before 5.6, or a filter that does not know the call: another file system is recognised, another mount
        // of the same one is not.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            let fd = openat(dir, name, flags, Mode::empty())?;
            let crossed = fstat(&fd)?.st_dev != fstat(dir)?.st_dev;
            if crossed { Err(Errno::EXDEV) } else { Ok(fd) }
        }
        result => result,
    }
}

/// Visits everything below `root`, a directory opened for reading, what lies in a directory before the directory itself.
pub(super) fn walk(root: OwnedFd, visitor: &mut dyn Visitor) -> io::Result<()> {
    let mut frames = vec![Frame::new(root, CString::default())?];
    enter(&frames, visitor)?;
    while let Some(frame) = frames.last_mut() {
        match frame.next() {
            Some(name) => visit(&mut frames, &name, visitor)?,
            None => back(&mut frames, visitor)?,
        }
    }
    Ok(())
}

fn enter(frames: &[Frame], visitor: &mut dyn Visitor) -> io::Result<()> {
    match frames.last() {
        Some(Frame {
            fd: Some(fd), stat, ..
        }) => visitor.enter(fd.as_fd(), stat),
        _ => Ok(()),
    }
}

fn visit(frames: &mut Vec<Frame>, name: &CStr, visitor: &mut dyn Visitor) -> io::Result<()> {
    let depth = frames.len();
    let Some(Frame { fd: Some(dir), .. }) = frames.last() else {
        return Ok(());
    };
    let stat = match fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        // Guests remove things too.
        Err(Errno::ENOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !is_dir(&stat) {
        return visitor.entry(dir.as_fd(), name, &stat);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let mut opened = open_entry(dir.as_fd(), name, flags);
    if let Err(error @ (Errno::EACCES | Errno::EPERM)) = opened
        && visitor.locked(Some((dir.as_fd(), name)), error)?
    {
        opened = open_entry(dir.as_fd(), name, flags);
    }
    match opened {
        Ok(fd) => {
            frames.push(Frame::new(fd, name.to_owned())?);
            if depth > OPEN_LEVELS {
                frames[depth - 1].fd = None;
            }
            enter(frames, visitor)
        }
        Err(Errno::EXDEV) => visitor.entry(dir.as_fd(), name, &stat),
        // Swapped for something else since; that is not what was listed.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(()),
        // Said to `locked` already.
        Err(Errno::EACCES | Errno::EPERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Goes up one level.
fn back(frames: &mut Vec<Frame>, visitor: &mut dyn Visitor) -> io::Result<()> {
    let Some(Frame {
        fd: Some(fd),
        stat,
        name,
        ..
    }) = frames.pop()
    else {
        return Ok(());
    };
    let Some(parent) = frames.last_mut() else {
        return visitor.leave(fd, &stat, None);
    };
    if parent.fd.is_none() {
        parent.fd = above(fd.as_fd(), &parent.stat);
    }
    let Some(above) = &parent.fd else {
        // Somebody has moved the directory away. What is left to visit of the levels we cannot get back to is not visited.
        while frames.last().is_some_and(|frame| frame.fd.is_none()) {
            frames.pop();
        }
        return Ok(());
    };
    visitor.leave(fd, &stat, Some((above.as_fd(), &name)))
}

/// The directory above `dir`, if it is the one of which we know `stat`.
fn above(dir: BorrowedFd<'_>, stat: &FileStat) -> Option<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let fd = openat(dir, c"..", flags, Mode::empty()).ok()?;
    same(&fstat(&fd).ok()?, stat).then_some(fd)
}
