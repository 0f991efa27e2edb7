//! What a command of `exec` means: which program its first word names in a container's view.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::desk::Instance;
use crate::sandbox::toolbox;
use crate::sandbox::wasm::Mount;
use crate::spec::pod::Image;

/// Where container images have the tools that the toolbox has.
const TOOL_FOLDERS: [&str; 5] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"];

/// The program behind a command.
#[derive(Debug)]
pub(super) enum Found {
    /// The container's own.
    Own,
    /// An applet of the toolbox.
    Applet,
    /// A wasm file of the view.
    File(File),
}

/// Why there is none, as container runtimes tell it: the exit code a shell would give, and words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub code: i32,
    pub message: String,
}

/// Looks a command up. Touches files, so it may block.
///
/// In this order: the container's own program by its name, a wasm file of the view, an applet. A path (a word with `/`)
/// is a file, or one of the folders where images have their tools and the name of an applet.
pub(super) fn find(instance: &Instance, word: &str) -> Result<Found, Missing> {
    if is_own(instance, word) {
        return Ok(Found::Own);
    }
    let cwd = instance.container().working_dir.as_deref().unwrap_or("/");
    if word.contains('/') {
        return find_path(instance, cwd, word);
    }
    if word.ends_with(".wasm")
        && let Some(found) = look(instance, &Path::new(cwd).join(word), word)?
    {
        return Ok(found);
    }
    for folder in search_path(instance) {
        if let Some(found) = look(instance, &Path::new(folder).join(word), word)? {
            return Ok(found);
        }
    }
    if toolbox::has(word) {
        return Ok(Found::Applet);
    }
    Err(missing(word, "executable file not found in $PATH"))
}

/// Whether a word needs no look at any file: most commands do not.
pub(super) fn is_known(instance: &Instance, word: &str) -> Option<Found> {
    if is_own(instance, word) {
        return Some(Found::Own);
    }
    let searched = search_path(instance).next().is_some();
    (toolbox::has(word) && !searched).then_some(Found::Applet)
}

fn find_path(instance: &Instance, cwd: &str, word: &str) -> Result<Found, Missing> {
    let path = Path::new(cwd).join(word);
    if let Some(found) = look(instance, &path, word)? {
        return Ok(found);
    }
    let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
    let name = path.file_name().and_then(|name| name.to_str());
    if TOOL_FOLDERS.contains(&folder) && name.is_some_and(toolbox::has) {
        return Ok(Found::Applet);
    }
    Err(missing(
        word,
        &format!("stat {word}: no such file or directory"),
    ))
}

/// The container's program goes by the word it was started with, and by the name of its file.
fn is_own(instance: &Instance, word: &str) -> bool {
    let Image::File { path, .. } = &instance.container().image else {
        return false;
    };
    let is = |name: Option<&std::ffi::OsStr>| name.is_some_and(|name| name == word);
    word == instance.argv0
        || is(path.file_name())
        || is(path.file_stem())
        || path == Path::new(word)
}

/// The folders of the container's own `PATH`, if it has one.
fn search_path(instance: &Instance) -> impl Iterator<Item = &str> {
    let path = instance.env.iter().find(|(name, _)| name == "PATH");
    path.into_iter()
        .flat_map(|(_, folders)| folders.split(':'))
        .filter(|folder| folder.starts_with('/'))
}

/// The wasm file at an absolute path of the view. None: there is nothing.
fn look(instance: &Instance, path: &Path, word: &str) -> Result<Option<Found>, Missing> {
    let Some(file) = open(&instance.mounts, path) else {
        return Ok(None);
    };
    let denied = |why: &str| Missing {
        code: 126,
        message: format!("exec: {word:?}: {why}"),
    };
    match file.metadata() {
        Ok(meta) if meta.is_dir() => return Err(denied("is a directory")),
        Ok(meta) if meta.is_file() => {}
        _ => return Err(denied("permission denied")),
    }
    let mut magic = [0; 4];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) if magic == *b"\0asm" => Ok(Some(Found::File(file))),
        _ => Err(denied("exec format error")),
    }
}

/// Opens a path of the view beneath the mount that holds it: a symbolic link that a guest has planted leads nowhere else.
fn open(mounts: &[Mount], path: &Path) -> Option<File> {
    let path = plain(path);
    let holding = mounts.iter().filter(|mount| path.starts_with(&mount.guest));
    let mount = holding.max_by_key(|mount| mount.guest.len())?;
    let below = path.strip_prefix(&mount.guest).ok()?;
    let below = if below.as_os_str().is_empty() {
        Path::new(".")
    } else {
        below
    };
    let root = Dir::open_ambient_dir(&mount.host, ambient_authority()).ok()?;
    // Looked at before it is opened: to open a FIFO is to wait for its writer.
    let meta = root.metadata(below).ok()?;
    if meta.is_dir() {
        return root.open_dir(below).ok().map(Dir::into_std_file);
    }
    let mut options = cap_std::fs::OpenOptions::new();
    nonblocking(options.read(true));
    root.open_with(below, &options)
        .ok()
        .map(cap_std::fs::File::into_std)
}

/// The file may have been exchanged for a FIFO since it was looked at.
fn nonblocking(options: &mut cap_std::fs::OpenOptions) {
    use cap_std::fs::OpenOptionsExt;
    options.custom_flags(nix::libc::O_NONBLOCK);
}

/// Without `.` and `..`, by the words alone.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

fn missing(word: &str, why: &str) -> Missing {
    Missing {
        code: 127,
        message: format!("exec: {word:?}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_plain() {
        for (path, expected) in [
            ("/a/./b/../c", "/a/c"),
            ("/../../etc", "/etc"),
            ("/", "/"),
            ("a/b", "/a/b"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn a_link_out_of_a_mount_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.wasm"), b"\0asm").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::fs::write(inside.path().join("own.wasm"), b"\0asm").unwrap();
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, inside.path().join(name)).unwrap();
        };
        link(&outside.path().join("secret.wasm"), "absolute.wasm");
        link(outside.path(), "folder");
        link(Path::new("own.wasm"), "near.wasm");
        let mounts = [Mount {
            host: inside.path().into(),
            guest: "/data".into(),
            read_only: true,
        }];
        let opens = |path: &str| open(&mounts, Path::new(path)).is_some();
        assert!(opens("/data/own.wasm") && opens("/data/near.wasm"));
        for path in [
            "/data/absolute.wasm",
            "/data/folder/secret.wasm",
            "/data/../etc/passwd",
            "/elsewhere",
        ] {
            assert!(!opens(path), "{path}");
        }
    }
}
