//! A limit for the bytes below a directory, held by the file system itself.
//!
//! ext4 and xfs count what belongs to a *project*, a number that a directory hands down to everything made in it. A file
//! that would make the project too big cannot be written (`EDQUOT`, on xfs `ENOSPC`). Who has `CAP_SYS_RESOURCE`, as root
//! does, may exceed every limit of ext4: a thread that is to be held by them says so by [`obey`].

mod kernel;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};

use kernel::Heed;

/// Set in all numbers of ours; administrators number theirs from one.
const OURS: u32 = 1 << 31;

/// Lets nothing below `dir` grow beyond `bytes` together (rounded up to a KiB): writing fails then. `dir` should be empty,
/// for what is in it already does not count.
///
/// # Errors
/// When the file system has no project quota, or this process may not set one; the text says which, and what to do.
pub fn limit(dir: &Path, bytes: u64) -> Result<()> {
    let text = || format!("could not limit {} to {bytes} bytes", dir.display());
    if bytes == 0 {
        // To the kernel that means that there is no limit.
        bail!("could not limit {} to nothing", dir.display());
    }
    let fd = open_dir(dir).with_context(text)?;
    let fd = fd.as_fd();
    require(kernel::heed(fd)).with_context(text)?;
    let project = project_for(fd).with_context(text)?;
    kernel::set_limit(fd, project, bytes).with_context(text)?;
    kernel::set_project(fd, project).with_context(|| {
        let _ = kernel::set_limit(fd, project, 0);
        text()
    })
}

/// Takes the limit away again, before the directory is removed. Without one nothing happens.
///
/// # Errors
/// When there is one, and the kernel does not take it back.
pub fn release(dir: &Path) -> Result<()> {
    let text = || format!("could not take the limit from {}", dir.display());
    let fd = open_dir(dir).with_context(text)?;
    // A file system without projects has none of ours.
    let project = kernel::project(fd.as_fd()).unwrap_or(0);
    if project & OURS == 0 {
        return Ok(());
    }
    kernel::set_limit(fd.as_fd(), project, 0).with_context(text)?;
    kernel::set_project(fd.as_fd(), 0).with_context(text)
}

/// From now on this thread, and every thread that it starts, is held by limits, whoever it runs as. There is no way back.
///
/// # Errors
/// When the kernel refuses to take a right away, which it never does.
pub fn obey() -> Result<()> {
    kernel::drop_sys_resource().context("could not give up the right to exceed limits")
}

fn open_dir(dir: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(dir, flags, Mode::empty())
}

fn require(heed: Heed) -> Result<()> {
    match heed {
        Heed::Enforced => Ok(()),
        Heed::Counted => bail!(
            "its file system counts by project but holds no limit: mount it with the option prjquota"
        ),
        Heed::Nothing => bail!(
            "its file system has no project quota: it must be ext4 (made with -O quota,project) or xfs, mounted with the option prjquota"
        ),
    }
}

/// The project of a directory, or a number that nobody uses yet. It begins with the directory's own number, so that two
/// processes that look at once do not find the same.
fn project_for(dir: BorrowedFd<'_>) -> Result<u32> {
    let present = kernel::project(dir)?;
    if present & OURS != 0 {
        return Ok(present);
    }
    let low_bits = fstat(dir)?.st_ino & u64::from(!OURS);
    let first = u32::try_from(low_bits)?;
    for step in 0..1000 {
        let project = OURS | (first.wrapping_add(step) & !OURS);
        // The highest number is the kernel's word for an invalid one.
        if project != u32::MAX && kernel::is_free(dir, project)? {
            return Ok(project);
        }
    }
    bail!("there is no free project number")
}
