//! Whole lines to one file descriptor, from many threads, without blocking any of them.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Bytes that wait for a slow reader before writers wait too.
const BACKLOG: usize = 64 * 1024;
/// A write of so much never blocks on a pipe that polls as writable (pipe(7), `PIPE_BUF`).
const CHUNK: usize = 4096;

/// Standard output or standard error.
#[derive(Clone, Copy)]
pub enum Target {
    Stdout,
    Stderr,
}

/// A queue of text before one descriptor.
///
/// As long as the reader keeps up, text is written by the thread that brings it. When the reader does not, a helper thread
/// waits for it, and lives only as long as that takes.
pub struct Printer {
    target: Target,
    state: Mutex<State>,
    drained: Condvar,
}

#[derive(Default)]
struct State {
    pending: VecDeque<u8>,
    waiting: Vec<Waker>,
    /// The helper thread is there and does the writing.
    helped: bool,
    /// The reader has gone, or writing failed: nothing is taken any more.
    broken: Option<io::ErrorKind>,
}

impl Printer {
    pub fn new(target: Target) -> Arc<Printer> {
        Arc::new(Printer {
            target,
            state: Mutex::default(),
            drained: Condvar::new(),
        })
    }

    /// Takes the whole text `make` appends, or (Pending) nothing of it until the reader has caught up.
    pub fn poll_print(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        make: impl FnOnce(&mut VecDeque<u8>),
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if let Some(kind) = state.broken {
            return Poll::Ready(Err(kind.into()));
        }
        if state.pending.len() >= BACKLOG {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        make(&mut state.pending);
        self.push(state);
        Poll::Ready(Ok(()))
    }

    /// Takes the text whatever waits before it. For what is said rarely.
    pub fn print(self: &Arc<Self>, text: &[u8]) {
        let mut state = self.lock();
        if state.broken.is_none() {
            state.pending.extend(text);
            self.push(state);
        }
    }

    pub fn is_drained(&self) -> bool {
        self.lock().pending.is_empty()
    }

    /// Blocks until everything has been written.
    pub fn drain(&self) {
        let state = self.lock();
        let done = self.drained.wait_while(state, |state| {
            state.broken.is_none() && !state.pending.is_empty()
        });
        drop(done.unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes what can be written without blocking, and leaves the rest to the helper.
    fn push(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.helped {
            return;
        }
        self.write(&mut state, PollTimeout::ZERO);
        if !state.pending.is_empty() && state.broken.is_none() {
            let this = Arc::clone(self);
            let helper = std::thread::Builder::new()
                .name("printer".to_owned())
                .spawn(move || this.help());
            match helper {
                Ok(_) => state.helped = true,
                // No thread to be had: the writer itself waits for the reader, as any program's writer does.
                Err(_) => self.write(&mut state, PollTimeout::NONE),
            }
        }
    }

    fn help(&self) {
        loop {
            // Waiting happens without the lock: others may add text meanwhile.
            let ready = self.writable(PollTimeout::NONE);
            let mut state = self.lock();
            match ready {
                Ok(_) => self.write(&mut state, PollTimeout::ZERO),
                Err(errno) => state.broken = Some(io::Error::from(errno).kind()),
            }
            if state.pending.is_empty() || state.broken.is_some() {
                state.helped = false;
                self.settle(&mut state);
                return;
            }
            if state.pending.len() < BACKLOG / 2 {
                state.waiting.drain(..).for_each(Waker::wake);
            }
        }
    }

    fn write(&self, state: &mut State, patience: PollTimeout) {
        while !state.pending.is_empty() && state.broken.is_none() {
            match self.writable(patience) {
                Ok(true) => {}
                Ok(false) => return,
                Err(errno) => state.broken = Some(io::Error::from(errno).kind()),
            }
            let head = state.pending.as_slices().0;
            match nix::unistd::write(self.fd(), &head[..head.len().min(CHUNK)]) {
                Ok(written) => drop(state.pending.drain(..written)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(errno) => state.broken = Some(io::Error::from(errno).kind()),
            }
        }
        self.settle(state);
    }

    /// Nothing is left to write: whoever waited goes on.
    fn settle(&self, state: &mut State) {
        if state.broken.is_some() {
            state.pending.clear();
        }
        state.waiting.drain(..).for_each(Waker::wake);
        self.drained.notify_all();
    }

    fn writable(&self, patience: PollTimeout) -> nix::Result<bool> {
        let mut fds = [PollFd::new(self.fd(), PollFlags::POLLOUT)];
        match poll(&mut fds, patience) {
            Ok(n) => Ok(n > 0),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    fn fd(&self) -> BorrowedFd<'static> {
        // The handles are of a static lifetime; only the temporaries that lend the descriptor are not.
        match self.target {
            Target::Stdout => stdio().0.as_fd(),
            Target::Stderr => stdio().1.as_fd(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stdio() -> &'static (io::Stdout, io::Stderr) {
    static STDIO: std::sync::OnceLock<(io::Stdout, io::Stderr)> = std::sync::OnceLock::new();
    STDIO.get_or_init(|| (io::stdout(), io::stderr()))
}
