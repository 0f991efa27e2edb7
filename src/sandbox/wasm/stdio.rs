//! The three standard streams of a guest: bytes to a [`Sink`] and from a reader, with back-pressure and without tasks of
//! their own. Wasmtime's ready-made adapters start a task and a buffer for each stream, which an idle guest would pay for.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::pipe::ClosedInputStream;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// The most a stream holds of what its sink has not taken yet, and the most a guest may write at once.
const CHUNK: usize = 16 << 10;

/// The most read ahead of the guest.
const READ_CHUNK: usize = 8 << 10;

/// Where a guest's output goes. Bytes as they come, not lines.
///
/// Called on the guest's thread. `Pending` (with the waker kept) makes the guest wait: that is the back-pressure, and a
/// waiting guest can still be stopped. An implementation must therefore never block: a blocked one holds off even a kill.
pub trait Sink: Send + Sync + 'static {
    /// Takes some of `bytes` (at least one unless it is empty) and says how many.
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
}

/// One of stdout and stderr.
#[derive(Clone)]
pub struct Output {
    sink: Option<Arc<dyn Sink>>,
    terminal: bool,
}

impl Output {
    /// Into the void.
    pub fn null() -> Output {
        Output {
            sink: None,
            terminal: false,
        }
    }

    pub fn to(sink: Arc<dyn Sink>) -> Output {
        Output {
            sink: Some(sink),
            terminal: false,
        }
    }

    /// What `isatty` says.
    pub fn terminal(mut self, is: bool) -> Output {
        self.terminal = is;
        self
    }

    pub(super) fn open(self) -> OutPort {
        OutPort {
            shared: Arc::new(OutShared {
                sink: self.sink,
                pending: Mutex::default(),
            }),
            terminal: self.terminal,
        }
    }
}

/// The guest's side of an output. Clones are the same stream, as descriptors made by dup are.
#[derive(Clone)]
pub(super) struct OutPort {
    shared: Arc<OutShared>,
    terminal: bool,
}

struct OutShared {
    sink: Option<Arc<dyn Sink>>,
    /// Only ever locked by the guest's own thread.
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    bytes: Bytes,
    failed: Option<io::ErrorKind>,
}

