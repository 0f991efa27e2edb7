//! Where the commands of a shell read and write.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::rc::Rc;

use super::tree::Target;
use crate::applet::reason;

/// The commands of a pipe run one after the other, and what is between them must fit into memory.
pub const PIPE_LIMIT: usize = 16 << 20;

/// One output, which stdout and stderr may share.
#[derive(Clone)]
pub struct Sink<'w>(Rc<RefCell<dyn Write + 'w>>);

impl<'w> Sink<'w> {
    pub fn new(writer: impl Write + 'w) -> Self {
        Sink(Rc::new(RefCell::new(writer)))
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

pub struct Streams<'s, 'w> {
    pub stdin: &'s mut dyn BufRead,
    pub out: Sink<'w>,
    pub err: Sink<'w>,
    /// stdin is not the program's own.
    pub redirected: bool,
}

impl<'w> Streams<'_, 'w> {
    pub fn borrow(&mut self) -> Streams<'_, 'w> {
        Streams {
            stdin: &mut *self.stdin,
            out: self.out.clone(),
            err: self.err.clone(),
            redirected: self.redirected,
        }
    }
}

/// What a command of a pipe has written for the next one.
#[derive(Default)]
pub struct Pipe {
    bytes: Vec<u8>,
    full: bool,
}

impl Pipe {
    pub fn new() -> Rc<RefCell<Pipe>> {
        Rc::default()
    }

    pub fn sink<'w>(this: &Rc<RefCell<Pipe>>) -> Sink<'w> {
        Sink(this.clone())
    }

    /// What was written, and whether that is all of it.
    pub fn take(this: &Rc<RefCell<Pipe>>) -> (Vec<u8>, bool) {
        let pipe = std::mem::take(&mut *this.borrow_mut());
        (pipe.bytes, !pipe.full)
    }
}

impl Write for Pipe {
    /// Ends the writer when it is full, as a reader would that has gone.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > PIPE_LIMIT {
            self.full = true;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The streams of a command while its redirections hold: what was opened replaces what there was.
pub struct Redirected<'w> {
    stdin: Option<Box<dyn BufRead>>,
    out: Sink<'w>,
    err: Sink<'w>,
}

impl<'w> Redirected<'w> {
    pub fn new(from: &Streams<'_, 'w>) -> Self {
        Redirected {
            stdin: None,
            out: from.out.clone(),
            err: from.err.clone(),
        }
    }

    /// Makes one redirection; `path` is the file named, if one is. The error says what went wrong with it.
    pub fn apply(&mut self, descriptor: u8, to: &Target, path: &str) -> Result<(), String> {
        let said = |error: io::Error| format!("{path}: {}", reason(&error));
        let sink = match to {
            Target::Read(_) => {
                self.stdin = match path {
                    "/dev/null" => Some(Box::new(io::empty())),
                    "/dev/stdin" => None,
                    path => Some(Box::new(BufReader::new(File::open(path).map_err(said)?))),
                };
                return Ok(());
            }
            Target::Same(number) => self.output(*number),
            Target::Write(_) | Target::Append(_) => match path {
                // A guest has no devices; these are those a script cannot do without.
                "/dev/null" => Sink::new(io::sink()),
                "/dev/stdout" => self.output(1),
                "/dev/stderr" => self.output(2),
                path => {
                    let append = matches!(to, Target::Append(_));
                    let mut options = OpenOptions::new();
                    options.create(true).append(append);
                    options.write(true).truncate(!append);
                    Sink::new(BufWriter::new(options.open(path).map_err(said)?))
                }
            },
        };
        match descriptor {
            1 => self.out = sink,
            _ => self.err = sink,
        }
        Ok(())
    }

    fn output(&self, number: u8) -> Sink<'w> {
        match number {
            1 => self.out.clone(),
            _ => self.err.clone(),
        }
    }

    pub fn streams<'s>(&'s mut self, from: &'s mut Streams<'_, 'w>) -> Streams<'s, 'w> {
        let redirected = from.redirected || self.stdin.is_some();
        Streams {
            stdin: match &mut self.stdin {
                Some(file) => &mut **file,
                None => &mut *from.stdin,
            },
            out: self.out.clone(),
            err: self.err.clone(),
            redirected,
        }
    }

    /// Writes what files still lack.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}
