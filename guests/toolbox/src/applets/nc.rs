//! nc: what comes in on stdin goes to a socket and the other way round. No threads are needed: one poll waits for both.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use crate::applet::{Applet, At, Failure, Io, Outcome, error, reason, usage};
use crate::applets::sleep::seconds;
use crate::options::{self, Options, number};
use crate::sys::{Wait, wait};

pub const APPLET: Applet = Applet {
    name: "nc",
    usage: "[-unvzN] [-w SECONDS] [-q SECONDS] HOST PORT[-PORT] | -l [-ukvN] [-w SECONDS] [-p PORT] [ADDRESS] [PORT]",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    // -N asks to shut the connection down after stdin's end, which we always do.
    let options = options::parse(args, "lukvnzNw:p:q:", &[])?;
    let timing = Timing {
        idle: duration(&options, 'w')?,
        after_end: duration(&options, 'q')?,
    };
    if options.has('l') {
        return listen(&options, timing, io);
    }
    if options.has('p') || options.has('k') {
        return usage("-p and -k go with -l only");
    }
    let [host, ports] = options.operands.as_slice() else {
        return usage("a host and a port are needed");
    };
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (number::<u16>(first)?, number::<u16>(last)?),
        None => (number(ports)?, number(ports)?),
    };
    if options.has('z') {
        return scan(host, first, last, &options, timing, io);
    }
    if first != last {
        return usage("a range of ports goes with -z only");
    }
    let addresses = resolve(host, first, options.has('n'))?;
    if options.has('u') {
        let socket = connect_udp(&addresses).at(format_args!("{host}:{first}"))?;
        return relay(&socket, timing, &mut Vec::new(), io);
    }
    let stream = connect(&addresses, timing.idle).at(format_args!("{host}:{first}"))?;
    if options.has('v') {
        let _ = writeln!(io.err, "{host}:{first} open");
    }
    relay(&stream, timing, &mut Vec::new(), io)
}

/// Ends for want of traffic.
#[derive(Clone, Copy)]
struct Timing {
    /// Nothing came or went for so long; also how long connecting may take.
    idle: Option<Duration>,
    /// So long after the end of stdin, whatever still comes.
    after_end: Option<Duration>,
}

fn duration(options: &Options, letter: char) -> Result<Option<Duration>, Failure> {
    let text = options.value(letter);
    text.map(|text| Ok(Duration::try_from_secs_f64(seconds(text)?).unwrap_or(Duration::MAX)))
        .transpose()
}

fn resolve(host: &str, port: u16, numeric: bool) -> Result<Vec<SocketAddr>, Failure> {
    if numeric {
        return match host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![(address, port).into()]),
            Err(_) => error(format!("{host}: not an address, and -n forbids names")),
        };
    }
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().at(host)?.collect();
    match found.is_empty() {
        true => error(format!("{host}: no address")),
        false => Ok(found),
    }
}

/// The first of the addresses that answers; the error is the last one's.
pub fn connect(addresses: &[SocketAddr], timeout: Option<Duration>) -> std::io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        outcome = match timeout {
            Some(timeout) => TcpStream::connect_timeout(address, timeout),
            None => TcpStream::connect(address),
        };
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn connect_udp(addresses: &[SocketAddr]) -> std::io::Result<UdpSocket> {
    let address = addresses.first().ok_or(ErrorKind::AddrNotAvailable)?;
    let any: SocketAddr = if address.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(socket)
}

/// -z: says which ports are open; succeeds when any is.
fn scan(
    host: &str,
    first: u16,
    last: u16,
    options: &Options,
    timing: Timing,
    io: &mut Io,
) -> Outcome {
    let mut any = false;
    for port in first..=last {
        let addresses = resolve(host, port, options.has('n'))?;
        let outcome = match options.has('u') {
            true => connect_udp(&addresses).and_then(|socket| knock(&socket, timing.idle)),
            false => connect(&addresses, timing.idle).map(drop),
        };
        any |= outcome.is_ok();
        if options.has('v') {
            let text = outcome.map_or_else(|error| reason(&error), |()| "open".to_owned());
            let _ = writeln!(io.err, "{host}:{port} {text}");
        }
    }
    Ok(u8::from(!any))
}

/// A closed UDP port shows only by an error after something was sent to it; silence counts as open.
fn knock(socket: &UdpSocket, patience: Option<Duration>) -> std::io::Result<()> {
    socket.send(b"\n")?;
    let mut waits = [Wait::new(socket.as_raw_fd(), true, false)];
    if wait(&mut waits, Some(patience.unwrap_or(Duration::from_secs(1))))? > 0 {
        socket.recv(&mut [0; 1])?;
    }
    Ok(())
}

