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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    use nix::mount::{MsFlags, mount};

    use super::super::needs::{as_nobody, in_own_namespace, is_root, require, require_mounts};
    use super::*;

    /// The judge: coreutils.
    fn du(dir: &Path) -> u64 {
        let output = Command::new("du")
            .args(["-s", "-x", "-B1"])
            .arg(dir)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }

    #[test]
    fn it_counts_as_du_does() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path();
        assert_eq!(usage(dir).unwrap(), du(dir));
        fs::create_dir_all(dir.join("a/b/c")).unwrap();
        fs::write(dir.join("a/file"), vec![1; 100_000]).unwrap();
        fs::write(dir.join("a/b/small"), "x").unwrap();
        fs::hard_link(dir.join("a/file"), dir.join("a/b/again")).unwrap();
        fs::hard_link(dir.join("a/file"), dir.join("once more")).unwrap();
        symlink("/usr", dir.join("link")).unwrap();
        symlink("x".repeat(2000), dir.join("long link")).unwrap();
        // A hole occupies nothing.
        fs::File::create(dir.join("sparse"))
            .unwrap()
            .set_len(1 << 30)
            .unwrap();
        let counted = usage(dir).unwrap();
        assert_eq!(counted, du(dir));
        assert!((100_000..1 << 20).contains(&counted), "{counted}");
    }

    #[test]
    fn what_is_mounted_below_is_not_counted() {
        if !require_mounts() {
            return;
        }
        in_own_namespace(|| {
            let scratch = tempfile::tempdir().unwrap();
            let (dir, big) = (scratch.path().join("dir"), scratch.path().join("big"));
            for dir in [&dir.join("tmpfs"), &dir.join("bind"), &big] {
                fs::create_dir_all(dir).unwrap();
            }
            fs::write(big.join("file"), vec![1; 1 << 20]).unwrap();
            let none = None::<&str>;
            mount(
                Some("none"),
                &dir.join("tmpfs"),
                Some("tmpfs"),
                MsFlags::empty(),
                none,
            )
            .unwrap();
            fs::write(dir.join("tmpfs/file"), vec![1; 1 << 20]).unwrap();
            mount(Some(&big), &dir.join("bind"), none, MsFlags::MS_BIND, none).unwrap();
            let counted = usage(&dir).unwrap();
            assert!(counted < 64 << 10, "{counted}");
        });
    }

    #[test]
    fn what_cannot_be_read_counts_for_itself() {
        if !require("root", is_root()) {
            return;
        }
        as_nobody(|| {
            let scratch = tempfile::tempdir().unwrap();
            fs::create_dir(scratch.path().join("locked")).unwrap();
            let open = usage(scratch.path()).unwrap();
            let mut mode = fs::metadata(scratch.path().join("locked"))
                .unwrap()
                .permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0);
            fs::set_permissions(scratch.path().join("locked"), mode).unwrap();
            assert_eq!(usage(scratch.path()).unwrap(), open);
        });
    }

    #[test]
    fn a_guest_may_make_move_and_remove_meanwhile() {
        let scratch = tempfile::tempdir().unwrap();
        let (dir, outside) = (scratch.path().join("dir"), scratch.path().join("outside"));
        for dir in [&dir, &outside] {
            fs::create_dir(dir).unwrap();
        }
        fs::write(outside.join("big"), vec![1; 8 << 20]).unwrap();
        fs::write(dir.join("stays"), vec![1; 100_000]).unwrap();
        let stays = fs::metadata(dir.join("stays")).unwrap().blocks() * 512;
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::create_dir_all(dir.join("a/b/c")).unwrap();
                    fs::write(dir.join("a/b/c/file"), "x").unwrap();
                    fs::rename(dir.join("a/b"), dir.join("moved")).unwrap();
                    symlink(&outside, dir.join("a/b")).unwrap();
                    fs::remove_dir_all(dir.join("moved")).unwrap();
                    fs::remove_dir_all(dir.join("a")).unwrap();
                }
            });
            for _ in 0..200 {
                let counted = usage(&dir).unwrap();
                assert!((stays..1 << 20).contains(&counted), "{counted}");
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
