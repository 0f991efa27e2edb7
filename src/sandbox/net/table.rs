//! Who holds which address and port of the pod.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nix::errno::Errno;

use super::account::Mortal;
use super::addr::Family;
use super::defs::{EPHEMERAL_FIRST, EPHEMERAL_LAST};
use super::listener::ListenerCore;
use super::publish::Protocol;
use super::udp::UdpCore;

/// What stands behind an address and port.
#[derive(Clone)]
pub(super) enum Holder {
    /// Bound, or the near end of a connection: nobody to talk to.
    Reserved,
    /// A listener to connect to.
    Listener(Weak<ListenerCore>),
    /// A UDP socket to send to.
    Udp(Weak<UdpCore>),
}

/// All ports of one pod: TCP and UDP, IPv4 and IPv6, four spaces that know nothing of each other.
/// The lock is held for a few map operations only.
#[derive(Default)]
pub(super) struct Table {
    spaces: [Mutex<Space>; 4],
}

/// A held address and port; free again when released or dropped.
pub(super) struct Lease {
    table: Arc<Table>,
    protocol: Protocol,
    at: SocketAddr,
    released: AtomicBool,
}

impl Table {
    /// Takes `at` for `holder`. Port 0 is replaced by a free ephemeral one. `EADDRINUSE` when the port is held at the same address,
    /// when the wildcard holds it, or when `at` is the wildcard and any address holds it.
    /// Every socket counts as having SO_REUSEADDR, and a closed connection leaves nothing behind: there is no TIME_WAIT.
    pub fn bind(
        self: &Arc<Table>,
        protocol: Protocol,
        mut at: SocketAddr,
        holder: Holder,
    ) -> Result<Arc<Lease>, Errno> {
        {
            let mut space = self.space(protocol, at.ip());
            if at.port() == 0 {
                at.set_port(space.free_port().ok_or(Errno::EADDRINUSE)?);
            }
            space.hold(at, holder)?;
        }
        Ok(Arc::new(Lease {
            table: self.clone(),
            protocol,
            at,
            released: AtomicBool::new(false),
        }))
    }

    /// Who would get something sent to `to`: the holder of that very address, else that of the wildcard.
    pub fn find(&self, protocol: Protocol, to: SocketAddr) -> Option<Holder> {
        let space = self.space(protocol, to.ip());
        let port = space.ports.get(&to.port())?;
        port.at.get(&to.ip()).or(port.any.as_ref()).cloned()
    }

    fn space(&self, protocol: Protocol, ip: IpAddr) -> std::sync::MutexGuard<'_, Space> {
        let index = match (protocol, Family::of(ip)) {
            (Protocol::Tcp, Family::V4) => 0,
            (Protocol::Tcp, Family::V6) => 1,
            (Protocol::Udp, Family::V4) => 2,
            (Protocol::Udp, Family::V6) => 3,
        };
        self.spaces[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    pub fn addr(&self) -> SocketAddr {
        self.at
    }

    /// Replaces what stands behind the address (a bound socket begins to listen). `ENETDOWN` if it was released meanwhile.
    pub fn hand_to(&self, holder: Holder) -> Result<(), Errno> {
        let mut space = self.table.space(self.protocol, self.at.ip());
        // Asked under the lock that `release` takes: a released port may be another's by now.
        if self.released.load(Relaxed) {
            return Err(Errno::ENETDOWN);
        }
        space
            .ports
            .entry(self.at.port())
            .or_default()
            .put(self.at.ip(), holder);
        Ok(())
    }

    pub fn release(&self) {
        let mut space = self.table.space(self.protocol, self.at.ip());
        if !self.released.swap(true, Relaxed) {
            space.free(self.at);
        }
    }
}

impl Mortal for Lease {
    fn close(&self) {
        self.release();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.release();
    }
}

#[derive(Default)]
struct Space {
    ports: HashMap<u16, Port>,
    ephemeral: Ephemeral,
}

/// One port number: the wildcard's holder, or any number of addresses with theirs.
#[derive(Default)]
struct Port {
    any: Option<Holder>,
    at: HashMap<IpAddr, Holder>,
}

impl Port {
    fn conflicts(&self, ip: IpAddr) -> bool {
        self.any.is_some()
            || self.at.contains_key(&ip)
            || (ip.is_unspecified() && !self.at.is_empty())
    }

