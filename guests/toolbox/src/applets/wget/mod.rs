//! wget over plain HTTP.

mod response;
mod url;

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::applet::{Applet, At, Failure, Io, Outcome, error, usage};
use crate::applets::nc::connect;
use crate::applets::sleep::seconds;
use crate::options::{self, Options};
use crate::sys::{Wait, wait};
use response::{Head, copy_body, framing};
use url::Url;

pub const APPLET: Applet = Applet {
    name: "wget",
    usage: "[-qS] [-O FILE] [-P DIRECTORY] [-T SECONDS] [-t TRIES] [-U AGENT] [--header LINE]... [--post-data TEXT] [--spider] URL...",
    run,
};

// Options with a long name only.
const HEADER: char = '@';
const POST_DATA: char = '=';
const SPIDER: char = '#';

const REDIRECTS: usize = 10;
/// busybox's patience when -T says nothing.
const TIMEOUT: Duration = Duration::from_secs(900);
/// Between the tries of -t: doubled from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("quiet", 'q'),
        ("server-response", 'S'),
        ("output-document", 'O'),
        ("directory-prefix", 'P'),
        ("timeout", 'T'),
        ("tries", 't'),
        ("user-agent", 'U'),
        ("header", HEADER),
        ("post-data", POST_DATA),
        ("spider", SPIDER),
    ];
    let options = options::parse(args, "qSO:P:T:t:U:@:=:#", &long)?;
    options.some_operands("URL")?;
    let wget = Wget::from(&options)?;
    let mut output = wget.shared_output()?;
    for address in &options.operands {
        let outcome = Url::parse(address).and_then(|url| wget.fetch(url, &mut output, io));
        io.forgive(outcome)?;
    }
    Ok(0)
}

struct Wget<'a> {
    options: &'a Options,
    quiet: bool,
    spider: bool,
    timeout: Duration,
    tries: u32,
}

/// Where bodies go.
enum Output {
    Stdout,
    /// -O FILE: all of them, one after the other.
    File(String, File),
    /// A file each, named after the URL.
    Named,
}

impl<'a> Wget<'a> {
    fn from(options: &'a Options) -> Result<Self, Failure> {
        let timeout = match options.value('T') {
            None => TIMEOUT,
            Some(text) => match Duration::try_from_secs_f64(seconds(text)?) {
                Ok(timeout) if timeout > Duration::ZERO => timeout,
                _ => return usage(format!("invalid timeout '{text}'")),
            },
        };
        Ok(Wget {
            options,
            quiet: options.has('q'),
            spider: options.has(SPIDER),
            timeout,
            tries: options.number('t')?.unwrap_or(1).max(1),
        })
    }

    fn shared_output(&self) -> Result<Output, Failure> {
        match self.options.value('O') {
            Some("-") => Ok(Output::Stdout),
            Some(_) | None if self.spider => Ok(Output::Named),
            Some(path) => Ok(Output::File(path.to_owned(), File::create(path).at(path)?)),
            None => Ok(Output::Named),
        }
    }

    fn say(&self, io: &mut Io, message: &str) {
        if !self.quiet {
            let _ = writeln!(io.err, "{message}");
        }
    }

    fn fetch(&self, mut url: Url, output: &mut Output, io: &mut Io) -> Result<(), Failure> {
        let name = url.file_name().to_owned();
        for _ in 0..=REDIRECTS {
            let from = url.authority();
            let stream = self.connect(&url, io)?;
            let mut reader = BufReader::with_capacity(
                32 * 1024,
                Patient {
                    stream,
                    timeout: self.timeout,
                },
            );
            reader
                .get_mut()
                .stream
                .write_all(self.request(&url)?.as_bytes())
                .at(&from)?;
            let head = self.head(&mut reader, &from, io)?;
            match head.status {
                301 | 302 | 303 | 307 | 308 => match head.header("location") {
                    Some(location) => url = url.join(location)?,
                    None => return error(format!("{from}: a redirect to nowhere")),
                },
                200..=299 if self.spider => {
                    self.say(io, "remote file exists");
                    return Ok(());
                }
                200..=299 => return self.save(&mut reader, &head, &from, &name, output, io),
                _ => return error(format!("server returned error: {}", head.line)),
            }
        }
        error(format!(
            "{}: more than {REDIRECTS} redirects",
            url.authority()
        ))
    }

