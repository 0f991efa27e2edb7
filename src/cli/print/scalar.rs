//! How one piece of text is written in YAML so that it is read back as the same text (`sigs.k8s.io/yaml/goyaml.v2`, which
//! follows YAML 1.1): plain if it can be, in quotes if it would be taken for something else, as a block if it has lines.

/// Lines longer than this are folded at the next blank.
const WIDTH: usize = 80;

/// Where text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Plain,
    Single,
    Double,
    Block,
}

/// Appends text to the line that `out` ends with; its further lines are indented by `indent`.
pub fn write(out: &mut String, text: &str, place: Place, indent: usize) {
    let mut writer = Writer {
        column: out.chars().rev().take_while(|&c| c != '\n').count(),
        out,
        indent,
        folds: place == Place::Value,
    };
    match shape(text, place) {
        Shape::Plain => writer.plain(text),
        Shape::Single => writer.single(text),
        Shape::Double => writer.double(text),
        Shape::Block => writer.block(text),
    }
}

fn shape(text: &str, place: Place) -> Shape {
    let found = Found::in_text(text);
    let lines = text.contains('\n');
    if lines && place == Place::Value && found.block_allowed {
        return Shape::Block;
    }
    if lines || looks_like_something_else(text) {
        return Shape::Double;
    }
    match (found.plain_allowed, found.single_allowed) {
        (true, _) => Shape::Plain,
        (false, true) => Shape::Single,
        (false, false) => Shape::Double,
    }
}

/// What text has in it that forbids some of the shapes (libyaml's `yaml_emitter_analyze_scalar`).
struct Found {
    plain_allowed: bool,
    single_allowed: bool,
    block_allowed: bool,
}

impl Found {
    fn in_text(text: &str) -> Found {
        let breaks = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let blank_at = |c: Option<char>| c.is_none_or(|c| c == ' ' || c == '\t' || breaks(c));
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut has_breaks) = (false, false);
        let (mut blank_then_break, mut break_then_blank) = (false, false);
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let then_blank = blank_at(chars.peek().copied());
            indicators |= match (before, c) {
                (None, '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!') => true,
                (None, '|' | '>' | '\'' | '"' | '%' | '@' | '`') => true,
                (None, '-' | '?') | (_, ':') => then_blank,
                (Some(before), '#') => blank_at(Some(before)),
                _ => false,
            };
            special |= !is_printable(c);
            has_breaks |= breaks(c);
            blank_then_break |= before == Some(' ') && breaks(c);
            break_then_blank |= before.is_some_and(breaks) && c == ' ';
            before = Some(c);
        }
        let (first, last) = (text.chars().next(), text.chars().next_back());
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || breaks(c));
        let hard = special || blank_then_break;
        Found {
            plain_allowed: !(hard || indicators || has_breaks || edge(first) || edge(last)),
            single_allowed: !(hard || break_then_blank),
            block_allowed: !(hard || last == Some(' ')),
        }
    }
}

/// Without escapes. A tab is not, and what lies beyond the basic plane is not either. (Nor are the separators of lines and
/// paragraphs, where kubectl writes a line break that nobody reads back.)
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether plain text would be read as null, a truth value, a number or a time.
fn looks_like_something_else(text: &str) -> bool {
    match text.as_bytes().first() {
        None => true,
        Some(b'.') => is_special_float(text) || is_float(text),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            is_special_float(text) || is_time(text) || is_number(text) || is_base_60(text)
        }
        Some(_) => is_word(text),
    }
}

fn is_word(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "~"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "on"
            | "On"
            | "ON"
            | "off"
            | "Off"
            | "OFF"
            | "null"
            | "Null"
            | "NULL"
    )
}

fn is_special_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn is_number(text: &str) -> bool {
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    is_integer(&text, unsigned) || is_float(&text)
}

/// As Go's `ParseInt` and `ParseUint` with base 0 take it: only what fits into 64 bits is a number.
fn is_integer(text: &str, unsigned: &str) -> bool {
    let (digits, base) = match unsigned.get(..2) {
        Some("0x" | "0X") => (&unsigned[2..], 16),
        Some("0b" | "0B") => (&unsigned[2..], 2),
        Some("0o" | "0O") => (&unsigned[2..], 8),
        _ if unsigned.len() > 1 && unsigned.starts_with('0') => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return false;
    }
    let most = match text.as_bytes()[0] {
        b'-' => 1 << 63,
        b'+' => (1 << 63) - 1,
        _ => u128::from(u64::MAX),
    };
    u128::from_str_radix(digits, base).is_ok_and(|value| value <= most)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction) && exponent_fits
}

