use std::io::{BufRead, Write};

use crate::applet::{Applet, At, Failure, Io, Outcome, read_line};
use crate::options::{self, Options};

pub const APPLET: Applet = Applet {
    name: "head",
    usage: "[-n [-]LINES | -c [-]BYTES] [-qv] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let args = options::expand_old_count(args);
    let options = options::parse(
        &args,
        "n:c:qv",
        &[
            ("lines", 'n'),
            ("bytes", 'c'),
            ("quiet", 'q'),
            ("verbose", 'v'),
        ],
    )?;
    let wanted = Wanted::from(&options)?;
    let headers = options.has('v') || (options.operands.len() > 1 && !options.has('q'));
    let mut first = true;
    io.for_each_input(&options.operands, |io, name, mut input| {
        if headers {
            header(io.out, name, first)?;
            first = false;
        }
        let (reader, out) = input.reader(io);
        wanted.copy(reader, out, name)
    })?;
    Ok(0)
}

/// The line between the files of head and tail.
pub fn header(out: &mut dyn Write, name: &str, first: bool) -> Result<(), Failure> {
    let name = if name == "-" { "standard input" } else { name };
    let gap = if first { "" } else { "\n" };
    Ok(writeln!(out, "{gap}==> {name} <==")?)
}

enum Wanted {
    Lines(u64),
    Bytes(u64),
    AllLinesBut(u64),
    AllBytesBut(u64),
}

impl Wanted {
    fn from(options: &Options) -> Result<Self, Failure> {
        let letter = options.last_of("nc").unwrap_or('n');
        let text = options.value(letter).unwrap_or("10");
        Ok(match (letter, text.strip_prefix('-')) {
            ('n', None) => Wanted::Lines(options::count(text)?),
            ('n', Some(rest)) => Wanted::AllLinesBut(options::count(rest)?),
            (_, None) => Wanted::Bytes(options::count(text)?),
            (_, Some(rest)) => Wanted::AllBytesBut(options::count(rest)?),
        })
    }

    fn copy(
        &self,
        reader: &mut dyn BufRead,
        out: &mut dyn Write,
        name: &str,
    ) -> Result<(), Failure> {
        match self {
            Wanted::Lines(count) => {
                let mut line = Vec::new();
                for _ in 0..*count {
                    if !read_line(reader, &mut line, name)? {
                        break;
                    }
                    out.write_all(&line)?;
                }
            }
            Wanted::Bytes(count) => {
                let mut left = *count;
                while left > 0 {
                    let chunk = reader.fill_buf().at(name)?;
                    let length = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if length == 0 {
                        break;
                    }
                    out.write_all(&chunk[..length])?;
                    reader.consume(length);
                    left -= length as u64;
                }
            }
            Wanted::AllLinesBut(count) => {
                let all = everything(reader, name)?;
                let lines: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
                let kept = lines
                    .len()
                    .saturating_sub(usize::try_from(*count).unwrap_or(usize::MAX));
                out.write_all(&lines[..kept].concat())?;
            }
            Wanted::AllBytesBut(count) => {
                let all = everything(reader, name)?;
                let kept = all
                    .len()
                    .saturating_sub(usize::try_from(*count).unwrap_or(usize::MAX));
                out.write_all(&all[..kept])?;
            }
        }
        Ok(())
    }
}

fn everything(reader: &mut dyn BufRead, name: &str) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    reader.read_to_end(&mut all).at(name)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};

    #[test]
    fn the_first_lines_or_bytes() {
        let text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n";
        assert_eq!(output(text, "head", &[]), &text[..21]);
        assert_eq!(output(text, "head", &["-n", "2"]), "1\n2\n");
        assert_eq!(output(text, "head", &["-1"]), "1\n");
        assert_eq!(output(text, "head", &["-c3"]), "1\n2");
        assert_eq!(output(text, "head", &["-n", "-9"]), "1\n2\n");
        assert_eq!(output("abc", "head", &["-c", "-1"]), "ab");
        assert_eq!(output("no newline", "head", &[]), "no newline");
    }

    #[test]
    fn several_files_have_headers() {
        let scratch = Scratch::new();
        let (a, b) = (scratch.file("a", "1\n"), scratch.file("b", "2\n"));
        assert_eq!(
            output("", "head", &[&a, &b]),
            format!("==> {a} <==\n1\n\n==> {b} <==\n2\n")
        );
        assert_eq!(output("", "head", &["-q", &a, &b]), "1\n2\n");
        assert_eq!(run("head", &["-n", "x"]).code, 2);
    }
}
