//! One direction of a connection: a bounded queue of buffers.
//!
//! Bytes travel in chunks. A big write fills its chunk outside of the lock and pushes it; a reader pops a chunk and empties it at
//! leisure. So the lock that both containers take is held for a few pointer moves, or for a copy of [`COPY_UNDER_LOCK`] bytes, and
//! the two sides copy at the same time. Small writes go to the tail of the last chunk.
//!
//! Wakes are rare on purpose: a reader is woken only if it found nothing before, a writer only when half the pipe is free again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::account::Account;
use super::defs::{CHUNK_MAX, CHUNK_MIN, COPY_UNDER_LOCK, PIPE_FLOOR};
use super::patience::Patience;
use super::wakers::Wakers;

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRead {
    /// Nothing there yet.
    Wait,
    /// The writer is done and everything was read, or this side gave up reading.
    End,
    /// The connection was reset; whatever had arrived before was read first.
    Reset,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWrite {
    /// Full.
    Wait,
    /// This side said it was done, the reader has gone for good, or the connection was reset.
    Broken,
}

/// What the reading side is up to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// SHUT_RD: what arrives still queues up (and fills), but the end is reported once the queue is empty.
    Shut,
    /// Closed. The next write vanishes and breaks the pipe, as the kernel answers data to a closed socket with a reset.
    Gone,
}

pub(super) struct Pipe {
    /// Shared by both sides.
    shared: Mutex<Shared>,
    /// The chunk being read; only the reading side takes this lock, and always before `shared`.
    front: Mutex<Chunk>,
    limit: AtomicUsize,
    /// Counts what a waiting reader and a waiting writer want to know of.
    pushes: AtomicU32,
    pops: AtomicU32,
    reader_patience: Patience,
    writer_patience: Patience,
    /// The container that writes: what it has sent and nobody has read is its expense.
    payer: Arc<Account>,
}

struct Shared {
    queue: VecDeque<Chunk>,
    /// Bytes in `queue`, and in chunks that a writer is filling right now.
    queued: usize,
    /// One emptied chunk, kept to be filled again.
    spare: Option<Chunk>,
    /// Capacity of all chunks of this pipe, as charged to the payer.
    charged: usize,
    fin: bool,
    reset: bool,
    reading: Reading,
    readers: Wakers,
    writers: Wakers,
}

/// A buffer filled at its end and read from its start. Its capacity never changes.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    read: usize,
}

impl Chunk {
    fn with_capacity(capacity: usize) -> Chunk {
        Chunk {
            bytes: Vec::with_capacity(capacity),
            read: 0,
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    fn spare_room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.read = 0;
    }

    fn copy_out(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.unread().len());
        into[..count].copy_from_slice(&self.unread()[..count]);
        self.read += count;
        count
    }
}

impl Pipe {
    pub fn new(payer: Arc<Account>, limit: usize) -> Pipe {
        Pipe {
            shared: Mutex::new(Shared {
                queue: VecDeque::new(),
                queued: 0,
                spare: None,
                charged: 0,
                fin: false,
                reset: false,
                reading: Reading::Open,
                readers: Wakers::default(),
                writers: Wakers::default(),
            }),
            front: Mutex::default(),
            limit: AtomicUsize::new(limit),
            pushes: AtomicU32::new(0),
            pops: AtomicU32::new(0),
            reader_patience: Patience::default(),
            writer_patience: Patience::default(),
            payer,
        }
    }

    // ---- the writing side

