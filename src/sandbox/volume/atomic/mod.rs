//! A set of files that changes at once or not at all.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Result, bail};

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    pub content: Vec<u8>,
    /// Exactly these permission bits, whatever the umask says.
    pub mode: u32,
    /// Its owner; this process's if none is given.
    pub uid: Option<u32>,
    /// Its group. The directories of a set whose files all have the same group belong to that group too.
    pub gid: Option<u32>,
}

/// The writer of such sets.
#[derive(Debug)]
pub struct AtomicDir;

impl AtomicDir {
    /// Makes `dir` (which must exist) show exactly `files`, whose names are relative paths. True if a reader can see a
    /// difference; nothing is written otherwise. `at` names the hidden directory that holds the files.
    ///
    /// # Errors
    /// When a name is no relative path within the directory, two names exclude each other, or something cannot be
    /// written. Readers see the set from before then.
    pub fn write(dir: &Path, files: &BTreeMap<String, FileSpec>, at: SystemTime) -> Result<bool> {
        let _ = (dir, files, at);
        bail!("not built yet")
    }
}
