//! Reading a command line the way getopt_long does.

use std::str::FromStr;

use crate::applet::{Failure, usage};

/// What was given: options in their order, and the operands.
#[derive(Debug, Default)]
pub struct Options {
    given: Vec<(char, String)>,
    pub operands: Vec<String>,
}

/// Parses `args` after `spec`, which lists option letters, each followed by `:` when it takes a value. A leading `+` ends the
/// options at the first operand, as POSIX has it; without it options may follow operands. `long` names letters in full; a sign
/// that is neither letter nor digit serves for an option that has a long name only.
pub fn parse(args: &[String], spec: &str, long: &[(&str, char)]) -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            options.operands.extend(rest.by_ref().cloned());
        } else if let Some(name) = arg.strip_prefix("--") {
            options.take_long(name, spec, long, &mut rest)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            options.take_cluster(&arg[1..], spec, &mut rest)?;
        } else {
            options.operands.push(arg.clone());
            if spec.starts_with('+') {
                options.operands.extend(rest.by_ref().cloned());
            }
        }
    }
    Ok(options)
}

/// Does the option take a value? `None`: there is no such option.
fn takes_value(spec: &str, letter: char) -> Option<bool> {
    let at = spec
        .find(letter)
        .filter(|_| letter != ':' && letter != '+')?;
    Some(spec[at + letter.len_utf8()..].starts_with(':'))
}

impl Options {
    fn take_long<'a>(
        &mut self,
        text: &str,
        spec: &str,
        long: &[(&str, char)],
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        let (name, inline) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let Some((_, letter)) = long.iter().find(|(known, _)| *known == name) else {
            return usage(format!("unrecognized option '--{name}'"));
        };
        let value = match (takes_value(spec, *letter), inline) {
            (Some(true), Some(value)) => value,
            (Some(true), None) => match rest.next() {
                Some(value) => value.clone(),
                None => return usage(format!("option '--{name}' requires an argument")),
            },
            (_, Some(_)) => return usage(format!("option '--{name}' takes no argument")),
            (_, None) => String::new(),
        };
        self.given.push((*letter, value));
        Ok(())
    }

    /// `-abVALUE`, `-ab VALUE`.
    fn take_cluster<'a>(
        &mut self,
        letters: &str,
        spec: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        for (at, letter) in letters.char_indices() {
            match takes_value(spec, letter).filter(|_| letter.is_ascii_alphanumeric()) {
                None => return usage(format!("invalid option -- '{letter}'")),
                Some(false) => self.given.push((letter, String::new())),
                Some(true) => {
                    let inline = &letters[at + letter.len_utf8()..];
                    let value = match inline {
                        "" => match rest.next() {
                            Some(value) => value.clone(),
                            None => {
                                return usage(format!("option requires an argument -- '{letter}'"));
                            }
                        },
                        _ => inline.to_owned(),
                    };
                    self.given.push((letter, value));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The last value given: a later option overrides an earlier one.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.values(letter).last()
    }

    pub fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .filter(move |(given, _)| *given == letter)
            .map(|(_, value)| value.as_str())
    }

    /// Which of these letters came last?
    pub fn last_of(&self, letters: &str) -> Option<char> {
        let mut given = self.given.iter().rev().map(|(letter, _)| *letter);
        given.find(|letter| letters.contains(*letter))
    }

    pub fn number<T: FromStr>(&self, letter: char) -> Result<Option<T>, Failure> {
        self.value(letter).map(number).transpose()
    }

    /// The one operand there must be.
    pub fn only_operand(&self, what: &str) -> Result<&str, Failure> {
        match self.operands.as_slice() {
            [only] => Ok(only),
            [] => usage(format!("missing {what}")),
            [_, extra, ..] => usage(format!("extra operand '{extra}'")),
        }
    }

    pub fn no_operands(&self) -> Result<(), Failure> {
        match self.operands.first() {
            None => Ok(()),
            Some(extra) => usage(format!("extra operand '{extra}'")),
        }
    }

    pub fn some_operands(&self, what: &str) -> Result<(), Failure> {
        match self.operands.is_empty() {
            true => usage(format!("missing {what}")),
            false => Ok(()),
        }
    }
}

pub fn number<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse()
        .or_else(|_| usage(format!("invalid number '{text}'")))
}

/// A count of bytes or lines with busybox's suffixes: 512 for b, powers of 1024 for k, m and g.
pub fn count(text: &str) -> Result<u64, Failure> {
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 'b')) => (&text[..at], 512),
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let value = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse::<u64>());
    match value {
        Some(Ok(value)) => Ok(value.saturating_mul(factor)),
        _ => usage(format!("invalid number '{text}'")),
    }
}

/// Turns the old form `-5` of head and tail into `-n 5`.
pub fn expand_old_count(args: &[String]) -> Vec<String> {
    let mut expanded = Vec::with_capacity(args.len() + 1);
    let mut value_follows = false;
    for arg in args {
        let digits = arg.strip_prefix('-').filter(|d| !d.is_empty());
        match digits {
            Some(digits) if !value_follows && digits.bytes().all(|b| b.is_ascii_digit()) => {
                expanded.extend(["-n".to_owned(), digits.to_owned()]);
            }
            _ => expanded.push(arg.clone()),
        }
        value_follows = matches!(arg.as_str(), "-n" | "-c" | "-s");
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::strings;

    fn parsed(args: &[&str], spec: &str) -> Result<Options, Failure> {
        parse(&strings(args), spec, &[("name", 'n'), ("quiet", 'q')])
    }

    #[test]
    fn options_mix_with_operands() {
        let options = parsed(&["a", "-qn5", "b", "--name=7", "--", "-q"], "qn:").unwrap();
        assert!(options.has('q'));
        assert_eq!(options.value('n'), Some("7"));
        assert_eq!(options.values('n').collect::<Vec<_>>(), ["5", "7"]);
        assert_eq!(options.operands, ["a", "b", "-q"]);
    }

    #[test]
    fn a_plus_ends_options_at_the_first_operand() {
        let options = parsed(&["-q", "a", "-q"], "+q").unwrap();
        assert_eq!(options.operands, ["a", "-q"]);
    }

    #[test]
    fn a_dash_alone_is_an_operand() {
        assert_eq!(parsed(&["-"], "q").unwrap().operands, ["-"]);
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [
            &["-x"][..],
            &["-n"],
            &["--other"],
            &["--quiet=1"],
            &["--name"],
            &["-:"],
        ] {
            assert!(
                matches!(parsed(args, "qn:"), Err(Failure::Usage(_))),
                "{args:?}"
            );
        }
    }

    #[test]
    fn counts_have_suffixes() {
        assert_eq!(count("3k").unwrap(), 3072);
        assert_eq!(count("7").unwrap(), 7);
        for wrong in ["", "k", "-1", "+1", "1x"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn old_counts_become_options() {
        assert_eq!(
            expand_old_count(&strings(&["-5", "-c", "-3", "f"])),
            ["-n", "5", "-c", "-3", "f"]
        );
    }
}
