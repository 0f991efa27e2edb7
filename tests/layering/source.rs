//! Just enough Rust to know which paths a source file names: comments are dropped, literals set aside, `use` groups
//! unfolded, `self` and `super` resolved. No macro is expanded and no name is looked up.

/// One piece of source text that matters to the scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Word(String),
    /// `::`
    Colons,
    /// The content of a string literal, without its quotes.
    Text(String),
    Mark(char),
}

/// A path as written, made absolute: `crate` for our own, else the name of the foreign crate (or of a local item).
pub type Path = Vec<String>;

pub fn tokens(source: &str) -> Vec<Token> {
    let mut scanner = Scanner {
        rest: source,
        tokens: Vec::new(),
    };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.tokens
}

struct Scanner<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(block_comment(rest));
        } else if let Some((text, length)) = raw_string(rest).or_else(|| string(rest)) {
            self.push(Token::Text(text.to_owned()), length);
        } else if let Some(length) = character(rest) {
            self.skip(length);
        } else if rest.starts_with("::") {
            self.push(Token::Colons, 2);
        } else {
            self.word_or_mark();
        }
    }

    fn word_or_mark(&mut self) {
        let rest = self.rest;
        let length = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let first = rest.chars().next().expect("called with text left");
        match length {
            0 if first.is_whitespace() => self.skip(first.len_utf8()),
            0 => self.push(Token::Mark(first), first.len_utf8()),
            _ => self.push(Token::Word(rest[..length].to_owned()), length),
        }
    }

    fn push(&mut self, token: Token, length: usize) {
        self.tokens.push(token);
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
    }
}

/// Length of the (possibly nested) comment at the start of `text`.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#` and their `b` and `c` kin: the content and the whole length.
fn raw_string(text: &str) -> Option<(&str, usize)> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let hashes = text[prefix.len()..]
        .chars()
        .take_while(|c| *c == '#')
        .count();
    let start = prefix.len() + hashes + 1;
    if text.as_bytes().get(start - 1) != Some(&b'"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let length = text[start..].find(&close)?;
    Some((&text[start..start + length], start + length + close.len()))
}

/// `"…"`, `b"…"`, `c"…"`: the content, escapes left as they are, and the whole length.
fn string(text: &str) -> Option<(&str, usize)> {
    let prefix = ["\"", "b\"", "c\""]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let mut escaped = false;
    let length = text[prefix.len()..].find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((
        &text[prefix.len()..prefix.len() + length],
        prefix.len() + length + 1,
    ))
}

/// `'x'`, `'\n'`, `b'x'`: the whole length. A lifetime is not one.
fn character(text: &str) -> Option<usize> {
    let prefix = if text.starts_with("b'") { 2 } else { 1 };
    let body = text
        .strip_prefix("b'")
        .or_else(|| text.strip_prefix('\''))?;
    let mut characters = body.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        characters.next();
        return Some(prefix + body[2..].find('\'')? + 3);
    }
    let (at, next) = characters.next()?;
    (next == '\'').then_some(prefix + at + 1)
}

