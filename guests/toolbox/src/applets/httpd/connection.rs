//! One client: its state, and what it does when its socket is ready. Nothing here waits.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::time::Instant;

use super::answer::{Answer, Body, answer};
use super::request::{Parsed, parse};

pub struct Connection {
    pub stream: TcpStream,
    pub peer: IpAddr,
    pub last_active: Instant,
    state: State,
    received: Vec<u8>,
}

enum State {
    /// Waiting for a whole head.
    Reading,
    /// Sending an answer; `sent` bytes of `buffer` are gone.
    Writing {
        buffer: Vec<u8>,
        sent: usize,
        body: Option<(Body, u64)>,
        keep_alive: bool,
    },
    /// All is said. Reading on until the other side ends: closing with unread bytes would reset the connection, and the
    /// client could lose the answer.
    Draining,
}

/// For the access log.
pub struct Served {
    pub request: String,
    pub status: u16,
    pub length: u64,
}

const BUFFER: usize = 32 * 1024;
/// Clients that keep a reset or endless body coming are left after so many bytes.
const DRAIN_LIMIT: usize = 1024 * 1024;

impl Connection {
    pub fn new(stream: TcpStream, peer: IpAddr) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream,
            peer,
            last_active: Instant::now(),
            state: State::Reading,
            received: Vec::new(),
        })
    }

    pub fn is_writing(&self) -> bool {
        matches!(self.state, State::Writing { .. })
    }

    /// Does what can be done now. `false` when the connection is over.
    pub fn advance(&mut self, root: &Path, log: &mut dyn FnMut(IpAddr, Served)) -> bool {
        self.last_active = Instant::now();
        loop {
            let step = match &self.state {
                State::Reading => self.read(root, log),
                State::Writing { .. } => self.write(),
                State::Draining => self.drain(),
            };
            match step {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    fn read(&mut self, root: &Path, log: &mut dyn FnMut(IpAddr, Served)) -> std::io::Result<bool> {
        let (reply, keep_alive, head_only, request) = match parse(&self.received) {
            Parsed::Incomplete => {
                let mut chunk = [0; 4096];
                let length = self.stream.read(&mut chunk)?;
                self.received.extend_from_slice(&chunk[..length]);
                return Ok(length > 0);
            }
            Parsed::Wrong(status) => (Answer::failure(status), false, false, "-".to_owned()),
            Parsed::Request(request) => {
                self.received.drain(..request.length);
                let text = format!("{} {}", request.method, request.target);
                (
                    answer(&request, root),
                    request.keep_alive,
                    request.method == "HEAD",
                    text,
                )
            }
        };
        let length = reply.body.length();
        log(
            self.peer,
            Served {
                request,
                status: reply.status,
                length: if head_only { 0 } else { length },
            },
        );
        let buffer = reply.head(keep_alive).into_bytes();
        let body = (!head_only).then_some((reply.body, length));
        self.state = State::Writing {
            buffer,
            sent: 0,
            body,
            keep_alive,
        };
        Ok(true)
    }

    fn write(&mut self) -> std::io::Result<bool> {
        let State::Writing {
            buffer,
            sent,
            body,
            keep_alive,
        } = &mut self.state
        else {
            return Ok(true);
        };
        if *sent == buffer.len() {
            *sent = 0;
            if refill(buffer, body)? {
                return Ok(true);
            }
            self.state = if *keep_alive {
                State::Reading
            } else {
                // Errors only say that the client has gone.
                let _ = self.stream.shutdown(std::net::Shutdown::Write);
                self.received.clear();
                State::Draining
            };
            return Ok(true);
        }
        *sent += self.stream.write(&buffer[*sent..])?;
        Ok(true)
    }

    fn drain(&mut self) -> std::io::Result<bool> {
        let mut chunk = [0; 4096];
        let length = self.stream.read(&mut chunk)?;
        self.received.resize(self.received.len() + length, 0);
        Ok(length > 0 && self.received.len() < DRAIN_LIMIT)
    }
}

/// Puts the next piece of the body into the buffer; `false` when there is none. A file that has become shorter meanwhile ends
/// the connection, since the promised length cannot be kept.
fn refill(buffer: &mut Vec<u8>, body: &mut Option<(Body, u64)>) -> std::io::Result<bool> {
    buffer.clear();
    let Some((source, left)) = body else {
        return Ok(false);
    };
    if *left == 0 {
        return Ok(false);
    }
    match source {
        Body::Text(text) => {
            buffer.extend_from_slice(text.as_bytes());
            *left = 0;
        }
        Body::File(file, _) => {
            let most = usize::try_from(*left).unwrap_or(BUFFER).min(BUFFER);
            buffer.resize(most, 0);
            let length = file.read(buffer)?;
            buffer.truncate(length);
            *left -= length as u64;
            if length == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
    Ok(true)
}
