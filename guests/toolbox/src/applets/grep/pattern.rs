//! POSIX patterns, basic and extended, in the syntax of regex-lite. What differs: brackets take a backslash literally, `*` in front
//! is itself, and basic patterns have their operators behind a backslash. Alternatives are tried in their order (POSIX: the
//! longest), which shows with -o only.

use crate::applet::{Failure, usage};

#[derive(Clone, Copy, PartialEq)]
pub enum Syntax {
    Basic,
    Extended,
    Fixed,
}

pub fn translate(pattern: &str, syntax: Syntax) -> Result<String, Failure> {
    if syntax == Syntax::Fixed {
        return Ok(regex_lite::escape(pattern));
    }
    let mut translator = Translator {
        rest: pattern,
        basic: syntax == Syntax::Basic,
        out: String::new(),
        atom: None,
        repeated: false,
        groups: Vec::new(),
    };
    while let Some(letter) = translator.take() {
        translator.step(letter)?;
    }
    Ok(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    basic: bool,
    out: String,
    /// Where that begins in `out` which a following `*` would repeat, if there is any such thing.
    atom: Option<usize>,
    /// Is it repeated already?
    repeated: bool,
    /// Where the open groups begin.
    groups: Vec<usize>,
}

impl Translator<'_> {
    fn take(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn step(&mut self, letter: char) -> Result<(), Failure> {
        match letter {
            '[' => return self.bracket(),
            '\\' => return self.escaped(),
            '*' if self.atom.is_some() => self.repeat("*"),
            '*' => self.literal('*'),
            '.' => self.emit("."),
            '^' if self.anchors_start() => self.out.push('^'),
            '$' if self.anchors_end() => {
                self.out.push('$');
                self.atom = None;
            }
            '(' | ')' | '|' | '+' | '?' | '{' | '}' if !self.basic => return self.operator(letter),
            other => self.literal(other),
        }
        Ok(())
    }

    fn emit(&mut self, text: &str) {
        self.atom = Some(self.out.len());
        self.repeated = false;
        self.out.push_str(text);
    }

    fn literal(&mut self, letter: char) {
        let text = regex_lite::escape(letter.encode_utf8(&mut [0; 4]));
        self.emit(&text);
    }

    /// A repetition of a repetition gets a group around it: regex-lite would read `a*?` as lazy.
    fn repeat(&mut self, operator: &str) {
        if let (true, Some(start)) = (self.repeated, self.atom) {
            self.out.insert_str(start, "(?:");
            self.out.push(')');
        }
        self.out.push_str(operator);
        self.repeated = true;
    }

    fn operator(&mut self, letter: char) -> Result<(), Failure> {
        match letter {
            '(' => {
                self.groups.push(self.out.len());
                self.out.push('(');
                self.atom = None;
            }
            ')' => {
                self.atom = self.groups.pop();
                self.repeated = false;
                self.out.push(')');
            }
            '|' => {
                self.out.push('|');
                self.atom = None;
            }
            '{' => return self.interval(),
            '+' | '?' if self.atom.is_some() => self.repeat(letter.encode_utf8(&mut [0; 4])),
            other => self.literal(other),
        }
        Ok(())
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`, in a basic pattern ended by `\}`. A brace that begins none of them is itself.
    fn interval(&mut self) -> Result<(), Failure> {
        let close = if self.basic { "\\}" } else { "}" };
        let inside = self.rest.split_once(close).map(|(inside, _)| inside);
        let numbers = inside.map(|inside| inside.split_once(',').unwrap_or((inside, inside)));
        let valid = numbers.is_some_and(|(least, most)| {
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            digits(least) && digits(most) && !(least.is_empty() && most.is_empty())
        });
        let (Some(inside), true, true) = (inside, valid, self.atom.is_some()) else {
            if self.basic {
                return usage("invalid content of \\{\\}");
            }
            self.literal('{');
            return Ok(());
        };
        let zero = if inside.starts_with(',') { "0" } else { "" };
        self.repeat(&format!("{{{zero}{inside}}}"));
        self.rest = &self.rest[inside.len() + close.len()..];
        Ok(())
    }

    fn escaped(&mut self) -> Result<(), Failure> {
        let Some(letter) = self.take() else {
            return usage("trailing backslash");
        };
        match letter {
            '(' | ')' | '|' | '+' | '?' | '{' | '}' if self.basic => return self.operator(letter),
            '1'..='9' => return usage("back-references are not supported"),
            'w' | 'W' | 's' | 'S' => self.emit(&format!("\\{letter}")),
            'b' | 'B' => self.out.push_str(&format!("\\{letter}")),
            '<' => self.out.push_str("\\b{start}"),
            '>' => self.out.push_str("\\b{end}"),
            other => self.literal(other),
        }
        Ok(())
    }

    /// In a basic pattern `^` is an anchor only where something begins.
    fn anchors_start(&self) -> bool {
        !self.basic
            || self.out.is_empty()
            || (self.atom.is_none() && self.out.ends_with(['(', '|']))
    }

    fn anchors_end(&self) -> bool {
        !self.basic
            || self.rest.is_empty()
            || self.rest.starts_with("\\)")
            || self.rest.starts_with("\\|")
    }

    fn bracket(&mut self) -> Result<(), Failure> {
        let mut set = String::from("[");
        if self.rest.starts_with('^') {
            self.take();
            set.push('^');
        }
        let mut first = true;
        loop {
            let Some(letter) = self.take() else {
                return usage("unmatched [");
            };
            match letter {
                ']' if !first => break,
                '[' if self.rest.starts_with(':') => {
                    let Some((class, rest)) = self.rest.split_once(":]") else {
                        return usage("unmatched [:");
                    };
                    set.push_str(&format!("[{class}:]"));
                    self.rest = rest;
                }
                // A range's dash goes through; all else that has a meaning of its own in there is escaped.
                ']' | '[' | '\\' | '&' | '~' | '^' => set.extend(['\\', letter]),
                '-' if first || self.rest.starts_with(']') => set.push_str("\\-"),
                other => set.push(other),
            }
            first = false;
        }
        set.push(']');
        self.emit(&set);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, syntax: Syntax, text: &str) -> Option<String> {
        let regex = regex_lite::Regex::new(&translate(pattern, syntax).unwrap()).unwrap();
        regex.find(text).map(|found| found.as_str().to_owned())
    }

    #[test]
    fn extended_patterns() {
        let rows = [
            ("a+b?", "xaab", "aab"),
            ("(ab|c){2}", "abc", "abc"),
            ("a{,2}", "aaa", "aa"),
            ("a{x}", "a{x}", "a{x}"),
            ("*a", "b*a", "*a"),
            ("[]a]+", "x]a", "]a"),
            (r"[\n]+", r"a\n", r"\n"),
            ("[[:digit:]-]+", "a1-2", "1-2"),
            ("[^[:space:]]+", " ab c", "ab"),
            (r"\<b\w+", "ab bc", "bc"),
            (r"a\.b", "axb a.b", "a.b"),
            ("a**", "aaa", "aaa"),
            ("(b|a+)?*c", "aabac", "aabac"),
            (r"\\**c", r"\\c", r"\\c"),
            ("^a$", "a", "a"),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(
                matched(pattern, Syntax::Extended, text).as_deref(),
                Some(expected),
                "{pattern}"
            );
        }
    }

    #[test]
    fn basic_patterns() {
        let rows = [
            ("a+b", "aab a+b", "a+b"),
            (r"a\+b", "aab", "aab"),
            (r"\(ab\)*c", "ababc", "ababc"),
            (r"a\|b", "xb", "b"),
            (r"a\{2\}", "aaa", "aa"),
            ("(a)", "(a)", "(a)"),
            ("a^b$c", "a^b$c", "a^b$c"),
            ("*a", "*a", "*a"),
            (r"\(^a\)", "ab", "a"),
            ("a{2}", "aaa{2}", "a{2}"),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(
                matched(pattern, Syntax::Basic, text).as_deref(),
                Some(expected),
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for pattern in ["[a", r"\", r"\(a\)\1", r"a\{x\}", "[[:alpha"] {
            assert!(translate(pattern, Syntax::Basic).is_err(), "{pattern}");
        }
        assert_eq!(translate("a.b*", Syntax::Fixed).unwrap(), r"a\.b\*");
    }
}
