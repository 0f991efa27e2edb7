//! A directory or a file beneath a volume.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use cap_std::ambient_authority;
use cap_std::fs::{
    Dir, DirBuilder, DirBuilderExt, MetadataExt, OpenOptions, OpenOptionsExt, Permissions,
    PermissionsExt as _,
};
use nix::libc;
use nix::sys::stat::fstat;

use super::sys::proc_path;
use super::walk::is_dir;

/// Something below a volume, held open so that nobody can swap it for something else before it is used.
#[derive(Debug)]
pub struct SubPath {
    fd: OwnedFd,
    directory: bool,
}

impl SubPath {
    pub(super) fn from_fd(fd: OwnedFd) -> io::Result<SubPath> {
        let directory = is_dir(&fstat(&fd)?);
        Ok(SubPath { fd, directory })
    }

    /// Whether it is a directory; everything else can only be mounted by an [`Assembly`](super::Assembly).
    pub fn is_dir(&self) -> bool {
        self.directory
    }

    /// A path by which this process reaches exactly the object that was checked, as long as `self` lives.
    pub fn path(&self) -> PathBuf {
        proc_path(&self.fd)
    }

    /// A descriptor that names it; it can neither be read nor written.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens `sub` below `volume`, whatever lies there. If it is missing a directory is made, and so are the ones above it,
/// with the permission bits of the volume's root (kubelet `pkg/volume/util/subpath`). A symlink that stays within the volume
/// is followed, as the kubelet does.
///
/// # Errors
/// When the path leads out of the volume, by a symlink or by `..`, or a component is no directory or cannot be made.
pub fn open_sub_path(volume: &Path, sub: &str) -> Result<SubPath> {
    let root = Dir::open_ambient_dir(volume, ambient_authority())
        .with_context(|| format!("could not open the volume {}", volume.display()))?;
    let text = || {
        format!(
            "could not open the sub-path {sub:?} of the volume {}",
            volume.display()
        )
    };
    let parts = parts(sub).with_context(text)?;
    let opened = match open(&root, &parts) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            make(&root, &parts).and_then(|()| open(&root, &parts))
        }
        opened => opened,
    };
    Ok(SubPath::from_fd(opened.with_context(text)?)?)
}

/// The names in a sub-path.
fn parts(sub: &str) -> Result<PathBuf> {
    let mut parts = PathBuf::new();
    for part in Path::new(sub).components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir => bail!("it must not contain '..'"),
            _ => bail!("it must be a relative path"),
        }
    }
    if parts.as_os_str().is_empty() {
        parts.push(".");
    }
    Ok(parts)
}

/// Names it without opening it: it may be a pipe, or a device.
fn open(root: &Dir, path: &Path) -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_PATH);
    Ok(root.open_with(path, &options)?.into_std().into())
}

/// Makes the directories of `path` that are missing, one by one, each in the one before it.
fn make(root: &Dir, path: &Path) -> io::Result<()> {
    // What is not for the volume's root to say: the sticky bit of a tmpfs.
    let mode = root.dir_metadata()?.mode() & 0o2777;
    let mut dir = root.try_clone()?;
    let mut beyond = false;
    let mut so_far = PathBuf::new();
    for name in path {
        so_far.push(name);
        // As far as it is there, symlinks may lead anywhere in the volume. What we make is not one.
        let found = if beyond {
            dir.open_dir(name)
        } else {
            root.open_dir(&so_far)
        };
        dir = match found {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                beyond = true;
                make_one(&dir, name.as_ref(), mode)?
            }
            found => found?,
        };
    }
    Ok(())
}