    /// The head of the final answer: what 1xx announce does not concern us.
    fn head(
        &self,
        reader: &mut BufReader<Patient>,
        from: &str,
        io: &mut Io,
    ) -> Result<Head, Failure> {
        loop {
            let head = Head::read(reader, from)?;
            if self.options.has('S') {
                let _ = writeln!(io.err, "  {}", head.line);
                for (name, value) in &head.headers {
                    let _ = writeln!(io.err, "  {name}: {value}");
                }
            }
            if head.status >= 200 {
                return Ok(head);
            }
        }
    }

    fn connect(&self, url: &Url, io: &mut Io) -> Result<TcpStream, Failure> {
        let place = (url.host.as_str(), url.port);
        let addresses: Vec<SocketAddr> = place
            .to_socket_addrs()
            .at(format_args!("bad address '{}'", url.host))?
            .collect();
        let shown = addresses
            .first()
            .map_or(String::new(), |address| format!(" ({address})"));
        self.say(io, &format!("Connecting to {}{shown}", url.authority()));
        let mut tried = 1;
        let mut pause = FIRST_PAUSE;
        loop {
            match connect(&addresses, Some(self.timeout)) {
                Ok(stream) => return Ok(stream),
                // What is only just starting refuses: that is worth another try, soon and then less soon.
                Err(_) if tried < self.tries => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(problem) => {
                    return Err(problem).at(format_args!(
                        "can't connect to remote host {}",
                        url.authority()
                    ));
                }
            }
            tried += 1;
        }
    }