    /// Writes as much as fits.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, NoWrite> {
        if bytes.len() <= COPY_UNDER_LOCK {
            self.write_small(bytes)
        } else {
            self.write_large(bytes)
        }
    }

    fn write_small(&self, bytes: &[u8]) -> Result<usize, NoWrite> {
        let mut shared = self.shared();
        if shared.vanishes()? {
            return Ok(bytes.len());
        }
        let count = bytes.len().min(self.room(&shared));
        if count == 0 {
            return if bytes.is_empty() {
                Ok(0)
            } else {
                Err(NoWrite::Wait)
            };
        }
        let discarded = shared.append(&bytes[..count], &self.payer);
        let readers = shared.readers.take();
        self.pushes.fetch_add(1, Release);
        drop(shared);
        readers.wake();
        drop(discarded);
        Ok(count)
    }

    fn write_large(&self, bytes: &[u8]) -> Result<usize, NoWrite> {
        let mut done = 0;
        while done < bytes.len() {
            let (count, mut chunk, discarded) = {
                let mut shared = self.shared();
                match shared.vanishes() {
                    Ok(false) => {}
                    Ok(true) => return Ok(bytes.len()),
                    Err(broken) if done == 0 => return Err(broken),
                    Err(_) => break,
                }
                let count = (bytes.len() - done).min(self.room(&shared)).min(CHUNK_MAX);
                if count == 0 {
                    break;
                }
                shared.queued += count;
                let (chunk, discarded) = shared.empty_chunk(count, &self.payer);
                (count, chunk, discarded)
            };
            chunk.bytes.extend_from_slice(&bytes[done..done + count]);
            let mut shared = self.shared();
            shared.queue.push_back(chunk);
            let readers = shared.readers.take();
            self.pushes.fetch_add(1, Release);
            drop(shared);
            readers.wake();
            drop(discarded);
            done += count;
        }
        if done == 0 {
            Err(NoWrite::Wait)
        } else {
            Ok(done)
        }
    }

    /// How much a write would take now; 0: too little to bother, wait.
    pub fn permit(&self) -> Result<usize, NoWrite> {
        let shared = self.shared();
        if shared.vanishes_now()? {
            return Ok(CHUNK_MAX);
        }
        Ok(self.useful_room(&shared).min(CHUNK_MAX))
    }

    /// Whether a writer may go on (or has to learn that the pipe is broken); if not, remembers whom to wake.
    pub fn poll_writable(&self, waker: &Waker) -> bool {
        loop {
            let mut shared = self.shared();
            if !matches!(shared.vanishes_now(), Ok(false)) || self.useful_room(&shared) > 0 {
                return true;
            }
            if shared.writers.is_empty() {
                let seen = self.pops.load(Relaxed);
                drop(shared);
                if self.writer_patience.watch(&self.pops, seen) {
                    continue;
                }
                shared = self.shared();
                if self.pops.load(Relaxed) != seen {
                    continue;
                }
            }
            let evicted = shared.writers.register(waker);
            drop(shared);
            evicted.into_iter().for_each(Waker::wake);
            return false;
        }
    }

    /// Nothing more will be written.
    pub fn finish(&self) {
        self.change(|shared| shared.fin = true);
    }

    pub fn is_finished(&self) -> bool {
        self.shared().fin
    }

    fn room(&self, shared: &Shared) -> usize {
        if self.payer.is_spent() {
            // The container has spent its share: each connection still moves, a little at a time.
            return if shared.queued == 0 { PIPE_FLOOR } else { 0 };
        }
        self.limit.load(Relaxed).saturating_sub(shared.queued)
    }

    /// Room worth waking up for: anything into an empty pipe, otherwise a quarter of it.
    fn useful_room(&self, shared: &Shared) -> usize {
        let room = self.room(shared);
        if shared.queued == 0 || room >= self.limit.load(Relaxed) / 4 {
            room
        } else {
            0
        }
    }

    // ---- the reading side

    /// Reads as much as is there.
    pub fn read(&self, into: &mut [u8]) -> Result<usize, NoRead> {
        let mut front = self.front();
        let mut done = 0;
        let mut more = true;
        loop {
            done += front.copy_out(&mut into[done..]);
            if done == into.len() || !more {
                return Ok(done);
            }
            match self.next_chunk(&mut front) {
                Ok(further) => more = further,
                Err(_) if done > 0 => return Ok(done),
                Err(nothing) => return Err(nothing),
            }
        }
    }

    /// Copies without taking.
    pub fn peek(&self, into: &mut [u8]) -> Result<usize, NoRead> {
        let mut front = self.front();
        if front.unread().is_empty() {
            self.next_chunk(&mut front)?;
        }
        let count = into.len().min(front.unread().len());
        into[..count].copy_from_slice(&front.unread()[..count]);
        Ok(count)
    }

    /// Replaces the emptied `front` by the next chunk; says whether there are others behind it.
    fn next_chunk(&self, front: &mut Chunk) -> Result<bool, NoRead> {
        let mut shared = self.shared();
        let next = shared.queue.pop_front();
        let empty = next.is_none();
        let mut old = std::mem::replace(front, next.unwrap_or_default());
        old.clear();
        let discarded = shared.recycle(old, &self.payer);
        if empty {
            return Err(shared.why_empty());
        }
        shared.queued -= front.bytes.len();
        let more = !shared.queue.is_empty();
        self.pops.fetch_add(1, Release);
        let writers = if self.worth_waking(&shared) {
            shared.writers.take()
        } else {
            Wakers::default()
        };
        drop(shared);
        writers.wake();
        drop(discarded);
        Ok(more)
    }

    fn worth_waking(&self, shared: &Shared) -> bool {
        !shared.writers.is_empty()
            && (shared.queued == 0 || self.room(shared) >= self.limit.load(Relaxed) / 2)
    }

    /// Bytes that a read would get now.
    pub fn available(&self) -> usize {
        let front = self.front();
        let shared = self.shared();
        front.unread().len()
            + shared
                .queue
                .iter()
                .map(|chunk| chunk.bytes.len())
                .sum::<usize>()
    }

    /// Whether a read would not have to wait; if it would, remembers whom to wake.
    pub fn poll_readable(&self, waker: &Waker) -> bool {
        let front = self.front();
        if !front.unread().is_empty() {
            return true;
        }
        loop {
            let mut shared = self.shared();
            if !shared.queue.is_empty() || shared.why_empty() != NoRead::Wait {
                return true;
            }
            // Whoever has waited since the last event has watched in vain already.
            if shared.readers.is_empty() {
                let seen = self.pushes.load(Relaxed);
                drop(shared);
                if self.reader_patience.watch(&self.pushes, seen) {
                    continue;
                }
                shared = self.shared();
                if self.pushes.load(Relaxed) != seen {
                    continue;
                }
            }
            let evicted = shared.readers.register(waker);
            drop(shared);
            evicted.into_iter().for_each(Waker::wake);
            return false;
        }
    }

    pub fn shut_reading(&self) {
        self.change(|shared| {
            if shared.reading == Reading::Open {
                shared.reading = Reading::Shut;
            }
        });
    }

    /// The reading side is closed. True if something was left unread.
    pub fn abandon(&self) -> bool {
        let mut front = self.front();
        let unread = !std::mem::take(&mut *front).unread().is_empty();
        let mut queue = VecDeque::new();
        self.change(|shared| {
            shared.reading = Reading::Gone;
            queue = std::mem::take(&mut shared.queue);
            shared.queued = 0;
            shared.spare = None;
            let charged = std::mem::take(&mut shared.charged);
            self.payer.release(charged);
        });
        unread || !queue.is_empty()
    }

    pub fn has_unread(&self) -> bool {
        !self.front().unread().is_empty() || !self.shared().queue.is_empty()
    }

    // ---- both

    /// The connection is gone. What had arrived can still be read.
    pub fn reset(&self) {
        self.change(|shared| shared.reset = true);
    }

    /// Applies a change that everybody waiting has to see.
    fn change(&self, apply: impl FnOnce(&mut Shared)) {
        let mut shared = self.shared();
        apply(&mut shared);
        let (readers, writers) = (shared.readers.take(), shared.writers.take());
        self.pushes.fetch_add(1, Release);
        self.pops.fetch_add(1, Release);
        drop(shared);
        readers.wake();
        writers.wake();
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn front(&self) -> MutexGuard<'_, Chunk> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let charged = self
            .shared
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .charged;
        self.payer.release(charged);
    }
}

