//! Base64 as Go reads it (`encoding/base64`, `StdEncoding`): line breaks anywhere, padding required, stray bits before the
//! padding forgiven.

/// The bytes that a text stands for, or the position of what is wrong with it, counted as Go counts.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut quantum = Quantum::default();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'\r' | b'\n' => {}
            b'=' => return quantum.pad(text, at).map(|()| quantum.finish(bytes)),
            _ => {
                quantum.push(value(byte).ok_or(at - 1)?);
                if quantum.count == 4 {
                    bytes.extend(quantum.bytes());
                    quantum = Quantum::default();
                }
            }
        }
    }
    match quantum.count {
        0 => Ok(bytes),
        // Padding is missing.
        count => Err(at - count),
    }
}

pub fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Up to four digits, which make three bytes.
#[derive(Default)]
struct Quantum {
    bits: u32,
    count: usize,
}

impl Quantum {
    fn push(&mut self, value: u32) {
        self.bits = self.bits << 6 | value;
        self.count += 1;
    }

    fn bytes(&self) -> [u8; 3] {
        let [_, a, b, c] = (self.bits << (6 * (4 - self.count))).to_be_bytes();
        [a, b, c]
    }

    /// The first `=` stands just before `at`: nothing but the rest of the padding and line breaks may follow.
    fn pad(&self, text: &[u8], at: usize) -> Result<(), usize> {
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let next = |from: usize| {
            let rest = text.get(from..).unwrap_or_default();
            rest.iter()
                .position(|byte| !is_break(byte))
                .map(|skipped| from + skipped)
        };
        let end = match self.count {
            0 | 1 => return Err(at - 1),
            2 => match next(at) {
                None => return Err(text.len()),
                Some(second) if text[second] != b'=' => return Err(second - 1),
                Some(second) => second + 1,
            },
            _ => at,
        };
        next(end).map_or(Ok(()), Err)
    }

    fn finish(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend(&self.bytes()[..self.count - 1]);
        bytes
    }
}

fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_go_accepts_is_accepted() {
        let rows: [(&str, &[u8]); 8] = [
            ("", b""),
            ("YQ==", b"a"),
            ("YWI=", b"ab"),
            ("YWJj", b"abc"),
            ("YW\nJj\r\n", b"abc"),
            ("YQ\n=\n=\n", b"a"),
            // Bits that stand for nothing.
            ("YR==", b"a"),
            ("+/+/", &[0xfb, 0xff, 0xbf]),
        ];
        for (text, expected) in rows {
            assert_eq!(decode(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_at_the_same_place() {
        let rows = [
            ("!!!!", 0),
            ("YWJj!", 4),
            ("YW Jj", 2),
            ("Y", 0),
            ("YW", 0),
            ("YWJjY", 4),
            ("=", 0),
            ("Y=", 1),
            ("YQ=", 3),
            ("YQ=x", 2),
            ("YQ==x", 4),
            ("YWI=x", 4),
            ("YWI==", 4),
            ("\u{e9}", 0),
        ];
        for (text, at) in rows {
            assert_eq!(decode(text), Err(at), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }
    }
}
