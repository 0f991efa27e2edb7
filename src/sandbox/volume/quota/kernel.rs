//! What the kernel is asked about quotas.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{fstat, major, minor};

/// `struct fsxattr` of linux/fs.h.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
    reserved: [u8; 8],
}

/// `FS_XFLAG_PROJINHERIT`: what is made in a directory belongs to its project.
const INHERIT: u32 = 0x200;

mod ioctl {
    use super::Attributes;

    nix::ioctl_read!(get, b'X', 31, Attributes);
    nix::ioctl_write_ptr!(set, b'X', 32, Attributes);
}

fn attributes(file: BorrowedFd<'_>) -> nix::Result<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: the structure has the layout of the kernel's, and the descriptor is open.
    unsafe { ioctl::get(file.as_raw_fd(), &raw mut attributes) }?;
    Ok(attributes)
}

/// The project that a directory belongs to; 0 is nobody's.
pub(super) fn project(dir: BorrowedFd<'_>) -> nix::Result<u32> {
    Ok(attributes(dir)?.project)
}

pub(super) fn set_project(dir: BorrowedFd<'_>, project: u32) -> nix::Result<()> {
    let mut attributes = attributes(dir)?;
    attributes.project = project;
    if project == 0 {
        attributes.flags &= !INHERIT;
    } else {
        attributes.flags |= INHERIT;
    }
    // SAFETY: the structure has the layout of the kernel's, and the descriptor is open.
    unsafe { ioctl::set(dir.as_raw_fd(), &raw const attributes) }?;
    Ok(())
}

/// Whether a file system heeds the limits of projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heed {
    Nothing,
    /// They are counted, and that is all.
    Counted,
    Enforced,
}

/// `PRJQUOTA` of linux/quota.h.
const PROJECT_QUOTA: libc::c_int = 2;
/// `Q_XGETQSTAT` of linux/dqblk_xfs.h, answered by every file system that has quotas.
const GET_STATE: libc::c_int = 0x5805;
/// `FS_QUOTA_PDQ_ACCT` and `FS_QUOTA_PDQ_ENFD`.
const COUNTED: u16 = 1 << 4;
const ENFORCED: u16 = 1 << 5;

/// `struct fs_quota_stat`, of which the flags are read.
#[repr(C)]
#[derive(Debug, Default)]
struct State {
    version: i8,
    flags: u16,
    rest: [u64; 16],
}

pub(super) fn heed(dir: BorrowedFd<'_>) -> Heed {
    let mut state = State::default();
    let asked = quotactl(dir, GET_STATE, 0, (&raw mut state).cast());
    state.heed(asked)
}

/// The same, as a kernel before 5.14 is asked.
#[cfg(test)]
pub(super) fn heed_by_device(dir: BorrowedFd<'_>) -> Heed {
    let mut state = State::default();
    let command = libc::QCMD(GET_STATE, PROJECT_QUOTA);
    let asked = quotactl_by_device(dir, command, 0, (&raw mut state).cast());
    state.heed(asked)
}

impl State {
    fn heed(&self, asked: nix::Result<()>) -> Heed {
        match (asked, self.flags) {
            (Ok(()), flags) if flags & ENFORCED != 0 => Heed::Enforced,
            (Ok(()), flags) if flags & COUNTED != 0 => Heed::Counted,
            // An error is the kernel's way to say that there is no quota at all.
            _ => Heed::Nothing,
        }
    }
}

/// A quota without any limit and without anything that is counted.
fn nothing() -> libc::dqblk {
    libc::dqblk {
        dqb_bhardlimit: 0,
        dqb_bsoftlimit: 0,
        dqb_curspace: 0,
        dqb_ihardlimit: 0,
        dqb_isoftlimit: 0,
        dqb_curinodes: 0,
        dqb_btime: 0,
        dqb_itime: 0,
        dqb_valid: 0,
    }
}

