use std::io::Write;

use crate::applet::{Applet, Failure, Io, Outcome, chomp, read_line, usage};
use crate::options::{self, Options};

pub const APPLET: Applet = Applet {
    name: "cut",
    usage: "-b LIST | -c LIST | -f LIST [-d CHAR] [-s] [--complement] [--output-delimiter TEXT] [FILE]...",
    run,
};

// Options with a long name only.
const COMPLEMENT: char = '!';
const JOINT: char = '^';

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("bytes", 'b'),
        ("characters", 'c'),
        ("fields", 'f'),
        ("delimiter", 'd'),
        ("only-delimited", 's'),
        ("complement", COMPLEMENT),
        ("output-delimiter", JOINT),
    ];
    let options = options::parse(args, "b:c:f:d:s!^:", &long)?;
    let cut = Cut::from(&options)?;
    let mut line = Vec::new();
    io.for_each_input(&options.operands, |io, name, mut input| {
        let (reader, out) = input.reader(io);
        while read_line(reader, &mut line, name)? {
            cut.line(chomp(&line), out)?;
        }
        Ok(())
    })?;
    Ok(0)
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Bytes,
    Characters,
    Fields,
}

struct Cut {
    unit: Unit,
    ranges: Vec<(usize, usize)>,
    complement: bool,
    delimiter: u8,
    only_delimited: bool,
    joint: Vec<u8>,
}

impl Cut {
    fn from(options: &Options) -> Result<Self, Failure> {
        let mut chosen = [
            ('b', Unit::Bytes),
            ('c', Unit::Characters),
            ('f', Unit::Fields),
        ]
        .into_iter()
        .filter_map(|(letter, unit)| options.value(letter).map(|list| (unit, list)));
        let (unit, list) = match (chosen.next(), chosen.next()) {
            (Some(only), None) => only,
            (None, _) => return usage("a list of bytes, characters or fields is needed"),
            _ => return usage("only one kind of list may be given"),
        };
        let delimiter = match options.value('d').map(str::as_bytes) {
            None => b'\t',
            Some([byte]) => *byte,
            Some(_) => return usage("the delimiter must be a single character"),
        };
        if unit != Unit::Fields && (options.has('d') || options.has('s')) {
            return usage("a delimiter goes with fields only");
        }
        let joint = match (options.value(JOINT), unit) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Unit::Fields) => vec![delimiter],
            (None, _) => Vec::new(),
        };
        Ok(Cut {
            unit,
            ranges: ranges(list)?,
            complement: options.has(COMPLEMENT),
            delimiter,
            only_delimited: options.has('s'),
            joint,
        })
    }

    /// Is part `number` (from 1) wanted?
    fn wants(&self, number: usize) -> bool {
        let listed = self
            .ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&number));
        listed != self.complement
    }

    fn line(&self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        let parts: Vec<&[u8]> = match self.unit {
            Unit::Bytes => line.chunks(1).collect(),
            Unit::Characters => characters(line),
            Unit::Fields if line.contains(&self.delimiter) => {
                line.split(|b| *b == self.delimiter).collect()
            }
            Unit::Fields if self.only_delimited => return Ok(()),
            Unit::Fields => {
                return Ok([line, b"\n"]
                    .iter()
                    .try_for_each(|part| out.write_all(part))?);
            }
        };
        let mut last_written = None;
        for (number, part) in (1..).zip(parts) {
            if !self.wants(number) {
                continue;
            }
            // Fields are always joined; of bytes and characters only separate ranges are.
            let gap = self.unit == Unit::Fields || last_written != Some(number - 1);
            if last_written.is_some() && gap {
                out.write_all(&self.joint)?;
            }
            out.write_all(part)?;
            last_written = Some(number);
        }
        Ok(out.write_all(b"\n")?)
    }
}

/// The characters of UTF-8; a byte that begins none is one by itself.
fn characters(line: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    for chunk in line.utf8_chunks() {
        let text = chunk.valid();
        parts.extend(
            text.char_indices()
                .map(|(at, c)| &text.as_bytes()[at..at + c.len_utf8()]),
        );
        parts.extend(chunk.invalid().chunks(1));
    }
    parts
}

/// `1,3-5,7-` and `-2`.
fn ranges(list: &str) -> Result<Vec<(usize, usize)>, Failure> {
    let wrong = || Failure::Usage(format!("invalid list '{list}'"));
    let number = |text: &str, absent| match text {
        "" => Ok(absent),
        digits => digits.parse().map_err(|_| wrong()),
    };
    list.split(',')
        .map(|item| {
            let (from, to) = match item.split_once('-') {
                Some(("", "")) => return Err(wrong()),
                Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
                None => (number(item, 0)?, number(item, 0)?),
            };
            match from >= 1 && from <= to {
                true => Ok((from, to)),
                false => Err(wrong()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn fields() {
        assert_eq!(
            output("a:b:c\nnone\n", "cut", &["-d:", "-f1,3"]),
            "a:c\nnone\n"
        );
        assert_eq!(
            output("a:b:c\nnone\n", "cut", &["-d", ":", "-sf", "2-"]),
            "b:c\n"
        );
        assert_eq!(output("a\tb\n", "cut", &["-f2"]), "b\n");
        assert_eq!(
            output("a:b:c\n", "cut", &["-d:", "-f2", "--complement"]),
            "a:c\n"
        );
        assert_eq!(
            output("a:b:c\n", "cut", &["-d:", "-f-2", "--output-delimiter=, "]),
            "a, b\n"
        );
    }

    #[test]
    fn bytes_and_characters() {
        assert_eq!(output("héllo\n", "cut", &["-c2-3"]), "él\n");
        assert_eq!(output("hello\n", "cut", &["-b", "1,4-"]), "hlo\n");
        assert_eq!(
            output("hello\n", "cut", &["-c1-2,5", "--output-delimiter", ":"]),
            "he:o\n"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [
            &["-f0"][..],
            &["-f3-2"],
            &["-f-"],
            &["-fx"],
            &[],
            &["-f1", "-c1"],
            &["-f1", "-d", "ab"],
            &["-c1", "-d:"],
        ] {
            assert_eq!(run("cut", args).code, 2, "{args:?}");
        }
    }
}
