//! A directory or a file beneath a volume.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt, Permissions, PermissionsExt as _};

/// A directory (or file) below a volume, held open so that nobody can swap it for something else before it is used.
#[derive(Debug)]
pub struct SubPath {
    fd: OwnedFd,
    directory: bool,
}

impl SubPath {
    /// Whether it is a directory; everything else can only be mounted by an [`Assembly`](super::Assembly).
    pub fn is_dir(&self) -> bool {
        self.directory
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// A path by which this process reaches exactly the object that was checked, as long as `self` lives.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }
}

/// Opens `sub` below `volume`, making the directories that are missing with the permission bits of the volume's root
/// (kubelet `pkg/volume/util/subpath`). A symlink that stays within the volume is followed, as the kubelet does.
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
    let mode = root.dir_metadata()?.mode() & 0o7777;
    let mut path = PathBuf::new();
    for part in Path::new(sub).components() {
        path.push(part);
        make(&root, &path, mode).with_context(text)?;
    }
    let dir = root.open_dir(&path).with_context(text)?;
    Ok(SubPath {
        fd: dir.into_std_file().into(),
        directory: true,
    })
}

/// Makes one directory beneath `root` if nothing has its name, and gives it `mode` whatever the umask says.
fn make(root: &Dir, path: &Path, mode: u32) -> io::Result<()> {
    match root.create_dir_with(path, DirBuilder::new().mode(mode)) {
        Ok(()) => root
            .open_dir(path)?
            .set_permissions(".", Permissions::from_mode(mode)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
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
}