impl OutPort {
    /// Hands over what is pending; ready when nothing is, or when the sink has failed.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pending = lock(&self.shared.pending);
        if let Some(kind) = pending.failed {
            return Poll::Ready(Err(kind.into()));
        }
        while !pending.bytes.is_empty() {
            match self.offer(cx, &pending.bytes) {
                Poll::Ready(Ok(taken)) => pending.bytes.advance(taken),
                Poll::Ready(Err(error)) => {
                    *pending = Pending {
                        bytes: Bytes::new(),
                        failed: Some(error.kind()),
                    };
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn offer(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.shared.sink {
            None => Poll::Ready(Ok(bytes.len())),
            Some(sink) => match sink.poll_write(cx, bytes) {
                // A sink that takes nothing without asking to wait would be asked for ever.
                Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                answer => answer,
            },
        }
    }

    /// Takes bytes that [`CHUNK`] allows for, as many as the sink wants now, and keeps the rest.
    fn accept(&self, bytes: Bytes) -> io::Result<()> {
        lock(&self.shared.pending).bytes = bytes;
        match self.poll_drain(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}

impl IsTerminal for OutPort {
    fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl StdoutStream for OutPort {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for OutPort {
    async fn ready(&mut self) {
        // An error is told by the next `check_write`.
        let _ = std::future::poll_fn(|cx| self.poll_drain(cx)).await;
    }
}

impl OutputStream for OutPort {
    fn check_write(&mut self) -> StreamResult<usize> {
        match self.poll_drain(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Ok(CHUNK),
            Poll::Ready(Err(error)) => Err(stream_error(error)),
            Poll::Pending => Ok(0),
        }
    }

    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > CHUNK || !lock(&self.shared.pending).bytes.is_empty() {
            return Err(StreamError::trap("write exceeds what check-write allowed"));
        }
        self.accept(bytes).map_err(stream_error)
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing is kept but what the sink does not want yet, and `check_write` waits for that.
        Ok(())
    }
}

impl AsyncWrite for OutPort {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.poll_drain(cx) {
            Poll::Ready(Ok(())) => self.offer(cx, bytes),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drain(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drain(cx)
    }
}

/// The guest's standard input.
pub enum Stdin {
    /// Always at its end.
    Null,
    /// This process's own, read only when the guest reads.
    Inherit { terminal: bool },
    Reader {
        reader: Box<dyn AsyncRead + Send + Sync + Unpin>,
        terminal: bool,
    },
}

impl Stdin {
    pub(super) fn open(self) -> InPort {
        match self {
            Stdin::Null => InPort {
                source: Source::Null,
                terminal: false,
            },
            Stdin::Inherit { terminal } => InPort {
                source: Source::Process,
                terminal,
            },
            Stdin::Reader { reader, terminal } => {
                let shared = Arc::new(Mutex::new(Reading {
                    reader,
                    buffer: Bytes::new(),
                    end: None,
                }));
                InPort {
                    source: Source::Reader(shared),
                    terminal,
                }
            }
        }
    }
}

/// The guest's side of its input. Clones read from the same stream.
#[derive(Clone)]
pub(super) struct InPort {
    source: Source,
    terminal: bool,
}

#[derive(Clone)]
enum Source {
    Null,
    Process,
    /// Only ever locked by the guest's own thread.
    Reader(Arc<Mutex<Reading>>),
}

struct Reading {
    reader: Box<dyn AsyncRead + Send + Sync + Unpin>,
    buffer: Bytes,
    end: Option<Result<(), io::ErrorKind>>,
}

impl IsTerminal for InPort {
    fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl StdinStream for InPort {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        match &self.source {
            Source::Null => Box::new(tokio::io::empty()),
            Source::Process => std::io::stdin().async_stream(),
            Source::Reader(shared) => Box::new(ReaderStream(shared.clone())),
        }
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        match &self.source {
            Source::Null => Box::new(ClosedInputStream),
            Source::Process => std::io::stdin().p2_stream(),
            Source::Reader(shared) => Box::new(ReaderStream(shared.clone())),
        }
    }
}

struct ReaderStream(Arc<Mutex<Reading>>);

impl Reading {
    /// Ready when something can be read: bytes, the end, an error.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.buffer.is_empty() || self.end.is_some() {
            return Poll::Ready(());
        }
        let mut bytes = vec![0; READ_CHUNK];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(&mut self.reader).poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => self.end = Some(Err(error.kind())),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.end = Some(Ok(())),
            Poll::Ready(Ok(())) => self.buffer = Bytes::copy_from_slice(buffer.filled()),
        }
        Poll::Ready(())
    }
}

#[async_trait]
impl Pollable for ReaderStream {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| lock(&self.0).poll_fill(cx)).await;
    }
}

impl InputStream for ReaderStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut reading = lock(&self.0);
        if reading
            .poll_fill(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            return Ok(Bytes::new());
        }
        if reading.buffer.is_empty() {
            return Err(match reading.end {
                Some(Err(kind)) => stream_error(kind.into()),
                _ => StreamError::Closed,
            });
        }
        let size = size.min(reading.buffer.len());
        Ok(reading.buffer.split_to(size))
    }
}

impl AsyncRead for ReaderStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut reading = lock(&self.0);
        if reading.poll_fill(cx).is_pending() {
            return Poll::Pending;
        }
        if let (true, Some(Err(kind))) = (reading.buffer.is_empty(), reading.end) {
            return Poll::Ready(Err(kind.into()));
        }
        let size = into.remaining().min(reading.buffer.len());
        into.put_slice(&reading.buffer.split_to(size));
        Poll::Ready(Ok(()))
    }
}

fn stream_error(error: io::Error) -> StreamError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => StreamError::Closed,
        _ => StreamError::LastOperationFailed(error.into()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
