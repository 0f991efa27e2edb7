//! The virtual loopback: one pod's network, kept in the memory of its process.
//!
//! Every container of a pod holds an [`Attachment`] to the pod's [`Network`]. Sockets made from an attachment look like the
//! kernel's, but as long as both ends lie inside the pod their bytes never enter the kernel: a connection is two byte pipes
//! (`pipe`), a listener a bounded queue (`listener`), and who owns which address and port is a table (`table`).
//! One function (`addr::Policy::judge`) says of every address whether it is the pod's, the world's or nobody's; the world is reached
//! through ordinary kernel sockets behind the same types (`egress`), and a published port lets the host in (`publish`).
//!
//! # What is promised
//! * Addresses: all of 127.0.0.0/8, ::1 and the pod's own addresses. A wildcard binding overlaps every specific one: `EADDRINUSE`.
//!   IPv6 sockets are v6-only. Port 0 picks a free port of 32768..=60999 in constant time. There is no TIME_WAIT.
//! * TCP: connecting to a closed port, or to a listener whose backlog is full, is refused at once. Half-close, reset when a
//!   socket goes away with unread data, `EPIPE` on the second write after the peer closed, back-pressure by bounded buffers.
//! * UDP: boundaries are kept, 65507 bytes at most, over IPv6 65527 (`EMSGSIZE` beyond), a full queue drops, a connected socket hears its peer only.
//! * A container that dies takes its sockets along at once; its peers see what the kernel would show them.
//! * No lock is held across a wake or an await, and none for longer than a bulk copy of one buffer.
//!
//! # What is absent
//! No word of the orchestrator above, no guest runtime (that is `wasi/`), no timer but those of `publish` and `names`, and no clock but in `patience`.

mod account;
mod addr;
mod conn;
pub mod defs;
mod egress;
mod listener;
mod names;
mod network;
mod options;
mod patience;
mod pipe;
mod publish;
mod socket;
mod stream;
mod table;
mod udp;
mod wakers;

pub mod wasi;

pub use account::{Limits, Usage};
pub use addr::Family;
pub use listener::TcpListener;
pub use names::{NameFile, OwnNames};
pub use network::{Attachment, Network, NetworkConfig};
pub use options::{TcpOption, TcpOptions, UdpOption, UdpOptions};
pub use publish::{Protocol, Publish, Published};
pub use socket::{TcpSocket, TcpState};
pub use stream::{TcpReader, TcpStream, TcpWriter};
pub use udp::{Datagram, UdpSocket};

#[cfg(test)]
mod tests;
