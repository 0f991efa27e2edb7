//! From records to lines of text (kubernetes/kubernetes `staging/src/k8s.io/cri-client/pkg/logs`, `ReadLogs`).

use std::io::{self, Write};
use std::ops::ControlFlow;

use k8s_openapi::jiff::Timestamp;

use super::LogWish;
use super::files::Lines;
use crate::control::logs::{Record, Tag, record_time};

/// A line is put together from its parts until it is so long; from then on it is printed part by part.
const LONGEST_JOINED: usize = 1 << 20;

pub(super) struct Printer<'a> {
    wish: &'a LogWish,
    since: Option<Since>,
    /// Bytes that may still be printed.
    left: u64,
    /// By stream.
    begun: [Begun; 2],
    out: &'a mut dyn Write,
    scratch: Vec<u8>,
}

/// A line of which the end is still to come.
#[derive(Default)]
struct Begun {
    /// Its parts so far that are not printed yet, behind the time of the first.
    text: Vec<u8>,
    /// Something of it has been printed.
    printed: bool,
}

struct Since {
    time: Timestamp,
    /// As records have it, for comparing without reading times.
    text: String,
}

impl Since {
    fn is_after(&self, record: &Record<'_>) -> bool {
        if record.time.len() == self.text.len() && record.time.ends_with('Z') {
            return record.time < self.text.as_str();
        }
        // Of another program, in another form.
        match record.time.parse::<Timestamp>() {
            Ok(time) => time < self.time,
            Err(_) => false,
        }
    }
}

impl<'a> Printer<'a> {
    pub fn new(wish: &'a LogWish, out: &'a mut dyn Write) -> Printer<'a> {
        Printer {
            wish,
            since: wish.since.map(|time| Since {
                time,
                text: record_time(time),
            }),
            left: wish.limit_bytes.unwrap_or(u64::MAX),
            begun: Default::default(),
            out,
            scratch: Vec::new(),
        }
    }

    /// Prints what there is. Breaks when the limit is reached. What is no record is left out.
    pub fn read(&mut self, lines: &mut Lines) -> io::Result<ControlFlow<()>> {
        while let Some(line) = lines.next()? {
            let Some(record) = Record::parse(line) else {
                continue;
            };
            if self.record(&record)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<ControlFlow<()>> {
        if self
            .since
            .as_ref()
            .is_some_and(|since| since.is_after(record))
        {
            return Ok(ControlFlow::Continue(()));
        }
        let stream = record.stream as usize;
        let begun = &mut self.begun[stream];
        if self.wish.timestamps && begun.text.is_empty() && !begun.printed {
            begun.text.extend_from_slice(record.time.as_bytes());
            begun.text.push(b' ');
        }
        begun.text.extend_from_slice(record.text);
        match record.tag {
            Tag::Full => begun.text.push(b'\n'),
            Tag::Partial if begun.text.len() >= LONGEST_JOINED => {}
            Tag::Partial => return Ok(ControlFlow::Continue(())),
        }
        let flow = self.emit(stream)?;
        self.begun[stream].printed = record.tag == Tag::Partial;
        Ok(flow)
    }

    /// Prints lines that got no end.
    pub fn finish(&mut self) -> io::Result<ControlFlow<()>> {
        for stream in 0..self.begun.len() {
            if !self.begun[stream].text.is_empty() && self.emit(stream)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.begun[stream].printed = false;
        }
        Ok(ControlFlow::Continue(()))
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// One write for a line, so that lines of several printers do not mix.
    fn emit(&mut self, stream: usize) -> io::Result<ControlFlow<()>> {
        let begun = &mut self.begun[stream];
        let fits = usize::try_from(self.left).unwrap_or(usize::MAX);
        begun.text.truncate(fits);
        self.left -= begun.text.len() as u64;
        self.scratch.clear();
        if !begun.printed {
            self.scratch.extend_from_slice(self.wish.prefix.as_bytes());
        }
        self.scratch.append(&mut begun.text);
        self.out.write_all(&self.scratch)?;
        Ok(if self.left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}
