use std::io::{BufRead, Write};

use crate::applet::{Applet, At, Failure, Io, Outcome};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "wc",
    usage: "[-lwcmL] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("lines", 'l'),
        ("words", 'w'),
        ("bytes", 'c'),
        ("chars", 'm'),
        ("max-line-length", 'L'),
    ];
    let options = options::parse(args, "lwcmL", &long)?;
    let mut columns: Vec<char> = "lwmcL"
        .chars()
        .filter(|letter| options.has(*letter))
        .collect();
    if columns.is_empty() {
        columns = vec!['l', 'w', 'c'];
    }
    // One number of one input stands alone: scripts read it.
    let alone = columns.len() == 1 && options.operands.len() < 2;
    let mut total = Counts::default();
    io.for_each_input(&options.operands, |io, name, mut input| {
        let (reader, out) = input.reader(io);
        let counts = count(reader, name)?;
        total.add(&counts);
        let shown = if options.operands.is_empty() {
            ""
        } else {
            name
        };
        print(out, &counts, &columns, alone, shown)
    })?;
    if options.operands.len() > 1 {
        print(io.out, &total, &columns, false, "total")?;
    }
    Ok(0)
}

#[derive(Default)]
struct Counts {
    lines: u64,
    words: u64,
    chars: u64,
    bytes: u64,
    longest: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.lines += other.lines;
        self.words += other.words;
        self.chars += other.chars;
        self.bytes += other.bytes;
        self.longest = self.longest.max(other.longest);
    }

    fn column(&self, letter: char) -> u64 {
        match letter {
            'l' => self.lines,
            'w' => self.words,
            'm' => self.chars,
            'c' => self.bytes,
            _ => self.longest,
        }
    }
}

fn count(reader: &mut dyn BufRead, name: &str) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let (mut in_word, mut length) = (false, 0);
    loop {
        let chunk = reader.fill_buf().at(name)?;
        if chunk.is_empty() {
            counts.longest = counts.longest.max(length);
            return Ok(counts);
        }
        for byte in chunk {
            let space = byte.is_ascii_whitespace() || *byte == 0x0b;
            counts.words += u64::from(!space && !in_word);
            in_word = !space;
            // Of a character of UTF-8 only the first byte counts.
            let starts = byte & 0xc0 != 0x80;
            counts.chars += u64::from(starts);
            match byte {
                b'\n' => {
                    counts.lines += 1;
                    counts.longest = counts.longest.max(length);
                    length = 0;
                }
                b'\t' => length = (length / 8 + 1) * 8,
                _ => length += u64::from(starts),
            }
        }
        let read = chunk.len();
        counts.bytes += read as u64;
        reader.consume(read);
    }
}

fn print(
    out: &mut dyn Write,
    counts: &Counts,
    columns: &[char],
    alone: bool,
    name: &str,
) -> Result<(), Failure> {
    let width = if alone { 0 } else { 9 };
    let numbers: Vec<String> = columns
        .iter()
        .map(|c| format!("{:>width$}", counts.column(*c)))
        .collect();
    let gap = if name.is_empty() { "" } else { " " };
    Ok(writeln!(out, "{}{gap}{name}", numbers.join(" "))?)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output};

    #[test]
    fn counts() {
        assert_eq!(
            output("a b\n\tc\n", "wc", &[]),
            "        2         3         7\n"
        );
        assert_eq!(output("a b\nc", "wc", &["-l"]), "1\n");
        assert_eq!(output("é b\n", "wc", &["-m"]), "4\n");
        assert_eq!(output("é b\n", "wc", &["-c"]), "5\n");
        assert_eq!(output("ab\nabcd\na", "wc", &["-L"]), "4\n");
        assert_eq!(output("", "wc", &["-w"]), "0\n");
    }

    #[test]
    fn several_files_have_a_total() {
        let scratch = Scratch::new();
        let (a, b) = (scratch.file("a", "1\n"), scratch.file("b", "2\n3\n"));
        let expected = format!("        1 {a}\n        2 {b}\n        3 total\n");
        assert_eq!(output("", "wc", &["-l", &a, &b]), expected);
        assert_eq!(output("", "wc", &["-l", &a]), format!("1 {a}\n"));
    }
}