/// Makes one directory, with `mode` whatever the umask says.
fn make_one(dir: &Dir, name: &Path, mode: u32) -> io::Result<Dir> {
    match dir.create_dir_with(name, DirBuilder::new().mode(mode)) {
        Ok(()) => {
            let made = dir.open_dir(name)?;
            made.set_permissions(".", Permissions::from_mode(mode))?;
            Ok(made)
        }
        // Somebody else was faster.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => dir.open_dir(name),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::sandbox::volume::shared_dir;

    fn volume() -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("volume");
        shared_dir(&path).unwrap();
        (scratch, path)
    }

    #[test]
    fn a_missing_sub_path_is_made_with_the_mode_of_the_volume() {
        let (_scratch, path) = volume();
        let sub = open_sub_path(&path, "a/b").unwrap();
        std::fs::write(sub.path().join("file"), "x").unwrap();
        assert_eq!(std::fs::read_to_string(path.join("a/b/file")).unwrap(), "x");
        assert_eq!(
            std::fs::metadata(path.join("a")).unwrap().mode() & 0o777,
            0o777
        );
    }

    #[test]
    fn a_planted_symlink_is_not_followed_out_of_the_volume() {
        let (scratch, path) = volume();
        let outside = scratch.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, path.join("out")).unwrap();
        assert!(open_sub_path(&path, "out/deep").is_err());
        assert!(open_sub_path(&path, "../outside").is_err());
        assert!(!outside.join("deep").exists());
    }

    #[test]
    fn a_sub_path_keeps_its_object_when_the_name_is_swapped() {
        let (scratch, path) = volume();
        let sub = open_sub_path(&path, "dir").unwrap();
        std::fs::rename(path.join("dir"), path.join("moved")).unwrap();
        std::os::unix::fs::symlink(scratch.path(), path.join("dir")).unwrap();
        std::fs::write(sub.path().join("file"), "x").unwrap();
        assert!(path.join("moved/file").exists());
        assert!(!scratch.path().join("file").exists());
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let (_scratch, path) = volume();
        std::fs::write(path.join("file"), "x").unwrap();
        assert!(open_sub_path(&path, "file/deep").is_err());
    }

    #[test]
    fn a_file_is_opened_as_one() {
        let (_scratch, path) = volume();
        std::fs::write(path.join("file"), "x").unwrap();
        let sub = open_sub_path(&path, "file").unwrap();
        assert!(!sub.is_dir());
        assert_eq!(std::fs::read_to_string(sub.path()).unwrap(), "x");
        assert!(open_sub_path(&path, "").unwrap().is_dir());
        // Nobody writes to it, and nobody waits for that.
        nix::unistd::mkfifo(&path.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(!open_sub_path(&path, "pipe").unwrap().is_dir());
    }

    /// As in a set of files, where every name is a symlink.
    #[test]
    fn a_symlink_within_the_volume_is_followed() {
        let (_scratch, path) = volume();
        std::fs::create_dir(path.join("..1")).unwrap();
        std::fs::write(path.join("..1/key"), "x").unwrap();
        std::os::unix::fs::symlink("..1", path.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/key", path.join("key")).unwrap();
        let sub = open_sub_path(&path, "key").unwrap();
        assert_eq!(std::fs::read_to_string(sub.path()).unwrap(), "x");
        let made = open_sub_path(&path, "..data/new/dir").unwrap();
        assert!(made.is_dir() && path.join("..1/new/dir").is_dir());
    }

    #[test]
    fn what_is_made_has_the_modes_of_the_root_but_for_the_sticky_bit() {
        let (_scratch, path) = volume();
        for (root, made) in [(0o1777, 0o777), (0o2770, 0o2770), (0o750, 0o750)] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(root);
            std::fs::set_permissions(&path, mode).unwrap();
            let name = format!("{root:o}/deep");
            let sub = open_sub_path(&path, &name).unwrap();
            for dir in [sub.path(), path.join(format!("{root:o}"))] {
                assert_eq!(std::fs::metadata(dir).unwrap().mode() & 0o7777, made);
            }
        }
    }

    #[test]
    fn a_path_that_is_none_is_refused() {
        let (scratch, path) = volume();
        let out = scratch.path().join("new");
        for sub in [out.to_str().unwrap(), "a/../../new", "..", "a/.."] {
            assert!(open_sub_path(&path, sub).is_err(), "{sub}");
        }
        assert!(!out.exists());
        std::os::unix::fs::symlink("nowhere", path.join("dangling")).unwrap();
        assert!(open_sub_path(&path, "dangling").is_err());
        assert!(open_sub_path(&path, "dangling/deep").is_err());
    }

    /// A guest swaps a directory for a symlink to the outside while we resolve and make.
    #[test]
    fn a_guest_that_swaps_directories_gets_nothing_outside() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let (scratch, path) = volume();
        let outside = scratch.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        let inode = std::fs::metadata(&outside).unwrap().ino();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (place, real) = (path.join("a"), path.join("real"));
                std::fs::create_dir(&real).unwrap();
                // We make and open meanwhile, so each of these may fail.
                while !over.load(Ordering::Relaxed) {
                    let _ = std::os::unix::fs::symlink(&outside, &place);
                    let _ = std::fs::remove_file(&place);
                    let _ = std::os::unix::fs::symlink("../outside", &place);
                    let _ = std::fs::remove_file(&place);
                    let _ = std::fs::rename(&real, &place);
                    let _ = std::fs::remove_dir(place.join("b"));
                    let _ = std::fs::rename(&place, &real);
                }
            });
            // Until the guest has been in time often enough, and too late often enough.
            let (mut opened, mut refused) = (0, 0);
            while opened < 100 || refused < 100 {
                for sub in ["a/b", "a"] {
                    match open_sub_path(&path, sub) {
                        Ok(sub) => {
                            let found = std::fs::metadata(sub.path()).unwrap();
                            assert_ne!(found.ino(), inode);
                            opened += 1;
                        }
                        Err(_) => refused += 1,
                    }
                }
                assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
                std::thread::yield_now();
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
