//! One conversation with a container: streams in and out, and how it ended.

use std::any::Any;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};

pub type Reader = Box<dyn AsyncRead + Send + Sync + Unpin>;
pub type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// Rows and columns of a terminal, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalSize {
    pub rows: u16,
    pub columns: u16,
}

/// A wish to run a command in a container's view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exec {
    /// None: the pod's default container.
    pub container: Option<String>,
    pub command: Vec<String>,
    pub stdin: bool,
    pub tty: bool,
    pub size: Option<TerminalSize>,
}

/// A wish to join the running instance of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attach {
    pub container: Option<String>,
    pub stdin: bool,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// 128 + n for signal n.
    pub code: i32,
    /// Why, when the code alone does not say it.
    pub message: String,
}

/// One end of a session. All streams are bounded: who does not read makes the other side wait.
///
/// The pod's own end and the one in a client's hands look alike. The session is over when `stdout` and `stderr` have come to
/// their ends and `ended` has spoken, in whatever order.
pub struct Session {
    /// What is written here the guest reads; closed by dropping it.
    pub stdin: Option<Writer>,
    pub stdout: Reader,
    /// None when the session has a terminal: both are one stream then.
    pub stderr: Option<Reader>,
    pub resize: Option<watch::Sender<TerminalSize>>,
    pub ended: oneshot::Receiver<Ended>,
    /// Dropped when the client has gone: what was executed for it is killed, what it was attached to is left.
    pub guard: Box<dyn Any + Send + Sync>,
}