impl Shared {
    /// Whether a write is to be dropped unseen (the first after the reader closed). Doing so breaks the pipe.
    fn vanishes(&mut self) -> Result<bool, NoWrite> {
        let vanishes = self.vanishes_now()?;
        self.reset |= vanishes;
        Ok(vanishes)
    }

    /// The same question without the consequence.
    fn vanishes_now(&self) -> Result<bool, NoWrite> {
        if self.fin || self.reset {
            return Err(NoWrite::Broken);
        }
        Ok(self.reading == Reading::Gone)
    }

    fn why_empty(&self) -> NoRead {
        if self.fin {
            NoRead::End
        } else if self.reset {
            NoRead::Reset
        } else if self.reading != Reading::Open {
            NoRead::End
        } else {
            NoRead::Wait
        }
    }

    /// Adds a few bytes to the last chunk or to a new one. Returns a chunk to be dropped outside of the lock.
    fn append(&mut self, bytes: &[u8], payer: &Account) -> Option<Chunk> {
        self.queued += bytes.len();
        match self.queue.back_mut() {
            Some(last) if last.spare_room() >= bytes.len() => {
                last.bytes.extend_from_slice(bytes);
                None
            }
            behind => {
                // The reader lags: collect what follows in something larger.
                let lags = behind.is_some();
                let capacity = if lags { CHUNK_MAX / 4 } else { bytes.len() };
                let (mut chunk, discarded) = self.empty_chunk(capacity, payer);
                chunk.bytes.extend_from_slice(bytes);
                self.queue.push_back(chunk);
                discarded
            }
        }
    }

    /// An empty chunk of at least `capacity`, and a spare that turned out too small or far too big.
    fn empty_chunk(&mut self, capacity: usize, payer: &Account) -> (Chunk, Option<Chunk>) {
        let capacity = capacity.max(CHUNK_MIN).next_power_of_two();
        let discarded = match self.spare.take() {
            Some(spare) if fits(spare.bytes.capacity(), capacity) => return (spare, None),
            Some(spare) => {
                self.uncharge(&spare, payer);
                Some(spare)
            }
            None => None,
        };
        let chunk = Chunk::with_capacity(capacity);
        self.charged += chunk.bytes.capacity();
        payer.charge(chunk.bytes.capacity());
        (chunk, discarded)
    }

    /// Keeps an emptied chunk for later, or returns it to be dropped outside of the lock.
    fn recycle(&mut self, chunk: Chunk, payer: &Account) -> Option<Chunk> {
        if chunk.bytes.capacity() == 0 {
            return None;
        }
        if self.spare.is_none() && self.reading == Reading::Open && !payer.is_spent() {
            self.spare = Some(chunk);
            return None;
        }
        self.uncharge(&chunk, payer);
        Some(chunk)
    }

    fn uncharge(&mut self, chunk: &Chunk, payer: &Account) {
        let capacity = chunk.bytes.capacity();
        self.charged -= capacity;
        payer.release(capacity);
    }
}

/// A spare is used when it is large enough, but not when a few bytes would keep a whole streaming buffer busy:
/// so a connection that calms down gives its large buffers back.
fn fits(spare: usize, wanted: usize) -> bool {
    spare >= wanted && spare <= wanted.saturating_mul(16)
}