fn listen(options: &Options, timing: Timing, io: &mut Io) -> Outcome {
    let (address, port) = match (options.operands.as_slice(), options.value('p')) {
        ([], Some(port)) => ("0.0.0.0", port),
        ([address], Some(port)) => (address.as_str(), port),
        ([port], None) => ("0.0.0.0", port.as_str()),
        ([address, port], None) => (address.as_str(), port.as_str()),
        _ => return usage("an address and one port are all that -l takes"),
    };
    if options.has('z') {
        return usage("-z and -l exclude each other");
    }
    let addresses = resolve(address, number(port)?, options.has('n'))?;
    let name = format!("{address}:{port}");
    if options.has('u') {
        return listen_udp(&addresses, &name, timing, io);
    }
    let mut listener = Some(TcpListener::bind(&addresses[..]).at(&name)?);
    while let Some(open) = listener.take() {
        if options.has('v') {
            let _ = writeln!(io.err, "listening on {}", open.local_addr().at(&name)?);
        }
        let (stream, peer) = open.accept().at(&name)?;
        if options.has('v') {
            let _ = writeln!(io.err, "connection from {peer}");
        }
        // Without -k the port is given up now: a second client is refused rather than left waiting.
        listener = options.has('k').then_some(open);
        let outcome = relay(&stream, timing, &mut Vec::new(), io);
        match outcome {
            Err(Failure::Error(message)) if options.has('k') => io.complain(message),
            other => _ = other?,
        }
    }
    Ok(0)
}

/// The first datagram says who the other side is.
fn listen_udp(addresses: &[SocketAddr], name: &str, timing: Timing, io: &mut Io) -> Outcome {
    let socket = UdpSocket::bind(addresses).at(name)?;
    let mut datagram = vec![0; 65536];
    let (length, peer) = socket.recv_from(&mut datagram).at(name)?;
    socket.connect(peer).at(peer)?;
    datagram.truncate(length);
    relay(&socket, timing, &mut datagram, io)
}

/// What relaying needs of a socket.
trait Socket {
    fn fd(&self) -> RawFd;
    fn set_nonblocking(&self) -> std::io::Result<()>;
    fn send(&self, data: &[u8]) -> std::io::Result<usize>;
    fn receive(&self, buffer: &mut [u8]) -> std::io::Result<usize>;
    /// Is an empty read the end? Of a stream it is; a datagram may be empty.
    const STREAM: bool;
    fn finish(&self);
}

