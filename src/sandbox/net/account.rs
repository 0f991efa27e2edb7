//! What one container holds of the network, and how much it may.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::errno::Errno;

use super::defs;

/// The bounds of one container.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes its buffers may hold: what it sent and the peer has not read, and datagrams it has not received.
    /// Beyond, it gets no new sockets (`ENOBUFS`), its datagrams are dropped, and each of its connections holds only a few KiB.
    pub buffered_bytes: usize,
    /// Sockets it may hold (`EMFILE` beyond), connections waiting in its backlogs included.
    pub sockets: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            buffered_bytes: defs::MAX_BUFFERED,
            sockets: defs::MAX_SOCKETS,
        }
    }
}

/// What one container holds right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub buffered_bytes: usize,
    pub sockets: usize,
}

/// Something that goes away when its container does.
pub(super) trait Mortal: Send + Sync {
    fn close(&self);
}

/// The counters of one container and the list of what it has open.
pub(super) struct Account {
    owner: Box<str>,
    limits: Limits,
    bytes: AtomicUsize,
    sockets: AtomicUsize,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    closed: bool,
    next: u64,
    open: HashMap<u64, Weak<dyn Mortal>>,
}

impl Account {
    pub fn new(owner: &str, limits: Limits) -> Arc<Account> {
        Arc::new(Account {
            owner: owner.into(),
            limits,
            bytes: AtomicUsize::new(0),
            sockets: AtomicUsize::new(0),
            live: Mutex::default(),
        })
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub fn usage(&self) -> Usage {
        Usage {
            buffered_bytes: self.bytes.load(Relaxed),
            sockets: self.sockets.load(Relaxed),
        }
    }

    /// Buffers are charged after the fact: the bound is soft by at most one buffer per connection.
    pub fn charge(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    pub fn is_spent(&self) -> bool {
        self.bytes.load(Relaxed) >= self.limits.buffered_bytes
    }

    /// Room for one more socket, counted until the slot is dropped.
    pub fn open_slot(self: &Arc<Account>) -> io::Result<Slot> {
        if self.live().closed {
            return Err(Errno::ENETDOWN.into());
        }
        if self.is_spent() {
            return Err(Errno::ENOBUFS.into());
        }
        if self.sockets.fetch_add(1, Relaxed) >= self.limits.sockets {
            self.sockets.fetch_sub(1, Relaxed);
            return Err(Errno::EMFILE.into());
        }
        Ok(Slot {
            account: self.clone(),
            key: None,
        })
    }

    /// Ends everything registered, once and for all.
    pub fn close(&self) {
        let doomed = {
            let mut live = self.live();
            live.closed = true;
            std::mem::take(&mut live.open)
        };
        for mortal in doomed.into_values().filter_map(|weak| weak.upgrade()) {
            mortal.close();
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One counted socket. It travels with the socket through its states.
pub(super) struct Slot {
    account: Arc<Account>,
    key: Option<u64>,
}

impl Slot {
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// From now on `mortal` is closed when the container goes. `ENETDOWN` if it already has.
    pub fn register(&mut self, mortal: Weak<dyn Mortal>) -> io::Result<()> {
        let mut live = self.account.live();
        if live.closed {
            return Err(Errno::ENETDOWN.into());
        }
        let key = live.next;
        live.next += 1;
        live.open.insert(key, mortal);
        let previous = self.key.replace(key);
        if let Some(previous) = previous {
            live.open.remove(&previous);
        }
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.account.live().open.remove(&key);
        }
        self.account.sockets.fetch_sub(1, Relaxed);
    }
}
