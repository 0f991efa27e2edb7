//! System calls that neither the standard library nor nix has a safe form of.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::ptr;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;

/// A path by which this process reaches what is behind a descriptor.
pub(super) fn proc_path(fd: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

fn done(result: libc::c_long) -> io::Result<libc::c_long> {
    Ok(Errno::result(result)?)
}

fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = done(result)?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `openat2`, repeated when a rename got in its way.
pub(super) fn open_resolved(
    dir: BorrowedFd<'_>,
    path: &(impl nix::NixPath + ?Sized),
    flags: OFlag,
    resolve: ResolveFlag,
) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(resolve);
    // The kernel gives up at once if anything was renamed while it walked; a guest can do that all the time, but not
    // forever within so many tries.
    for _ in 0..1000 {
        match openat2(dir, path, how) {
            Err(Errno::EAGAIN) => {}
            result => return result,
        }
    }
    Err(Errno::EAGAIN)
}

/// A file system of the kind `name`, about to be configured.
pub(super) fn fsopen(name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string that outlives the call.
    descriptor(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), libc::FSOPEN_CLOEXEC) })
}

/// A mounted file system, about to be configured anew. `mount` is its root.
pub(super) fn fspick(mount: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = libc::FSPICK_CLOEXEC | libc::FSPICK_EMPTY_PATH;
    let fd = mount.as_raw_fd();
    // SAFETY: the path is an empty C string, the descriptor is open.
    descriptor(unsafe { libc::syscall(libc::SYS_fspick, fd, c"".as_ptr(), flags) })
}

/// One step in the configuration of a file system.
#[derive(Clone, Copy, Debug)]
pub(super) enum Configure<'a> {
    Flag(&'a CStr),
    String(&'a CStr, &'a CStr),
    Create,
    Reconfigure,
}

pub(super) fn fsconfig(context: BorrowedFd<'_>, step: Configure<'_>) -> io::Result<()> {
    let (command, key, value) = match step {
        Configure::Flag(key) => (libc::FSCONFIG_SET_FLAG, key.as_ptr(), ptr::null()),
        Configure::String(key, value) => (libc::FSCONFIG_SET_STRING, key.as_ptr(), value.as_ptr()),
        Configure::Create => (libc::FSCONFIG_CMD_CREATE, ptr::null(), ptr::null()),
        Configure::Reconfigure => (libc::FSCONFIG_CMD_RECONFIGURE, ptr::null(), ptr::null()),
    };
    let fd = context.as_raw_fd();
    // SAFETY: each command has the key and the value that it reads, as C strings that outlive the call.
    done(unsafe { libc::syscall(libc::SYS_fsconfig, fd, command, key, value, 0) }).map(|_| ())
}

/// The configured file system as a mount that is attached nowhere: its root, as an `O_PATH` descriptor.
pub(super) fn fsmount(context: BorrowedFd<'_>, attributes: u64) -> io::Result<OwnedFd> {
    let fd = context.as_raw_fd();
    // SAFETY: only numbers are passed, and the descriptor is open.
    descriptor(unsafe {
        libc::syscall(
            libc::SYS_fsmount,
            fd,
            libc::FSMOUNT_CLOEXEC,
            attributes as libc::c_uint,
        )
    })
}

/// A copy of the mount behind `fd`, from there downwards and with all that is mounted below, attached nowhere.
pub(super) fn clone_tree(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | libc::AT_EMPTY_PATH as libc::c_uint
        | libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: the path is an empty C string, the descriptor is open.
    descriptor(unsafe { libc::syscall(libc::SYS_open_tree, fd.as_raw_fd(), c"".as_ptr(), flags) })
}

/// Attaches a mount that is attached nowhere yet, at the place behind `place`.
pub(super) fn attach(mount: BorrowedFd<'_>, place: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    let (from, to) = (mount.as_raw_fd(), place.as_raw_fd());
    let empty = c"".as_ptr();
    // SAFETY: both paths are empty C strings, both descriptors are open.
    done(unsafe { libc::syscall(libc::SYS_move_mount, from, empty, to, empty, flags) }).map(|_| ())
}

/// Sets attributes (`MOUNT_ATTR_*`) of a mount and takes it out of every peer group, so that what is mounted below it
/// is mounted nowhere else. `recursive`: of all mounts below it too.
pub(super) fn set_attributes(
    mount: BorrowedFd<'_>,
    attributes: u64,
    recursive: bool,
) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    let recursive = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, the descriptor is open, and the structure has the size that is passed.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attributes,
            size_of_val(&attributes),
        )
    })
    .map(|_| ())
}

/// `FS_IMMUTABLE_FL` and `FS_APPEND_FL` of linux/fs.h: nobody can remove what has one of them.
pub(super) const UNREMOVABLE: libc::c_int = 0x10 | 0x20;

/// The flags that `chattr` shows.
pub(super) fn inode_flags(file: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut flags: libc::c_int = 0;
    // SAFETY: the kernel writes one int, whatever the number's name says.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &raw mut flags) };
    Errno::result(result)?;
    Ok(flags)
}

pub(super) fn set_inode_flags(file: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: the kernel reads one int, whatever the number's name says.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_SETFLAGS, &raw const flags) };
    Errno::result(result)?;
    Ok(())
}
