//! The network against a naive model of it, under random programs.

use std::collections::VecDeque;
use std::net::Shutdown;

use proptest::prelude::*;

use super::*;

const ADDRESSES: [&str; 4] = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "10.9.8.7"];
const BACKLOG: usize = 2;

/// Sockets are named by a number that is taken modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    Bind(usize, u16),
    Listen(usize),
    /// From a fresh socket, or from a bound one.
    Connect(Option<usize>, usize, u16),
    Accept(usize),
    Write(usize, usize),
    Read(usize, usize),
    Finish(usize),
    Abort(usize),
    Close(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (any, port, address) = (0..64_usize, 80..83_u16, 0..ADDRESSES.len());
    prop_oneof![
        3 => (address.clone(), port.clone()).prop_map(|(a, p)| Step::Bind(a, p)),
        3 => any.clone().prop_map(Step::Listen),
        5 => (proptest::option::of(any.clone()), address, port).prop_map(|(s, a, p)| Step::Connect(s, a, p)),
        5 => any.clone().prop_map(Step::Accept),
        6 => (any.clone(), 0..5000_usize).prop_map(|(s, n)| Step::Write(s, n)),
        6 => (any.clone(), 1..9000_usize).prop_map(|(s, n)| Step::Read(s, n)),
        2 => any.clone().prop_map(Step::Finish),
        1 => any.clone().prop_map(Step::Abort),
        4 => any.prop_map(Step::Close),
    ]
}

/// What the model thinks a socket is.
#[derive(Clone, Debug)]
enum Kind {
    Bound(SocketAddr),
    Listening(SocketAddr, VecDeque<usize>),
    /// One side of a connection, and the address it holds, if it does.
    Connected(usize, usize, Option<SocketAddr>),
}

#[derive(Default)]
struct Wire {
    sent: [VecDeque<u8>; 2],
    finished: [bool; 2],
    closed: [bool; 2],
    broken: [bool; 2],
    reset: [bool; 2],
    error: [Option<Errno>; 2],
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Bytes(Vec<u8>),
    Count(usize),
    Wait,
    Failed(Errno),
}

impl Outcome {
    fn of<T>(result: io::Result<T>, good: impl FnOnce(T) -> Outcome) -> Outcome {
        match result {
            Ok(value) => good(value),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Outcome::Wait,
            Err(error) => Outcome::Failed(Errno::from_raw(error.raw_os_error().unwrap())),
        }
    }
}

impl Wire {
    fn read(&mut self, side: usize, most: usize) -> Outcome {
        let there = &mut self.sent[1 - side];
        if !there.is_empty() {
            let count = most.min(there.len());
            return Outcome::Bytes(there.drain(..count).collect());
        }
        if self.finished[1 - side] {
            return Outcome::Bytes(Vec::new());
        }
        if self.reset[side] {
            return self.error[side]
                .take()
                .map_or(Outcome::Bytes(Vec::new()), Outcome::Failed);
        }
        Outcome::Wait
    }

    fn write(&mut self, side: usize, bytes: &[u8]) -> Outcome {
        if self.finished[side] || self.broken[side] || self.reset[side] {
            return Outcome::Failed(self.error[side].take().unwrap_or(Errno::EPIPE));
        }
        if self.closed[1 - side] {
            self.broken[side] = true;
        } else {
            self.sent[side].extend(bytes);
        }
        Outcome::Count(bytes.len())
    }

    fn close(&mut self, side: usize, abort: bool) {
        if std::mem::replace(&mut self.closed[side], true) {
            return;
        }
        let unread = !std::mem::take(&mut self.sent[1 - side]).is_empty();
        if unread || abort {
            if !self.finished[side] {
                self.error[1 - side] = Some(Errno::ECONNRESET);
            }
            self.reset = [true; 2];
        } else {
            self.finished[side] = true;
        }
    }
}

struct World {
    container: Attachment,
    /// The model and the real thing, side by side.
    sockets: Vec<(Kind, TcpSocket)>,
    wires: Vec<Wire>,
    written: u8,
}

