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

    /// As kernels before Linux 6.15 have it.
    #[cfg(test)]
    pub(super) fn new_at_home(size: Option<u64>) -> io::Result<Tmpfs> {
        Tmpfs::at_home(mount(size)?)
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::super::needs::require_mounts;
    use super::*;

    fn both() -> [Tmpfs; 2] {
        let size = Some(64 << 10);
        [Tmpfs::new(size).unwrap(), Tmpfs::new_at_home(size).unwrap()]
    }

    #[test]
    fn it_holds_its_size_and_no_more() {
        if !require_mounts() {
            return;
        }
        for memory in both() {
            fs::write(memory.path().join("fits"), vec![1; 48 << 10]).unwrap();
            let error = fs::write(memory.path().join("more"), vec![1; 48 << 10]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            memory.resize(1 << 20).unwrap();
            fs::write(memory.path().join("more"), vec![1; 48 << 10]).unwrap();
            assert!(memory.resize(64 << 10).is_err(), "it holds more already");
            assert_eq!(fs::metadata(memory.path()).unwrap().mode() & 0o7777, 0o1777);
        }
    }

    #[test]
    fn a_size_of_nothing_is_not_a_size_without_limit() {
        if !require_mounts() {
            return;
        }
        let memory = Tmpfs::new(Some(0)).unwrap();
        assert!(fs::write(memory.path().join("x"), vec![1; 64 << 10]).is_err());
    }

    #[test]
    fn no_mount_table_shows_it_and_no_program_gains_rights_in_it() {
        if !require_mounts() {
            return;
        }
        for memory in both() {
            let device = fs::metadata(memory.path()).unwrap().dev();
            let (major, minor) = (libc::major(device), libc::minor(device));
            let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
            let number = format!(" {major}:{minor} ");
            assert!(!table.contains(&number), "{table}");
            let flags = nix::sys::statvfs::fstatvfs(memory.fd()).unwrap().flags();
            let expected =
                nix::sys::statvfs::FsFlags::ST_NOSUID | nix::sys::statvfs::FsFlags::ST_NODEV;
            assert!(flags.contains(expected), "{flags:?}");
        }
    }

    /// Who may look at this process sees it by the number of the descriptor.
    #[test]
    fn another_process_finds_it() {
        if !require_mounts() {
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        for (number, memory) in both().into_iter().enumerate() {
            fs::write(memory.path().join("key"), "secret").unwrap();
            let fd = memory.fd().as_raw_fd();
            let path = format!("/proc/{}/fd/{fd}", std::process::id());
            let link = scratch.path().join(number.to_string());
            std::os::unix::fs::symlink(&path, &link).unwrap();
            for shown in [format!("{path}/"), format!("{}/", link.display())] {
                let listed = Command::new("ls").arg(&shown).output().unwrap();
                assert_eq!(
                    String::from_utf8(listed.stdout).unwrap(),
                    "key\n",
                    "{shown}"
                );
            }
            let read = Command::new("cat").arg(link.join("key")).output().unwrap();
            assert_eq!(read.stdout, b"secret");
            drop(memory);
            assert!(fs::metadata(link.join("key")).is_err());
        }
    }

    /// Memory that nobody can reach any more is free.
    #[test]
    fn it_is_gone_with_its_descriptor() {
        if !require_mounts() {
            return;
        }
        for memory in both() {
            let device = fs::metadata(memory.path()).unwrap().dev();
            drop(memory);
            let homes = homes().lock().unwrap();
            let living = homes
                .iter()
                .filter(|(at, home)| *at == device && home.strong_count() > 0);
            assert_eq!(living.count(), 0);
        }
    }
}
