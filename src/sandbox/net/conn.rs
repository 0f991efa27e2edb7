//! A connection inside the pod: two pipes and two ends.
//!
//! What an end sees when the other goes follows Linux (`tcp_close`, `tcp_reset`, `tcp_recvmsg`):
//!
//! | the peer …                          | reads here                      | writes here                     |
//! |-------------------------------------|---------------------------------|---------------------------------|
//! | shut down its writing               | data, then end                  | go on                           |
//! | closed, having read everything      | data, then end                  | the first succeeds, then EPIPE  |
//! | closed with unread data             | data, then once ECONNRESET, end | once ECONNRESET, then EPIPE     |
//! | the same, after shutting down first | data, then end                  | EPIPE                           |
//!
//! The error of a reset is reported once, to whichever call comes first.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU8, Ordering::AcqRel, Ordering::Acquire, Ordering::Release,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::errno::Errno;

use super::account::{Mortal, Slot};
use super::defs::{CHUNK_MAX, PIPE_LIMIT, PIPE_LIMIT_MIN};
use super::options::TcpOptions;
use super::pipe::{NoRead, NoWrite, Pipe};
use super::table::Lease;

/// What both ends share. Index 0 is the end that connected, 1 the one that accepted; `pipes[i]` carries what end `i` writes.
struct Conn {
    pipes: [Pipe; 2],
    /// The errno an end has still to be told, or 0.
    errors: [AtomicI32; 2],
}

/// One end. Closed when dropped, or before that when its container dies.
pub(super) struct End {
    conn: Arc<Conn>,
    side: usize,
    pub local: SocketAddr,
    pub peer: SocketAddr,
    options: Mutex<TcpOptions>,
    closed: AtomicBool,
    /// Not so while it waits in a backlog: closed there, it is a reset for the peer whatever was read.
    accepted: AtomicBool,
    dropped_halves: AtomicU8,
    holds: Mutex<Option<Holds>>,
}

/// What an open end keeps from others: a place in its container's account and (the connecting one) a port.
struct Holds {
    slot: Slot,
    lease: Option<Arc<Lease>>,
}

const READER_DROPPED: u8 = 1;
const WRITER_DROPPED: u8 = 2;

/// What one side brings into a new connection.
pub(super) struct Side {
    pub addr: SocketAddr,
    pub slot: Slot,
    pub lease: Option<Arc<Lease>>,
    pub options: TcpOptions,
}

/// Joins two sides. `ENETDOWN` when the container of either is just dying.
pub(super) fn join(client: Side, server: Side) -> io::Result<(Arc<End>, Arc<End>)> {
    let conn = Arc::new(Conn {
        pipes: [
            Pipe::new(
                client.slot.account().clone(),
                pipe_limit(&client.options, &server.options),
            ),
            Pipe::new(
                server.slot.account().clone(),
                pipe_limit(&server.options, &client.options),
            ),
        ],
        errors: Default::default(),
    });
    let (here, there) = (client.addr, server.addr);
    let client = End::new(conn.clone(), 0, client, there);
    let server = End::new(conn, 1, server, here);
    client.register()?;
    server.register()?;
    Ok((client, server))
}

/// Linux holds what the sender's and the receiver's buffer take together.
fn pipe_limit(from: &TcpOptions, to: &TcpOptions) -> usize {
    from.send_buffer
        .saturating_add(to.receive_buffer)
        .clamp(PIPE_LIMIT_MIN, PIPE_LIMIT)
}

impl End {
    fn new(conn: Arc<Conn>, side: usize, brought: Side, peer: SocketAddr) -> Arc<End> {
        Arc::new(End {
            conn,
            side,
            local: brought.addr,
            peer,
            options: Mutex::new(brought.options),
            closed: AtomicBool::new(false),
            accepted: AtomicBool::new(side == 0),
            dropped_halves: AtomicU8::new(0),
            holds: Mutex::new(Some(Holds {
                slot: brought.slot,
                lease: brought.lease,
            })),
        })
    }

