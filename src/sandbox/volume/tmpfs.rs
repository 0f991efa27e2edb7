//! Memory as a directory, attached nowhere.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::fstat;

use super::assembly::Namespace;
use super::sys::{self, Configure};

/// A file system in memory that no mount table shows: a directory descriptor, gone with the last process that has it.
/// Whoever may look at this process finds it at `/proc/PID/fd/N`.
#[derive(Debug)]
pub struct Tmpfs {
    fd: OwnedFd,
    /// Where it lives on kernels that copy only what is attached somewhere.
    _home: Option<Arc<Namespace>>,
}

impl Tmpfs {
    /// Whether this process may have one.
    pub fn permitted() -> bool {
        static PERMITTED: OnceLock<bool> = OnceLock::new();
        *PERMITTED.get_or_init(|| Tmpfs::new(Some(1)).is_ok())
    }

    /// A new one, which holds `size` bytes (half of the machine's memory if none is given), rounded up to a page. Everybody
    /// may write in it, and nobody remove what is another's (mode 1777). It is never swapped where the kernel can promise
    /// that (6.4).
    pub fn new(size: Option<u64>) -> io::Result<Tmpfs> {
        let fd = mount(size)?;
        match sys::clone_tree(fd.as_fd()) {
            Ok(_) => Ok(Tmpfs { fd, _home: None }),
            Err(_) => Tmpfs::at_home(fd),
        }
    }

    /// Attached, after all, in a mount namespace of its own, in which nobody lives. Before Linux 6.15 a mount that is
    /// attached nowhere cannot be copied into an [`Assembly`](super::Assembly).
    fn at_home(fd: OwnedFd) -> io::Result<Tmpfs> {
        let home = Arc::new(Namespace::new(fd.try_clone()?)?);
        let device = fstat(&fd)?.st_dev;
        let mut homes = homes().lock().unwrap_or_else(PoisonError::into_inner);
        homes.retain(|(_, home)| home.strong_count() > 0);
        homes.push((device, Arc::downgrade(&home)));
        drop(homes);
        Ok(Tmpfs {
            fd,
            _home: Some(home),
        })
    }

    /// Changes how much it holds.
    ///
    /// # Errors
    /// When it holds more than that already.
    pub fn resize(&self, size: u64) -> io::Result<()> {
        let context = sys::fspick(self.fd.as_fd())?;
        set_size(context.as_fd(), size)?;
        sys::fsconfig(context.as_fd(), Configure::Reconfigure)
    }

    /// A path by which this process reaches it, as long as `self` lives.
    pub fn path(&self) -> PathBuf {
        sys::proc_path(&self.fd)
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn mount(size: Option<u64>) -> io::Result<OwnedFd> {
    let context = sys::fsopen(c"tmpfs")?;
    let context = context.as_fd();
    sys::fsconfig(context, Configure::String(c"source", c"tmpfs"))?;
    sys::fsconfig(context, Configure::String(c"mode", c"1777"))?;
    if let Some(size) = size {
        set_size(context, size)?;
    }
    match sys::fsconfig(context, Configure::Flag(c"noswap")) {
        // An older kernel, or not the first user namespace.
        Err(e) if e.raw_os_error() == Some(Errno::EINVAL as i32) => {}
        result => result?,
    }
    sys::fsconfig(context, Configure::Create)?;
    sys::fsmount(context, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV)
}

fn set_size(context: BorrowedFd<'_>, size: u64) -> io::Result<()> {
    // To tmpfs a size of zero means that there is no limit.
    let size = CString::new(size.max(1).to_string())?;
    sys::fsconfig(context, Configure::String(c"size", &size))
}

type Homes = Mutex<Vec<(u64, Weak<Namespace>)>>;

/// The homes of all that live, by their device numbers.
fn homes() -> &'static Homes {
    static HOMES: OnceLock<Homes> = OnceLock::new();
    HOMES.get_or_init(Homes::default)
}

/// A copy of what is behind `fd`, from wherever it is mounted.
pub(super) fn clone_tree(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let here = sys::clone_tree(fd);
    if !matches!(&here, Err(e) if e.raw_os_error() == Some(Errno::EINVAL as i32)) {
        return here;
    }
    let device = fstat(fd)?.st_dev;
    let homes = homes().lock().unwrap_or_else(PoisonError::into_inner);
    let home = homes
        .iter()
        .find(|(at, _)| *at == device)
        .and_then(|(_, home)| home.upgrade());
    drop(homes);
    match home {
        Some(home) => home.enter(|| sys::clone_tree(fd))?,
        None => here,
    }
}
