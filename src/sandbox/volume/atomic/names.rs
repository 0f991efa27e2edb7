//! The names in a set, and those it has on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use cap_std::fs::Dir;

use super::FileSpec;

/// The longest path, and the longest part of one.
const PATH_MAX: usize = 4096;
const NAME_MAX: usize = 255;

/// Files by their paths, all of which can be made in one directory.
#[derive(Debug)]
pub(super) struct Set<'a> {
    files: BTreeMap<PathBuf, &'a FileSpec>,
    dirs: BTreeSet<PathBuf>,
}

impl<'a> Set<'a> {
    pub fn new(files: &'a BTreeMap<String, FileSpec>) -> Result<Set<'a>> {
        let mut set = Set {
            files: BTreeMap::new(),
            dirs: BTreeSet::new(),
        };
        for (name, file) in files {
            let path = path(name)?;
            let above = path
                .ancestors()
                .skip(1)
                .filter(|dir| !dir.as_os_str().is_empty());
            set.dirs.extend(above.map(Path::to_owned));
            if set.files.insert(path, file).is_some() {
                bail!("invalid path: {name:?} is there twice");
            }
        }
        if let Some(both) = set.dirs.iter().find(|dir| set.files.contains_key(*dir)) {
            bail!("invalid path: {both:?} is both a file and a directory");
        }
        Ok(set)
    }

    pub fn files(&self) -> impl Iterator<Item = (&Path, &FileSpec)> {
        self.files
            .iter()
            .map(|(path, file)| (path.as_path(), *file))
    }

    /// All directories, those above others first.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(PathBuf::as_path)
    }

    pub fn len(&self) -> usize {
        self.files.len() + self.dirs.len()
    }

    /// The first parts of all paths.
    pub fn tops(&self) -> impl Iterator<Item = &OsStr> {
        let paths = self.files.keys().chain(&self.dirs);
        paths
            .filter(|path| path.components().count() == 1)
            .map(|path| path.as_os_str())
    }

    /// The group that all files have.
    pub fn group(&self) -> Option<u32> {
        let mut groups = self.files.values().map(|file| file.gid);
        let first = groups.next()??;
        groups.all(|gid| gid == Some(first)).then_some(first)
    }

    /// What is made in a directory of a group belongs to it (kubelet `pkg/volume/volume_linux.go`).
    pub fn dir_mode(&self) -> u32 {
        if self.group().is_some() {
            0o2755
        } else {
            0o755
        }
    }
}

/// A path that leads to nowhere but below the directory, and collides with none of our own names (kubelet
/// `pkg/volume/util/atomic_writer.go`, `validatePath`).
fn path(name: &str) -> Result<PathBuf> {
    if name.is_empty() {
        bail!("invalid path: must not be empty: \"\"");
    }
    if name.starts_with('/') {
        bail!("invalid path: must be relative path: {name}");
    }
    if name.len() > PATH_MAX {
        bail!("invalid path: must be less than or equal to {PATH_MAX} characters");
    }
    if name.contains('\0') {
        bail!("invalid path: must not contain a zero byte: {name:?}");
    }
    let mut path = PathBuf::new();
    for part in name.split('/') {
        match part {
            ".." => bail!("invalid path: must not contain '..': {name}"),
            part if part.len() > NAME_MAX => {
                bail!("invalid path: filenames must be less than or equal to {NAME_MAX} characters")
            }
            "" | "." => {}
            part => path.push(part),
        }
    }
    if path.as_os_str().is_empty() {
        bail!("invalid path: must name a file: {name:?}");
    }
    if path.as_os_str().as_encoded_bytes().starts_with(b"..") {
        bail!("invalid path: must not start with '..': {name}");
    }
    Ok(path)
}

/// Makes a directory in which nobody looks yet. Its name is a time, and a number so that there is no second of that name.
pub(super) fn make_hidden(root: &Dir, at: SystemTime) -> io::Result<PathBuf> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let time = written(since.as_secs());
    let mut number = u64::from(since.subsec_nanos());
    loop {
        let name = PathBuf::from(format!("..{time}.{number}"));
        match root.create_dir(&name) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => return made.map(|()| name),
        }
    }
}

/// Whether it is the name of such a directory: two dots, a digit.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes(), [b'.', b'.', digit, ..] if digit.is_ascii_digit())
}

/// Seconds since 1970 as `2026_01_31_12_00_00`, in UTC.
fn written(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}_{month:02}_{day:02}_{hour:02}_{minute:02}_{second:02}")
}

/// Year, month and day of the `days`th day after the first of 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970_01_01_00_00_00"),
            (951_782_399, "2000_02_28_23_59_59"),
            (951_782_400, "2000_02_29_00_00_00"),
            (951_868_800, "2000_03_01_00_00_00"),
            (1_769_860_800, "2026_01_31_12_00_00"),
            (1_798_761_599, "2026_12_31_23_59_59"),
            (4_107_542_400, "2100_03_01_00_00_00"),
        ] {
            assert_eq!(written(seconds), text);
        }
    }

    #[test]
    fn a_path_stays_below_its_directory() {
        for (name, expected) in [
            ("key", "key"),
            ("a/b", "a/b"),
            ("./a//b/.", "a/b"),
            (".hidden", ".hidden"),
            ("a/..b", "a/..b"),
            ("a\nb", "a\nb"),
            ("-rf", "-rf"),
        ] {
            assert_eq!(path(name).unwrap(), Path::new(expected), "{name:?}");
        }
        let long = "x".repeat(256);
        let deep = "x/".repeat(3000);
        for name in [
            "",
            ".",
            "./.",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "..data",
            "..a/b",
            "./..data",
            "a\0b",
            &long,
            &deep,
        ] {
            assert!(path(name).is_err(), "{name:?}");
        }
        assert!(path(&"x".repeat(255)).is_ok());
    }
}