impl World {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Bind(address, port) => self.bind(SocketAddr::new(ip(ADDRESSES[address]), port)),
            Step::Connect(from, address, port) => {
                self.connect(from, SocketAddr::new(ip(ADDRESSES[address]), port))
            }
            _ if self.sockets.is_empty() => {}
            Step::Listen(name) => self.listen(name % self.sockets.len()),
            Step::Accept(name) => self.accept(name % self.sockets.len()),
            Step::Close(name) => self.close(name % self.sockets.len()),
            Step::Write(name, count) => self.write(name % self.sockets.len(), count),
            Step::Read(name, most) => self.read(name % self.sockets.len(), most),
            Step::Finish(name) => {
                if let (Kind::Connected(wire, side, _), socket) =
                    &self.sockets[name % self.sockets.len()]
                {
                    socket.shutdown(Shutdown::Write).unwrap();
                    self.wires[*wire].finished[*side] = true;
                }
            }
            Step::Abort(name) => {
                let name = name % self.sockets.len();
                if let (Kind::Connected(wire, side, held), socket) = &mut self.sockets[name] {
                    socket.stream().unwrap().abort();
                    *held = None;
                    self.wires[*wire].close(*side, true);
                    self.sockets.remove(name);
                }
            }
        }
    }

    fn holds(kind: &Kind) -> Option<SocketAddr> {
        match kind {
            Kind::Bound(at) | Kind::Listening(at, _) => Some(*at),
            Kind::Connected(.., held) => *held,
        }
    }

    fn is_taken(&self, at: SocketAddr) -> bool {
        self.sockets
            .iter()
            .filter_map(|(kind, _)| World::holds(kind))
            .any(|held| {
                held.port() == at.port()
                    && (held.ip() == at.ip()
                        || held.ip().is_unspecified()
                        || at.ip().is_unspecified())
            })
    }

    fn bind(&mut self, at: SocketAddr) {
        let expected = self.is_taken(at).then_some(Errno::EADDRINUSE);
        let mut socket = self.container.tcp_socket(Family::V4).unwrap();
        assert_eq!(errno(socket.bind(at)), expected, "bind {at}");
        if expected.is_none() {
            self.sockets.push((Kind::Bound(at), socket));
        }
    }

    fn listen(&mut self, name: usize) {
        if let (kind @ Kind::Bound(_), socket) = &mut self.sockets[name] {
            socket
                .set_option(TcpOption::Backlog(BACKLOG as u64))
                .unwrap();
            socket.listen().unwrap();
            *kind = Kind::Listening(World::holds(kind).unwrap(), VecDeque::new());
        }
    }

    fn connect(&mut self, from: Option<usize>, to: SocketAddr) {
        let from = from
            .filter(|_| !self.sockets.is_empty())
            .map(|name| name % self.sockets.len());
        let (mut socket, held) = match from {
            Some(name) if matches!(self.sockets[name].0, Kind::Bound(_)) => {
                let (kind, socket) = self.sockets.remove(name);
                (socket, World::holds(&kind))
            }
            _ => (self.container.tcp_socket(Family::V4).unwrap(), None),
        };
        let meant = if to.ip().is_unspecified() {
            SocketAddr::new(ip("127.0.0.1"), to.port())
        } else {
            to
        };
        let wire = self.wires.len();
        // At most one of them covers the address: otherwise they would have collided.
        let accepted = self.sockets.iter_mut().any(|(kind, _)| match kind {
            Kind::Listening(at, waiting)
                if at.port() == meant.port()
                    && (at.ip() == meant.ip() || at.ip().is_unspecified()) =>
            {
                let room = waiting.len() < BACKLOG;
                if room {
                    waiting.push_back(wire);
                }
                room
            }
            _ => false,
        });
        socket.start_connect(to).unwrap();
        let outcome = errno(now(|cx| socket.poll_connect(cx)).unwrap());
        assert_eq!(
            outcome,
            (!accepted).then_some(Errno::ECONNREFUSED),
            "connect {to}"
        );
        if accepted {
            assert_eq!(socket.remote_addr().unwrap(), meant);
            self.wires.push(Wire::default());
            self.sockets.push((Kind::Connected(wire, 0, held), socket));
        }
    }

    fn accept(&mut self, name: usize) {
        let (Kind::Listening(_, waiting), socket) = &mut self.sockets[name] else {
            return;
        };
        let stream = socket.listener().unwrap().try_accept();
        match waiting.pop_front() {
            None => assert!(would_block(stream)),
            Some(wire) => {
                let socket = TcpSocket::from(stream.unwrap());
                self.sockets.push((Kind::Connected(wire, 1, None), socket));
            }
        }
    }

    fn write(&mut self, name: usize, count: usize) {
        let (Kind::Connected(wire, side, _), socket) = &self.sockets[name] else {
            return;
        };
        self.written = self.written.wrapping_add(1);
        let bytes: Vec<u8> = (0..count)
            .map(|place| self.written ^ (place % 251) as u8)
            .collect();
        let found = Outcome::of(socket.stream().unwrap().try_write(&bytes), Outcome::Count);
        let expected = self.wires[*wire].write(*side, &bytes);
        assert_eq!(found, expected, "write of {count}");
    }

    fn read(&mut self, name: usize, most: usize) {
        let (Kind::Connected(wire, side, _), socket) = &self.sockets[name] else {
            return;
        };
        let mut buffer = vec![0; most];
        let found = Outcome::of(socket.stream().unwrap().try_read(&mut buffer), |count| {
            Outcome::Bytes(buffer[..count].to_vec())
        });
        assert_eq!(found, self.wires[*wire].read(*side, most), "read of {most}");
    }

    fn close(&mut self, name: usize) {
        let (kind, socket) = self.sockets.remove(name);
        drop(socket);
        match kind {
            Kind::Bound(_) => {}
            Kind::Listening(_, waiting) => waiting
                .iter()
                .for_each(|wire| self.wires[*wire].close(1, true)),
            Kind::Connected(wire, side, _) => self.wires[wire].close(side, false),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_program_sees_what_the_model_says(steps in proptest::collection::vec(step(), 1..60)) {
        let pod = pod();
        let mut world = World { container: pod.attach("app"), sockets: Vec::new(), wires: Vec::new(), written: 0 };
        for step in &steps {
            world.step(step);
        }
        world.sockets.clear();
        prop_assert_eq!(world.container.usage(), Usage::default(), "everything is given back");
    }
}
