//! tail, and following files as they grow. WASI has nothing that tells of changes, so a followed file is looked at again after
//! a pause; it is not read while it does not grow.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use crate::applet::{Applet, At, Failure, Input, Io, Outcome, open, read_line};
use crate::applets::head::header;
use crate::applets::sleep::seconds;
use crate::options::{self, Options};

pub const APPLET: Applet = Applet {
    name: "tail",
    usage: "[-n [+]LINES | -c [+]BYTES] [-fF] [-s SECONDS] [-qv] [FILE]...",
    run,
};

/// How soon growth is noticed. Ten looks a second are not felt, and a log line is not late.
const PAUSE: Duration = Duration::from_millis(100);

fn run(args: &[String], io: &mut Io) -> Outcome {
    let args = options::expand_old_count(args);
    let long = [
        ("lines", 'n'),
        ("bytes", 'c'),
        ("follow", 'f'),
        ("retry", 'F'),
        ("sleep-interval", 's'),
        ("quiet", 'q'),
        ("verbose", 'v'),
    ];
    let options = options::parse(&args, "n:c:fFs:qv", &long)?;
    let wanted = Wanted::from(&options)?;
    let mut followed = Follower {
        retry: options.has('F'),
        pause: pause(&options)?,
        headers: options.has('v') || (options.operands.len() > 1 && !options.has('q')),
        shown: None,
        files: Vec::new(),
    };
    let follow = options.has('f') || options.has('F');
    io.for_each_input(&options.operands, |io, name, input| {
        followed.show(io.out, name)?;
        match input {
            Input::Stdin => wanted.copy_stream(io.stdin, io.out, name),
            Input::File(file) => {
                let mut file = file.into_inner();
                let position = wanted.copy_file(&mut file, io.out, name)?;
                followed
                    .files
                    .push(Followed::new(name, Some(file), position));
                Ok(())
            }
        }
    })?;
    if follow {
        followed.remember_missing(&options.operands);
        followed.follow(io)?;
    }
    Ok(0)
}

fn pause(options: &Options) -> Result<Duration, Failure> {
    match options.value('s') {
        None => Ok(PAUSE),
        // Never zero: that would be a busy loop.
        Some(text) => Ok(Duration::try_from_secs_f64(seconds(text)?)
            .unwrap_or(Duration::MAX)
            .max(Duration::from_millis(1))),
    }
}

enum Wanted {
    LastLines(usize),
    LastBytes(u64),
    FromLine(u64),
    FromByte(u64),
}

impl Wanted {
    fn from(options: &Options) -> Result<Self, Failure> {
        let letter = options.last_of("nc").unwrap_or('n');
        let text = options.value(letter).unwrap_or("10");
        let (from_start, digits) = match text.strip_prefix('+') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('-').unwrap_or(text)),
        };
        let count = options::count(digits)?;
        Ok(match (letter, from_start) {
            ('n', true) => Wanted::FromLine(count),
            ('n', false) => Wanted::LastLines(usize::try_from(count).unwrap_or(usize::MAX)),
            (_, true) => Wanted::FromByte(count),
            (_, false) => Wanted::LastBytes(count),
        })
    }

    /// A file can be read from its end: a big log's last lines cost as little as a small one's. Returns where it stopped.
    fn copy_file(&self, file: &mut File, out: &mut dyn Write, name: &str) -> Result<u64, Failure> {
        let start = match self {
            Wanted::LastLines(count) => start_of_last_lines(file, *count, name)?,
            Wanted::LastBytes(count) => {
                file.seek(SeekFrom::End(0)).at(name)?.saturating_sub(*count)
            }
            Wanted::FromByte(count) => count.saturating_sub(1),
            Wanted::FromLine(count) => start_of_line(file, *count, name)?,
        };
        file.seek(SeekFrom::Start(start)).at(name)?;
        Ok(start + copy_rest(file, out, name)?)
    }

    fn copy_stream(
        &self,
        reader: &mut dyn BufRead,
        out: &mut dyn Write,
        name: &str,
    ) -> Result<(), Failure> {
        let mut line = Vec::new();
        match self {
            Wanted::LastLines(count) => {
                let mut kept = VecDeque::new();
                while read_line(reader, &mut line, name)? {
                    kept.push_back(std::mem::take(&mut line));
                    if kept.len() > *count {
                        kept.pop_front();
                    }
                }
                kept.iter().try_for_each(|line| out.write_all(line))?;
            }
            Wanted::LastBytes(count) => {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).at(name)?;
                let start = all
                    .len()
                    .saturating_sub(usize::try_from(*count).unwrap_or(usize::MAX));
                out.write_all(&all[start..])?;
            }
            Wanted::FromLine(count) => {
                let mut number = 1;
                while read_line(reader, &mut line, name)? {
                    if number >= *count {
                        out.write_all(&line)?;
                    }
                    number += 1;
                }
            }
            Wanted::FromByte(count) => {
                std::io::copy(
                    &mut reader.take(count.saturating_sub(1)),
                    &mut std::io::sink(),
                )
                .at(name)?;
                copy_rest(reader, out, name)?;
            }
        }
        Ok(())
    }
}

