//! Sizes and times, in one place.

use std::time::Duration;

/// Connections a listener holds for `accept` unless told otherwise (what `std` and most servers ask for).
pub const DEFAULT_BACKLOG: usize = 128;
/// The largest backlog a guest can ask for: Linux' `net.core.somaxconn`.
pub const MAX_BACKLOG: usize = 4096;

/// Ephemeral ports, the range of Linux' `net.ipv4.ip_local_port_range`.
pub const EPHEMERAL_FIRST: u16 = 32768;
pub const EPHEMERAL_LAST: u16 = 60999;

/// Bytes one direction of a connection may hold before its writer waits.
pub const PIPE_LIMIT: usize = 256 << 10;
/// The least a small send buffer shrinks that to.
pub const PIPE_LIMIT_MIN: usize = 4 << 10;
/// The buffer a connection starts with: most requests fit, and an idle connection stays small.
pub const CHUNK_MIN: usize = 1 << 10;
/// The largest single buffer: big enough to make locks and wakes rare, small enough for the second-level cache.
pub const CHUNK_MAX: usize = 64 << 10;
/// Up to here a write is copied under the lock; beyond, buffers are filled outside of it.
pub const COPY_UNDER_LOCK: usize = 4 << 10;
/// What a connection may always hold, even when its container has spent its share: nothing ever gets stuck.
pub const PIPE_FLOOR: usize = 4 << 10;

/// How long a side of a pipe watches for its peer before it sleeps: a few times what an awake peer needs to answer …
pub const WATCH_SHORT: Duration = Duration::from_micros(20);
/// … and while it is not known whether the peer is awake, a little more than waking it takes.
pub const WATCH_LONG: Duration = Duration::from_micros(60);
/// Successes in a row after which a peer counts as awake.
pub const WATCH_STREAK: u16 = 16;
/// Vain attempts after which a side stops watching.
pub const WATCH_CREDIT: u16 = 3;
/// Waits before it tries (again): doubled with every vain try.
pub const PROBE_FIRST: u16 = 16;
pub const PROBE_RAREST: u16 = 2048;

/// The largest datagram over IPv4: 65535 minus the headers of IPv4 and UDP.
pub const MAX_DATAGRAM_V4: usize = 65507;
/// The largest over IPv6, whose own header does not count: 65535 minus that of UDP.
pub const MAX_DATAGRAM: usize = 65527;
/// Bytes of datagrams a UDP socket holds before it drops, bookkeeping included (Linux' `rmem_default`).
pub const UDP_QUEUE: usize = 208 << 10;
/// What one queued datagram costs besides its bytes, so that empty ones are bounded too.
pub const DATAGRAM_OVERHEAD: usize = 256;

/// Bytes all buffers of one container may hold.
pub const MAX_BUFFERED: usize = 64 << 20;
/// Sockets one container may hold.
pub const MAX_SOCKETS: usize = 16384;
/// Waiting tasks one event remembers; beyond, the oldest is woken early (which is harmless).
pub const MAX_WAKERS: usize = 16;

/// Connections through one published port at a time.
pub const PUBLISH_CONNECTIONS: usize = 1024;
/// Peers one published UDP port remembers.
pub const PUBLISH_PEERS: usize = 1024;
/// How long a UDP peer is remembered after its last datagram (Linux' `nf_conntrack_udp_timeout_stream` is 120 s).
pub const PUBLISH_PEER_IDLE: Duration = Duration::from_secs(120);
/// Copy buffer per direction of a published connection.
pub const PUBLISH_BUFFER: usize = 16 << 10;
/// How long a published port rests when the host has no descriptor left for another connection.
pub const PUBLISH_REST: Duration = Duration::from_millis(50);

/// One try at one name server, unless resolv.conf says otherwise.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest a lookup takes, whatever resolv.conf says.
pub const RESOLVE_TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// Answers one name gives at most.
pub const RESOLVE_ANSWERS: usize = 64;