    fn register(self: &Arc<End>) -> io::Result<()> {
        let weak: Weak<End> = Arc::downgrade(self);
        match &mut *self.holds.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(holds) => holds.slot.register(weak),
            None => Err(Errno::ENETDOWN.into()),
        }
    }

    /// The pipe this end writes to.
    pub fn outgoing(&self) -> &Pipe {
        &self.conn.pipes[self.side]
    }

    /// The pipe this end reads from.
    pub fn incoming(&self) -> &Pipe {
        &self.conn.pipes[1 - self.side]
    }

    pub fn options(&self) -> MutexGuard<'_, TcpOptions> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.incoming()
            .read(into)
            .or_else(|nothing| self.explain_read(nothing))
    }

    pub fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.incoming()
            .peek(into)
            .or_else(|nothing| self.explain_read(nothing))
    }

    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing()
            .write(bytes)
            .or_else(|nothing| self.explain_write(nothing))
    }

    /// That the pipe is broken shows in the write, as with the kernel: asking first must not swallow the reason.
    pub fn permit(&self) -> io::Result<usize> {
        match self.outgoing().permit() {
            Err(NoWrite::Broken) => Ok(CHUNK_MAX),
            Err(NoWrite::Wait) => Ok(0),
            Ok(count) => Ok(count),
        }
    }

    fn explain_read(&self, nothing: NoRead) -> io::Result<usize> {
        match nothing {
            NoRead::Wait => Err(io::ErrorKind::WouldBlock.into()),
            NoRead::End => Ok(0),
            NoRead::Reset => self.take_error().map_or(Ok(0), |errno| Err(errno.into())),
        }
    }

    fn explain_write(&self, nothing: NoWrite) -> io::Result<usize> {
        match nothing {
            NoWrite::Wait => Err(io::ErrorKind::WouldBlock.into()),
            NoWrite::Broken => Err(self.take_error().unwrap_or(Errno::EPIPE).into()),
        }
    }

    fn take_error(&self) -> Option<Errno> {
        match self.conn.errors[self.side].swap(0, AcqRel) {
            0 => None,
            errno => Some(Errno::from_raw(errno)),
        }
    }

    pub fn shutdown(&self, how: Shutdown) {
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            self.incoming().shut_reading();
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.outgoing().finish();
        }
    }

    /// Nobody reads here any more, though the socket may live on.
    pub fn drop_reader(&self) {
        self.shutdown(Shutdown::Read);
        self.drop_half(READER_DROPPED);
    }

    /// Nobody writes here any more.
    pub fn drop_writer(&self) {
        if !self.drop_half(WRITER_DROPPED) {
            self.shutdown(Shutdown::Write);
        }
    }

    /// When both halves are gone nobody can reach this end: unread data makes that a reset now, not when the socket object goes
    /// too, lest the peer take the end of the second half for an orderly one. True if it did.
    fn drop_half(&self, half: u8) -> bool {
        let gone = self.dropped_halves.fetch_or(half, AcqRel) | half;
        let abort = gone == READER_DROPPED | WRITER_DROPPED && self.incoming().has_unread();
        if abort {
            self.close();
        }
        abort
    }

    /// Somebody took it from the backlog.
    pub fn accept(&self) {
        self.accepted.store(true, Release);
    }

    /// Ends the connection with a reset, whatever was read.
    pub fn abort(&self) {
        self.leave(true);
    }

    fn leave(&self, abort: bool) {
        if self.closed.swap(true, AcqRel) {
            return;
        }
        let unread = self.incoming().abandon();
        if unread || abort || !self.accepted.load(Acquire) {
            self.reset_peer();
        } else {
            self.outgoing().finish();
        }
        let holds = self
            .holds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(lease) = holds.and_then(|holds| holds.lease) {
            lease.release();
        }
    }

    fn reset_peer(&self) {
        // To a peer that already saw our end of stream, a reset is but a broken pipe.
        if !self.outgoing().is_finished() {
            self.conn.errors[1 - self.side].store(Errno::ECONNRESET as i32, Release);
        }
        self.outgoing().reset();
        self.incoming().reset();
    }
}

impl Mortal for End {
    fn close(&self) {
        self.leave(false);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close();
    }
}
