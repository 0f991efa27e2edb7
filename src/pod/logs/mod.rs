//! The containers' output in files, as the kubelet keeps it: `CONTAINER/N.log` in CRI format, rotated by size and number.
//!
//! A guest writes its log itself, on its own thread: one that writes faster than the disk is slowed by the disk. A disk
//! that takes no more costs output, never the guest: what cannot be written is dropped, counted, and told once.

mod channel;
mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};

use super::console::{Console, Origin, Stream};
use crate::spec::pod::Slot;
use channel::Channel;

/// A log is rotated before it grows beyond this (kubelet `containerLogMaxSize`).
const MAX_SIZE: u64 = 10 << 20;
/// Files one instance may have, the current one among them (kubelet `containerLogMaxFiles`).
const MAX_FILES: usize = 5;
/// Taken from a guest, and handed to the kernel, at once.
const BATCH: usize = 64 << 10;

/// What can go wrong with a container's log.
#[derive(Debug)]
pub enum Trouble {
    /// From now on the container's output is dropped.
    Failed(io::Error),
    /// Output is written again; so many bytes of log are missing.
    Resumed { lost: u64 },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Failed(error) => write!(f, "output is being dropped: {error}"),
            Trouble::Resumed { lost } => {
                write!(f, "output is written again, {lost} bytes of log were lost")
            }
        }
    }
}

/// Is told of trouble once when it begins and once when it is over, with the container's name. Called on the container's
/// own thread, which waits for it.
pub type TellTrouble = Box<dyn Fn(&str, &Trouble) + Send + Sync>;

/// The [`Console`] of a pod that outlives its terminal.
pub struct CriLog {
    shared: Shared,
    /// By slot. Containers may be added while the pod runs, so it grows.
    channels: RwLock<Vec<Arc<Mutex<Channel>>>>,
}

/// What all channels use.
struct Shared {
    /// `NAMESPACE_NAME_UID`
    dir: PathBuf,
    limits: Limits,
    tell: TellTrouble,
    lost: AtomicU64,
}

#[derive(Clone, Copy)]
struct Limits {
    size: u64,
    files: usize,
}

impl CriLog {
    /// Logs below `dir`, which is made when the first container writes.
    pub fn new(dir: PathBuf, tell: TellTrouble) -> CriLog {
        let limits = Limits {
            size: MAX_SIZE,
            files: MAX_FILES,
        };
        CriLog::with_limits(dir, limits, tell)
    }

    fn with_limits(dir: PathBuf, limits: Limits, tell: TellTrouble) -> CriLog {
        CriLog {
            shared: Shared {
                dir,
                limits,
                tell,
                lost: AtomicU64::new(0),
            },
            channels: RwLock::default(),
        }
    }

    /// Bytes of log that could not be written, of all containers.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    fn channel(&self, slot: Slot) -> Arc<Mutex<Channel>> {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(slot) {
            return Arc::clone(channel);
        }
        drop(channels);
        let mut channels = self
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let wanted = channels.len().max(slot + 1);
        channels.resize_with(wanted, Arc::default);
        Arc::clone(&channels[slot])
    }
}

impl Console for CriLog {
    fn poll_write(
        &self,
        origin: Origin<'_>,
        stream: Stream,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = &bytes[..bytes.len().min(BATCH)];
        let channel = self.channel(origin.slot);
        let mut channel = channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.write(&self.shared, origin, stream, taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn ended(&self, origin: Origin<'_>, last_words: &str) {
        let channel = self.channel(origin.slot);
        let mut channel = channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.end(&self.shared, origin, last_words);
    }
}
