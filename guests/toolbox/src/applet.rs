//! What an applet is, what it is given and how it fails.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// One name of this program.
pub struct Applet {
    pub name: &'static str,
    /// What follows the name in its usage line.
    pub usage: &'static str,
    pub run: fn(&[String], &mut Io) -> Outcome,
}

/// The exit code, or why there was no proper end.
pub type Outcome = Result<u8, Failure>;

#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense: message, usage line, exit 2.
    Usage(String),
    /// Message, exit 1.
    Error(String),
    /// Whoever read our output has gone. Elsewhere SIGPIPE would end us without a word; the shell's code for that is 141.
    ClosedPipe,
}

/// Errors without a path are those of our own output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Error(format!("write error: {}", reason(&error))),
        }
    }
}

pub fn usage<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Usage(message.into()))
}

pub fn error<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Error(message.into()))
}

/// The system's words without Rust's "(os error 44)", whose numbers are WASI's own and help nobody.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Puts the name of a file (or address) before an error of the system.
pub trait At<T> {
    fn at(self, name: impl Display) -> Result<T, Failure>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, name: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::Error(format!("{name}: {}", reason(&error))))
    }
}

/// The streams of an applet. Tests put buffers here.
pub struct Io<'a> {
    name: &'static str,
    pub stdin: &'a mut dyn BufRead,
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
    /// What a shell has exported to this command; the environment of the program when no shell runs it.
    pub exported: Option<BTreeMap<String, String>>,
    /// Is `stdin` a file or a buffer that a shell put there, so that polling descriptor 0 would tell nothing of it?
    pub redirected: bool,
    failed: bool,
}

impl<'a> Io<'a> {
    pub fn new(
        name: &'static str,
        stdin: &'a mut dyn BufRead,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
    ) -> Self {
        Io {
            name,
            stdin,
            out,
            err,
            exported: None,
            redirected: false,
            failed: false,
        }
    }

    pub fn environment(&self) -> BTreeMap<String, String> {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        match &self.exported {
            Some(exported) => exported.clone(),
            None => std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        }
    }

    /// Says what went wrong with one of several operands; the others still get their turn, and the exit code will be 1.
    pub fn complain(&mut self, message: impl Display) {
        self.failed = true;
        let _ = writeln!(self.err, "{}: {message}", self.name);
    }

    /// The exit code will be 1, without a word.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// Complains about an operand's error; anything worse ends the applet.
    pub fn forgive(&mut self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        match outcome {
            Err(Failure::Error(message)) => {
                self.complain(message);
                Ok(())
            }
            other => other,
        }
    }

    /// Calls `each` for every named input, `-` and no name at all being stdin. A file that cannot be read is complained about.
    pub fn for_each_input(
        &mut self,
        names: &[String],
        mut each: impl FnMut(&mut Io, &str, Input) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let stdin_only = ["-".to_owned()];
        let names = if names.is_empty() { &stdin_only } else { names };
        for name in names {
            let outcome = match name.as_str() {
                "-" => each(self, name, Input::Stdin),
                path => open(path).and_then(|file| each(self, name, Input::File(file))),
            };
            self.forgive(outcome)?;
        }
        Ok(())
    }
}

/// Opens a file for reading; a directory is refused here, since elsewhere it would only fail at the first read.
pub fn open(path: &str) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).at(path)?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return error(format!("{path}: Is a directory"));
    }
    Ok(BufReader::with_capacity(32 * 1024, file))
}

pub enum Input {
    Stdin,
    File(BufReader<File>),
}

impl Input {
    /// A reader, borrowing the applet's stdin where that is what was named.
    pub fn reader<'r>(&'r mut self, io: &'r mut Io) -> (&'r mut dyn BufRead, &'r mut dyn Write) {
        match self {
            Input::Stdin => (io.stdin, io.out),
            Input::File(file) => (file, io.out),
        }
    }
}

/// The next line with its newline, if it has one; `false` at the end.
pub fn read_line(
    reader: &mut dyn BufRead,
    line: &mut Vec<u8>,
    name: &str,
) -> Result<bool, Failure> {
    line.clear();
    Ok(reader.read_until(b'\n', line).at(name)? > 0)
}

/// The line without its newline.
pub fn chomp(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

impl Applet {
    /// Runs to the exit code: the one place where failures become words.
    pub fn main(&self, args: &[String], io: &mut Io) -> u8 {
        let outcome = match args {
            [only] if only == "--help" && !self.usage.is_empty() => self.help(io),
            _ => (self.run)(args, io),
        };
        let outcome = outcome.and_then(|code| {
            io.out.flush()?;
            Ok(code)
        });
        match outcome {
            Ok(code) => code.max(u8::from(io.failed)),
            Err(Failure::ClosedPipe) => 141,
            Err(Failure::Error(message)) => {
                io.complain(message);
                // What was written before the failure still belongs to the reader.
                let _ = io.out.flush();
                1
            }
            Err(Failure::Usage(message)) => {
                io.complain(message);
                let _ = writeln!(io.err, "usage: {} {}", self.name, self.usage);
                2
            }
        }
    }

    fn help(&self, io: &mut Io) -> Outcome {
        writeln!(io.out, "usage: {} {}", self.name, self.usage)?;
        Ok(0)
    }
}
