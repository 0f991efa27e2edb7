//! printf FORMAT ARGUMENTS: the format is used again until all arguments are.

use crate::applet::{Applet, Io, Outcome, usage};
use crate::escape::{Octal, Piece, after_backslash, expand};

pub const APPLET: Applet = Applet {
    name: "printf",
    usage: "FORMAT [ARGUMENT]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let Some((format, arguments)) = args.split_first() else {
        return usage("missing format");
    };
    let mut printer = Printer {
        arguments,
        wrong: Vec::new(),
        out: Vec::new(),
    };
    loop {
        let before = printer.arguments.len();
        let ended = printer.once(format.as_bytes());
        // A format that takes no arguments is printed once, however many there are.
        if ended || printer.arguments.is_empty() || printer.arguments.len() == before {
            break;
        }
    }
    io.out.write_all(&printer.out)?;
    for message in printer.wrong {
        io.complain(message);
    }
    Ok(0)
}

struct Printer<'a> {
    arguments: &'a [String],
    wrong: Vec<String>,
    out: Vec<u8>,
}

/// What stands between `%` and its letter.
#[derive(Default)]
struct Shape {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Printer<'_> {
    /// One pass over the format; `true` when `\c` or a wrong directive ended the output for good.
    fn once(&mut self, format: &[u8]) -> bool {
        let mut at = 0;
        while let Some(byte) = format.get(at) {
            at += 1;
            match byte {
                b'\\' => {
                    let (piece, taken) = after_backslash(&format[at..], Octal::Plain);
                    at += taken;
                    match piece {
                        Piece::Byte(byte) => self.out.push(byte),
                        Piece::Backslash => self.out.push(b'\\'),
                        Piece::Stop => return true,
                    }
                }
                b'%' if format.get(at) == Some(&b'%') => {
                    self.out.push(b'%');
                    at += 1;
                }
                b'%' => {
                    let shape = self.shape(format, &mut at);
                    let letter = format.get(at).copied();
                    at += 1;
                    if self.directive(letter, &shape) {
                        return true;
                    }
                }
                other => self.out.push(*other),
            }
        }
        false
    }

    fn shape(&mut self, format: &[u8], at: &mut usize) -> Shape {
        let mut shape = Shape::default();
        while let Some(flag) = format.get(*at) {
            match flag {
                b'-' => shape.left = true,
                b'0' => shape.zero = true,
                b'+' => shape.plus = true,
                b' ' => shape.space = true,
                b'#' => shape.alternate = true,
                _ => break,
            }
            *at += 1;
        }
        let width = self.size(format, at);
        shape.left |= width < 0;
        shape.width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        if format.get(*at) == Some(&b'.') {
            *at += 1;
            shape.precision = usize::try_from(self.size(format, at)).ok();
        }
        shape
    }

    /// Digits, or `*` for the next argument.
    fn size(&mut self, format: &[u8], at: &mut usize) -> i64 {
        if format.get(*at) == Some(&b'*') {
            *at += 1;
            return self.integer().clamp(-SIZE_LIMIT, SIZE_LIMIT) as i64;
        }
        let mut size = 0i64;
        while let Some(digit) = format.get(*at).filter(|b| b.is_ascii_digit()) {
            size = (size * 10 + i64::from(digit - b'0')).min(SIZE_LIMIT as i64);
            *at += 1;
        }
        size
    }

