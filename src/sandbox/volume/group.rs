//! A tree given to a group.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat};
use nix::unistd::{Gid, fchownat};

use super::sys::proc_path;
use super::walk::{Place, Visitor, is_dir, open_entry, same, walk};

/// What the group may do (kubelet `pkg/volume/volume_linux.go`).
const READ_WRITE: u32 = 0o660;
const READ_ONLY: u32 = 0o440;
/// And with directories: enter them, and have what is made in them.
const DIRECTORY: u32 = 0o2110;

/// Gives everything in `dir`, and at last `dir` itself, to the group `gid`, readable (and, unless `read_only`, writable) for
/// it. With `on_root_mismatch` nothing is done if `dir` itself is so already; it comes last, so that this is only so when
/// nothing is missing.
///
/// Symlinks are given away themselves, never what they point to. A file that has a name outside of `dir` as well is left
/// alone: a guest may have linked it here from somewhere else.
///
/// # Errors
/// When `dir` is no directory, or something in it cannot be given away; the rest is then.
pub fn own_group(dir: &Path, gid: u32, read_only: bool, on_root_mismatch: bool) -> Result<()> {
    let text = || format!("could not give {} to the group {gid}", dir.display());
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(dir, flags, Mode::empty()).with_context(text)?;
    let mut gift = Gift {
        gid,
        bits: if read_only { READ_ONLY } else { READ_WRITE },
        links: HashMap::new(),
        first_error: None,
    };
    if on_root_mismatch && gift.done_to(&fstat(&root).with_context(text)?) {
        return Ok(());
    }
    walk(root, &mut gift).with_context(text)?;
    match gift.first_error {
        Some(error) => Err(error).with_context(text),
        None => Ok(()),
    }
}

struct Gift {
    gid: u32,
    bits: u32,
    /// How many names of a file with several have been met.
    links: HashMap<u64, u64>,
    first_error: Option<io::Error>,
}

impl Gift {
    /// Whether a directory is as it should be, or allows even more.
    fn done_to(&self, stat: &FileStat) -> bool {
        let bits = self.bits | DIRECTORY;
        stat.st_gid == self.gid && stat.st_mode & bits == bits
    }

    fn give(&self, fd: BorrowedFd<'_>, stat: &FileStat) -> nix::Result<()> {
        let gid = Some(Gid::from_raw(self.gid));
        fchownat(fd, c"", None, gid, AtFlags::AT_EMPTY_PATH)?;
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        let bits = match kind {
            // A symlink has no mode of its own.
            SFlag::S_IFLNK => return Ok(()),
            SFlag::S_IFDIR => self.bits | DIRECTORY,
            _ => self.bits,
        };
        let mode = Mode::from_bits_truncate(stat.st_mode & 0o7777 | bits);
        // The descriptor may be one that only names the file; this path leads to the same file and nowhere else.
        let path = proc_path(fd);
        fchmodat(
            nix::fcntl::AT_FDCWD,
            &path,
            mode,
            FchmodatFlags::FollowSymlink,
        )
    }

    fn note(&mut self, result: nix::Result<()>) {
        if let Err(error) = result
            && error != Errno::ENOENT
        {
            self.first_error.get_or_insert(error.into());
        }
    }

    /// True when all names of the file have been met.
    fn all_met(&mut self, stat: &FileStat) -> bool {
        if stat.st_nlink < 2 {
            return true;
        }
        let met = self.links.entry(stat.st_ino).or_default();
        *met += 1;
        *met >= stat.st_nlink
    }
}

impl Visitor for Gift {
    fn entry(&mut self, dir: BorrowedFd<'_>, name: &CStr, listed: &FileStat) -> io::Result<()> {
        if is_dir(listed) || !self.all_met(listed) {
            return Ok(());
        }
        let given = open_entry(dir, name, OFlag::O_PATH).and_then(|fd| {
            let stat = fstat(&fd)?;
            // Swapped since it was listed: whoever did that has it in hand.
            if same(&stat, listed) && stat.st_nlink == listed.st_nlink {
                self.give(fd.as_fd(), &stat)?;
            }
            Ok(())
        });
        // Mounted here from somewhere else: not ours to give away.
        self.note(given.or_else(|error| (error == Errno::EXDEV).then_some(()).ok_or(error)));
        Ok(())
    }

    fn leave(&mut self, dir: OwnedFd, _: &FileStat, place: Place<'_>) -> io::Result<()> {
        // The root says that all is done, so it must not say so after an error.
        if place.is_none() && self.first_error.is_some() {
            return Ok(());
        }
        let given = fstat(&dir).and_then(|stat| self.give(dir.as_fd(), &stat));
        self.note(given);
        Ok(())
    }

