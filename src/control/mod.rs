//! WHAT PROCESSES SAY TO EACH OTHER: gRPC over a unix socket, served by every pod process.
//!
//! ```text
//! socket    one file per pod, for its owner and root alone
//! server    accepts, checks who speaks, answers from the [`Subject`]
//! client    the same words on the other side: a [`Session`] there is a [`Session`] here
//! wire      both as protocol buffers (control.proto)
//! logs      the form of the files that a pod process leaves, which are read without it
//! ```
//!
//! Everything that flows is bounded: a stream holds [`CHUNK`]s up to its window, and whoever does not read makes the other
//! side wait. What a client began ends with it. Nothing here has a clock of its own, so a server without clients costs nothing.
//!
//! Absent from this room: decisions. [`Subject`] is whoever answers for a pod.

mod client;
mod errand;
pub mod logs;
mod server;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1;
use tokio::io::{AsyncRead, AsyncWrite};

use errand::Errand;

pub use client::{CallError, Client, Info};
pub use server::serve;
pub use session::{Attach, Ended, Exec, Reader, Session, TerminalSize, Writer};
pub use socket::bind;

/// The largest piece of a stream that is carried at once: the size of an HTTP/2 frame.
const CHUNK: usize = 16 << 10;

/// What one stream may have under way before its reader must have read some of it.
const WINDOW: u32 = 64 << 10;

/// Calls and streams under way on one connection.
const STREAMS: u32 = 128;

/// What all streams of a connection together may have under way: as much as each of them may, so that one whose reader is
/// slow takes nothing from the others.
const CONNECTION_WINDOW: u32 = STREAMS * WINDOW;

/// The largest message: an object of the largest manifest there may be ([`crate::spec::MAX_MANIFEST`]), with its defaults.
const MESSAGE: usize = 32 << 20;

/// Both directions of one connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A wish that cannot be fulfilled, in words for the one who asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such container, command or port.
    #[error("{0}")]
    NotFound(String),
    /// It is there, but not in a state for this.
    #[error("{0}")]
    NotReady(String),
    /// What was asked makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// Answers for one running pod.
pub trait Subject: Send + Sync + 'static {
    fn identity(&self) -> Identity;
    /// The status now, and then every one it changes to.
    fn status(&self) -> BoxStream<'static, Arc<v1::PodStatus>>;
    /// Events so far (all of them ready at once), and then those to come.
    fn events(&self) -> BoxStream<'static, v1::Event>;
    /// Deletes the pod gracefully. None: within the grace period of its spec.
    fn stop(&self, grace: Option<Duration>);
    fn update(&self, object: v1::Pod) -> BoxFuture<'static, Result<(), Refusal>>;
    fn exec(&self, wish: Exec) -> BoxFuture<'static, Result<Session, Refusal>>;
    fn attach(&self, wish: Attach) -> BoxFuture<'static, Result<Session, Refusal>>;
    /// One connection to a port of the pod, as one of its own containers would make it.
    fn connect(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Duplex>>>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}
