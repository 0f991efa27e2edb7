//! nslookup: asks name servers, and only those: what the hosts file says is `getent`'s to tell.

mod message;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::applet::{Applet, At, Failure, Io, Outcome, error, usage};
use crate::options;
use crate::sys::{self, Wait};
use message::{Answer, Kind, Reply};

pub const APPLET: Applet = Applet {
    name: "nslookup",
    usage: "[-type=A|AAAA|PTR|CNAME|SRV|TXT] [-port=N] [-timeout=SECONDS] NAME [SERVER]",
    run,
};

const TRIES: u32 = 2;

fn run(args: &[String], io: &mut Io) -> Outcome {
    let mut asked = Asked::from(args)?;
    let conf = Conf::parse(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    if asked.server.is_none() {
        asked.server = conf.server;
    }
    let Some(server) = asked.server else {
        return error("no name server: /etc/resolv.conf names none, and neither do you");
    };
    writeln!(
        io.out,
        "Server:\t\t{server}\nAddress:\t{server}:{}\n",
        asked.port
    )?;
    let server = SocketAddr::new(server, asked.port);
    let mut last = asked.name.clone();
    for name in conf.candidates(&asked.name) {
        if asked.ask(server, &name, io)? {
            return Ok(0);
        }
        last = name;
    }
    writeln!(
        io.out,
        "** server can't find {}: NXDOMAIN\n",
        last.trim_end_matches('.')
    )?;
    Ok(1)
}

struct Asked {
    name: String,
    kinds: Vec<Kind>,
    server: Option<IpAddr>,
    port: u16,
    timeout: Duration,
}

impl Asked {
    fn from(args: &[String]) -> Result<Asked, Failure> {
        let mut asked = Asked {
            name: String::new(),
            kinds: Vec::new(),
            server: None,
            port: 53,
            timeout: Duration::from_secs(5),
        };
        let mut operands = Vec::new();
        for arg in args {
            match arg.strip_prefix('-').map(|option| option.split_once('=')) {
                Some(Some(("type" | "query", kind))) => asked.kinds.push(kind_of(kind)?),
                Some(Some(("port", port))) => asked.port = options::number(port)?,
                Some(Some(("timeout", seconds))) => {
                    asked.timeout = Duration::from_secs(options::number(seconds)?);
                }
                Some(_) => return usage(format!("unrecognized option '{arg}'")),
                None => operands.push(arg.as_str()),
            }
        }
        match operands[..] {
            [name] => asked.name = name.to_owned(),
            [name, server] => {
                asked.name = name.to_owned();
                asked.server = Some(server_address(server)?);
            }
            _ => return usage("one name, and perhaps a server"),
        }
        asked.choose_kinds();
        Ok(asked)
    }

    /// An address is asked for its name, a name for its addresses.
    fn choose_kinds(&mut self) {
        if let Ok(address) = self.name.parse::<IpAddr>() {
            self.name = message::reverse(address);
            self.kinds = vec![Kind::Ptr];
        } else if self.kinds.is_empty() {
            self.kinds = vec![Kind::A, Kind::Aaaa];
        }
    }

    /// Whether the name exists, as far as anything was said of it.
    fn ask(&self, server: SocketAddr, name: &str, io: &mut Io) -> Result<bool, Failure> {
        let mut replies = Vec::new();
        for kind in &self.kinds {
            replies.push(self.reply(server, name, *kind)?);
        }
        if replies
            .iter()
            .any(|reply| reply.code == message::NO_SUCH_NAME)
        {
            return Ok(false);
        }
        if let Some(reply) = replies.iter().find(|reply| reply.code != 0) {
            return error(format!("server can't answer {name}: {}", reply.trouble()));
        }
        if !replies.iter().any(|reply| reply.authoritative) {
            writeln!(io.out, "Non-authoritative answer:")?;
        }
        let mut shown = Vec::new();
        for answer in replies.into_iter().flat_map(|reply| reply.answers) {
            // An alias comes with every reply.
            if !shown.contains(&answer) {
                print(&answer, io)?;
                shown.push(answer);
            }
        }
        if shown.is_empty() {
            writeln!(io.out, "*** Can't find {name}: No answer")?;
        }
        writeln!(io.out)?;
        Ok(true)
    }

    fn reply(&self, server: SocketAddr, name: &str, kind: Kind) -> Result<Reply, Failure> {
        let id = SystemTime::now().duration_since(UNIX_EPOCH);
        let id = id.map_or(1, |time| time.subsec_micros() as u16);
        let Some(question) = message::question(id, name, kind) else {
            return error(format!("'{name}' is no name"));
        };
        let from: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((from, 0)).at(server)?;
        socket.connect(server).at(server)?;
        for _ in 0..TRIES {
            socket.send(&question).at(server)?;
            if let Some(reply) = self.wait(&socket, id).at(server)? {
                return Ok(reply);
            }
        }
        error(";; connection timed out; no servers could be reached")
    }

    fn wait(&self, socket: &UdpSocket, id: u16) -> std::io::Result<Option<Reply>> {
        let end = Instant::now() + self.timeout;
        let mut buffer = [0; 4096];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut waits = [Wait::new(socket.as_raw_fd(), true, false)];
            if left.is_zero() || sys::wait(&mut waits, Some(left))? == 0 {
                return Ok(None);
            }
            let count = socket.recv(&mut buffer)?;
            // Anything may come by; only an answer to this question counts.
            if let Some(reply) = message::parse(&buffer[..count]).filter(|reply| reply.id == id) {
                return Ok(Some(reply));
            }
        }
    }
}

