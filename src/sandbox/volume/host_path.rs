//! What lies at a path of this machine, or is made there.

use std::fs::{self, FileType, Permissions};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What is expected at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// Anything, or nothing: no check is made.
    Unchecked,
    /// A directory, made with its parents (0755) if nothing is there.
    DirectoryOrCreate,
    Directory,
    /// A file, made empty (0644) if nothing is there; its directory is not made.
    FileOrCreate,
    File,
    Socket,
    CharDevice,
    BlockDevice,
}

impl PathKind {
    /// What the error calls it, and whether a type is it.
    fn expected(self) -> Option<(&'static str, fn(&FileType) -> bool)> {
        Some(match self {
            PathKind::Unchecked => return None,
            PathKind::Directory | PathKind::DirectoryOrCreate => ("directory", FileType::is_dir),
            PathKind::File | PathKind::FileOrCreate => ("file", FileType::is_file),
            PathKind::Socket => ("socket file", FileType::is_socket),
            PathKind::CharDevice => ("character device", FileType::is_char_device),
            PathKind::BlockDevice => ("block device", FileType::is_block_device),
        })
    }
}

/// Checks, or makes, what lies at `path`. Symlinks of the machine are followed.
///
/// # Errors
/// The whole text for the user, as the kubelet words it (`pkg/volume/hostpath/host_path.go`, `checkTypeInternal`).
pub fn check(path: &Path, kind: PathKind) -> Result<(), String> {
    let Some((name, is_expected)) = kind.expected() else {
        return Ok(());
    };
    match fs::metadata(path) {
        Ok(found) if is_expected(&found.file_type()) => Ok(()),
        // A symlink to nowhere counts as nothing.
        Err(_) if kind == PathKind::DirectoryOrCreate => make_dir(path),
        Err(_) if kind == PathKind::FileOrCreate => make_file(path),
        _ => Err(format!(
            "hostPath type check failed: {} is not a {name}",
            path.display()
        )),
    }
}

/// The kubelet reports the system's error as Go words it: the call, the path, the reason.
fn worded(call: &str, path: &Path, error: &std::io::Error) -> String {
    let reason = match error.raw_os_error() {
        Some(code) => nix::errno::Errno::from_raw(code).desc().to_lowercase(),
        None => error.to_string(),
    };
    format!("{call} {}: {reason}", path.display())
}

/// Mode 0755 whatever the umask says, for the directories that were missing.
fn make_dir(path: &Path) -> Result<(), String> {
    let missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|path| !path.exists())
        .map(Path::to_owned)
        .collect();
    for path in missing.iter().rev() {
        let made = fs::DirBuilder::new().mode(0o755).create(path);
        let made = match made {
            // Somebody else was faster.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => continue,
            made => made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755))),
        };
        made.map_err(|error| worded("mkdir", path, &error))?;
    }
    Ok(())
}

fn make_file(path: &Path) -> Result<(), String> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    match made.and_then(|file| file.set_permissions(Permissions::from_mode(0o644))) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(worded("open", path, &e)),
        _ => Ok(()),
    }
}