    fn put(&mut self, ip: IpAddr, holder: Holder) {
        if ip.is_unspecified() {
            self.any = Some(holder);
        } else {
            self.at.insert(ip, holder);
        }
    }

    fn is_free(&self) -> bool {
        self.any.is_none() && self.at.is_empty()
    }
}

impl Space {
    fn free_port(&mut self) -> Option<u16> {
        self.ephemeral.next_free()
    }

    fn hold(&mut self, at: SocketAddr, holder: Holder) -> Result<(), Errno> {
        let port = self.ports.entry(at.port()).or_default();
        if port.conflicts(at.ip()) {
            return Err(Errno::EADDRINUSE);
        }
        port.put(at.ip(), holder);
        self.ephemeral.set(at.port(), true);
        Ok(())
    }

    fn free(&mut self, at: SocketAddr) {
        let Some(port) = self.ports.get_mut(&at.port()) else {
            return;
        };
        if at.ip().is_unspecified() {
            port.any = None;
        } else {
            port.at.remove(&at.ip());
        }
        if port.is_free() {
            self.ports.remove(&at.port());
            self.ephemeral.set(at.port(), false);
        }
    }
}

const PORTS: usize = (EPHEMERAL_LAST - EPHEMERAL_FIRST) as usize + 1;
const WORDS: usize = PORTS.div_ceil(64);
const SUMMARIES: usize = WORDS.div_ceil(64);

/// Which ephemeral ports are held: a bitmap and, above it, a bitmap of its full words. Finding a free port looks at no more than
/// nine words however many are held. Ports are given out in turn, so a port just closed is the last to come again.
struct Ephemeral {
    held: Box<[u64]>,
    full: [u64; SUMMARIES],
    next: usize,
}

impl Default for Ephemeral {
    /// Allocates nothing: a pod that never binds port 0 never pays for the bitmap.
    fn default() -> Ephemeral {
        Ephemeral {
            held: Box::default(),
            full: [0; SUMMARIES],
            next: 0,
        }
    }
}

impl Ephemeral {
    fn next_free(&mut self) -> Option<u16> {
        self.materialize();
        let index = self.scan(self.next).or_else(|| self.scan(0))?;
        self.next = (index + 1) % PORTS;
        Some(EPHEMERAL_FIRST + u16::try_from(index).ok()?)
    }

    /// The first free port at or after `from`.
    fn scan(&self, from: usize) -> Option<usize> {
        let word = from / 64;
        let here = !self.held[word] & (u64::MAX << (from % 64));
        if here != 0 {
            return Some(word * 64 + here.trailing_zeros() as usize);
        }
        let word = first_zero(&self.full, word + 1)?;
        let free = !*self.held.get(word)?;
        Some(word * 64 + free.trailing_zeros() as usize)
    }

    fn set(&mut self, port: u16, held: bool) {
        if !(EPHEMERAL_FIRST..=EPHEMERAL_LAST).contains(&port) {
            return;
        }
        self.materialize();
        let index = usize::from(port - EPHEMERAL_FIRST);
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        if held {
            self.held[word] |= bit;
        } else {
            self.held[word] &= !bit;
        }
        let full = 1u64 << (word % 64);
        if self.held[word] == u64::MAX {
            self.full[word / 64] |= full;
        } else {
            self.full[word / 64] &= !full;
        }
    }

    fn materialize(&mut self) {
        if !self.held.is_empty() {
            return;
        }
        self.held = vec![0; WORDS].into_boxed_slice();
        // The bits beyond the last port count as held for ever.
        for index in PORTS..WORDS * 64 {
            self.held[index / 64] |= 1 << (index % 64);
        }
        for word in WORDS..SUMMARIES * 64 {
            self.full[word / 64] |= 1 << (word % 64);
        }
        // Not always the same first port: a peer must not be able to rely on it.
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), PORTS);
        self.next = usize::try_from(seed % PORTS as u64).unwrap_or(0);
    }
}

/// The first zero bit at or after `from`.
fn first_zero(words: &[u64], from: usize) -> Option<usize> {
    let first = from / 64;
    words
        .iter()
        .enumerate()
        .skip(first)
        .find_map(|(index, word)| {
            let mask = if index == first {
                u64::MAX << (from % 64)
            } else {
                u64::MAX
            };
            let zeros = !word & mask;
            (zeros != 0).then(|| index * 64 + zeros.trailing_zeros() as usize)
        })
}
