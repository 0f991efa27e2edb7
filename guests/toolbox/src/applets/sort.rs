use std::cmp::Ordering;
use std::io::{BufWriter, Write};

use crate::applet::{Applet, At, Failure, Io, Outcome, chomp, read_line, usage};
use crate::options::{self, Options};

pub const APPLET: Applet = Applet {
    name: "sort",
    usage: "[-nhfbrusc] [-t CHAR] [-k POS1[,POS2]]... [-o FILE] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("numeric-sort", 'n'),
        ("human-numeric-sort", 'h'),
        ("ignore-case", 'f'),
        ("ignore-leading-blanks", 'b'),
        ("reverse", 'r'),
        ("unique", 'u'),
        ("stable", 's'),
        ("check", 'c'),
        ("field-separator", 't'),
        ("key", 'k'),
        ("output", 'o'),
    ];
    let options = options::parse(args, "nhfbrusct:k:o:", &long)?;
    let order = Order::from(&options)?;
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut first_input = None;
    io.for_each_input(&options.operands, |io, name, mut input| {
        first_input.get_or_insert_with(|| name.to_owned());
        let reader = input.reader(io).0;
        while read_line(reader, &mut line, name)? {
            lines.push(chomp(&line).to_vec());
        }
        Ok(())
    })?;
    if options.has('c') {
        return check(io, &order, &lines, &first_input.unwrap_or_default());
    }
    lines.sort_by(|a, b| order.compare(a, b));
    if options.has('u') {
        lines.dedup_by(|a, b| order.by_keys(a, b) == Ordering::Equal);
    }
    match options.value('o') {
        None => print(&lines, io.out)?,
        Some(path) => {
            let mut file = BufWriter::new(std::fs::File::create(path).at(path)?);
            lines
                .iter()
                .try_for_each(|line| file.write_all(&[line, &b"\n"[..]].concat()))
                .at(path)?;
            file.flush().at(path)?;
        }
    }
    Ok(0)
}

fn print(lines: &[Vec<u8>], out: &mut dyn Write) -> Result<(), Failure> {
    for line in lines {
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Says where the first line out of order is.
fn check(io: &mut Io, order: &Order, lines: &[Vec<u8>], name: &str) -> Outcome {
    let wrong = |pair: &[Vec<u8>]| match order.compare(&pair[0], &pair[1]) {
        Ordering::Greater => true,
        Ordering::Equal => order.unique,
        Ordering::Less => order.unique && order.by_keys(&pair[0], &pair[1]) == Ordering::Equal,
    };
    if let Some(at) = lines.windows(2).position(wrong) {
        io.complain(format!(
            "{name}:{}: disorder: {}",
            at + 2,
            String::from_utf8_lossy(&lines[at + 1])
        ));
    }
    Ok(0)
}

/// How two pieces of text compare.
#[derive(Clone, Copy, Default, PartialEq)]
struct Rule {
    numeric: bool,
    human: bool,
    fold: bool,
    blanks: bool,
    reverse: bool,
}

impl Rule {
    fn add(&mut self, letter: char) -> bool {
        match letter {
            'n' => self.numeric = true,
            'h' => self.human = true,
            'f' => self.fold = true,
            'b' => self.blanks = true,
            'r' => self.reverse = true,
            _ => return false,
        }
        true
    }

    fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        let (a, b) = if self.blanks {
            (skip_blanks(a), skip_blanks(b))
        } else {
            (a, b)
        };
        let ordering = if self.human {
            human(a).total_cmp(&human(b))
        } else if self.numeric {
            compare_numbers(a, b)
        } else if self.fold {
            a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase())
        } else {
            a.cmp(b)
        };
        if self.reverse {
            ordering.reverse()
        } else {
            ordering
        }
    }
}

/// A position in a line: field and character, both from 1.
#[derive(Clone, Copy)]
struct Place {
    field: usize,
    character: usize,
}

struct Key {
    from: Place,
    to: Option<Place>,
    rule: Rule,
}

struct Order {
    keys: Vec<Key>,
    rule: Rule,
    separator: Option<u8>,
    stable: bool,
    unique: bool,
}