    fn request(&self, url: &Url) -> Result<String, Failure> {
        let body = self.options.value(POST_DATA);
        let method = if body.is_some() {
            "POST"
        } else if self.spider {
            "HEAD"
        } else {
            "GET"
        };
        let agent = self.options.value('U').unwrap_or("wasmpod-wget");
        let mut request = format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {agent}\r\nConnection: close\r\n",
            url.target,
            url.authority()
        );
        for header in self.options.values(HEADER).chain([agent]) {
            if header.contains(['\r', '\n']) {
                return usage("a header is one line");
            }
        }
        for header in self.options.values(HEADER) {
            request.push_str(&format!("{header}\r\n"));
        }
        if let Some(body) = body {
            request.push_str(&format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        Ok(format!("{request}\r\n{}", body.unwrap_or("")))
    }

    fn save(
        &self,
        reader: &mut BufReader<Patient>,
        head: &Head,
        from: &str,
        name: &str,
        output: &mut Output,
        io: &mut Io,
    ) -> Result<(), Failure> {
        let framing = framing(head, from)?;
        match output {
            Output::Stdout => copy_body(reader, &framing, io.out, from),
            Output::File(path, file) => {
                let path = path.clone();
                self.write_file(reader, &framing, from, (&path, file), io)
            }
            Output::Named => {
                let path = self
                    .options
                    .value('P')
                    .map_or(PathBuf::new(), PathBuf::from)
                    .join(name);
                let path = path.to_string_lossy();
                if Path::new(&*path).exists() {
                    return error(format!("{path}: File exists"));
                }
                let mut file = File::create(&*path).at(&path)?;
                self.write_file(reader, &framing, from, (&path, &mut file), io)
            }
        }
    }

    fn write_file(
        &self,
        reader: &mut BufReader<Patient>,
        framing: &response::Framing,
        from: &str,
        (path, file): (&str, &mut File),
        io: &mut Io,
    ) -> Result<(), Failure> {
        self.say(io, &format!("saving to '{path}'"));
        copy_body(reader, framing, file, from)?;
        self.say(io, &format!("'{path}' saved"));
        Ok(())
    }
}

/// A stream that is not waited for longer than the timeout. (A socket's own timeouts exist in some WASI hosts only.)
struct Patient {
    stream: TcpStream,
    timeout: Duration,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut waits = [Wait::new(self.stream.as_raw_fd(), true, false)];
        match wait(&mut waits, Some(self.timeout))? {
            0 => Err(ErrorKind::TimedOut.into()),
            _ => self.stream.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Ran, Scratch, run};
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    /// A server that gives these answers, one a connection, and tells what it was asked.
    fn serve(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let answer = |text: &&str| {
                let mut stream = BufReader::new(listener.accept().unwrap().0);
                let mut lines = Vec::new();
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    match line.trim_end() {
                        "" => break,
                        text => lines.push(text.to_owned()),
                    }
                }
                stream.get_mut().write_all(text.as_bytes()).unwrap();
                lines.join("|")
            };
            answers.iter().map(answer).collect()
        });
        (address, server)
    }

    #[test]
    fn a_page_goes_to_stdout_after_redirects() {
        let (address, server) = serve(&[
            "HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n",
        ]);
        let ran = run(
            "wget",
            &["-qO-", "--header", "X: y", &format!("{address}/here")],
        );
        assert_eq!(
            ran,
            Ran {
                code: 0,
                out: "hi\n".to_owned(),
                err: String::new()
            }
        );
        let asked = server.join().unwrap();
        assert!(
            asked[0].starts_with("GET /here HTTP/1.1|Host: 127.0.0.1:"),
            "{asked:?}"
        );
        assert!(
            asked[1].starts_with("GET /there ") && asked[1].ends_with("|X: y"),
            "{asked:?}"
        );
    }

    #[test]
    fn pages_are_saved_but_not_over_others() {
        let scratch = Scratch::new();
        let (address, server) = serve(&[
            "HTTP/1.1 200 OK\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\n\r\nagain",
        ]);
        let folder = scratch.path("");
        let first = run("wget", &["-P", &folder, &format!("{address}/page?x")]);
        assert!(
            first.err.contains("saving to '") && first.err.contains("Connecting to"),
            "{first:?}"
        );
        let second = run("wget", &["-q", "-P", &folder, &format!("{address}/page")]);
        assert_eq!((second.code, scratch.read("page").as_str()), (1, "body"));
        server.join().unwrap();
    }

    #[test]
    fn failures_are_said() {
        let (address, server) = serve(&[
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
        ]);
        let ran = run("wget", &["-q", "-O-", &address]);
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (1, "wget: server returned error: HTTP/1.1 404 Not Found\n")
        );
        let ran = run("wget", &["-S", "--spider", &address]);
        assert_eq!(ran.code, 0);
        assert!(ran.err.contains("  HTTP/1.1 200 OK\n  a: b\n"), "{ran:?}");
        assert!(server.join().unwrap()[1].starts_with("HEAD "));
        let ran = run("wget", &["-q", "-T", "1", "-O-", &address]);
        assert_eq!(ran.code, 1);
        assert!(
            ran.err.contains("can't connect to remote host")
                && ran.err.contains("Connection refused"),
            "{ran:?}"
        );
        assert_eq!(run("wget", &[]).code, 2);
        assert_eq!(
            run("wget", &["https://localhost/"]).err,
            "wget: https://localhost/: https is not supported, only http\n"
        );
    }

    #[test]
    fn a_silent_server_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ran = run(
            "wget",
            &[
                "-q",
                "-T",
                "0.05",
                "-O-",
                &listener.local_addr().unwrap().to_string(),
            ],
        );
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("timed out"), "{ran:?}");
    }
}
