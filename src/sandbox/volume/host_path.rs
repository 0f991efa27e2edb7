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
    /// What the error calls it.
    fn name(self) -> &'static str {
        match self {
            PathKind::Unchecked => "anything",
            PathKind::Directory | PathKind::DirectoryOrCreate => "directory",
            PathKind::File | PathKind::FileOrCreate => "file",
            PathKind::Socket => "socket file",
            PathKind::CharDevice => "character device",
            PathKind::BlockDevice => "block device",
        }
    }

    fn is(self, found: FileType) -> bool {
        match self {
            PathKind::Unchecked => true,
            PathKind::Directory | PathKind::DirectoryOrCreate => found.is_dir(),
            PathKind::File | PathKind::FileOrCreate => found.is_file(),
            PathKind::Socket => found.is_socket(),
            PathKind::CharDevice => found.is_char_device(),
            PathKind::BlockDevice => found.is_block_device(),
        }
    }
}

/// Checks, or makes, what lies at `path`. Symlinks of the machine are followed.
///
/// # Errors
/// The whole text for the user, as the kubelet words it (`pkg/volume/hostpath/host_path.go`, `checkTypeInternal`).
pub fn check(path: &Path, kind: PathKind) -> Result<(), String> {
    match fs::metadata(path) {
        _ if kind == PathKind::Unchecked => Ok(()),
        Ok(found) if kind.is(found.file_type()) => Ok(()),
        // A symlink to nowhere counts as nothing.
        Err(_) if kind == PathKind::DirectoryOrCreate => make_dir(path),
        Err(_) if kind == PathKind::FileOrCreate => make_file(path),
        _ => Err(format!(
            "hostPath type check failed: {} is not a {}",
            path.display(),
            kind.name()
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    const ALL: [(PathKind, &str); 7] = [
        (PathKind::DirectoryOrCreate, "directory"),
        (PathKind::Directory, "directory"),
        (PathKind::FileOrCreate, "file"),
        (PathKind::File, "file"),
        (PathKind::Socket, "socket file"),
        (PathKind::CharDevice, "character device"),
        (PathKind::BlockDevice, "block device"),
    ];

    #[test]
    fn every_kind_is_told_from_every_other() {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        fs::create_dir(path("dir")).unwrap();
        fs::write(path("file"), "").unwrap();
        let _listener = UnixListener::bind(path("socket")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        symlink("file", path("link")).unwrap();
        let block = fs::read_dir("/dev")
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        let block = block
            .filter(|path| {
                fs::metadata(path).is_ok_and(|found| found.file_type().is_block_device())
            })
            .map(|path| (path, "block device"));
        let things = [
            (path("dir"), "directory"),
            (path("file"), "file"),
            (path("link"), "file"),
            (path("socket"), "socket file"),
            (path("pipe"), "nothing that is known"),
            ("/dev/null".into(), "character device"),
        ];
        for (path, is) in things.into_iter().chain(block.take(1)) {
            for (kind, expected) in ALL {
                let text = format!(
                    "hostPath type check failed: {} is not a {expected}",
                    path.display()
                );
                let result = if is == expected { Ok(()) } else { Err(text) };
                assert_eq!(check(&path, kind), result);
            }
            check(&path, PathKind::Unchecked).unwrap();
        }
    }

    #[test]
    fn what_is_not_there_is_not_of_the_kind_unless_it_may_be_made() {
        let scratch = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        check(&scratch.path().join("none"), PathKind::Unchecked).unwrap();
        for (kind, expected) in ALL {
            let path = scratch.path().join(format!("{kind:?}"));
            match kind {
                PathKind::DirectoryOrCreate => {
                    let deep = path.join("a/b");
                    check(&deep, kind).unwrap();
                    check(&deep, kind).unwrap();
                    assert_eq!((mode(&deep), mode(&path)), (0o755, 0o755));
                }
                PathKind::FileOrCreate => {
                    check(&path, kind).unwrap();
                    assert_eq!(mode(&path), 0o644);
                    fs::write(&path, "kept").unwrap();
                    check(&path, kind).unwrap();
                    assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
                }
                _ => {
                    let text = format!(
                        "hostPath type check failed: {} is not a {expected}",
                        path.display()
                    );
                    assert_eq!(check(&path, kind), Err(text));
                    assert!(!path.exists());
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_made_says_why_as_go_words_it() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        fs::write(&file, "").unwrap();
        let below = file.join("below");
        let text = |call: &str, why: &str| Err(format!("{call} {}: {why}", below.display()));
        assert_eq!(
            check(&below, PathKind::DirectoryOrCreate),
            text("mkdir", "not a directory")
        );
        assert_eq!(
            check(&below, PathKind::FileOrCreate),
            text("open", "not a directory")
        );
        let orphan = scratch.path().join("none/file");
        let text = format!("open {}: no such file or directory", orphan.display());
        assert_eq!(
            check(&orphan, PathKind::FileOrCreate),
            Err(text),
            "its directory is not made"
        );
    }
}
