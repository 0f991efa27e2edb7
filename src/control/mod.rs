//! WHAT PROCESSES SAY TO EACH OTHER: gRPC over a unix socket, served by every pod process.
//!
//! Absent from this room: decisions. [`Subject`] is whoever answers for a pod.

pub mod logs;
mod session;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1;
use tokio::io::{AsyncRead, AsyncWrite};

pub use session::{Attach, Ended, Exec, Reader, Session, TerminalSize, Writer};

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
    /// Events so far, and then those to come.
    fn events(&self) -> BoxStream<'static, v1::Event>;
    fn stop(&self, grace: Option<Duration>);
    fn update(&self, object: v1::Pod) -> BoxFuture<'static, Result<(), Refusal>>;
    fn exec(&self, wish: Exec) -> BoxFuture<'static, Result<Session, Refusal>>;
    fn attach(&self, wish: Attach) -> BoxFuture<'static, Result<Session, Refusal>>;
    fn connect(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Duplex>>>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}