const BLOCK: u64 = 8192;

/// Where the last `count` lines begin, searched block by block from the end.
fn start_of_last_lines(file: &mut File, count: usize, name: &str) -> Result<u64, Failure> {
    let end = file.seek(SeekFrom::End(0)).at(name)?;
    let mut block = [0; BLOCK as usize];
    let mut newlines = 0;
    let mut block_end = end;
    while count > 0 && block_end > 0 {
        let start = block_end.saturating_sub(BLOCK);
        let bytes = &mut block[..(block_end - start) as usize];
        file.seek(SeekFrom::Start(start)).at(name)?;
        file.read_exact(bytes).at(name)?;
        for (at, byte) in bytes.iter().enumerate().rev() {
            let position = start + at as u64;
            // The newline that ends the file ends its last line: it separates nothing.
            if *byte == b'\n' && position + 1 < end {
                newlines += 1;
                if newlines == count {
                    return Ok(position + 1);
                }
            }
        }
        block_end = start;
    }
    Ok(if count == 0 { end } else { 0 })
}

fn start_of_line(file: &mut File, count: u64, name: &str) -> Result<u64, Failure> {
    let mut reader = open(name)?;
    let mut line = Vec::new();
    let mut position = 0;
    for _ in 1..count {
        if !read_line(&mut reader, &mut line, name)? {
            break;
        }
        position += line.len() as u64;
    }
    file.seek(SeekFrom::Start(position)).at(name)
}

/// Copies to the end and says how much that was.
fn copy_rest(
    reader: &mut (impl Read + ?Sized),
    out: &mut dyn Write,
    name: &str,
) -> Result<u64, Failure> {
    let mut buffer = [0; BLOCK as usize];
    let mut copied = 0;
    loop {
        let length = reader.read(&mut buffer).at(name)?;
        if length == 0 {
            out.flush()?;
            return Ok(copied);
        }
        out.write_all(&buffer[..length])?;
        copied += length as u64;
    }
}

/// The files that are watched, and how.
struct Follower {
    /// -F: by name. A file that is missing may come, one that was replaced is opened anew.
    retry: bool,
    pause: Duration,
    headers: bool,
    /// Whose text was printed last: a header is due when another one's follows.
    shown: Option<String>,
    files: Vec<Followed>,
}

struct Followed {
    name: String,
    file: Option<File>,
    position: u64,
}

impl Followed {
    fn new(name: &str, file: Option<File>, position: u64) -> Self {
        Followed {
            name: name.to_owned(),
            file,
            position,
        }
    }

    /// The length of the file now; `None` when it is not there. Under -F it is the name that is looked up, and a file that has
    /// become shorter, or that is another one by now, is read from its start.
    fn length(&mut self, by_name: bool) -> Option<u64> {
        let length = match &self.file {
            Some(file) => file.metadata().ok()?.len(),
            None => 0,
        };
        if !by_name {
            return Some(length);
        }
        let Ok(named) = std::fs::metadata(&self.name) else {
            self.file = None;
            return None;
        };
        let replaced =
            self.file.is_some() && named.len() != length && !self.grew_meanwhile(named.len());
        if self.file.is_none() || replaced {
            self.file = File::open(&self.name).ok();
            self.position = 0;
        }
        self.file.as_ref().map(|_| named.len())
    }

    /// Two looks at one growing file differ, too. WASI tells no inode numbers through std: look once more at the open one.
    fn grew_meanwhile(&self, named: u64) -> bool {
        let again = self.file.as_ref().and_then(|file| file.metadata().ok());
        again.is_some_and(|meta| meta.len() >= named && meta.len() > self.position)
    }
}

impl Follower {
    fn show(&mut self, out: &mut dyn Write, name: &str) -> Result<(), Failure> {
        if self.headers && self.shown.as_deref() != Some(name) {
            header(out, name, self.shown.is_none())?;
            self.shown = Some(name.to_owned());
        }
        Ok(())
    }

    /// Files that could not be opened were complained about; -F goes on trying.
    fn remember_missing(&mut self, operands: &[String]) {
        for name in operands {
            let known = self.files.iter().any(|file| file.name == *name);
            if self.retry && !known && name != "-" {
                self.files.push(Followed::new(name, None, 0));
            }
        }
    }

    fn follow(&mut self, io: &mut Io) -> Result<(), Failure> {
        if self.files.is_empty() {
            return Ok(());
        }
        loop {
            std::thread::sleep(self.pause);
            for index in 0..self.files.len() {
                self.look(index, io)?;
            }
        }
    }

