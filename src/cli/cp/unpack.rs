//! A tar stream of a container as local files. The stream is not to be trusted: a guest made it.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tokio::sync::mpsc;

use super::place;

/// One copy on its way: what it is called there, and where it goes here.
pub struct Unpacking {
    /// What every name in the stream must begin with.
    prefix: String,
    /// The directory in which everything is made. Nothing is made beyond it, whatever names and links there are.
    root: Dir,
    /// The target's own name in it.
    name: PathBuf,
    /// The target as it was written.
    shown: PathBuf,
}

impl Unpacking {
    pub fn new(from: &str, to: &Path) -> Result<Unpacking> {
        // A target that is there is meant as what it leads to.
        let real = std::fs::canonicalize(to).unwrap_or_else(|_| to.to_owned());
        let real = std::path::absolute(&real).with_context(|| shown(to))?;
        let (folder, name) = match (real.parent(), real.file_name()) {
            (Some(folder), Some(name)) => (folder, PathBuf::from(name)),
            _ => (Path::new("/"), PathBuf::from(".")),
        };
        std::fs::create_dir_all(folder).with_context(|| shown(folder))?;
        let root = Dir::open_ambient_dir(folder, ambient_authority());
        Ok(Unpacking {
            prefix: prefix(from),
            root: root.with_context(|| shown(folder))?,
            name,
            shown: to.to_owned(),
        })
    }

    /// # Errors
    /// The stream is not what was asked for, or a file cannot be made.
    pub fn run(&self, stream: impl Read, hint: &str) -> Result<()> {
        let mut hint = Some(hint);
        for entry in tar::Archive::new(stream).entries()? {
            let mut entry = entry.context("tar contents corrupted")?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let Some(rest) = path.strip_prefix(&self.prefix) else {
                bail!("tar contents corrupted");
            };
            let Some(below) = beneath(rest) else {
                let shown = self.shown.join(rest.trim_start_matches('/'));
                eprintln!(
                    "warning: file {:?} is outside target destination, skipping",
                    shown
                );
                continue;
            };
            let kind = entry.header().entry_type();
            if kind.is_dir() {
                self.make_dirs(&below)?;
            } else if kind.is_symlink() || kind.is_hard_link() {
                warn(&self.shown.join(&below), &entry, hint.take());
            } else if kind.is_file() {
                self.make_file(&below, &mut entry)?;
            }
        }
        Ok(())
    }

    fn place(&self, below: &Path) -> PathBuf {
        if below.as_os_str().is_empty() {
            self.name.clone()
        } else {
            self.name.join(below)
        }
    }

    fn make_dirs(&self, below: &Path) -> Result<()> {
        let path = self.place(below);
        self.root
            .create_dir_all(&path)
            .with_context(|| shown(&self.shown.join(below)))
    }

    fn make_file(&self, below: &Path, content: &mut impl Read) -> Result<()> {
        let path = self.place(below);
        let failed = || shown(&self.shown.join(below));
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            self.root.create_dir_all(folder).with_context(failed)?;
        }
        let mut file = self.root.create(&path).with_context(failed)?;
        io::copy(content, &mut file).with_context(failed)?;
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    format!("could not make {}", path.display())
}

fn warn(at: &Path, entry: &tar::Entry<impl Read>, hint: Option<&str>) {
    let target = entry.link_name_bytes().unwrap_or_default();
    let target = String::from_utf8_lossy(&target).into_owned();
    match hint {
        Some(hint) => {
            eprintln!(
                "warning: skipping symlink: {at:?} -> {target:?} (consider using \"{hint}\")"
            );
        }
        None => eprintln!("warning: skipping symlink: {at:?} -> {target:?}"),
    }
}

/// The path as tar writes it: without the leading slash, and without leading `..`.
fn prefix(from: &str) -> String {
    let clean = place::clean(from.trim_matches('/'));
    let mut rest = clean.as_str();
    while let Some(shorter) = rest.strip_prefix("../") {
        rest = shorter;
    }
    match rest {
        "." | ".." => String::new(),
        rest => rest.to_owned(),
    }
}

