//! Where the output of containers goes.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::sandbox::wasm::Sink;
use crate::spec::pod::Slot;

pub use crate::control::logs::Stream;

/// Who writes: one instance of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    pub slot: Slot,
    pub container: &'a str,
    /// How many instances of the container there were before this one: its restart count, and the number of its log.
    pub instance: u32,
}

/// Takes what the containers of one pod write. Called on the containers' own threads.
pub trait Console: Send + Sync + 'static {
    /// Takes some of `bytes` and says how many; `Pending` makes the container wait. Must never block: a container that
    /// waits here can be stopped, one that is blocked cannot.
    fn poll_write(
        &self,
        origin: Origin<'_>,
        stream: Stream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>>;

    /// One instance of the container has ended: its unfinished line is finished now, and `last_words` (a trap's
    /// backtrace, or nothing) belong behind it.
    fn ended(&self, origin: Origin<'_>, last_words: &str);
}

/// Takes everything and keeps nothing.
pub struct Silent;

impl Console for Silent {
    fn poll_write(
        &self,
        _: Origin<'_>,
        _: Stream,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn ended(&self, _: Origin<'_>, _: &str) {}
}

/// An [`Origin`] that can be kept.
pub(super) struct Source {
    pub slot: Slot,
    pub container: String,
    pub instance: u32,
}

impl Source {
    pub fn origin(&self) -> Origin<'_> {
        Origin {
            slot: self.slot,
            container: &self.container,
            instance: self.instance,
        }
    }
}

/// One stream of one container, as the sandbox wants it.
pub(super) struct Line {
    pub console: Arc<dyn Console>,
    pub source: Arc<Source>,
    pub stream: Stream,
    /// Filled when the termination message may have to come from the log.
    pub tail: Option<Arc<Tail>>,
}

impl Sink for Line {
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self
            .console
            .poll_write(self.source.origin(), self.stream, cx, bytes);
        if let (Poll::Ready(Ok(n)), Some(tail)) = (&written, &self.tail) {
            tail.push(&bytes[..*n]);
        }
        written
    }
}

/// Most lines and bytes of log that may become a termination message (kubelet `pkg/kubelet/container/runtime.go`).
const TAIL_LINES: usize = 80;
const TAIL_BYTES: usize = 2048;

/// The end of a container's log, for `terminationMessagePolicy: FallbackToLogsOnError`.
#[derive(Default)]
pub(super) struct Tail(Mutex<VecDeque<u8>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let excess = kept.len().saturating_sub(TAIL_BYTES);
        kept.drain(..excess);
    }

    /// The last 80 lines or 2048 bytes, whichever is less.
    pub fn text(&self) -> String {
        let kept: Vec<u8> = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect();
        let body = kept.strip_suffix(b"\n").unwrap_or(&kept);
        let start = body
            .iter()
            .rev()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .nth(TAIL_LINES - 1);
        let from = start.map_or(0, |(back, _)| body.len() - back);
        String::from_utf8_lossy(&kept[from..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_2048_bytes() {
        let tail = Tail::default();
        tail.push(&[b'a'; 3000]);
        tail.push(b"end\n");
        let text = tail.text();
        assert_eq!(text.len(), TAIL_BYTES);
        assert!(text.ends_with("aend\n"));
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_80_lines() {
        let tail = Tail::default();
        (0..100).for_each(|n| tail.push(format!("{n}\n").as_bytes()));
        let text = tail.text();
        assert_eq!(text.lines().count(), TAIL_LINES);
        assert!(text.starts_with("20\n"), "{text}");
    }
}