/// `190:20:30`, a number in YAML 1.1 that nobody wants to be one.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let starts = first.starts_with(|c: char| c.is_ascii_digit())
        && first
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let (seconds, fraction) = last.split_once('.').unwrap_or((last, ""));
    let fraction = fraction
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'_');
    starts
        && fraction
        && middle
            .iter()
            .chain([&seconds])
            .all(|part| is_below_60(part))
}

fn is_below_60(part: &str) -> bool {
    match part.as_bytes() {
        [ones] => ones.is_ascii_digit(),
        [b'0'..=b'5', ones] => ones.is_ascii_digit(),
        _ => false,
    }
}

/// `2026-01-31`, `2026-01-31T12:00:00Z`, `2026-01-31 12:00:00`: times need no leading zeros.
fn is_time(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else {
        return false;
    };
    let (date, time) = match rest.find(['T', 't', ' ']) {
        Some(at) => (&rest[..at], Some(&rest[at..])),
        None => (rest, None),
    };
    let Some((month, day)) = date.split_once('-') else {
        return false;
    };
    let whole = |text: &str, least: u32, most: u32| {
        (1..=2).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text
                .parse()
                .is_ok_and(|value: u32| (least..=most).contains(&value))
    };
    year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && whole(month, 1, 12)
        && whole(day, 1, 31)
        && time.is_none_or(|time| is_time_of_day(&time[1..], time.starts_with(' '), whole))
}

fn is_time_of_day(text: &str, bare: bool, whole: impl Fn(&str, u32, u32) -> bool) -> bool {
    let zone = text.find(['Z', '+', '-']);
    let (clock, zone) = text.split_at(zone.unwrap_or(text.len()));
    let zone_fits = match zone {
        "" => bare,
        "Z" => !bare,
        _ => {
            let parts = zone[1..].split_once(':');
            !bare
                && zone.len() == 6
                && parts.is_some_and(|(h, m)| whole(h, 0, 24) && whole(m, 0, 60))
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else {
        return false;
    };
    let fraction_fits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    zone_fits && fraction_fits && whole(hour, 0, 23) && whole(minute, 0, 59) && whole(second, 0, 59)
}

struct Writer<'o> {
    out: &'o mut String,
    column: usize,
    indent: usize,
    folds: bool,
}

impl Writer<'_> {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.indent));
        self.column = self.indent;
    }

    fn plain(&mut self, text: &str) {
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let single = c == ' ' && before != Some(' ') && chars.peek() != Some(&' ');
            match single && self.folds && self.column > WIDTH {
                true => self.new_line(),
                false => self.put(c),
            }
            before = Some(c);
        }
    }

    fn single(&mut self, text: &str) {
        self.put('\'');
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let inside = before.is_some() && chars.peek().is_some();
            let single = c == ' ' && before != Some(' ') && chars.peek() != Some(&' ');
            match inside && single && self.folds && self.column > WIDTH {
                true => self.new_line(),
                false => self.put(c),
            }
            if c == '\'' {
                self.put(c);
            }
            before = Some(c);
        }
        self.put('\'');
    }

    fn double(&mut self, text: &str) {
        self.put('"');
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let inside = before.is_some() && chars.peek().is_some();
            if !is_printable(c)
                || matches!(c, '\n' | '"' | '\\' | '\u{a0}' | '\u{2028}' | '\u{2029}')
            {
                escaped(c).chars().for_each(|c| self.put(c));
            } else if c == ' ' && before != Some(' ') && inside && self.folds && self.column > WIDTH
            {
                self.new_line();
                if chars.peek() == Some(&' ') {
                    self.put('\\');
                }
            } else {
                self.put(c);
            }
            before = Some(c);
        }
        self.put('"');
    }

    fn block(&mut self, text: &str) {
        self.put('|');
        if text.starts_with([' ', '\n']) {
            self.put('2');
        }
        if !text.ends_with('\n') {
            self.put('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.put('+');
        }
        let ended = text.strip_suffix('\n');
        for line in ended.unwrap_or(text).split('\n') {
            match line {
                "" => self.out.push('\n'),
                _ => self.new_line(),
            }
            self.out.push_str(line);
        }
        if ended.is_some() {
            self.out.push('\n');
        }
    }
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(c) {
                code @ ..0x100 => format!("\\x{code:02X}"),
                code @ 0x100..0x1_0000 => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
