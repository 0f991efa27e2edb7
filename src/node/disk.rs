//! Files that are there as a whole or not at all.
//!
//! Every change of the room passes through a [`Folder`]: a directory held open, below which no symlink is followed. A new
//! content is written beside the old one and takes its name, so that a reader, or the one who comes after a crash, finds
//! the old state or the new one. What a kill can leave behind is a [`Draft`].

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{self, OFlag};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};

use step::step;

/// Nothing of ours is that large; what is was not written by us.
const MAX_FILE: u64 = 16 << 20;

/// Whether a change has to outlive a failure of the power, or only of the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    Yes,
    No,
}

/// Where a new content is written, before it takes the file's name. It is a fixed place, so that what a kill leaves there is used
/// again and nothing piles up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draft {
    /// One per file: its only writer is not the only one in the folder.
    OfFile,
    /// One per folder: its writers take turns.
    OfFolder,
}

impl Draft {
    fn name(self, file: &str) -> String {
        match self {
            Draft::OfFile => format!(".{file}.new"),
            Draft::OfFolder => ".new".to_owned(),
        }
    }
}

/// A directory that is held open.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Folder {
    /// The directory at a path of the installation's choosing, which may be a symlink.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let fd = fcntl::open(path, FOLDER, Mode::empty())?;
        Ok(Folder {
            fd,
            path: path.to_owned(),
        })
    }

    /// The same, made if it is missing: for its owner alone.
    pub fn make(path: &Path) -> io::Result<Folder> {
        match Folder::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                step("make", path)?;
                DirBuilder::new().recursive(true).mode(0o700).create(path)?;
                Folder::open(path)
            }
            opened => opened,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn sub(&self, name: &str) -> io::Result<Folder> {
        let fd = fcntl::openat(&self.fd, name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty())?;
        Ok(Folder {
            fd,
            path: self.path.join(name),
        })
    }

    /// The folder of that name, made if it is missing.
    pub fn make_sub(&self, name: &str) -> io::Result<Folder> {
        match self.sub(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                step("make", &self.path)?;
                match mkdirat(&self.fd, name, Mode::S_IRWXU) {
                    Ok(()) => fsync(&self.fd)?,
                    Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                self.sub(name)
            }
            opened => opened,
        }
    }

    /// A path to the open directory itself, whatever stands at [`Folder::path`] by now.
    pub fn handle(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd()).into()
    }

    /// What is in it, but for what begins with a dot (half-written files, locks). In no order.
    pub fn names(&self) -> io::Result<Vec<String>> {
        // Through the open directory, so that it cannot have become another one.
        let entries = fs::read_dir(self.handle())?;
        let mut names = Vec::new();
        for entry in entries {
            // What is not text was not written by us.
            if let Ok(name) = entry?.file_name().into_string()
                && !name.starts_with('.')
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    pub fn open_file(&self, name: &str, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let fd = fcntl::openat(&self.fd, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(File::from(fd))
    }

    /// The content of a file, in place of what is in `buffer`.
    pub fn read(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        let file = self.open_file(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        read_all(file, buffer)
    }

    /// Gives the file this content, whole or not at all. The caller holds whatever lock makes it the only writer of `name`.
    pub fn replace(
        &self,
        name: &str,
        content: &[u8],
        draft: Draft,
        durable: Durable,
    ) -> io::Result<()> {
        let fresh = draft.name(name);
        let written = self.write_fresh(&fresh, content, durable).and_then(|()| {
            step("rename", &self.path)?;
            Ok(fcntl::renameat(&self.fd, fresh.as_str(), &self.fd, name)?)
        });
        if written.is_err() {
            // It may hold the last free block of the disk.
            let _ = unlinkat(&self.fd, fresh.as_str(), UnlinkatFlags::NoRemoveDir);
            return written;
        }
        self.sync(durable)
    }

    fn write_fresh(&self, fresh: &str, content: &[u8], durable: Durable) -> io::Result<()> {
        step("open", &self.path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let mut file = self.open_file(fresh, flags)?;
        // Tests stop it half way; the kernel may do so too.
        let (head, tail) = content.split_at(content.len() / 2 * usize::from(step::WATCHED));
        file.write_all(head)?;
        step("write", &self.path)?;
        file.write_all(tail)?;
        if durable == Durable::Yes {
            step("sync", &self.path)?;
            file.sync_all()?;
        }
        Ok(())
    }

    /// Sets more room aside for a file than it has content, for [`Folder::write_over`]. Where that cannot be done there is none.
    pub fn spare(&self, name: &str, room: i64) -> io::Result<()> {
        let file = self.open_file(name, OFlag::O_WRONLY)?;
        let flags = fcntl::FallocateFlags::FALLOC_FL_KEEP_SIZE;
        Ok(fcntl::fallocate(&file, flags, 0, room)?)
    }

    /// Writes over a file that has room for this content, where there is no room for a new one. A kill in the midst of it leaves
    /// a file that cannot be understood.
    pub fn write_over(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut file = self.open_file(name, OFlag::O_WRONLY)?;
        let room = file.metadata()?.blocks() * 512;
        if content.len() as u64 > room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        step("write over", &self.path)?;
        file.write_all(content)?;
        file.set_len(content.len() as u64)?;
        file.sync_all()
    }

    /// Whether it was there.
    pub fn remove(&self, name: &str, draft: Draft, durable: Durable) -> io::Result<bool> {
        step("remove", &self.path)?;
        // A writer that was killed has left it; without its file nobody would come by again.
        let _ = unlinkat(
            &self.fd,
            draft.name(name).as_str(),
            UnlinkatFlags::NoRemoveDir,
        );
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => self.sync(durable).map(|()| true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a folder in it if that is empty but for a draft. Nobody else may be writing there.
    pub fn tidy_sub(&self, name: &str) -> io::Result<()> {
        step("tidy", &self.path)?;
        if let Ok(sub) = self.sub(name) {
            let draft = Draft::OfFolder.name("");
            let _ = unlinkat(&sub.fd, draft.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        match unlinkat(&self.fd, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOENT | Errno::ENOTDIR) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self, durable: Durable) -> io::Result<()> {
        if durable == Durable::Yes {
            step("sync folder", &self.path)?;
            fsync(self.fd.as_fd())?;
        }
        Ok(())
    }
}

fn read_all(mut file: File, buffer: &mut Vec<u8>) -> io::Result<()> {
    const STEP: usize = 16 << 10;
    buffer.clear();
    loop {
        let begin = buffer.len();
        buffer.resize(begin + STEP.max(begin), 0);
        let got = file.read(&mut buffer[begin..])?;
        let full = begin + got == buffer.len();
        buffer.truncate(begin + got);
        // A regular file gives all it has: less than was asked for is the end, and saves asking again.
        if !full {
            return Ok(());
        }
        if buffer.len() as u64 > MAX_FILE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("larger than {MAX_FILE} bytes"),
            ));
        }
    }
}

/// Between any two changes of the disk a test may kill the process, or refuse the change.
#[cfg(not(test))]
pub(super) mod step {
    pub const WATCHED: bool = false;

    #[expect(clippy::unnecessary_wraps, reason = "in tests it can fail")]
    pub fn step(_doing: &str, _path: &std::path::Path) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod step {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, PoisonError};

    pub const WATCHED: bool = true;

    /// The process dies before its n-th change from now; 0: it does not.
    pub static LETHAL: AtomicU64 = AtomicU64::new(0);
    /// Below these paths the disk is full.
    static FULL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

    /// Fills the disk below `path`, or makes room again.
    pub fn fill(path: &Path, full: bool) {
        let mut paths = FULL.lock().unwrap_or_else(PoisonError::into_inner);
        paths.retain(|old| old != path);
        if full {
            paths.push(path.to_owned());
        }
    }

    pub fn step(doing: &str, path: &Path) -> io::Result<()> {
        let count = |left: u64| left.checked_sub(1);
        if LETHAL.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) == Ok(1) {
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL)?;
        }
        let full = FULL.lock().unwrap_or_else(PoisonError::into_inner);
        if doing == "write" && full.iter().any(|full| path.starts_with(full)) {
            return Err(nix::errno::Errno::ENOSPC.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        (dir, folder)
    }

    fn text(folder: &Folder, name: &str) -> String {
        let mut buffer = b"old".to_vec();
        folder.read(name, &mut buffer).unwrap();
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_stays_beside_it() {
        let (_dir, folder) = folder();
        let large = "x".repeat(100_000);
        for content in ["", "one", &large] {
            folder
                .replace("a", content.as_bytes(), Draft::OfFile, Durable::Yes)
                .unwrap();
            assert_eq!(text(&folder, "a"), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_leaves_the_old_content_and_no_litter() {
        let (dir, folder) = folder();
        folder
            .replace("a", b"old", Draft::OfFile, Durable::No)
            .unwrap();
        step::fill(dir.path(), true);
        let error = folder
            .replace("a", b"new", Draft::OfFile, Durable::No)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        step::fill(dir.path(), false);
        assert_eq!(text(&folder, "a"), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_symlink_is_followed() {
        let (dir, folder) = folder();
        let foreign = tempfile::tempdir().unwrap();
        fs::write(foreign.path().join("file"), "foreign").unwrap();
        std::os::unix::fs::symlink(foreign.path(), dir.path().join("sub")).unwrap();
        std::os::unix::fs::symlink(foreign.path().join("file"), dir.path().join("a")).unwrap();
        assert!(folder.sub("sub").is_err());
        assert!(folder.make_sub("sub").is_err());
        assert!(folder.read("a", &mut Vec::new()).is_err());
        // A new content takes the link's place and leaves alone what it pointed to.
        folder
            .replace("a", b"ours", Draft::OfFile, Durable::No)
            .unwrap();
        assert_eq!(text(&folder, "a"), "ours");
        let foreign = fs::read_to_string(foreign.path().join("file")).unwrap();
        assert_eq!(foreign, "foreign");
    }

    #[test]
    fn a_fifo_in_the_place_of_a_file_makes_nobody_wait() {
        let (dir, folder) = folder();
        nix::unistd::mkfifo(&dir.path().join("a"), Mode::S_IRWXU).unwrap();
        let mut buffer = Vec::new();
        folder.read("a", &mut buffer).unwrap();
        assert!(buffer.is_empty());
    }
}
