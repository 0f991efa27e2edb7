//! A connection as 0.2 sees it: one socket and two streams, three resources of the guest that share it.
//!
//! None of the three closes anything when it goes: the connection is closed when the last of them is gone. A guest's close() drops one
//! after the other, and the peer must see one close, with a reset if bytes were left unread, not a half-close that comes first.

use super::{CHUNK, at_once};
use crate::sandbox::net::TcpStream;
use bytes::Bytes;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

pub(super) struct Connection {
    stream: TcpStream,
    /// The guest's input stream has ended: by the peer, by an error it was told of, or by its own shutdown.
    deaf: AtomicBool,
    outgoing: Mutex<Outgoing>,
}

/// What becomes of the guest's bytes.
enum Outgoing {
    /// Everything written so far is the network's. The guest may write `permit` bytes more without asking again.
    Open { permit: usize },
    /// The network took a part of what it had permitted, as a kernel's socket may; a task brings it the rest.
    Draining(JoinHandle<io::Result<()>>),
    /// The connection broke, and the guest is still to be told why.
    Broken(io::Error),
    /// The output stream is closed: shut down, or broken and the guest was told.
    Closed,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Arc<Connection> {
        Arc::new(Connection {
            stream,
            deaf: AtomicBool::new(false),
            outgoing: Mutex::new(Outgoing::Open { permit: 0 }),
        })
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        // Nothing under this lock panics halfway: the state is whole even so.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that were on their way are delivered first, then the peer sees the end.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Read | Shutdown::Both) && !self.deaf.swap(true, Ordering::AcqRel)
        {
            settled(self.stream.shutdown(Shutdown::Read))?;
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            match std::mem::replace(&mut *self.outgoing(), Outgoing::Closed) {
                Outgoing::Open { .. } => settled(self.stream.shutdown(Shutdown::Write))?,
                Outgoing::Draining(rest) => self.close_after(rest),
                Outgoing::Broken(_) | Outgoing::Closed => {}
            }
        }
        Ok(())
    }

    fn close_after(&self, rest: JoinHandle<io::Result<()>>) {
        let stream = self.stream.clone();
        tokio::spawn(async move {
            // A stream that broke meanwhile has nothing to be shut down.
            let _ = rest.await;
            let _ = stream.shutdown(Shutdown::Write);
        });
    }

    fn read(&self, size: usize) -> StreamResult<Bytes> {
        if self.deaf.load(Ordering::Acquire) {
            return Err(StreamError::Closed);
        }
        if size == 0 {
            return Ok(Bytes::new());
        }
        match self.stream.try_read_bytes(size.min(CHUNK)) {
            Ok(bytes) if bytes.is_empty() => self.end(StreamError::Closed),
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Bytes::new()),
            Err(error) => self.end(StreamError::LastOperationFailed(error.into())),
        }
    }

    fn end(&self, how: StreamError) -> StreamResult<Bytes> {
        self.deaf.store(true, Ordering::Release);
        Err(how)
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.deaf.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.stream.poll_read_ready(cx)
    }

    fn check_write(&self) -> StreamResult<usize> {
        let mut outgoing = self.outgoing();
        if outgoing.poll_drained(&mut at_once()).is_pending() {
            return Ok(0);
        }
        outgoing.require_whole()?;
        match self.stream.permit() {
            Ok(free) => {
                let permit = free.min(CHUNK);
                *outgoing = Outgoing::Open { permit };
                Ok(permit)
            }
            Err(error) => Err(outgoing.fail(error)),
        }
    }

    fn write(&self, bytes: &Bytes) -> StreamResult<()> {
        let mut outgoing = self.outgoing();
        outgoing.require_whole()?;
        let permit = match *outgoing {
            Outgoing::Open { permit } => permit,
            _ => 0,
        };
        if bytes.len() > permit {
            return Err(StreamError::trap(&format!(
                "write of {} bytes where {permit} were permitted",
                bytes.len()
            )));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        match self.stream.try_write(bytes) {
            Ok(count) if count == bytes.len() => {
                *outgoing = Outgoing::Open {
                    permit: permit - count,
                }
            }
            Ok(count) => *outgoing = self.drain(bytes.slice(count..)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                *outgoing = self.drain(bytes.clone())
            }
            Err(error) => return Err(outgoing.fail(error)),
        }
        Ok(())
    }

    /// Brings the rest to the network, whether or not the guest looks after it, or even lives to see it.
    fn drain(&self, mut rest: Bytes) -> Outgoing {
        let stream = self.stream.clone();
        Outgoing::Draining(tokio::spawn(async move {
            while !rest.is_empty() {
                let count = poll_fn(|cx| stream.poll_write(cx, &rest)).await?;
                rest = rest.slice(count..);
            }
            Ok(())
        }))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut outgoing = self.outgoing();
        ready!(outgoing.poll_drained(cx));
        match *outgoing {
            Outgoing::Broken(_) | Outgoing::Closed => Poll::Ready(()),
            _ => self.stream.poll_write_ready(cx),
        }
    }
}

impl Outgoing {
    /// Waits for what is not yet the network's; how that ended is in the state.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Outgoing::Draining(rest) = self {
            *self = match ready!(Pin::new(rest).poll(cx)) {
                Ok(Ok(())) => Outgoing::Open { permit: 0 },
                Ok(Err(error)) => Outgoing::Broken(error),
                Err(stopped) => Outgoing::Broken(io::Error::other(stopped)),
            };
        }
        Poll::Ready(())
    }

    /// Tells the guest once why the stream broke; later it finds it closed.
    fn require_whole(&mut self) -> StreamResult<()> {
        match self {
            Outgoing::Open { .. } | Outgoing::Draining(_) => Ok(()),
            Outgoing::Closed => Err(StreamError::Closed),
            Outgoing::Broken(_) => match std::mem::replace(self, Outgoing::Closed) {
                Outgoing::Broken(error) => Err(told(error)),
                _ => Err(StreamError::Closed),
            },
        }
    }

    fn fail(&mut self, error: io::Error) -> StreamError {
        *self = Outgoing::Closed;
        told(error)
    }
}

/// That the peer is gone is no error of a stream, but its end.
fn told(error: io::Error) -> StreamError {
    match error.kind() {
        ErrorKind::BrokenPipe => StreamError::Closed,
        _ => StreamError::LastOperationFailed(error.into()),
    }
}

/// A connection that the peer already ended is as good as shut down.
fn settled(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}

/// The guest's input stream.
pub(super) struct Input(pub Arc<Connection>);

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_readable(cx)).await;
    }
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.0.read(size)
    }
}

/// The guest's output stream.
pub(super) struct Output(pub Arc<Connection>);

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_writable(cx)).await;
    }
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes)
    }

    /// What is written is on its way: a flush has nothing to hasten, and `check_write` waits for what is not yet the network's.
    fn flush(&mut self) -> StreamResult<()> {
        self.0.outgoing().require_whole()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.0.check_write()
    }
}