impl Socket for TcpStream {
    const STREAM: bool = true;
    fn fd(&self) -> RawFd {
        self.as_raw_fd()
    }
    fn set_nonblocking(&self) -> std::io::Result<()> {
        TcpStream::set_nonblocking(self, true)
    }
    fn send(&self, data: &[u8]) -> std::io::Result<usize> {
        (&*self).write(data)
    }
    fn receive(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&*self).read(buffer)
    }
    fn finish(&self) {
        // The other side may have gone already: then there is nobody to tell.
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Socket for UdpSocket {
    const STREAM: bool = false;
    fn fd(&self) -> RawFd {
        self.as_raw_fd()
    }
    fn set_nonblocking(&self) -> std::io::Result<()> {
        UdpSocket::set_nonblocking(self, true)
    }
    fn send(&self, data: &[u8]) -> std::io::Result<usize> {
        UdpSocket::send(self, data)
    }
    fn receive(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.recv(buffer)
    }
    fn finish(&self) {}
}

const STDIN: RawFd = 0;

/// Copies both ways until both have ended, or time is up: the other side's end is no reason to lose what stdin still brings.
/// `received` is printed first and then serves as the buffer.
fn relay<S: Socket>(socket: &S, timing: Timing, received: &mut Vec<u8>, io: &mut Io) -> Outcome {
    socket.set_nonblocking().at("socket")?;
    io.out.write_all(received)?;
    io.out.flush()?;
    received.resize(65536, 0);
    let mut relay = Relay {
        timing,
        pending: Vec::new(),
        stdin_open: true,
        socket_open: true,
        last_traffic: Instant::now(),
        ended_at: None,
    };
    while relay.stdin_open || relay.socket_open || !relay.pending.is_empty() {
        if !relay.turn(socket, received, io)? {
            break;
        }
    }
    Ok(0)
}

struct Relay {
    timing: Timing,
    /// Read from stdin and not yet sent.
    pending: Vec<u8>,
    stdin_open: bool,
    socket_open: bool,
    last_traffic: Instant,
    /// When everything from stdin had been sent.
    ended_at: Option<Instant>,
}

impl Relay {
    /// Waits for either side and does what can be done; `false` when the time is up.
    fn turn<S: Socket>(
        &mut self,
        socket: &S,
        buffer: &mut [u8],
        io: &mut Io,
    ) -> Result<bool, Failure> {
        // Nothing more is read from stdin while the socket is full: back-pressure.
        let read_stdin = self.stdin_open && self.pending.is_empty();
        let mut waits = Vec::with_capacity(2);
        // What a shell has put there is never waited for.
        let poll_stdin = read_stdin && !io.redirected;
        if poll_stdin {
            waits.push(Wait::new(STDIN, true, false));
        }
        if self.socket_open || !self.pending.is_empty() {
            waits.push(Wait::new(
                socket.fd(),
                self.socket_open,
                !self.pending.is_empty(),
            ));
        }
        let left = self
            .deadline()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let left = match read_stdin && io.redirected {
            true => Some(Duration::ZERO),
            false if left == Some(Duration::ZERO) => return Ok(false),
            false => left,
        };
        if wait(&mut waits, left).at("poll")? == 0 && !(read_stdin && io.redirected) {
            return Ok(false);
        }
        self.last_traffic = Instant::now();
        if read_stdin && (io.redirected || waits[0].ready()) {
            let chunk = io.stdin.fill_buf().at("-")?;
            self.pending.extend_from_slice(chunk);
            let length = chunk.len();
            io.stdin.consume(length);
            self.stdin_open = length > 0;
        }
        if self.socket_open && waits.last().is_some_and(Wait::ready) {
            self.socket_open = receive(socket, buffer, io)?;
        }
        if !send(socket, &mut self.pending)? {
            self.stdin_open = false;
        }
        if !self.stdin_open && self.pending.is_empty() && self.ended_at.is_none() {
            socket.finish();
            self.ended_at = Some(Instant::now());
        }
        Ok(true)
    }

    fn deadline(&self) -> Option<Instant> {
        let Timing { idle, after_end } = self.timing;
        let idle = idle.and_then(|idle| self.last_traffic.checked_add(idle));
        let ended = self.ended_at.zip(after_end);
        let ended = ended.and_then(|(end, after)| end.checked_add(after));
        idle.into_iter().chain(ended).min()
    }
}

/// `false` at the end of the stream.
fn receive<S: Socket>(socket: &S, buffer: &mut [u8], io: &mut Io) -> Result<bool, Failure> {
    match socket.receive(buffer) {
        Ok(0) if S::STREAM => Ok(false),
        Ok(length) => {
            io.out.write_all(&buffer[..length])?;
            io.out.flush()?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error).at("read"),
    }
}

/// Sends what the socket takes; `false` when nobody reads any more. (What they still say is worth hearing.)
fn send<S: Socket>(socket: &S, pending: &mut Vec<u8>) -> Result<bool, Failure> {
    while !pending.is_empty() {
        match socket.send(pending) {
            Ok(sent) => drop(pending.drain(..sent)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                pending.clear();
                return Ok(false);
            }
            Err(error) => return Err(error).at("write"),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ran, run};

    fn on_loopback() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        (listener, port)
    }

    #[test]
    fn a_port_is_open_or_closed() {
        let (listener, port) = on_loopback();
        let open = run("nc", &["-zv", "127.0.0.1", &port]);
        assert_eq!(
            open,
            Ran {
                code: 0,
                out: String::new(),
                err: format!("127.0.0.1:{port} open\n")
            }
        );
        drop(listener);
        let closed = run("nc", &["-zv", "-w1", "127.0.0.1", &port]);
        assert_eq!(
            (closed.code, closed.err),
            (1, format!("127.0.0.1:{port} Connection refused\n"))
        );
    }

    #[test]
    fn what_the_other_side_says_is_printed_until_its_end() {
        let (listener, port) = on_loopback();
        let server =
            std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"hello\n").unwrap());
        let ran = run("nc", &["-w", "5", "127.0.0.1", &port]);
        server.join().unwrap();
        assert_eq!((ran.code, ran.out.as_str()), (0, "hello\n"));
    }

    #[test]
    fn nonsense_is_refused() {
        let rows: &[&[&str]] = &[
            &[],
            &["host"],
            &["host", "x"],
            &["host", "1-2"],
            &["-p", "1", "host", "2"],
            &["-l"],
            &["-l", "-z", "1"],
            &["-l", "70000"],
        ];
        for args in rows {
            assert_eq!(run("nc", args).code, 2, "{args:?}");
        }
        assert_eq!(run("nc", &["-n", "localhost", "1"]).code, 1);
    }
}
