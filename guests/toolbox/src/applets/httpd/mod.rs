//! A web server for static files, with `/healthz` for probes. One thread serves all clients: poll says whose turn it is.

mod answer;
mod connection;
mod request;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::applet::{Applet, At, Failure, Io, Outcome, error, usage};
use crate::applets::date::formatted;
use crate::clock::split;
use crate::options;
use crate::sys::{Wait, wait};
use connection::{Connection, Served};

pub const APPLET: Applet = Applet {
    name: "httpd",
    usage: "[-f] [-p [ADDRESS:]PORT] [-h DIRECTORY]",
    run,
};

/// A client that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(60);
/// More clients wait in the listener's backlog.
const CLIENTS: usize = 256;

fn run(args: &[String], io: &mut Io) -> Outcome {
    // -f asks not to go into the background, where there is none.
    let options = options::parse(args, "fp:h:", &[])?;
    options.no_operands()?;
    let address = address(options.value('p').unwrap_or("80"))?;
    let root = PathBuf::from(options.value('h').unwrap_or("."));
    if !root.is_dir() {
        return error(format!("{}: not a directory", root.display()));
    }
    let listener = TcpListener::bind(address).at(address)?;
    listener.set_nonblocking(true).at(address)?;
    let mut server = Server {
        listener,
        clients: Vec::new(),
    };
    loop {
        server.turn(&root, io)?;
    }
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    let parsed = match text.parse::<u16>() {
        Ok(port) => Some(([0, 0, 0, 0], port).into()),
        Err(_) => text.parse().ok(),
    };
    parsed.map_or_else(|| usage(format!("invalid address '{text}'")), Ok)
}

struct Server {
    listener: TcpListener,
    clients: Vec<Connection>,
}

impl Server {
    /// Waits for something to do and does it.
    fn turn(&mut self, root: &Path, io: &mut Io) -> Result<(), Failure> {
        let room = self.clients.len() < CLIENTS;
        let mut waits = vec![Wait::new(self.listener.as_raw_fd(), room, false)];
        waits.extend(self.clients.iter().map(|client| {
            let writing = client.is_writing();
            Wait::new(client.stream.as_raw_fd(), !writing, writing)
        }));
        let oldest = self.clients.iter().map(|client| client.last_active).min();
        // Without clients there is nothing to time: the server sleeps until somebody comes.
        let timeout = oldest.map(|since| PATIENCE.saturating_sub(since.elapsed()));
        wait(&mut waits, timeout).at("poll")?;

        let now = Instant::now();
        let mut written = Ok(());
        let mut ready = waits[1..].iter();
        self.clients
            .retain_mut(|client| match ready.next().is_some_and(Wait::ready) {
                true => client.advance(root, &mut |peer, served| {
                    written = std::mem::replace(&mut written, Ok(())).and(log(io, peer, &served));
                }),
                false => now.duration_since(client.last_active) < PATIENCE,
            });
        written?;
        if waits[0].ready() {
            self.accept(io)?;
        }
        Ok(())
    }

