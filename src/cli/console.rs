//! The output of all containers of one pod, line by line.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use super::printer::{Printer, Target};
use super::report;
use crate::pod::{Console, Origin, Stream};
use crate::spec::pod::{Pod, Slot};

/// A line that is longer is cut there, so that no container can hold up or tear the lines of the others.
const LONGEST_LINE: usize = 64 * 1024;

/// Foregrounds that are readable on light and dark terminals alike, and tell neighbours apart.
const COLOURS: [&str; 6] = ["36", "33", "32", "35", "34", "31"];

/// What is printed of the containers' output.
pub enum Style {
    /// The bytes as they come: one container, no prefix.
    Raw,
    /// Whole lines, each behind its container's prefix (which may be empty).
    Lines(Vec<String>),
    /// One JSON object a line.
    Json(Vec<String>),
    /// Nothing.
    None,
}

impl Style {
    /// Prefixed and coloured on a terminal (or when `prefix` is asked for), plain otherwise.
    pub fn logs(pod: &Pod, prefix: bool) -> Style {
        let terminal = io::stdout().is_terminal();
        match pod.containers.len() {
            1 if !prefix => Style::Raw,
            _ => Style::Lines(prefixes(pod, terminal || prefix, terminal)),
        }
    }

    pub fn json(pod: &Pod) -> Style {
        Style::Json(
            pod.containers
                .iter()
                .map(|container| container.name.clone())
                .collect(),
        )
    }
}

fn prefixes(pod: &Pod, prefix: bool, colour: bool) -> Vec<String> {
    let width = pod
        .containers
        .iter()
        .map(|container| container.name.len())
        .max()
        .unwrap_or(0);
    let text = |(slot, name): (usize, &str)| match (prefix, colour) {
        (false, _) => String::new(),
        (true, false) => format!("[{name}] "),
        (true, true) => format!(
            "\x1b[{}m{name:width$} |\x1b[0m ",
            COLOURS[slot % COLOURS.len()]
        ),
    };
    pod.containers
        .iter()
        .map(|container| container.name.as_str())
        .enumerate()
        .map(text)
        .collect()
}

/// The console of `wasmpod run`.
pub struct Foreground {
    style: Style,
    out: Arc<Printer>,
    err: Arc<Printer>,
    /// By slot: the unfinished lines of stdout and of stderr.
    unfinished: Vec<Mutex<[Vec<u8>; 2]>>,
}

impl Foreground {
    pub fn new(style: Style, containers: usize) -> Arc<Foreground> {
        Arc::new(Foreground {
            style,
            out: Printer::new(Target::Stdout),
            err: Printer::new(Target::Stderr),
            unfinished: (0..containers).map(|_| Mutex::default()).collect(),
        })
    }

    /// A line of our own on stdout, between those of the containers.
    pub fn say(&self, line: &str) {
        self.out.print(format!("{line}\n").as_bytes());
    }

    pub fn is_drained(&self) -> bool {
        self.out.is_drained() && self.err.is_drained()
    }

    /// Blocks until everything has been written.
    pub fn drain(&self) {
        self.out.drain();
        self.err.drain();
    }

    fn printer(&self, stream: Stream) -> &Arc<Printer> {
        match (&self.style, stream) {
            (Style::Json(_), _) | (_, Stream::Stdout) => &self.out,
            (_, Stream::Stderr) => &self.err,
        }
    }

    fn poll_lines(
        &self,
        slot: Slot,
        stream: Stream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut unfinished = self.unfinished[slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let begun = &mut unfinished[stream as usize];
        let taken = &bytes[..bytes.len().min(LONGEST_LINE)];
        let Some(end) = taken
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map(|at| at + 1)
        else {
            return self.poll_unfinished(slot, stream, begun, cx, taken);
        };
        let printed = self.printer(stream).poll_print(cx, |text| {
            begun.extend(&taken[..end]);
            begun
                .split_inclusive(|&byte| byte == b'\n')
                .for_each(|line| self.line(text, slot, stream, line));
            begun.clear();
        });
        printed.map_ok(|()| end)
    }

    /// Keeps what is not a line yet, and cuts what will not become one.
    fn poll_unfinished(
        &self,
        slot: Slot,
        stream: Stream,
        begun: &mut Vec<u8>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if begun.len() + bytes.len() >= LONGEST_LINE {
            let printed = self.printer(stream).poll_print(cx, |text| {
                self.line(text, slot, stream, begun);
                begun.clear();
            });
            if !matches!(printed, Poll::Ready(Ok(()))) {
                return printed.map_ok(|()| 0);
            }
        }
        begun.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn line(&self, text: &mut VecDeque<u8>, slot: Slot, stream: Stream, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match &self.style {
            Style::Lines(prefixes) => {
                text.extend(prefixes[slot].as_bytes());
                text.extend(line);
            }
            Style::Json(names) => {
                text.extend(report::log_line(&names[slot], stream, line).as_bytes())
            }
            Style::Raw | Style::None => {}
        }
        text.push_back(b'\n');
    }
}

impl Console for Foreground {
    fn poll_write(
        &self,
        origin: Origin<'_>,
        stream: Stream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &self.style {
            Style::None => Poll::Ready(Ok(bytes.len())),
            Style::Raw => {
                let taken = &bytes[..bytes.len().min(LONGEST_LINE)];
                self.printer(stream)
                    .poll_print(cx, |text| text.extend(taken))
                    .map_ok(|()| taken.len())
            }
            Style::Lines(_) | Style::Json(_) => self.poll_lines(origin.slot, stream, cx, bytes),
        }
    }

    fn ended(&self, origin: Origin<'_>, last_words: &str) {
        if matches!(self.style, Style::None) {
            return;
        }
        let slot = origin.slot;
        let mut unfinished = self.unfinished[slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let begun = std::mem::take(&mut unfinished[stream as usize]);
            let words = if stream == Stream::Stderr {
                last_words
            } else {
                ""
            };
            let lines = [begun.as_slice()]
                .into_iter()
                .filter(|line| !line.is_empty());
            let mut text = VecDeque::new();
            match &self.style {
                Style::Raw if !words.is_empty() => {
                    text.extend(format!("{}\n", words.trim_end()).as_bytes())
                }
                Style::Raw => {}
                _ => lines
                    .chain(words.lines().map(str::as_bytes))
                    .for_each(|line| self.line(&mut text, slot, stream, line)),
            }
            if !text.is_empty() {
                self.printer(stream).print(text.make_contiguous());
            }
        }
    }
}
