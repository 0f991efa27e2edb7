//! Text between `-----BEGIN X-----` and `-----END X-----` (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub struct Block {
    pub label: String,
    pub content: Vec<u8>,
}

/// All blocks; what is around them, and what is none, is passed over.
pub fn blocks(text: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    let mut rest: &str = &text;
    while let Some((label, after)) = begin(rest) {
        let end = format!("-----END {label}-----");
        let Some(at) = after.find(&end) else {
            rest = after;
            continue;
        };
        if let Some(content) = content(&after[..at]) {
            found.push(Block {
                label: label.to_owned(),
                content,
            });
        }
        rest = &after[at + end.len()..];
    }
    found
}

/// The label of the next block, and what follows that line.
fn begin(text: &str) -> Option<(&str, &str)> {
    let (_, after) = text.split_once("-----BEGIN ")?;
    after.split_once("-----")
}

/// The bytes; headers (`Proc-Type: …`) stand before an empty line.
fn content(body: &str) -> Option<Vec<u8>> {
    let letters: String = body
        .lines()
        .filter(|line| !line.contains(": "))
        .flat_map(str::chars)
        .filter(|letter| !letter.is_whitespace())
        .collect();
    STANDARD.decode(letters).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = "x\n-----BEGIN A-----\nAAEC\n-----END A-----\n-----BEGIN B C-----\nK: v\n\nAw\n==\n-----END B C-----\n";
        let found = blocks(text.as_bytes());
        let found: Vec<(&str, &[u8])> = found
            .iter()
            .map(|block| (block.label.as_str(), block.content.as_slice()))
            .collect();
        assert_eq!(found, [("A", &[0, 1, 2][..]), ("B C", &[3][..])]);
    }

    #[test]
    fn what_is_no_block_is_passed_over() {
        assert!(blocks(b"a: b").is_empty());
        assert!(blocks(b"-----BEGIN A-----\nAA==").is_empty());
        assert!(blocks(b"-----BEGIN A-----\n!\n-----END A-----").is_empty());
    }
}
