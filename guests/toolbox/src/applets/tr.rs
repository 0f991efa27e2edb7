use crate::applet::{Applet, At, Failure, Io, Outcome, usage};
use crate::escape::{Octal, Piece, after_backslash};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "tr",
    usage: "[-cds] SET1 [SET2]",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("complement", 'c'),
        ("delete", 'd'),
        ("squeeze-repeats", 's'),
    ];
    let options = options::parse(args, "+cCds", &long)?;
    let [complement, delete, squeeze] =
        ["cC", "d", "s"].map(|letters| options.last_of(letters).is_some());
    let (first, second) = match options.operands.as_slice() {
        [first] if delete || squeeze => (first, None),
        [first, second] if !delete || squeeze => (first, Some(second)),
        [] | [_] => return usage("missing operand"),
        [.., extra] => return usage(format!("extra operand '{extra}'")),
    };
    let mut set = Set::parse(first)?.bytes(0)?;
    if complement {
        set = (0..=255).filter(|byte| !set.contains(byte)).collect();
    }
    let second = second
        .map(|text| Set::parse(text)?.bytes(set.len()))
        .transpose()?;
    let table = Table::new(&set, second.as_deref(), delete, squeeze)?;
    table.copy(io)?;
    Ok(0)
}

/// What becomes of each byte.
struct Table {
    to: [u8; 256],
    deleted: [bool; 256],
    squeezed: [bool; 256],
}

impl Table {
    fn new(
        first: &[u8],
        second: Option<&[u8]>,
        delete: bool,
        squeeze: bool,
    ) -> Result<Self, Failure> {
        let mut table = Table {
            to: std::array::from_fn(|byte| byte as u8),
            deleted: [false; 256],
            squeezed: [false; 256],
        };
        if delete {
            first
                .iter()
                .for_each(|byte| table.deleted[usize::from(*byte)] = true);
        } else if let Some(second) = second {
            let Some(last) = second.last() else {
                return usage("the second set is empty");
            };
            for (at, byte) in first.iter().enumerate() {
                table.to[usize::from(*byte)] = *second.get(at).unwrap_or(last);
            }
        }
        if squeeze {
            second
                .unwrap_or(first)
                .iter()
                .for_each(|byte| table.squeezed[usize::from(*byte)] = true);
        }
        Ok(table)
    }

    fn copy(&self, io: &mut Io) -> Result<(), Failure> {
        let mut before = None;
        let mut result = Vec::new();
        loop {
            let chunk = io.stdin.fill_buf().at("-")?;
            let length = chunk.len();
            if length == 0 {
                return Ok(());
            }
            result.clear();
            for byte in chunk
                .iter()
                .filter(|byte| !self.deleted[usize::from(**byte)])
            {
                let byte = self.to[usize::from(*byte)];
                if !self.squeezed[usize::from(byte)] || before != Some(byte) {
                    result.push(byte);
                }
                before = Some(byte);
            }
            io.stdin.consume(length);
            io.out.write_all(&result)?;
        }
    }
}

/// The parts of a set as written.
struct Set(Vec<Part>);

enum Part {
    Bytes(Vec<u8>),
    /// `[x*n]`; n = 0 fills up to the length of the first set.
    Repeat(u8, usize),
}

impl Set {
    fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.as_bytes();
        let mut parts = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let (part, taken) = match bracket(&text[at..])? {
                Some(found) => found,
                None => range(&text[at..])?,
            };
            parts.push(part);
            at += taken;
        }
        Ok(Set(parts))
    }

    fn bytes(self, length: usize) -> Result<Vec<u8>, Failure> {
        let fixed: usize = self
            .0
            .iter()
            .map(|part| match part {
                Part::Bytes(bytes) => bytes.len(),
                Part::Repeat(_, count) => *count,
            })
            .sum();
        let mut all = Vec::new();
        for part in self.0 {
            match part {
                Part::Bytes(bytes) => all.extend(bytes),
                Part::Repeat(byte, 0) => {
                    all.extend(std::iter::repeat_n(byte, length.saturating_sub(fixed)))
                }
                Part::Repeat(byte, count) => {
                    all.extend(std::iter::repeat_n(byte, count.min(1 << 16)))
                }
            }
        }
        Ok(all)
    }
}