impl Order {
    fn from(options: &Options) -> Result<Self, Failure> {
        let mut rule = Rule::default();
        for letter in "nhfbr".chars().filter(|letter| options.has(*letter)) {
            rule.add(letter);
        }
        let separator = match options.value('t').map(str::as_bytes) {
            None => None,
            Some([byte]) => Some(*byte),
            Some(b"\\t") => Some(b'\t'),
            Some(b"\\0") => Some(0),
            Some(other) => {
                return usage(format!(
                    "invalid separator '{}'",
                    String::from_utf8_lossy(other)
                ));
            }
        };
        Ok(Order {
            keys: options
                .values('k')
                .map(|text| key(text, rule))
                .collect::<Result<_, _>>()?,
            rule,
            separator,
            stable: options.has('s'),
            unique: options.has('u'),
        })
    }

    /// By the keys, and among equals by the whole line, unless stability is asked for.
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let ordering = self.by_keys(a, b);
        if ordering != Ordering::Equal || self.stable || self.unique {
            return ordering;
        }
        let ordering = a.cmp(b);
        if self.rule.reverse {
            ordering.reverse()
        } else {
            ordering
        }
    }

    fn by_keys(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.keys.is_empty() {
            return self.rule.compare(a, b);
        }
        let orderings = self
            .keys
            .iter()
            .map(|key| key.rule.compare(self.part(a, key), self.part(b, key)));
        orderings.fold(Ordering::Equal, Ordering::then)
    }

    fn part<'a>(&self, line: &'a [u8], key: &Key) -> &'a [u8] {
        let fields = self.fields(line);
        let offset = |place: Place| {
            let (start, end) = *fields.get(place.field - 1)?;
            let start = if key.rule.blanks {
                end - skip_blanks(&line[start..end]).len()
            } else {
                start
            };
            Some((start, end, place.character))
        };
        let Some((start, end, character)) = offset(key.from) else {
            return &[];
        };
        let begin = (start + character - 1).min(end);
        let finish = match key.to.map(offset) {
            None | Some(None) => line.len(),
            Some(Some((_, end, 0))) => end,
            Some(Some((start, end, character))) => (start + character).min(end),
        };
        &line[begin..finish.max(begin)]
    }

    /// Where the fields are. Without a separator a field begins with the blanks in front of it.
    fn fields(&self, line: &[u8]) -> Vec<(usize, usize)> {
        let mut fields = Vec::new();
        let mut start = 0;
        for at in 0..line.len() {
            match self.separator {
                Some(separator) if line[at] == separator => {
                    fields.push((start, at));
                    start = at + 1;
                }
                None if at > start && is_blank(line[at]) && !is_blank(line[at - 1]) => {
                    fields.push((start, at));
                    start = at;
                }
                _ => {}
            }
        }
        fields.push((start, line.len()));
        fields
    }
}

/// `FIELD[.CHARACTER][LETTERS][,FIELD[.CHARACTER][LETTERS]]`. Letters of its own replace the global ones.
fn key(text: &str, global: Rule) -> Result<Key, Failure> {
    let wrong = || Failure::Usage(format!("invalid key '{text}'"));
    let mut own = Rule::default();
    let mut place = |part: &str, absent: usize| {
        let letters_at = part
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(part.len());
        let (numbers, letters) = part.split_at(letters_at);
        if !letters.chars().all(|letter| own.add(letter)) {
            return Err(wrong());
        }
        let (field, character) = match numbers.split_once('.') {
            Some((field, character)) => (field, character.parse().map_err(|_| wrong())?),
            None => (numbers, absent),
        };
        match field.parse() {
            Ok(field) if field > 0 => Ok(Place { field, character }),
            _ => Err(wrong()),
        }
    };
    let (from, to) = match text.split_once(',') {
        Some((from, to)) => (place(from, 1)?, Some(place(to, 0)?)),
        None => (place(text, 1)?, None),
    };
    if from.character == 0 {
        return Err(wrong());
    }
    let rule = if own == Rule::default() { global } else { own };
    Ok(Key { from, to, rule })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    &text[blanks..]
}