    /// Prints what file `index` has grown by.
    fn look(&mut self, index: usize, io: &mut Io) -> Result<(), Failure> {
        let retry = self.retry;
        let entry = &mut self.files[index];
        let Some(length) = entry.length(retry) else {
            return Ok(());
        };
        if length == entry.position {
            return Ok(());
        }
        let name = entry.name.clone();
        if length < entry.position {
            io.complain(format!("{name}: file truncated"));
            self.files[index].position = 0;
        }
        self.show(io.out, &name)?;
        let entry = &mut self.files[index];
        if let Some(file) = &mut entry.file {
            // wasi-libc remembers that the file had ended until it is moved to another place.
            file.seek(SeekFrom::Start(entry.position + 1)).at(&name)?;
            file.seek(SeekFrom::Start(entry.position)).at(&name)?;
            entry.position += copy_rest(file, io.out, &name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scratch, output, run};

    #[test]
    fn the_last_lines_or_bytes_of_a_stream() {
        let text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n";
        assert_eq!(output(text, "tail", &[]), &text[2..]);
        assert_eq!(output(text, "tail", &["-n", "2"]), "10\n11\n");
        assert_eq!(output(text, "tail", &["-n", "+10"]), "10\n11\n");
        assert_eq!(output(text, "tail", &["-2"]), "10\n11\n");
        assert_eq!(output(text, "tail", &["-c4"]), "\n11\n");
        assert_eq!(output("abc", "tail", &["-c", "+2"]), "bc");
        assert_eq!(output("a\nb", "tail", &["-n1"]), "b");
    }

    #[test]
    fn the_same_of_a_file() {
        let scratch = Scratch::new();
        let long: String = (0..5000).map(|n| format!("{n}\n")).collect();
        let (long, short) = (scratch.file("long", &long), scratch.file("short", "a\nb"));
        assert_eq!(output("", "tail", &["-n2", &long]), "4998\n4999\n");
        assert_eq!(
            output("", "tail", &["-n", "3000", &long]).lines().next(),
            Some("2000")
        );
        assert_eq!(output("", "tail", &["-n0", &long]), "");
        assert_eq!(output("", "tail", &["-n", "+5000", &long]), "4999\n");
        assert_eq!(output("", "tail", &["-c5", &long]), "4999\n");
        assert_eq!(output("", "tail", &["-n1", &short]), "b");
        assert_eq!(output("", "tail", &["-n9", &short]), "a\nb");
        assert_eq!(
            output("", "tail", &["-n1", &short, &long]),
            format!("==> {short} <==\nb\n==> {long} <==\n4999\n")
        );
    }

    #[test]
    fn following_nothing_ends() {
        let scratch = Scratch::new();
        assert_eq!(run("tail", &["-f", &scratch.path("none")]).code, 1);
    }

    /// Lets one followed file take a look and returns what it printed.
    fn look(follower: &mut Follower) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut stdin = &b""[..];
        let mut io = Io::new("tail", &mut stdin, &mut out, &mut err);
        follower.look(0, &mut io).unwrap();
        String::from_utf8([err, out].concat()).unwrap()
    }

    fn follower(retry: bool, name: &str, file: Option<File>) -> Follower {
        Follower {
            retry,
            pause: PAUSE,
            headers: false,
            shown: None,
            files: vec![Followed::new(name, file, 0)],
        }
    }

    #[test]
    fn growth_is_printed_and_truncation_said() {
        let scratch = Scratch::new();
        let path = scratch.file("log", "one\n");
        let mut follower = follower(false, &path, Some(File::open(&path).unwrap()));
        assert_eq!(look(&mut follower), "one\n");
        assert_eq!(look(&mut follower), "");
        scratch.file("log", "one\ntwo");
        assert_eq!(look(&mut follower), "two");
        scratch.file("log", "new\n");
        assert_eq!(
            look(&mut follower),
            format!("tail: {path}: file truncated\nnew\n")
        );
    }

    #[test]
    fn by_name_a_file_may_come_go_and_be_replaced() {
        let scratch = Scratch::new();
        let path = scratch.path("log");
        let mut follower = follower(true, &path, None);
        assert_eq!(look(&mut follower), "");
        scratch.file("log", "came\n");
        assert_eq!(look(&mut follower), "came\n");
        std::fs::rename(&path, scratch.path("log.1")).unwrap();
        assert_eq!(look(&mut follower), "");
        scratch.file("log", "again\n");
        assert_eq!(look(&mut follower), "again\n");
        std::fs::rename(&path, scratch.path("log.1")).unwrap();
        scratch.file("log", "replaced at once\n");
        assert_eq!(look(&mut follower), "replaced at once\n");
    }

    #[test]
    fn a_pause_is_never_zero() {
        let options = options::parse(&["-s0".to_owned()], "s:", &[]).unwrap();
        assert_eq!(pause(&options).unwrap(), Duration::from_millis(1));
        assert!(pause(&options::parse(&["-sx".to_owned()], "s:", &[]).unwrap()).is_err());
    }
}
