//! Backslash escapes, shared by echo, printf and tr.

/// Which octal escapes there are: printf and tr write `\101`, `echo -e` and `%b` write `\0101`.
#[derive(Clone, Copy, PartialEq)]
pub enum Octal {
    Plain,
    LeadingZero,
}

/// One character of escaped text.
#[derive(Debug, PartialEq)]
pub enum Piece {
    Byte(u8),
    /// `\c`: nothing more is printed.
    Stop,
    /// A backslash that introduces nothing: it stands for itself.
    Backslash,
}

/// Reads what follows a backslash. Returns the piece and how many bytes of `rest` it took.
pub fn after_backslash(rest: &[u8], octal: Octal) -> (Piece, usize) {
    let simple = |byte| (Piece::Byte(byte), 1);
    match rest.first() {
        Some(b'\\') => simple(b'\\'),
        Some(b'a') => simple(0x07),
        Some(b'b') => simple(0x08),
        Some(b'f') => simple(0x0c),
        Some(b'n') => simple(b'\n'),
        Some(b'r') => simple(b'\r'),
        Some(b't') => simple(b'\t'),
        Some(b'v') => simple(0x0b),
        Some(b'e') => simple(0x1b),
        Some(b'c') => (Piece::Stop, 1),
        Some(b'x') => digits(rest, 1, 2, 16),
        Some(b'0') if octal == Octal::LeadingZero => match digits(rest, 1, 3, 8) {
            (Piece::Backslash, _) => (Piece::Byte(0), 1),
            number => number,
        },
        Some(b'0'..=b'7') if octal == Octal::Plain => digits(rest, 0, 3, 8),
        _ => (Piece::Backslash, 0),
    }
}

/// At most `most` digits from `start` on.
fn digits(rest: &[u8], start: usize, most: usize, radix: u32) -> (Piece, usize) {
    let mut value = 0u32;
    let mut taken = 0;
    for byte in rest[start..].iter().take(most) {
        let Some(digit) = char::from(*byte).to_digit(radix) else {
            break;
        };
        value = value * radix + digit;
        taken += 1;
    }
    match taken {
        0 => (Piece::Backslash, 0),
        // An octal number may exceed a byte (\777): its low eight bits count, as everywhere.
        _ => (Piece::Byte(value as u8), start + taken),
    }
}

/// Expands all escapes; `true` when `\c` asked for silence from there on.
pub fn expand(text: &[u8], octal: Octal) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let (piece, taken) = after_backslash(&text[at + 1..], octal);
        at += 1 + taken;
        match piece {
            Piece::Byte(byte) => out.push(byte),
            Piece::Backslash => out.push(b'\\'),
            Piece::Stop => return (out, true),
        }
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_expand() {
        let plain = |text: &str| expand(text.as_bytes(), Octal::Plain).0;
        assert_eq!(plain(r"a\tb\n"), b"a\tb\n");
        assert_eq!(plain(r"\101\x42\e"), b"AB\x1b");
        assert_eq!(plain(r"\q\x"), br"\q\x");
        assert_eq!(plain("\\"), b"\\");
        assert_eq!(expand(br"\0101\0", Octal::LeadingZero).0, b"A\0");
        assert_eq!(expand(br"a\cb", Octal::LeadingZero), (b"a".to_vec(), true));
    }
}
