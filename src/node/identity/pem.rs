//! Keys as text (RFC 7468), which is what other programs expect of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How long a line of it may be.
const LINE: usize = 64;

pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The first block of that label, or what is wrong with the text.
pub(super) fn decode(label: &str, pem: &[u8]) -> Result<Vec<u8>, String> {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let missing = || format!("no {label} in PEM");
    let pem = std::str::from_utf8(pem).map_err(|_| missing())?;
    let (_, rest) = pem.split_once(&begin).ok_or_else(missing)?;
    let (body, _) = rest.split_once(&end).ok_or_else(missing)?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD
        .decode(body)
        .map_err(|error| format!("{label} in PEM: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_read_again() {
        for length in [0, 1, 47, 48, 49, 200] {
            let der: Vec<u8> = (0..length).collect();
            let pem = encode("THING", &der);
            assert!(pem.lines().all(|line| line.len() <= LINE), "{pem}");
            assert_eq!(decode("THING", pem.as_bytes()).unwrap(), der);
        }
        assert_eq!(
            encode("A", b"a"),
            "-----BEGIN A-----\nYQ==\n-----END A-----\n"
        );
    }

    #[test]
    fn what_is_none_is_said_to_be_none() {
        for (bad, message) in [
            ("", "no A in PEM"),
            ("-----BEGIN A-----\nYQ==\n", "no A in PEM"),
            ("-----BEGIN B-----\nYQ==\n-----END B-----\n", "no A in PEM"),
        ] {
            assert_eq!(decode("A", bad.as_bytes()).unwrap_err(), message);
        }
        let garbage = decode("A", b"-----BEGIN A-----\n?\n-----END A-----\n").unwrap_err();
        assert!(garbage.starts_with("A in PEM: "), "{garbage}");
        assert_eq!(decode("A", b"\xff").unwrap_err(), "no A in PEM");
    }
}