fn print(answer: &Answer, io: &mut Io) -> Result<(), Failure> {
    match answer {
        Answer::Address(name, address) => writeln!(io.out, "Name:\t{name}\nAddress: {address}")?,
        Answer::Alias(name, target) => writeln!(io.out, "{name}\tcanonical name = {target}")?,
        Answer::Name(name, target) => writeln!(io.out, "{name}\tname = {target}")?,
        Answer::Text(name, text) => writeln!(io.out, "{name}\ttext = \"{text}\"")?,
        Answer::Service(name, text) => writeln!(io.out, "{name}\tservice = {text}")?,
    }
    Ok(())
}

fn kind_of(text: &str) -> Result<Kind, Failure> {
    Ok(match text.to_ascii_uppercase().as_str() {
        "A" => Kind::A,
        "AAAA" => Kind::Aaaa,
        "PTR" => Kind::Ptr,
        "CNAME" => Kind::Cname,
        "SRV" => Kind::Srv,
        "TXT" => Kind::Txt,
        _ => return usage(format!("unknown type '{text}'")),
    })
}

/// A server may be named, too; then by what the pod knows of names.
fn server_address(name: &str) -> Result<IpAddr, Failure> {
    use std::net::ToSocketAddrs;
    match (name, 0).to_socket_addrs().at(name)?.next() {
        Some(address) => Ok(address.ip()),
        None => error(format!("{name}: no address")),
    }
}

/// What matters here of a resolv.conf.
struct Conf {
    server: Option<IpAddr>,
    search: Vec<String>,
    ndots: usize,
}

impl Conf {
    fn parse(text: &str) -> Conf {
        let mut conf = Conf {
            server: None,
            search: Vec::new(),
            ndots: 1,
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    conf.server = conf.server.or_else(|| words.next()?.parse().ok());
                }
                Some("search") => conf.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let ndots = words.filter_map(|word| word.strip_prefix("ndots:")?.parse().ok());
                    conf.ndots = ndots.fold(conf.ndots, |_, later| later);
                }
                _ => {}
            }
        }
        conf
    }

    /// The names to ask for, in order: a final dot says that it is this one and no other.
    fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let searched = self
            .search
            .iter()
            .map(|domain| format!("{name}.{}", domain.trim_end_matches('.')));
        let itself = std::iter::once(name.to_owned());
        match name.matches('.').count() >= self.ndots {
            true => itself.chain(searched).collect(),
            false => searched.chain(itself).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