    fn directive(&mut self, letter: Option<u8>, shape: &Shape) -> bool {
        let mut stop = false;
        match letter {
            Some(b's') => {
                let text = self.next().as_bytes().to_vec();
                self.pad_text(text, shape);
            }
            Some(b'b') => {
                let (text, stopped) = expand(self.next().as_bytes(), Octal::LeadingZero);
                stop = stopped;
                self.pad_text(text, shape);
            }
            Some(b'c') => {
                let text = self.next().bytes().take(1).collect();
                self.pad_text(
                    text,
                    &Shape {
                        precision: None,
                        ..*shape
                    },
                );
            }
            Some(b'd' | b'i') => {
                let value = self.integer();
                let digits = value.unsigned_abs().to_string();
                self.pad_number(sign(value < 0, shape), "", digits, shape);
            }
            // Negative numbers appear as the 64 bits they are made of, as in C.
            Some(b'u') => {
                let digits = (self.integer() as u64).to_string();
                self.pad_number("", "", digits, shape);
            }
            Some(letter @ (b'o' | b'x' | b'X')) => self.radix(letter, shape),
            Some(letter @ (b'e' | b'E' | b'f' | b'F' | b'g' | b'G')) => self.float(letter, shape),
            _ => {
                let letter = letter.map_or(String::new(), |l| char::from(l).to_string());
                self.wrong.push(format!("%{letter}: invalid directive"));
                stop = true;
            }
        }
        stop
    }

    fn radix(&mut self, letter: u8, shape: &Shape) {
        let value = self.integer() as u64;
        let (prefix, digits) = match letter {
            b'o' => ("0", format!("{value:o}")),
            b'x' => ("0x", format!("{value:x}")),
            _ => ("0X", format!("{value:X}")),
        };
        let prefix = if shape.alternate && value != 0 {
            prefix
        } else {
            ""
        };
        self.pad_number("", prefix, digits, shape);
    }

    fn float(&mut self, letter: u8, shape: &Shape) {
        let value = self.real();
        let precision = shape.precision.unwrap_or(6);
        let magnitude = value.abs();
        let mut digits = match letter.to_ascii_lowercase() {
            _ if !magnitude.is_finite() => magnitude.to_string().to_lowercase(),
            b'f' => format!("{magnitude:.precision$}"),
            b'e' => exponential(magnitude, precision),
            _ => general(magnitude, precision.max(1), shape.alternate),
        };
        if letter.is_ascii_uppercase() {
            digits.make_ascii_uppercase();
        }
        let shape = Shape {
            precision: None,
            zero: shape.zero && magnitude.is_finite(),
            ..*shape
        };
        self.pad_number(sign(value.is_sign_negative(), &shape), "", digits, &shape);
    }

    fn pad_text(&mut self, mut text: Vec<u8>, shape: &Shape) {
        text.truncate(shape.precision.unwrap_or(usize::MAX));
        let padding = shape.width.saturating_sub(text.len());
        let (before, after) = if shape.left {
            (0, padding)
        } else {
            (padding, 0)
        };
        self.out.extend(std::iter::repeat_n(b' ', before));
        self.out.extend(text);
        self.out.extend(std::iter::repeat_n(b' ', after));
    }

    fn pad_number(&mut self, sign: &str, prefix: &str, digits: String, shape: &Shape) {
        let mut zeros = shape.precision.unwrap_or(1).saturating_sub(digits.len());
        let length = sign.len() + prefix.len() + digits.len();
        // A precision switches zero padding off.
        if shape.zero && !shape.left && shape.precision.is_none() {
            zeros = shape.width.saturating_sub(length);
        }
        let text = format!("{sign}{prefix}{}{digits}", "0".repeat(zeros));
        self.pad_text(
            text.into_bytes(),
            &Shape {
                precision: None,
                ..*shape
            },
        );
    }

    /// The next argument; an absent one is empty.
    fn next(&mut self) -> &str {
        match self.arguments.split_first() {
            Some((first, rest)) => {
                self.arguments = rest;
                first
            }
            None => "",
        }
    }

    /// The next argument as an integer: decimal, 0x, 0 octal, or 'c for a character's code. Wrong ones are complained about and
    /// count for as much as could be read, as POSIX wants.
    fn integer(&mut self) -> i128 {
        let text = self.next().trim().to_owned();
        if let Some(code) = character_code(&text) {
            return code;
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let (digits, radix) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            Some(hex) => (hex, 16),
            None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
            None => (digits, 10),
        };
        let end = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let value = i128::from_str_radix(&digits[..end], radix).unwrap_or(0);
        let fits = if negative {
            value <= 1 << 63
        } else {
            value < 1 << 64
        };
        if end < digits.len() || (end == 0 && !text.is_empty()) || !fits {
            self.wrong.push(format!("{text}: invalid number"));
        }
        let value = value.clamp(0, if negative { 1 << 63 } else { (1 << 64) - 1 });
        if negative { -value } else { value }
    }

