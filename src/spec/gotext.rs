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

/// Go prints what Unicode counts as a letter, a mark, a number, punctuation or a symbol, and of the spaces only the plain one.
/// Rust's debug form leaves the same unescaped, but for a mark that has no letter before it.
fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    ['a', c].iter().collect::<String>().escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        for (text, go) in [
            ("", r#""""#),
            ("plain text", r#""plain text""#),
            (r#"say "hi" \o/"#, r#""say \"hi\" \\o/""#),
            ("it's", r#""it's""#),
            ("a\nb\tc\rd", r#""a\nb\tc\rd""#),
            ("\x07\x08\x0c\x0b", r#""\a\b\f\v""#),
            ("\0\x1b\x7f", r#""\x00\x1b\x7f""#),
            ("é ☺ 世界", r#""é ☺ 世界""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{80}\u{a0}\u{ad}", r#""\u0080\u00a0\u00ad""#),
            ("\u{200b}\u{2028}\u{feff}", r#""\u200b\u2028\ufeff""#),
            ("\u{e000}\u{10ffff}", r#""\ue000\U0010ffff""#),
            ("😀", r#""😀""#),
        ] {
            assert_eq!(quoted(text), go, "{text:?}");
        }
    }

    /// `strconv.Unquote`, as far as `Quote` writes it.
    fn unquoted(text: &str) -> Option<String> {
        let inner = text.strip_prefix('"')?.strip_suffix('"')?;
        let (mut result, mut chars) = (String::new(), inner.chars());
        while let Some(c) = chars.next() {
            let escaped = match c {
                '\\' => chars.next()?,
                '"' | '\n' => return None,
                c => {
                    result.push(c);
                    continue;
                }
            };
            let digits = match escaped {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            if digits > 0 {
                let code: String = chars.by_ref().take(digits).collect();
                result.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                continue;
            }
            result.push(match escaped {
                'a' => '\x07',
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                '"' | '\\' => escaped,
                _ => return None,
            });
        }
        Some(result)
    }

    proptest! {
        #[test]
        fn what_is_quoted_stands_on_one_line_and_can_be_read_back(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert!(!quoted.contains('\n'));
            prop_assert_eq!(unquoted(&quoted), Some(text));
        }
    }
}