/// A relative path that stays below where it begins; none if it does not.
fn beneath(rest: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(rest.trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// What arrives, for one who may wait for it.
pub struct Chunks {
    take: mpsc::Receiver<Vec<u8>>,
    rest: io::Cursor<Vec<u8>>,
}

impl Chunks {
    pub fn new(take: mpsc::Receiver<Vec<u8>>) -> Chunks {
        Chunks {
            take,
            rest: io::Cursor::default(),
        }
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.rest.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            match self.take.blocking_recv() {
                Some(bytes) => self.rest = io::Cursor::new(bytes),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One entry with any name, as a hostile guest may write it.
    fn entry(tar: &mut Vec<u8>, name: &str, kind: tar::EntryType, target: &str, content: &[u8]) {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if !target.is_empty() {
            header.set_link_name_literal(target).unwrap();
        }
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }

    fn unpacked(from: &str, to: &Path, tar: &[u8]) -> Result<()> {
        Unpacking::new(from, to)?.run(tar, "tar")
    }

    #[test]
    fn a_directory_is_made_where_it_was_wished() {
        let scratch = tempfile::tempdir().unwrap();
        let mut tar = Vec::new();
        entry(&mut tar, "var/data/", tar::EntryType::Directory, "", b"");
        entry(
            &mut tar,
            "var/data/a/b",
            tar::EntryType::Regular,
            "",
            b"deep",
        );
        let to = scratch.path().join("new/copy");
        unpacked("/var/data", &to, &tar).unwrap();
        assert_eq!(std::fs::read(to.join("a/b")).unwrap(), b"deep");
    }

    #[test]
    fn nothing_is_made_outside() {
        let scratch = tempfile::tempdir().unwrap();
        let to = scratch.path().join("in/copy");
        let mut tar = Vec::new();
        entry(
            &mut tar,
            "data/../../escaped",
            tar::EntryType::Regular,
            "",
            b"x",
        );
        entry(&mut tar, "data/link", tar::EntryType::Symlink, "/", b"");
        entry(
            &mut tar,
            "data/link/escaped",
            tar::EntryType::Regular,
            "",
            b"x",
        );
        unpacked("data", &to, &tar).unwrap();
        let names: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(!Path::new("/escaped").exists());
        // What looked like a link is a plain directory here.
        assert_eq!(std::fs::read(to.join("link/escaped")).unwrap(), b"x");
    }

    #[test]
    fn a_link_of_the_user_that_leads_out_of_the_target_is_not_written_through() {
        let scratch = tempfile::tempdir().unwrap();
        let to = scratch.path().join("in/copy");
        std::fs::create_dir_all(&to).unwrap();
        std::os::unix::fs::symlink(scratch.path(), to.join("out")).unwrap();
        let mut tar = Vec::new();
        entry(
            &mut tar,
            "data/out/escaped",
            tar::EntryType::Regular,
            "",
            b"x",
        );
        assert!(unpacked("data", &to, &tar).is_err());
        assert!(!scratch.path().join("escaped").exists());
    }

    #[test]
    fn names_that_were_not_asked_for_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let mut tar = Vec::new();
        entry(&mut tar, "other", tar::EntryType::Regular, "", b"x");
        let error = unpacked("data", &scratch.path().join("copy"), &tar).unwrap_err();
        assert_eq!(error.to_string(), "tar contents corrupted");
    }

    #[test]
    fn the_prefix_is_what_tar_writes() {
        for (from, expected) in [("/tmp/a/", "tmp/a"), ("../../a", "a"), ("/", ""), (".", "")] {
            assert_eq!(prefix(from), expected, "{from}");
        }
        assert_eq!(beneath("/a/../../b"), None);
        assert_eq!(beneath("a/./b"), Some("a/b".into()));
    }
}