    fn real(&mut self) -> f64 {
        let text = self.next().trim().to_owned();
        if let Some(code) = character_code(&text) {
            return code as f64;
        }
        if text.is_empty() {
            return 0.0;
        }
        text.parse().unwrap_or_else(|_| {
            self.wrong.push(format!("{text}: invalid number"));
            0.0
        })
    }
}

/// No column is wider than this: a slip in a format must not eat the container's memory.
const SIZE_LIMIT: i128 = 1 << 20;

fn character_code(text: &str) -> Option<i128> {
    let quoted = text.strip_prefix('\'').or(text.strip_prefix('"'))?;
    Some(
        quoted
            .chars()
            .next()
            .map_or(0, |c| i128::from(u32::from(c))),
    )
}

fn sign(negative: bool, shape: &Shape) -> &'static str {
    match (negative, shape.plus, shape.space) {
        (true, _, _) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

/// C's form of an exponent: a sign and at least two digits.
fn exponential(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// %g: the shorter of the two forms, with `precision` significant digits and no trailing zeros.
fn general(value: f64, precision: usize, keep_zeros: bool) -> String {
    let scientific = exponential(value, precision - 1);
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, e)| e.parse().ok())
        .unwrap_or(0);
    let trim = |digits: &str| match digits.contains('.') && !keep_zeros {
        true => digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => digits.to_owned(),
    };
    let precision = i32::try_from(precision).unwrap_or(i32::MAX);
    if (-4..precision).contains(&exponent) {
        let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
        return trim(&format!("{value:.decimals$}"));
    }
    match scientific.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trim(mantissa)),
        None => scientific,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn directives() {
        let rows: &[(&[&str], &str)] = &[
            (
                &["%s-%5s|%-5s|%.2s\\n", "a", "b", "c", "def"],
                "a-    b|c    |de\n",
            ),
            (&["%d %i %u", "1", "-2", "3"], "1 -2 3"),
            (
                &["%05d|%+d|% d|%5.3d", "42", "42", "42", "7"],
                "00042|+42| 42|  007",
            ),
            (&["%x %X %#x %o", "255", "255", "255", "8"], "ff FF 0xff 10"),
            (&["%c%c", "abc", "d"], "ad"),
            (&["%d %d %d", "0x1f", "010", "'A"], "31 8 65"),
            (
                &["%f %.2f %e", "1.5", "2.345", "12345"],
                "1.500000 2.35 1.234500e+04",
            ),
            (
                &["%g %g %g", "0.0001", "1000000", "1.50"],
                "0.0001 1e+06 1.5",
            ),
            (&["%*d|%-*d|", "4", "1", "3", "2"], "   1|2  |"),
            (&["%b|%s", r"a\tb", r"a\tb"], "a\tb|a\\tb"),
            (&["100%%\\101"], "100%A"),
            (&["--", "-x"], "-x"),
        ];
        for (args, expected) in rows {
            assert_eq!(output("", "printf", args), *expected, "{args:?}");
        }
    }

    #[test]
    fn the_format_is_used_again() {
        assert_eq!(
            output("", "printf", &["%s=%d\\n", "a", "1", "b"]),
            "a=1\nb=0\n"
        );
        assert_eq!(output("", "printf", &["x\\n", "a", "b"]), "x\n");
        assert_eq!(output("", "printf", &["%b.", r"a\c", "b"]), "a");
    }

    #[test]
    fn wrong_numbers_are_complained_about() {
        let ran = run("printf", &["%d\\n", "3x"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, "3\n"));
        assert_eq!(ran.err, "printf: 3x: invalid number\n");
        assert_eq!(
            run("printf", &["%y"]).err,
            "printf: %y: invalid directive\n"
        );
        assert_eq!(run("printf", &[]).code, 2);
    }
}