/// `[:class:]`, `[=x=]`, `[x*n]`, or none of them.
fn bracket(text: &[u8]) -> Result<Option<(Part, usize)>, Failure> {
    if let Some(rest) = text.strip_prefix(b"[:")
        && let Some(end) = rest.windows(2).position(|pair| pair == b":]")
    {
        let name = String::from_utf8_lossy(&rest[..end]);
        return match class(&name) {
            Some(bytes) => Ok(Some((Part::Bytes(bytes), end + 4))),
            None => usage(format!("invalid character class '{name}'")),
        };
    }
    if let [b'[', b'=', byte, b'=', b']', ..] = text {
        return Ok(Some((Part::Bytes(vec![*byte]), 5)));
    }
    if text.first() != Some(&b'[') || text.len() < 4 {
        return Ok(None);
    }
    let (byte, taken) = single(&text[1..]);
    let rest = &text[1 + taken..];
    let Some(end) = rest
        .iter()
        .position(|b| *b == b']')
        .filter(|_| rest.first() == Some(&b'*'))
    else {
        return Ok(None);
    };
    let digits = String::from_utf8_lossy(&rest[1..end]);
    let count = if digits.is_empty() {
        Ok(0)
    } else {
        digits.parse()
    };
    match count {
        Ok(count) => Ok(Some((Part::Repeat(byte, count), 1 + taken + end + 1))),
        Err(_) => Ok(None),
    }
}

/// `a-z` or one character.
fn range(text: &[u8]) -> Result<(Part, usize), Failure> {
    let (first, taken) = single(text);
    if text.get(taken) == Some(&b'-') && text.len() > taken + 1 {
        let (last, more) = single(&text[taken + 1..]);
        return match first <= last {
            true => Ok((Part::Bytes((first..=last).collect()), taken + 1 + more)),
            false => usage(format!(
                "range '{}-{}' is in reverse order",
                char::from(first),
                char::from(last)
            )),
        };
    }
    Ok((Part::Bytes(vec![first]), taken))
}

fn single(text: &[u8]) -> (u8, usize) {
    match text {
        [b'\\', rest @ ..] => match after_backslash(rest, Octal::Plain) {
            (Piece::Byte(byte), taken) => (byte, 1 + taken),
            // An unknown escape is the character itself.
            _ => rest.first().map_or((b'\\', 1), |byte| (*byte, 2)),
        },
        [byte, ..] => (*byte, 1),
        [] => (0, 0),
    }
}

fn class(name: &str) -> Option<Vec<u8>> {
    let belongs: fn(&u8) -> bool = match name {
        "alnum" => u8::is_ascii_alphanumeric,
        "alpha" => u8::is_ascii_alphabetic,
        "blank" => |byte| matches!(byte, b' ' | b'\t'),
        "cntrl" => u8::is_ascii_control,
        "digit" => u8::is_ascii_digit,
        "graph" => u8::is_ascii_graphic,
        "lower" => u8::is_ascii_lowercase,
        "print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
        "punct" => u8::is_ascii_punctuation,
        "space" => |byte| byte.is_ascii_whitespace() || *byte == 0x0b,
        "upper" => u8::is_ascii_uppercase,
        "xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some((0..=255).filter(belongs).collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn translation() {
        let rows: &[(&str, &[&str], &str)] = &[
            ("hello", &["a-y", "b-z"], "ifmmp"),
            ("hello", &["[:lower:]", "[:upper:]"], "HELLO"),
            ("a b", &["' '", "_"], "a_b"),
            ("a b\n", &[" ", "\\n"], "a\nb\n"),
            ("abc", &["abc", "x"], "xxx"),
            ("abc", &["abc", "[x*2]y"], "xxy"),
            ("abc", &["abc", "z[x*]"], "zxx"),
            ("a-b", &["a-", "xy"], "xyb"),
            ("a1b2", &["-d", "0-9"], "ab"),
            ("a1\n", &["-cd", "[:digit:]"], "1"),
            ("aabbcc", &["-s", "ab"], "abcc"),
            ("a  b\n\n", &["-s", "[:space:]"], "a b\n"),
            ("aab", &["-s", "a", "x"], "xb"),
            ("a1aab", &["-ds", "1", "a"], "ab"),
            ("a\\b", &["\\\\", "/"], "a/b"),
        ];
        for (input, args, expected) in rows {
            assert_eq!(output(input, "tr", args), *expected, "{args:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [
            &[][..],
            &["a"],
            &["a", "b", "c"],
            &["-d", "a", "b"],
            &["z-a", "x"],
            &["[:nope:]", "x"],
            &["a", ""],
        ] {
            assert_eq!(run("tr", args).code, 2, "{args:?}");
        }
    }
}
