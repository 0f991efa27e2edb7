//! The file by which a pod process is reached.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::stat::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// The longest path of a socket (`sun_path`, unix(7)), less the zero at its end.
const LONGEST: usize = 107;

/// Makes the socket at `path`, for the owner alone (0600), in place of one that a dead process left there. Must be called
/// inside a tokio runtime.
///
/// # Errors
/// With the path, when its directory is missing or may not be written.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // A socket's file gets the mode that the socket had before it had a name (less the umask), so that there is no
        // moment in which others may connect.
        fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
        remove(path)?;
        let near = Near::to(path)?;
        socket.bind(&SockAddr::unix(&near.path)?)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        UnixListener::from_std(socket.into())
    };
    listener().map_err(|error| at(path, &error))
}

/// Connects to the socket at `path`.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let near = Near::to(path)?;
    UnixStream::connect(&near.path).await
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// A path short enough for the address of a socket: a long one is reached through its open directory.
struct Near {
    path: PathBuf,
    _directory: Option<File>,
}

impl Near {
    fn to(path: &Path) -> io::Result<Near> {
        if path.as_os_str().len() <= LONGEST {
            return Ok(Near {
                path: path.to_owned(),
                _directory: None,
            });
        }
        let directory = File::options()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
            .open(path.parent().unwrap_or(Path::new("/")))?;
        let opened = format!("/proc/self/fd/{}", directory.as_raw_fd());
        let name = path.file_name().unwrap_or(OsStr::new(""));
        Ok(Near {
            path: Path::new(&opened).join(name),
            _directory: Some(directory),
        })
    }
}

/// Whether the process at the other end may speak: one of this process' user, or root's.
pub(super) fn may_speak(peer: &UnixStream) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    match peer.peer_cred() {
        Ok(peer) if peer.uid() == own || peer.uid() == 0 => true,
        Ok(peer) => {
            tracing::warn!(
                "refused to speak with process {} of user {}",
                peer.pid().unwrap_or_default(),
                peer.uid()
            );
            false
        }
        Err(error) => {
            tracing::warn!("refused to speak with a process of an unknown user: {error}");
            false
        }
    }
}
