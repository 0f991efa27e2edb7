//! The few system calls the standard library has no name for on WASI.

use std::io;
use std::os::fd::RawFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// One descriptor to wait for, and then what became of it.
pub struct Wait {
    raw: libc::pollfd,
}

impl Wait {
    pub fn new(fd: RawFd, readable: bool, writable: bool) -> Self {
        let events =
            if readable { libc::POLLIN } else { 0 } | if writable { libc::POLLOUT } else { 0 };
        Wait {
            raw: libc::pollfd {
                fd,
                events,
                revents: 0,
            },
        }
    }

    /// Is there anything to be done, be it to learn of an error or an end?
    pub fn ready(&self) -> bool {
        self.raw.revents != 0
    }
}

/// Waits until one of the descriptors is ready or the time is over; says how many are ready.
pub fn wait(waits: &mut [Wait], timeout: Option<Duration>) -> io::Result<usize> {
    let milliseconds = timeout.map_or(-1, |t| {
        // Rounded up: waking a little early would mean polling twice.
        i32::try_from(t.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
    });
    let mut raw: Vec<libc::pollfd> = waits.iter().map(|wait| wait.raw).collect();
    // SAFETY: `raw` is an initialised array of exactly the length given and outlives the call.
    let ready = unsafe { libc::poll(raw.as_mut_ptr(), raw.len() as _, milliseconds) };
    if ready < 0 {
        return Err(io::Error::last_os_error());
    }
    for (wait, raw) in waits.iter_mut().zip(raw) {
        wait.raw = raw;
    }
    Ok(ready as usize)
}

/// Makes `link` a symbolic link to `target`.
pub fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    let text = |path: &Path| {
        std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
    };
    let (target, link) = (text(target)?, text(link)?);
    // SAFETY: both are NUL-terminated strings that outlive the call.
    match unsafe { libc::symlink(target.as_ptr(), link.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Which file it is, and by how many names: what std does not tell on WASI.
pub struct Identity {
    pub device: u64,
    pub inode: u64,
    pub links: u64,
}

/// Asks for the file itself, or for what a link points to.
pub fn identity(path: &Path, follow: bool) -> io::Result<Identity> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let ask = if follow { libc::stat } else { libc::lstat };
    let mut found = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `path` is a NUL-terminated string and `found` has room for the answer; both outlive the call.
    if unsafe { ask(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has filled the answer in.
    let found = unsafe { found.assume_init() };
    Ok(Identity {
        device: found.st_dev,
        inode: found.st_ino,
        links: found.st_nlink,
    })
}

/// The host says in which directory a component begins, but wasi-libc does not ask: without this, workingDir would mean nothing.
#[cfg(all(target_os = "wasi", target_env = "p2"))]
pub fn enter_initial_directory() {
    if let Some(directory) = wasip2::cli::environment::initial_cwd() {
        // A directory that is not there is no reason to fail: programs with absolute paths do not care.
        let _ = std::env::set_current_dir(directory);
    }
}

#[cfg(not(all(target_os = "wasi", target_env = "p2")))]
pub fn enter_initial_directory() {}

/// Ends with this exit code. wasi-libc would make a plain failure, 1, of every code but 0: the call that knows codes has been in WASI
/// since 0.2.12 only. Output must be flushed before.
#[cfg(all(target_os = "wasi", target_env = "p2"))]
pub fn exit(code: u8) -> ExitCode {
    if code > 1 {
        wasip2::cli::exit::exit_with_code(code);
    }
    ExitCode::from(code)
}

#[cfg(not(all(target_os = "wasi", target_env = "p2")))]
pub fn exit(code: u8) -> ExitCode {
    ExitCode::from(code)
}