/// Every path the file names, absolute. `module` is the file's own module path below the crate (`["spec", "pod"]`).
pub fn paths(tokens: &[Token], module: &[String]) -> Vec<Path> {
    let mut found = Vec::new();
    // Inline modules the scan is inside of, each with the brace depth at which it ends.
    let mut inner: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    while at < tokens.len() {
        match &tokens[at] {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                inner.pop_if(|(_, ends)| *ends == depth);
            }
            Token::Word(word) if word == "mod" => {
                if let [Token::Word(name), Token::Mark('{'), ..] = &tokens[at + 1..] {
                    inner.push((name.clone(), depth));
                }
            }
            Token::Word(_) => {
                let here: Path = module
                    .iter()
                    .cloned()
                    .chain(inner.iter().map(|(name, _)| name.clone()))
                    .collect();
                let mut leaves = Vec::new();
                at = tree(tokens, at, Vec::new(), &mut leaves);
                found.extend(leaves.into_iter().map(|leaf| absolute(leaf, &here)));
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads the path (or tree of paths) that starts at `at`, adds its leaves, and answers where it ends.
fn tree(tokens: &[Token], mut at: usize, mut prefix: Path, leaves: &mut Vec<Path>) -> usize {
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => prefix.push(word.clone()),
            Some(Token::Mark('*')) => prefix.push("*".to_owned()),
            Some(Token::Mark('{')) => return group(tokens, at + 1, &prefix, leaves),
            _ => break,
        }
        at += 1;
        if tokens.get(at) != Some(&Token::Colons) {
            break;
        }
        at += 1;
    }
    leaves.push(prefix);
    at
}

/// The inside of `{…}` after a prefix; answers the place behind the closing brace.
fn group(tokens: &[Token], mut at: usize, prefix: &Path, leaves: &mut Vec<Path>) -> usize {
    while let Some(token) = tokens.get(at) {
        at = match token {
            Token::Mark('}') => return at + 1,
            Token::Word(word) if word == "as" => at + 2,
            Token::Word(_) | Token::Mark('*' | '{') => tree(tokens, at, prefix.clone(), leaves),
            _ => at + 1,
        };
    }
    at
}

/// Resolves leading `self` and `super` against the module the path stands in, and a trailing `self` against its group.
fn absolute(mut path: Path, here: &[String]) -> Path {
    if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
        path.pop();
    }
    let relative = path
        .iter()
        .take_while(|word| *word == "super" || *word == "self")
        .count();
    if relative == 0 || path.len() == relative && path[0] == "self" {
        return path;
    }
    let ups = path[..relative]
        .iter()
        .filter(|word| *word == "super")
        .count();
    let mut whole = vec!["crate".to_owned()];
    whole.extend_from_slice(&here[..here.len().saturating_sub(ups)]);
    whole.extend(path.drain(relative..));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        paths(&tokens(source), &module)
            .into_iter()
            .filter(|path| path.len() > 1)
            .map(|path| path.join("::"))
            .collect()
    }

    #[test]
    fn comments_strings_and_characters_name_nothing() {
        let source = r##"// crate::a
            /* crate::b /* crate::c */ crate::d */ "crate::e \" crate::f" r#"crate::g " crate::h"# b'"' '"' '\'' '\u{22}'
            fn f<'crate_>(x: &'crate_ str) {} crate::real"##;
        assert_eq!(named(source, &[]), ["crate::real"]);
    }

    #[test]
    fn literals_keep_their_text() {
        let texts: Vec<_> = tokens(r##"f("one", r#"two"#, b"three")"##)
            .into_iter()
            .filter_map(|token| {
                if let Token::Text(text) = token {
                    Some(text)
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(texts, ["one", "two", "three"]);
    }

    #[test]
    fn groups_are_unfolded() {
        let source =
            "use crate::{a, b::{self, c as d, *}, e::f}; use std::time::{Duration, Instant};";
        let expected = [
            "crate::a",
            "crate::b",
            "crate::b::c",
            "crate::b::*",
            "crate::e::f",
            "std::time::Duration",
            "std::time::Instant",
        ];
        assert_eq!(named(source, &[]), expected);
    }

    #[test]
    fn super_climbs_out_of_files_and_inline_modules() {
        assert_eq!(named("use super::x;", &["spec", "pod"]), ["crate::spec::x"]);
        assert_eq!(
            named("use super::super::pod;", &["spec", "pod"]),
            ["crate::pod"]
        );
        assert_eq!(
            named("use super::{super::pod, x};", &["spec", "pod"]),
            ["crate::pod", "crate::spec::x"]
        );
        assert_eq!(
            named("mod tests { use super::*; } use super::y;", &["spec"]),
            ["crate::spec::*", "crate::y"]
        );
    }
}
