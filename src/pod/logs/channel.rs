//! The log of one container, instance after instance.

use std::io;
use std::sync::atomic::Ordering;

use super::super::clock;
use super::super::console::{Origin, Stream};
use super::Shared;
use super::file::{self, LogFile};
use crate::control::logs::{LONGEST_RECORD, Record, Tag, record_time};

#[derive(Default)]
pub(super) struct Channel {
    /// The instance that is being written, from its first byte to its end.
    instance: Option<u32>,
    /// Opened by the first record, closed at the end and after an error.
    file: Option<LogFile>,
    /// By stream: what is not a line yet, never more than [`LONGEST_RECORD`].
    unfinished: [Vec<u8>; 2],
    /// Bytes of output dropped since writing failed.
    lost: Option<u64>,
}

impl Channel {
    pub fn write(&mut self, shared: &Shared, origin: Origin<'_>, stream: Stream, bytes: &[u8]) {
        if !self.turn_to(shared, origin) {
            return;
        }
        let mut text = Vec::with_capacity(bytes.len() + 64);
        let time = record_time(clock::now());
        split(
            &mut self.unfinished[stream as usize],
            bytes,
            |tag, parts| Record::write(&mut text, &time, stream, tag, parts),
        );
        self.append(shared, origin, &text);
    }

    /// Finishes what is unfinished and adds `last_words`. A container writes no more after this.
    pub fn end(&mut self, shared: &Shared, origin: Origin<'_>, last_words: &str) {
        if !self.turn_to(shared, origin) {
            return;
        }
        // As containerd does it: a line without an end stays without one. Before last words it gets one, so that
        // they stand on lines of their own.
        let tag = if last_words.is_empty() {
            Tag::Partial
        } else {
            Tag::Full
        };
        let (mut text, time) = (Vec::new(), record_time(clock::now()));
        for stream in [Stream::Stdout, Stream::Stderr] {
            let begun = std::mem::take(&mut self.unfinished[stream as usize]);
            if !begun.is_empty() {
                Record::write(&mut text, &time, stream, tag, [&begun, &[]]);
            }
        }
        for line in last_words.lines() {
            let whole = [line.as_bytes(), b"\n"].concat();
            split(&mut Vec::new(), &whole, |tag, parts| {
                Record::write(&mut text, &time, Stream::Stderr, tag, parts)
            });
        }
        self.append(shared, origin, &text);
        // This one is now the newest that is dead, which is the one that is kept.
        file::remove_before(&shared.dir.join(origin.container), origin.instance);
        *self = Channel {
            instance: self.instance,
            lost: self.lost,
            ..Channel::default()
        };
    }

    /// False for an instance that was given up on, and another started in its place: nobody wants its output any more.
    fn turn_to(&mut self, shared: &Shared, origin: Origin<'_>) -> bool {
        match self.instance {
            Some(instance) if instance == origin.instance => return true,
            Some(instance) if instance > origin.instance => return false,
            _ => {}
        }
        let dead = origin.instance.saturating_sub(1);
        file::remove_before(&shared.dir.join(origin.container), dead);
        *self = Channel {
            instance: Some(origin.instance),
            lost: self.lost,
            ..Channel::default()
        };
        true
    }

    fn append(&mut self, shared: &Shared, origin: Origin<'_>, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        match self.try_append(shared, origin, text) {
            Ok(()) => {
                if let Some(lost) = self.lost.take() {
                    (shared.tell)(origin.container, &super::Trouble::Resumed { lost });
                }
            }
            Err(error) => {
                self.file = None;
                let bytes = text.len() as u64;
                shared.lost.fetch_add(bytes, Ordering::Relaxed);
                match &mut self.lost {
                    Some(lost) => *lost += bytes,
                    None => {
                        self.lost = Some(bytes);
                        (shared.tell)(origin.container, &super::Trouble::Failed(error));
                    }
                }
            }
        }
    }

    fn try_append(&mut self, shared: &Shared, origin: Origin<'_>, text: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let dir = shared.dir.join(origin.container);
                self.file.insert(LogFile::open(dir, origin.instance)?)
            }
        };
        file.append(text, shared.limits)
    }
}

/// Cuts `bytes`, which go on what is `unfinished`, into records, and keeps what is not a line yet. A line as long as a
/// record may be is one record; a longer one is cut there (containerd `internal/cri/io/logger.go`).
fn split(unfinished: &mut Vec<u8>, bytes: &[u8], mut record: impl FnMut(Tag, [&[u8]; 2])) {
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        let line = piece.strip_suffix(b"\n");
        let mut rest = line.unwrap_or(piece);
        while unfinished.len() + rest.len() > LONGEST_RECORD {
            let (now, later) = rest.split_at(LONGEST_RECORD - unfinished.len());
            record(Tag::Partial, [unfinished, now]);
            unfinished.clear();
            rest = later;
        }
        if line.is_some() {
            record(Tag::Full, [unfinished, rest]);
            unfinished.clear();
        } else {
            unfinished.extend_from_slice(rest);
        }
    }
}