/// The number text begins with, as (negative, digits before the point, digits behind it): compared without rounding.
fn number(text: &[u8]) -> (bool, &[u8], &[u8]) {
    let text = skip_blanks(text);
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(digits(text));
    let fraction = rest
        .strip_prefix(b".")
        .map_or(&[][..], |rest| &rest[..digits(rest)]);
    let zeros = whole.iter().take_while(|b| **b == b'0').count();
    let end = fraction
        .iter()
        .rposition(|b| *b != b'0')
        .map_or(0, |at| at + 1);
    let (whole, fraction) = (&whole[zeros..], &fraction[..end]);
    (
        negative && !(whole.is_empty() && fraction.is_empty()),
        whole,
        fraction,
    )
}

fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (number(a), number(b));
    let magnitude =
        a.1.len()
            .cmp(&b.1.len())
            .then(a.1.cmp(b.1))
            .then(a.2.cmp(b.2));
    match (a.0, b.0) {
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => magnitude,
    }
}

/// 2K, 1.5M, 3Gi: the numbers of `ls -h`.
fn human(text: &[u8]) -> f64 {
    let text = skip_blanks(text);
    let end = text
        .iter()
        .take_while(|b| b.is_ascii_digit() || b"-.".contains(b))
        .count();
    let value: f64 = std::str::from_utf8(&text[..end])
        .unwrap_or("")
        .parse()
        .unwrap_or(0.0);
    let power = text.get(end).and_then(|unit| {
        b"KMGTPE"
            .iter()
            .position(|known| known == &unit.to_ascii_uppercase())
    });
    value * 1024f64.powi(power.map_or(0, |power| power as i32 + 1))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run, run_with};

    #[test]
    fn orders() {
        let rows: &[(&str, &[&str], &str)] = &[
            ("b\na\nc", &[], "a b c"),
            ("b\na\nc", &["-r"], "c b a"),
            ("10\n9\n-1\n1.5\nx", &["-n"], "-1 x 1.5 9 10"),
            ("b\na\nb", &["-u"], "a b"),
            ("B\na\nA", &["-f"], "A a B"),
            ("1K\n2\n1M", &["-h"], "2 1K 1M"),
            ("x:2\ny:10\nz:1", &["-t:", "-k2n"], "z:1 x:2 y:10"),
            (
                "x:2\ny:10\nz:1",
                &["-t", ":", "-k", "2,2nr"],
                "y:10 x:2 z:1",
            ),
            ("a:1:z\na:1:b", &["-s", "-t:", "-k2,2"], "a:1:z a:1:b"),
            ("a:1:z\na:1:b", &["-t:", "-k2,2"], "a:1:b a:1:z"),
            ("xb\nya", &["-k1.2"], "ya xb"),
            ("3 a\n1 b\n3 c", &["-nu"], "1 b,3 a"),
            (
                "00012345678901234567890\n12345678901234567891",
                &["-n"],
                "00012345678901234567890 12345678901234567891",
            ),
        ];
        for (input, args, expected) in rows {
            let joint = if expected.contains(',') { "," } else { " " };
            assert_eq!(
                output(input, "sort", args).trim_end().replace('\n', joint),
                *expected,
                "{args:?}"
            );
        }
    }

    #[test]
    fn fields_without_separator_begin_with_blanks() {
        assert_eq!(output("a  2\nb 10\n", "sort", &["-k2n"]), "a  2\nb 10\n");
        assert_eq!(output("a  y\nb x\n", "sort", &["-k2"]), "a  y\nb x\n");
        assert_eq!(output("a  y\nb x\n", "sort", &["-k2b"]), "b x\na  y\n");
    }

    #[test]
    fn output_may_be_the_input() {
        let scratch = Scratch::new();
        let file = scratch.file("f", "b\na\n");
        output("", "sort", &["-o", &file, &file]);
        assert_eq!(scratch.read("f"), "a\nb\n");
    }

    #[test]
    fn order_is_checked() {
        assert_eq!(run_with("a\nb\n", "sort", &["-c"]).code, 0);
        let ran = run_with("b\na\n", "sort", &["-c"]);
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (1, "sort: -:2: disorder: a\n")
        );
        assert_eq!(run_with("a\na\n", "sort", &["-cu"]).code, 1);
        for args in [&["-k0"][..], &["-kx"], &["-k1q"], &["-t", "ab"]] {
            assert_eq!(run("sort", args).code, 2, "{args:?}");
        }
    }
}