/// Whether a project has no files and no limits.
pub(super) fn is_free(dir: BorrowedFd<'_>, project: u32) -> nix::Result<bool> {
    let mut quota = nothing();
    match quotactl(dir, libc::Q_GETQUOTA, project, (&raw mut quota).cast()) {
        Ok(()) => {}
        Err(Errno::ENOENT) => return Ok(true),
        Err(error) => return Err(error),
    }
    let used = [
        quota.dqb_curspace,
        quota.dqb_curinodes,
        quota.dqb_bhardlimit,
        quota.dqb_bsoftlimit,
        quota.dqb_ihardlimit,
    ];
    Ok(used == [0; 5])
}

/// Limits the bytes of a project; 0 is no limit.
pub(super) fn set_limit(dir: BorrowedFd<'_>, project: u32, bytes: u64) -> nix::Result<()> {
    let mut quota = nothing();
    // The unit is one KiB, on every file system.
    quota.dqb_bhardlimit = bytes.div_ceil(1024);
    quota.dqb_valid = libc::QIF_BLIMITS;
    quotactl(dir, libc::Q_SETQUOTA, project, (&raw mut quota).cast())
}

/// Asks the file system of `dir`. `data` must be what `command` reads or writes.
fn quotactl(
    dir: BorrowedFd<'_>,
    command: libc::c_int,
    id: u32,
    data: *mut libc::c_void,
) -> nix::Result<()> {
    let command = libc::QCMD(command, PROJECT_QUOTA);
    // SAFETY: the callers above pass a structure of the kind that goes with their command, alive during the call.
    let result =
        unsafe { libc::syscall(libc::SYS_quotactl_fd, dir.as_raw_fd(), command, id, data) };
    match Errno::result(result) {
        // A kernel before 5.14; or there are no quotas, which the other call says again.
        Err(Errno::ENOSYS) => quotactl_by_device(dir, command, id, data),
        result => result.map(drop),
    }
}

/// As above; `command` is a whole one.
fn quotactl_by_device(
    dir: BorrowedFd<'_>,
    command: libc::c_int,
    id: u32,
    data: *mut libc::c_void,
) -> nix::Result<()> {
    let device = device(dir).ok_or(Errno::ENOSYS)?;
    let name = device.as_ptr();
    // SAFETY: the caller passes a structure that goes with the command; the name is a C string that outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_quotactl, command, name, id, data) };
    Errno::result(result).map(drop)
}

/// The device that holds the file system of `dir`, as the mount table names it.
fn device(dir: BorrowedFd<'_>) -> Option<CString> {
    let device = fstat(dir).ok()?.st_dev;
    let number = format!("{}:{}", major(device), minor(device));
    let table = fs::read_to_string("/proc/thread-self/mountinfo").ok()?;
    let line = table
        .lines()
        .find(|line| line.split(' ').nth(2) == Some(&number))?;
    let source = line.split_once(" - ")?.1.split(' ').nth(1)?;
    CString::new(PathBuf::from(source).as_os_str().as_bytes()).ok()
}

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two words of rights.
const CAPABILITIES: u32 = 0x2008_0522;
/// `CAP_SYS_RESOURCE`, in the first word.
const SYS_RESOURCE: u32 = 1 << 24;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Whose {
    version: u32,
    /// 0 is the calling thread.
    pid: libc::c_int,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Rights {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Takes `CAP_SYS_RESOURCE` from the calling thread. A thread begins with the rights of the one that starts it.
pub(super) fn drop_sys_resource() -> nix::Result<()> {
    let mut whose = Whose {
        version: CAPABILITIES,
        pid: 0,
    };
    let mut rights = [Rights::default(); 2];
    // SAFETY: the kernel reads the header and writes the two words that go with its version.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw mut whose, rights.as_mut_ptr()) };
    Errno::result(got)?;
    if (rights[0].effective | rights[0].permitted) & SYS_RESOURCE == 0 {
        return Ok(());
    }
    rights[0].effective &= !SYS_RESOURCE;
    rights[0].permitted &= !SYS_RESOURCE;
    // SAFETY: the kernel reads the header and the two words that go with its version.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw mut whose, rights.as_ptr()) };
    Errno::result(set).map(drop)
}
