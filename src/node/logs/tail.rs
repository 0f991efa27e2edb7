//! Where the last lines of a log begin, found from its end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::files::Part;
use crate::control::logs::{Record, Tag};

/// Read at once.
const BLOCK: u64 = 64 << 10;

/// Leaves of a log only the files with its last `lines`, the first of them placed where they begin.
pub(super) fn skip_to(parts: &mut Vec<Part>, lines: u64) -> io::Result<()> {
    let mut counter = Counter { lines, seen: 0 };
    for at in (0..parts.len()).rev() {
        if let Some(offset) = counter.search(&parts[at])? {
            parts.drain(..at);
            parts[0].start = offset;
            break;
        }
    }
    Ok(())
}

struct Counter {
    lines: u64,
    seen: u64,
}

impl Counter {
    /// Counts the file's lines backwards: those that have an end, and the one at the end of the log that has none yet.
    /// Says where the record ends that is not wanted any more.
    fn search(&mut self, part: &Part) -> io::Result<Option<u64>> {
        if self.lines == 0 {
            return Ok(Some(part.size));
        }
        let mut records = Backwards {
            file: &part.file,
            start: part.size,
            bytes: Vec::new(),
        };
        while let Some((offset, line)) = records.next()? {
            let Some(record) = Record::parse(&line).filter(|_| line.ends_with(b"\n")) else {
                continue;
            };
            if record.tag == Tag::Full && self.seen == self.lines {
                return Ok(Some(offset + line.len() as u64));
            }
            if record.tag == Tag::Full || self.seen == 0 {
                self.seen += 1;
            }
        }
        Ok(None)
    }
}

/// The lines of a file from the last to the first.
struct Backwards<'a> {
    file: &'a File,
    /// Where `bytes` begins in the file.
    start: u64,
    /// Read, and not returned yet.
    bytes: Vec<u8>,
}

impl Backwards<'_> {
    /// A line with its newline, if it has one, and its offset.
    fn next(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            let body = self.bytes.len().saturating_sub(1);
            let newline = self.bytes[..body].iter().rposition(|&byte| byte == b'\n');
            if let Some(at) = newline {
                return Ok(Some((
                    self.start + at as u64 + 1,
                    self.bytes.split_off(at + 1),
                )));
            }
            if self.start == 0 {
                let first = std::mem::take(&mut self.bytes);
                return Ok((!first.is_empty()).then_some((0, first)));
            }
            self.read_block()?;
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let size = self.start.min(BLOCK);
        self.start -= size;
        // No more than BLOCK.
        let mut block = vec![0; size as usize];
        self.file.read_exact_at(&mut block, self.start)?;
        block.append(&mut self.bytes);
        self.bytes = block;
        Ok(())
    }
}
