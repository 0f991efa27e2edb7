//! A root put together of directories and files, in a mount namespace of its own.
//!
//! WASI gives a guest directories. A single file at a place of its own, or one directory inside another, is only to be had
//! by the kernel's mounts; they are made where nobody else sees them, and reached through descriptors. Linux 5.12 and
//! `CAP_SYS_ADMIN` are needed.

mod namespace;
mod place;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fstat};

pub(super) use namespace::Namespace;

use super::sub_path::SubPath;
use super::{Tmpfs, sys, tmpfs};

/// What of a bind cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOnly {
    No,
    /// The bind itself, but not what is mounted below its source.
    Yes,
    Recursive,
}

/// One thing to be seen at one place. What is mounted below it is seen too.
#[derive(Debug)]
pub struct Bind {
    source: OwnedFd,
    target: PathBuf,
    read_only: ReadOnly,
    devices: bool,
}

impl Bind {
    /// Of what lies at a path of this machine (a directory, a file, a socket, a device), to be seen at `target`, an
    /// absolute path in the assembled root.
    pub fn path(source: &Path, target: &str, read_only: ReadOnly) -> Result<Bind> {
        let fd = open(source, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
            .with_context(|| format!("could not open {}", source.display()))?;
        Bind::new(fd, target, read_only)
    }

    /// Of a sub-path.
    pub fn sub_path(source: &SubPath, target: &str, read_only: ReadOnly) -> Result<Bind> {
        Bind::new(source.fd().try_clone_to_owned()?, target, read_only)
    }

    fn new(source: OwnedFd, target: &str, read_only: ReadOnly) -> Result<Bind> {
        let kind = SFlag::from_bits_truncate(fstat(&source)?.st_mode) & SFlag::S_IFMT;
        Ok(Bind {
            source,
            target: place::relative(target)?,
            read_only,
            devices: matches!(kind, SFlag::S_IFCHR | SFlag::S_IFBLK),
        })
    }

    /// Lets the devices in a directory be used. A device that is a source itself can be anyway.
    #[must_use]
    pub fn with_devices(mut self) -> Bind {
        self.devices = true;
        self
    }

    /// The mount as it will be attached. No program in it gains rights by its mode, and what anybody mounts below the
    /// source from now on stays out.
    fn mount(&self) -> std::io::Result<OwnedFd> {
        let mount = tmpfs::clone_tree(self.source.as_fd())?;
        let mut attributes = libc::MOUNT_ATTR_NOSUID;
        if !self.devices {
            attributes |= libc::MOUNT_ATTR_NODEV;
        }
        if self.read_only == ReadOnly::Recursive {
            attributes |= libc::MOUNT_ATTR_RDONLY;
        }
        sys::set_attributes(mount.as_fd(), attributes, true)?;
        if self.read_only == ReadOnly::Yes {
            sys::set_attributes(mount.as_fd(), libc::MOUNT_ATTR_RDONLY, false)?;
        }
        Ok(mount)
    }
}

/// The order to put a root together.
#[derive(Debug)]
pub struct Assembly {
    root: Bind,
    binds: Vec<Bind>,
}

impl Assembly {
    /// Whether this process may have one: it was tried once.
    pub fn permitted() -> bool {
        static PERMITTED: OnceLock<bool> = OnceLock::new();
        *PERMITTED.get_or_init(|| {
            let assembled = Tmpfs::new(Some(1)).map_err(anyhow::Error::from);
            assembled
                .and_then(|root| Assembly::new(&root.path())?.build())
                .is_ok()
        })
    }

    /// Of `root`, a directory in which missing places for binds are made.
    pub fn new(root: &Path) -> Result<Assembly> {
        let fd = open(
            root,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .with_context(|| format!("could not open {}", root.display()))?;
        Ok(Assembly {
            root: Bind {
                source: fd,
                target: PathBuf::new(),
                read_only: ReadOnly::No,
                devices: false,
            },
            binds: Vec::new(),
        })
    }

    /// Adds one. Those whose targets have fewer parts are mounted first, so one may lie in another.
    pub fn bind(&mut self, bind: Bind) -> &mut Assembly {
        self.binds.push(bind);
        self
    }

    /// Puts it together. Places that are missing are made in what lies there: directories (0755), and empty files.
    ///
    /// # Errors
    /// When this process may not mount, or a place cannot be made; then nothing is mounted.
    pub fn build(mut self) -> Result<Assembled> {
        self.binds
            .sort_by_key(|bind| bind.target.components().count());
        let mounted = |bind: &Bind| {
            let at = Path::new("/").join(&bind.target);
            let mount = bind.mount();
            mount.with_context(|| format!("could not mount what is to be seen at {}", at.display()))
        };
        let root = mounted(&self.root)?;
        let mounts: Vec<OwnedFd> = self.binds.iter().map(mounted).collect::<Result<_>>()?;
        let namespace = Namespace::new(root).context("could not make a mount namespace")?;
        let root = namespace.enter(|| attach_all(&self.binds, &mounts))??;
        Ok(Assembled {
            root,
            _namespace: namespace,
        })
    }
}

/// In the namespace: puts every mount at its place. Gives the root.
fn attach_all(binds: &[Bind], mounts: &[OwnedFd]) -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open("/", flags, Mode::empty())?;
    for (bind, mount) in binds.iter().zip(mounts) {
        let text = || {
            format!(
                "could not mount at {}",
                Path::new("/").join(&bind.target).display()
            )
        };
        let stat = fstat(mount)?;
        let directory = super::walk::is_dir(&stat);
        let place = place::make(root.as_fd(), &bind.target, directory).with_context(text)?;
        if directory != super::walk::is_dir(&fstat(&place)?) {
            let (what, on) = if directory {
                ("directory", "file")
            } else {
                ("file", "directory")
            };
            return Err(anyhow::anyhow!("a {what} cannot be mounted on a {on}")).with_context(text);
        }
        sys::attach(mount.as_fd(), place.as_fd()).with_context(text)?;
    }
    Ok(root)
}

/// A root that was put together. It is seen through its descriptors alone, and gone when this is dropped.
#[derive(Debug)]
pub struct Assembled {
    root: OwnedFd,
    /// Holds the mounts together.
    _namespace: Namespace,
}

impl Assembled {
    /// A path by which this process reaches the root, as long as `self` lives.
    pub fn path(&self) -> PathBuf {
        sys::proc_path(&self.root)
    }

    /// A directory or file at an absolute path in the root, held open: symlinks are followed as if the root were `/`.
    /// What it shows is whole as long as `self` lives.
    pub fn open(&self, path: &str) -> Result<SubPath> {
        let fd = place::resolve(self.root.as_fd(), &place::relative(path)?);
        let fd = fd.with_context(|| format!("could not open {path}"))?;
        Ok(SubPath::from_fd(fd)?)
    }
}