    fn locked(&mut self, _: Place<'_>, error: Errno) -> io::Result<bool> {
        self.note(Err(error));
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::needs::{is_root, require};
    use super::*;

    const GROUP: u32 = 4242;

    fn owner(path: &Path) -> (u32, u32) {
        let found = fs::symlink_metadata(path).unwrap();
        (found.gid(), found.mode() & 0o7777)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A volume with a directory, two files in it, and symlinks; and a file outside.
    fn volume() -> Option<(tempfile::TempDir, PathBuf)> {
        if !require("root", is_root()) {
            return None;
        }
        let scratch = tempfile::tempdir().unwrap();
        let volume = scratch.path().join("volume");
        fs::create_dir_all(volume.join("dir")).unwrap();
        fs::write(scratch.path().join("outside"), "x").unwrap();
        for (name, mode) in [("dir/private", 0o600), ("dir/program", 0o755)] {
            fs::write(volume.join(name), "x").unwrap();
            set_mode(&volume.join(name), mode);
        }
        set_mode(&scratch.path().join("outside"), 0o600);
        set_mode(&volume, 0o777);
        set_mode(&volume.join("dir"), 0o700);
        symlink("../outside", volume.join("link")).unwrap();
        symlink(scratch.path(), volume.join("dir/up")).unwrap();
        Some((scratch, volume))
    }

    #[test]
    fn all_in_it_belongs_to_the_group_and_is_writable_for_it() {
        let Some((scratch, volume)) = volume() else {
            return;
        };
        own_group(&volume, GROUP, false, false).unwrap();
        assert_eq!(owner(&volume), (GROUP, 0o2777));
        assert_eq!(owner(&volume.join("dir")), (GROUP, 0o2770));
        assert_eq!(owner(&volume.join("dir/private")), (GROUP, 0o660));
        assert_eq!(owner(&volume.join("dir/program")), (GROUP, 0o775));
        assert_eq!(owner(&volume.join("link")).0, GROUP);
        // What the symlinks point to is not in it.
        assert_eq!(owner(&scratch.path().join("outside")), (0, 0o600));
        // What is made in it from now on belongs to the group too.
        fs::write(volume.join("dir/new"), "x").unwrap();
        assert_eq!(owner(&volume.join("dir/new")).0, GROUP);
    }

    #[test]
    fn what_is_read_only_is_readable_for_it() {
        let Some((_scratch, volume)) = volume() else {
            return;
        };
        set_mode(&volume.join("dir/private"), 0o400);
        own_group(&volume, GROUP, true, false).unwrap();
        assert_eq!(owner(&volume.join("dir/private")), (GROUP, 0o440));
        assert_eq!(owner(&volume.join("dir")), (GROUP, 0o2750));
    }

    #[test]
    fn on_root_mismatch_looks_at_the_root_alone() {
        let Some((_scratch, volume)) = volume() else {
            return;
        };
        own_group(&volume, GROUP, false, true).unwrap();
        assert_eq!(owner(&volume.join("dir/private")), (GROUP, 0o660));
        set_mode(&volume.join("dir/private"), 0o600);
        own_group(&volume, GROUP, false, true).unwrap();
        assert_eq!(
            owner(&volume.join("dir/private")).1,
            0o600,
            "the root matched"
        );
        for change in [0o755, 0o2707, 0o2677] {
            set_mode(&volume, change);
            set_mode(&volume.join("dir/private"), 0o600);
            own_group(&volume, GROUP, false, true).unwrap();
            assert_eq!(owner(&volume.join("dir/private")).1, 0o660, "{change:o}");
        }
        own_group(&volume, GROUP + 1, false, true).unwrap();
        assert_eq!(owner(&volume.join("dir/private")).0, GROUP + 1);
    }

    /// A guest that can write two volumes can link a file of one into the other.
    #[test]
    fn a_file_with_a_name_outside_is_left_alone() {
        let Some((scratch, volume)) = volume() else {
            return;
        };
        let outside = scratch.path().join("outside");
        fs::hard_link(&outside, volume.join("stolen")).unwrap();
        fs::hard_link(volume.join("dir/private"), volume.join("twice")).unwrap();
        own_group(&volume, GROUP, false, false).unwrap();
        assert_eq!(owner(&outside), (0, 0o600));
        assert_eq!(
            owner(&volume.join("twice")),
            (GROUP, 0o660),
            "both names are in it"
        );
    }

    #[test]
    fn a_guest_that_swaps_what_is_given_away_gains_nothing() {
        let Some((scratch, volume)) = volume() else {
            return;
        };
        let outside = scratch.path().join("elsewhere");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "x").unwrap();
        let before = [owner(&outside), owner(&outside.join("file"))];
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (place, aside) = (volume.join("place"), volume.join("aside"));
                while !over.load(Ordering::Relaxed) {
                    fs::create_dir(&place).unwrap();
                    fs::write(place.join("file"), "x").unwrap();
                    fs::rename(&place, &aside).unwrap();
                    symlink(&outside, &place).unwrap();
                    fs::remove_file(&place).unwrap();
                    symlink(outside.join("file"), &place).unwrap();
                    fs::remove_file(&place).unwrap();
                    fs::write(&place, "x").unwrap();
                    fs::remove_file(&place).unwrap();
                    fs::remove_dir_all(&aside).unwrap();
                }
            });
            for _ in 0..100 {
                own_group(&volume, GROUP, false, false).unwrap();
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!([owner(&outside), owner(&outside.join("file"))], before);
    }

    #[test]
    fn an_error_is_told_and_the_root_does_not_claim_it_is_done() {
        let Some((_scratch, volume)) = volume() else {
            return;
        };
        let (before, path) = (owner(&volume), volume.clone());
        super::super::needs::as_nobody(move || {
            let error = own_group(&path, 65534, false, false).unwrap_err();
            assert!(format!("{error:#}").contains("could not give"), "{error:#}");
        });
        assert_eq!(owner(&volume), before);
    }
}
