//! Bytes on their way from one who must not wait, or from several who may, to one reader.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A queue of at most `capacity` bytes. It takes memory only while bytes lie in it.
pub(super) fn queue(capacity: usize) -> (Inlet, Outlet) {
    let shared = Arc::new(Shared {
        capacity,
        state: Mutex::default(),
    });
    (Inlet(Arc::clone(&shared)), Outlet(shared))
}

/// Where bytes are put. Clones lead into the same queue; it is closed by word only, not by dropping them.
#[derive(Clone)]
pub(super) struct Inlet(Arc<Shared>);

/// Where they come out. Dropped: writers are told that nobody reads.
pub(super) struct Outlet(Arc<Shared>);

struct Shared {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    closed: bool,
    deserted: bool,
    reader: Option<Waker>,
    writers: Vec<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inlet {
    /// Puts all of `bytes` or nothing, without waiting. False: there is no room, or nobody reads any more.
    pub fn push(&self, bytes: &[u8]) -> bool {
        let mut state = self.0.lock();
        if state.deserted || state.closed || state.bytes.len() + bytes.len() > self.0.capacity {
            return false;
        }
        state.bytes.extend(bytes);
        wake(state.reader.take());
        true
    }

    /// After what is in it the reader finds the end.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let (reader, writers) = (state.reader.take(), std::mem::take(&mut state.writers));
        drop(state);
        reader.into_iter().chain(writers).for_each(Waker::wake);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl AsyncWrite for Inlet {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.deserted || state.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.0.capacity - state.bytes.len();
        if room == 0 && !bytes.is_empty() {
            if !state
                .writers
                .iter()
                .any(|known| known.will_wake(cx.waker()))
            {
                state.writers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let taken = bytes.len().min(room);
        state.bytes.extend(&bytes[..taken]);
        wake(state.reader.take());
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Outlet {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.bytes.is_empty() && !state.closed && into.remaining() > 0 {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (front, _) = state.bytes.as_slices();
        let taken = front.len().min(into.remaining());
        into.put_slice(&front[..taken]);
        state.bytes.drain(..taken);
        if state.bytes.is_empty() {
            // What a burst took is not kept.
            state.bytes = VecDeque::new();
        }
        let writers = std::mem::take(&mut state.writers);
        drop(state);
        writers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.deserted = true;
        state.bytes = VecDeque::new();
        let writers = std::mem::take(&mut state.writers);
        drop(state);
        writers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_must_not_wait_is_refused_when_there_is_no_room() {
        let (inlet, mut outlet) = queue(4);
        assert!(inlet.push(b"abc"));
        assert!(!inlet.push(b"de"));
        assert!(inlet.push(b"d"));
        inlet.close();
        let mut read = String::new();
        outlet.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "abcd");
        assert!(!inlet.push(b"e"));
    }

    #[tokio::test]
    async fn every_waiting_writer_gets_his_turn() {
        let (inlet, mut outlet) = queue(1);
        let write = |byte: u8| {
            let mut inlet = inlet.clone();
            async move { inlet.write_all(&[byte; 3]).await.unwrap() }
        };
        let read = async {
            let mut read = [0; 6];
            outlet.read_exact(&mut read).await.unwrap();
            read.sort_unstable();
            read
        };
        let (_, _, read) = tokio::join!(write(1), write(2), read);
        assert_eq!(read, [1, 1, 1, 2, 2, 2]);
    }

    #[tokio::test]
    async fn a_writer_whose_reader_goes_is_told() {
        let (mut inlet, outlet) = queue(1);
        inlet.write_all(b"a").await.unwrap();
        let waiting = async { inlet.write_all(b"b").await.unwrap_err().kind() };
        let (kind, ()) = tokio::join!(waiting, async { drop(outlet) });
        assert_eq!(kind, io::ErrorKind::BrokenPipe);
    }
}
