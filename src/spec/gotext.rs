//! Text as Go's `%q` writes it (`strconv.Quote`).

use std::fmt::Write as _;

/// In double quotes, with Go's escapes: what a printer can show stays as it is.
pub fn quoted(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 2);
    result.push('"');
    for c in text.chars() {
        match c {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            '\x07' => result.push_str("\\a"),
            '\x08' => result.push_str("\\b"),
            '\x0c' => result.push_str("\\f"),
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            '\x0b' => result.push_str("\\v"),
            c if is_print(c) => result.push(c),
            c => escape(c, &mut result),
        }
    }
    result.push('"');
    result
}

fn escape(c: char, into: &mut String) {
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match code {
        0..0x20 | 0x7f => write!(into, "\\x{code:02x}"),
        0..0x1_0000 => write!(into, "\\u{code:04x}"),
        _ => write!(into, "\\U{code:08x}"),
    };
}

/// Rust's own escaping leaves alone what Unicode calls printable, spaces other than ASCII's excepted, as Go's does.
fn is_print(c: char) -> bool {
    match c {
        '\'' => true,
        c => c.escape_debug().len() == 1,
    }
}