    fn accept(&mut self, io: &mut Io) -> Result<(), Failure> {
        while self.clients.len() < CLIENTS {
            match self.listener.accept() {
                Ok((stream, peer)) => self.clients.extend(Connection::new(stream, peer.ip())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // A client that has gone already is no reason to stop serving the others.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    io.complain(format!("accept: {}", crate::applet::reason(&error)));
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The common log format.
fn log(io: &mut Io, peer: IpAddr, served: &Served) -> Result<(), Failure> {
    let time = formatted("%d/%b/%Y:%H:%M:%S %z", split(SystemTime::now()));
    let Served {
        request,
        status,
        length,
    } = served;
    // Control characters in a request must not forge lines of the log.
    let request: String = request
        .chars()
        .map(|c| if c.is_control() || c == '"' { '?' } else { c })
        .collect();
    writeln!(
        io.out,
        "{peer} - - [{time}] \"{request}\" {status} {length}"
    )?;
    Ok(io.out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scratch, run};
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;

    struct Running {
        address: SocketAddr,
        stop: Arc<AtomicBool>,
        thread: Option<JoinHandle<String>>,
    }

    impl Running {
        fn serve(root: String) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let address = listener.local_addr().unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = stop.clone();
            let thread = std::thread::spawn(move || {
                let (mut out, mut err) = (Vec::new(), Vec::new());
                let mut stdin = &b""[..];
                let mut io = Io::new("httpd", &mut stdin, &mut out, &mut err);
                let mut server = Server {
                    listener,
                    clients: Vec::new(),
                };
                while !stopped.load(Ordering::Relaxed) {
                    server.turn(Path::new(&root), &mut io).unwrap();
                }
                String::from_utf8(out).unwrap()
            });
            Running {
                address,
                stop,
                thread: Some(thread),
            }
        }

        fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).unwrap()
        }

        /// One request on a connection of its own: status line and body.
        fn ask(&self, request: &str) -> (String, String) {
            let mut stream = self.connect();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.to_owned(), body.to_owned())
        }

        fn get(&self, target: &str) -> (String, String) {
            self.ask(&format!("GET {target} HTTP/1.0\r\n\r\n"))
        }

        /// Ends the server and returns its log.
        fn log(mut self) -> String {
            self.stop.store(true, Ordering::Relaxed);
            // Wakes it, unless the last client's end did: then there may be nobody left to connect to.
            let _ = TcpStream::connect(self.address);
            self.thread.take().unwrap().join().unwrap()
        }
    }

    fn site() -> Scratch {
        let s = Scratch::new();
        std::fs::create_dir(s.path("sub")).unwrap();
        std::fs::create_dir(s.path("empty")).unwrap();
        s.file("index.html", "<p>root</p>");
        s.file("sub/index.html", "sub");
        s.file("big.bin", &"x".repeat(1_000_000));
        s
    }

    #[test]
    fn files_are_served() {
        let site = site();
        let server = Running::serve(site.path(""));
        let (head, body) = server.get("/");
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Type: text/html"),
            "{head}"
        );
        assert!(
            head.contains("Content-Length: 11\r\n") && head.contains("Last-Modified: "),
            "{head}"
        );
        assert_eq!(body, "<p>root</p>");
        assert_eq!(server.get("/sub/").1, "sub");
        assert_eq!(server.get("/healthz").1, "ok\n");
        assert_eq!(server.get("/big.bin").1.len(), 1_000_000);
        let (head, body) = server.ask("HEAD / HTTP/1.0\r\n\r\n");
        assert!(
            head.contains("Content-Length: 11") && body.is_empty(),
            "{head}"
        );
        let (head, _) = server.get("/sub");
        assert!(
            head.starts_with("HTTP/1.1 301") && head.ends_with("\r\nLocation: /sub/"),
            "{head}"
        );
        let log = server.log();
        assert!(
            log.starts_with("127.0.0.1 - - [") && log.contains("\"GET /sub/\" 200 3\n"),
            "{log}"
        );
        assert_eq!(log.lines().count(), 6, "{log}");
    }

    #[test]
    fn the_rest_is_refused() {
        let site = site();
        let server = Running::serve(site.path("sub"));
        for (target, status) in [
            ("/../index.html", 403),
            ("/%2e%2e/index.html", 403),
            ("/none", 404),
            ("/empty/", 404),
        ] {
            assert!(
                server
                    .get(target)
                    .0
                    .starts_with(&format!("HTTP/1.1 {status} ")),
                "{target}"
            );
        }
        let (head, _) = server.ask(
            "DELETE / HTTP/1.1\r\n\r\n"
                .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
                .as_str(),
        );
        assert!(
            head.starts_with("HTTP/1.1 405") && head.contains("Allow: GET, HEAD"),
            "{head}"
        );
        assert!(server.ask("nonsense\r\n\r\n").0.starts_with("HTTP/1.1 400"));
        server.log();
    }

    #[test]
    fn clients_do_not_wait_for_each_other() {
        let site = site();
        let server = Running::serve(site.path(""));
        let mut silent = server.connect();
        let mut slow = server.connect();
        slow.write_all(b"GET /big.bin HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!(server.get("/sub/").1, "sub");
        let mut answer = Vec::new();
        slow.read_to_end(&mut answer).unwrap();
        assert!(answer.len() > 1_000_000);
        silent.write_all(b"GET /sub/ HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        silent.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\nsub"));
        server.log();
    }

    #[test]
    fn a_connection_serves_several_requests() {
        let site = site();
        let server = Running::serve(site.path(""));
        let pipelined =
            "GET /sub/ HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
        let (_, rest) = server.ask(pipelined);
        assert!(
            rest.starts_with("subHTTP/1.1 200 OK\r\n") && rest.ends_with("ok\n"),
            "{rest}"
        );
        server.log();
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [&["-p", "x"][..], &["-p", "70000"], &["extra"], &["-d", "x"]] {
            assert_eq!(run("httpd", args).code, 2, "{args:?}");
        }
        assert_eq!(run("httpd", &["-h", "/no/such"]).code, 1);
    }
}
