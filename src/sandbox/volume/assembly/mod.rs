//! A root put together of directories and files, in a mount namespace of its own.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::SubPath;

/// What of a bind cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOnly {
    No,
    /// The bind itself, but not what is mounted below its source.
    Yes,
    Recursive,
}

/// One thing to be seen at one place.
#[derive(Debug)]
pub struct Bind {
    source: OwnedFd,
    target: String,
    read_only: ReadOnly,
}

impl Bind {
    /// Of what lies at a path of this machine (a directory, a file, a socket, a device), to be seen at `target`, an
    /// absolute path in the assembled root.
    pub fn path(source: &Path, target: &str, read_only: ReadOnly) -> Result<Bind> {
        let _ = (source, target, read_only);
        bail!("not built yet")
    }

    /// Of a sub-path.
    pub fn sub_path(source: &SubPath, target: &str, read_only: ReadOnly) -> Result<Bind> {
        let _ = (source, target, read_only);
        bail!("not built yet")
    }
}

/// The order to put a root together.
#[derive(Debug)]
pub struct Assembly {
    root: Bind,
    binds: Vec<Bind>,
}

impl Assembly {
    /// Whether this process may have one.
    pub fn permitted() -> bool {
        false
    }

    /// Of `root`, a directory in which missing places for binds are made.
    pub fn new(root: &Path) -> Result<Assembly> {
        let root = Bind::path(root, "/", ReadOnly::No)?;
        let binds = Vec::new();
        Ok(Assembly { root, binds })
    }

    /// Adds one. Those with short targets are mounted first, so one may lie in another.
    pub fn bind(&mut self, bind: Bind) -> &mut Assembly {
        self.binds.push(bind);
        self
    }

    pub fn build(self) -> Result<Assembled> {
        let _ = (self.root, self.binds);
        bail!("not built yet")
    }
}

/// A root that was put together. It is seen through its descriptors alone, and gone when this is dropped.
#[derive(Debug)]
pub struct Assembled {
    root: OwnedFd,
    /// Holds the mounts together.
    _namespace: OwnedFd,
}

impl Assembled {
    /// A path by which this process reaches the root, as long as `self` lives.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.root.as_raw_fd()))
    }

    /// A directory or file below the root, held open: no symlink leads out of the root.
    pub fn open(&self, path: &str) -> Result<SubPath> {
        let _ = path;
        bail!("not built yet")
    }
}
