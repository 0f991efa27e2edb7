//! Why a socket operation failed, before either version of WASI names it.

use std::io;
use wasmtime_wasi::p2::SocketError as SocketError2;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode as Code2;
use wasmtime_wasi::p3::bindings::sockets::types::ErrorCode as Code3;
use wasmtime_wasi::p3::sockets::SocketError as SocketError3;

/// A failure the guest is told of. Small and `Copy`, because a socket that failed to connect repeats its reason ever after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The operation does not fit the socket's state.
    InvalidState,
    /// The WIT forbids the value, whatever a kernel would say of it.
    InvalidArgument,
    /// What the network said, as Linux' errno.
    Errno(i32),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Errno(error.raw_os_error().unwrap_or(nix::libc::EIO))
    }
}

impl Fault {
    /// wasmtime-wasi's own table of errnos does the naming, so that guests see what they see there.
    fn errno(errno: i32) -> io::Error {
        io::Error::from_raw_os_error(errno)
    }
}

impl From<Fault> for Code2 {
    fn from(fault: Fault) -> Code2 {
        match fault {
            Fault::InvalidState => Code2::InvalidState,
            Fault::InvalidArgument => Code2::InvalidArgument,
            Fault::Errno(errno) => Code2::from(Fault::errno(errno)),
        }
    }
}

impl From<Fault> for Code3 {
    fn from(fault: Fault) -> Code3 {
        match fault {
            Fault::InvalidState => Code3::InvalidState,
            Fault::InvalidArgument => Code3::InvalidArgument,
            // New in 0.3, and not yet in that table.
            Fault::Errno(nix::libc::EPIPE) => Code3::ConnectionBroken,
            Fault::Errno(errno) => Code3::from(Fault::errno(errno)),
        }
    }
}

impl From<Fault> for SocketError2 {
    fn from(fault: Fault) -> SocketError2 {
        Code2::from(fault).into()
    }
}

impl From<Fault> for SocketError3 {
    fn from(fault: Fault) -> SocketError3 {
        Code3::from(fault).into()
    }
}
