//! Joining a running container: its output from now on, and its input if it has one.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::sync::oneshot;

use super::super::console::{Line, Stream};
use super::desk::{Desk, Instance};
use super::queue::{Inlet, queue};
use crate::control::{Attach, Ended, Refusal, Session};
use crate::sandbox::wasm::Sink;

/// How far one who is attached may lag behind before he is let go. A container never waits for him: its output goes to its
/// log first.
const LAG: usize = 4 << 20;

/// What waits for a container that does not read its input.
pub(super) const INPUT_BYTES: usize = 64 << 10;

/// What somebody is told who was let go.
const TOO_SLOW: &str = "attach: the output was not read fast enough";

impl Desk {
    /// Joins the running instance of a container.
    ///
    /// # Errors
    /// No such container, not running.
    pub fn attach(&self, wish: &Attach) -> Result<Session, Refusal> {
        let instance = self.running(wish.container.as_deref())?;
        let (session, tap) = taps(&instance, wish.stdin);
        if !instance.taps.join(tap) {
            let why = "container is in CONTAINER_EXITED state";
            return Err(Refusal::NotReady(why.to_owned()));
        }
        Ok(session)
    }
}

fn taps(instance: &Arc<Instance>, stdin: bool) -> (Session, Tap) {
    let (tell, ended) = oneshot::channel();
    let (stdout, output) = queue(LAG);
    let errors = (!instance.container().tty).then(|| queue(LAG));
    let (stderr, errors) = errors.unzip();
    let token = Arc::new(());
    let tap = Tap {
        token: Arc::clone(&token),
        stdout,
        stderr,
        tell: Some(tell),
    };
    let input = instance.input.as_ref().filter(|_| stdin);
    let session = Session {
        stdin: input.map(|inlet| {
            Box::new(Input {
                inlet: inlet.clone(),
                once: instance.container().stdin_once,
            }) as _
        }),
        stdout: Box::new(output),
        stderr: errors.map(|errors| Box::new(errors) as _),
        resize: None,
        ended,
        guard: Box::new(Leave {
            instance: Arc::clone(instance),
            token,
        }),
    };
    (session, tap)
}

/// The input of a container in the hands of one client. With `stdinOnce` it is over when the first one goes, else it
/// waits for the next (v1.Container).
struct Input {
    inlet: Inlet,
    once: bool,
}

impl AsyncWrite for Input {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inlet).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inlet).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.once {
            self.inlet.close();
        }
        Pin::new(&mut self.inlet).poll_shutdown(cx)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if self.once {
            self.inlet.close();
        }
    }
}

/// Dropped when the client has gone; the container goes on.
struct Leave {
    instance: Arc<Instance>,
    token: Arc<()>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.instance.taps.leave(&self.token);
    }
}

/// Everybody who is attached to one instance.
pub(super) struct Taps(Mutex<Attached>);

struct Attached {
    /// False: the instance has ended.
    open: bool,
    taps: Vec<Tap>,
    /// What was said before anybody listened; None as soon as somebody did.
    early: Option<Early>,
}

/// The first words of a container that is made to be attached to, a prompt for example, kept for the first who is. One who
/// comes later, or to a container that has said more than this, finds it in the log.
#[derive(Default)]
struct Early {
    words: Vec<(Stream, Vec<u8>)>,
    bytes: usize,
}

impl Early {
    /// Whether it had room.
    fn keep(&mut self, stream: Stream, bytes: &[u8]) -> bool {
        self.bytes += bytes.len();
        self.words.push((stream, bytes.to_vec()));
        self.bytes <= INPUT_BYTES
    }
}

/// One who is attached.
struct Tap {
    token: Arc<()>,
    stdout: Inlet,
    /// None: a terminal, one stream for both.
    stderr: Option<Inlet>,
    tell: Option<oneshot::Sender<Ended>>,
}

impl Taps {
    /// `awaited`: somebody will come, and wants to hear it from the beginning.
    pub fn new(awaited: bool) -> Taps {
        Taps(Mutex::new(Attached {
            open: true,
            taps: Vec::new(),
            early: awaited.then(Early::default),
        }))
    }

    fn join(&self, tap: Tap) -> bool {
        let mut attached = self.lock();
        if attached.open {
            for (stream, bytes) in attached.early.take().unwrap_or_default().words {
                // Far less than what one may lag behind.
                tap.inlet(stream).push(&bytes);
            }
            attached.taps.push(tap);
        }
        attached.open
    }

    fn leave(&self, token: &Arc<()>) {
        self.lock()
            .taps
            .retain(|tap| !Arc::ptr_eq(&tap.token, token));
    }

    /// Hands on what the container wrote. Who lags too far behind is let go.
    fn push(&self, stream: Stream, bytes: &[u8]) {
        let mut attached = self.lock();
        if let Some(early) = &mut attached.early
            && !early.keep(stream, bytes)
        {
            attached.early = None;
        }
        attached.taps.retain_mut(|tap| {
            let taken = tap.inlet(stream).push(bytes);
            if !taken {
                tap.end(1, TOO_SLOW);
            }
            taken
        });
    }

    /// The instance has ended.
    pub fn end(&self, code: i32) {
        let mut attached = self.lock();
        attached.open = false;
        for mut tap in std::mem::take(&mut attached.taps) {
            tap.end(code, "");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Attached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    fn inlet(&self, stream: Stream) -> &Inlet {
        match (stream, &self.stderr) {
            (Stream::Stderr, Some(stderr)) => stderr,
            _ => &self.stdout,
        }
    }

    fn end(&mut self, code: i32, message: &str) {
        self.stdout.close();
        if let Some(stderr) = &self.stderr {
            stderr.close();
        }
        if let Some(tell) = self.tell.take() {
            // Whoever waited for it may be gone.
            let _ = tell.send(Ended {
                code,
                message: message.to_owned(),
            });
        }
    }
}

/// A container's output: to its console, and what that has taken to everybody who is attached.
pub(super) struct Tapped {
    pub line: Line,
    pub instance: Arc<Instance>,
}

impl Sink for Tapped {
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.line.poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.instance.taps.push(self.line.stream, &bytes[..count]);
        }
        written
    }
}
