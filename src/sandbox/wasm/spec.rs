//! What a guest is given. It sees this and nothing else of the host.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Exit, Output, Stdin};
use crate::sandbox::net::Attachment;

/// Everything one guest is started with.
pub struct GuestSpec {
    /// Names the thread (its first 15 bytes: what the kernel keeps).
    pub name: String,
    /// With the program's own name first.
    pub argv: Vec<String>,
    /// Exactly these; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Where relative paths begin. Must lie in one of the mounts; see `View`.
    pub cwd: Option<String>,
    pub mounts: Vec<Mount>,
    pub stdin: Stdin,
    pub stdout: Output,
    pub stderr: Output,
    /// This guest's plug in the pod's network.
    pub net: Attachment,
    /// For core modules, whose WASI knows no bind: sockets that listen before the guest begins, as descriptors
    /// `LISTEN_FDS_START` (3) and up. Ignored by components, which bind for themselves.
    pub listeners: Vec<Listener>,
    /// Bytes of linear memory and tables together.
    pub memory_limit: Option<u64>,
    /// Called on the guest's thread when instantiation has succeeded and the entry is about to be called.
    pub on_start: Box<dyn FnOnce() + Send>,
    /// Called on the guest's thread exactly once, last of all: its memory, sockets and files are gone by then.
    pub on_exit: Box<dyn FnOnce(Exit) + Send>,
}

/// One directory of the host at one path of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub host: PathBuf,
    /// Absolute path in the guest.
    pub guest: String,
    pub read_only: bool,
}

/// A listener handed to a core module before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name in `LISTEN_FDNAMES`.
    pub name: String,
    pub address: SocketAddr,
}
