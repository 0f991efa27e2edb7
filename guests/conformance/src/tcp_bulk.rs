//! Much data through a narrow pipe, both ends in one thread.

use crate::report::{Family, pair, say, yes};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

const TOTAL: usize = 8 << 20;
/// More than any kernel queues for one connection: a writer that gets this far meets no back-pressure at all.
const BOUNDLESS: usize = 64 << 20;

pub fn run(family: Family) {
    back_pressure(family);
    one_way(family);
    both_ways(family);
}

fn back_pressure(family: Family) {
    let (mut client, mut server) = pair(family);
    client.set_nonblocking(true).unwrap();
    let mut queued = 0;
    let stopped = loop {
        match client.write(&[7; 16384]) {
            Ok(count) => queued += count,
            Err(error) => break error.kind() == ErrorKind::WouldBlock,
        }
        if queued > BOUNDLESS {
            break false;
        }
    };
    say(family, "a writer nobody reads is stopped", yes(stopped));
    client.shutdown(Shutdown::Write).unwrap();
    let mut bytes = Vec::new();
    let read = server.read_to_end(&mut bytes);
    say(
        family,
        "what it had queued arrives whole",
        yes(read.is_ok_and(|count| count == queued)),
    );
}

fn one_way(family: Family) {
    let (mut client, mut server) = pair(family);
    let (mut up, mut down) = (Sender::new(1), Receiver::default());
    client.set_nonblocking(true).unwrap();
    server.set_nonblocking(true).unwrap();
    while !down.ended {
        up.push(&mut client);
        down.pull(&mut server);
    }
    say(family, "8 MiB one way, bytes", down.count);
    say(
        family,
        "8 MiB one way, checksum",
        format!("{:08x}", down.sum),
    );
}

fn both_ways(family: Family) {
    let (mut client, mut server) = pair(family);
    let (mut up, mut down) = (Sender::new(2), Sender::new(3));
    let (mut above, mut below) = (Receiver::default(), Receiver::default());
    client.set_nonblocking(true).unwrap();
    server.set_nonblocking(true).unwrap();
    while !(above.ended && below.ended) {
        up.push(&mut client);
        down.push(&mut server);
        above.pull(&mut server);
        below.pull(&mut client);
    }
    say(
        family,
        "8 MiB both ways, checksums",
        format!("{:08x} {:08x}", above.sum, below.sum),
    );
}

/// Sends `TOTAL` pseudo-random bytes in pieces of uneven size, then half-closes.
struct Sender {
    random: u32,
    piece: Vec<u8>,
    sent: usize,
    left: usize,
    closed: bool,
}

impl Sender {
    fn new(seed: u32) -> Self {
        Sender {
            random: seed,
            piece: Vec::new(),
            sent: 0,
            left: TOTAL,
            closed: false,
        }
    }

    /// Writes until the pipe is full.
    fn push(&mut self, stream: &mut TcpStream) {
        while self.refill() {
            match stream.write(&self.piece[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) => return expect_blocked(&error),
            }
        }
        if !self.closed {
            self.closed = true;
            stream.shutdown(Shutdown::Write).unwrap();
        }
    }

    /// Whether there is something to send.
    fn refill(&mut self) -> bool {
        if self.sent < self.piece.len() {
            return true;
        }
        let size = (1 + self.next() as usize % 40_000).min(self.left);
        self.left -= size;
        self.sent = 0;
        self.piece = (0..size).map(|_| self.next().to_le_bytes()[2]).collect();
        size > 0
    }

    /// xorshift32: any sequence will do that both runs compute alike.
    fn next(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

/// Counts and sums (FNV-1a) what arrives.
struct Receiver {
    count: usize,
    sum: u32,
    ended: bool,
}

impl Default for Receiver {
    fn default() -> Self {
        Receiver {
            count: 0,
            sum: 0x811c_9dc5,
            ended: false,
        }
    }
}

impl Receiver {
    /// Reads until the pipe is empty.
    fn pull(&mut self, stream: &mut TcpStream) {
        let mut bytes = vec![0; 30_000];
        while !self.ended {
            match stream.read(&mut bytes) {
                Ok(0) => self.ended = true,
                Ok(count) => self.add(&bytes[..count]),
                Err(error) => return expect_blocked(&error),
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.count += bytes.len();
        self.sum = bytes.iter().fold(self.sum, |sum, byte| {
            (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
    }
}

fn expect_blocked(error: &io::Error) {
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "a transfer broke");
}
