//! Reading words: quotes, `$`, and what stands between braces and parentheses.

use std::rc::Rc;

use super::parse::{Parser, Syntax};
use super::tree::{How, Piece, Word};

/// Where a word ends.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    /// At blanks and operators.
    Blank,
    /// At the closing brace of `${x-word}`.
    Brace { quoted: bool },
    /// At the closing double quote.
    Quote,
    /// At the `))` of an arithmetic expression.
    Parentheses,
}

impl Until {
    /// Does a `$` or a character stand within double quotes here?
    fn quoted(self) -> bool {
        matches!(
            self,
            Until::Quote | Until::Parentheses | Until::Brace { quoted: true }
        )
    }
}

pub fn is_name_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

pub fn is_name_part(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

pub fn is_name(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_part)
}

pub fn ends_word(c: char) -> bool {
    c.is_ascii_whitespace() || ";&|<>()".contains(c)
}

impl Parser {
    /// A word up to a blank or operator; it begins here.
    pub fn word(&mut self) -> Result<Word, Syntax> {
        self.pieces(Until::Blank)
    }

    fn pieces(&mut self, until: Until) -> Result<Word, Syntax> {
        let mut word = Word::new();
        let mut depth = 0u32;
        loop {
            let Some(c) = self.peek() else {
                match until {
                    Until::Blank => return Ok(word),
                    _ => return Err(self.incomplete(until.missing())),
                }
            };
            match (until, c) {
                (Until::Blank, c) if ends_word(c) => return Ok(word),
                (Until::Brace { .. }, '}') => return Ok(word),
                (Until::Quote, '"') => return Ok(word),
                (Until::Parentheses, ')') if depth == 0 && self.looking_at("))") => {
                    return Ok(word);
                }
                (Until::Parentheses, '(') => depth += 1,
                (Until::Parentheses, ')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.piece(c, until, &mut word)?;
        }
    }

    fn piece(&mut self, c: char, until: Until, word: &mut Word) -> Result<(), Syntax> {
        let quoted = until.quoted();
        match c {
            '\\' => self.backslash(until, word)?,
            '\'' if !quoted => {
                self.next();
                let text = self.through_quote()?;
                word.push(Piece::Text { text, quoted: true });
            }
            '"' if until != Until::Parentheses => {
                self.next();
                let inside = self.pieces(Until::Quote)?;
                self.next();
                match inside.is_empty() {
                    // A word, too.
                    true => push(word, "", true),
                    false => word.extend(inside),
                }
            }
            '$' => self.dollar(quoted, word)?,
            '`' => {
                self.next();
                let text = self.backquoted()?;
                word.push(self.nested_command(&text, quoted)?);
            }
            '~' if word.is_empty() && until == Until::Blank => {
                self.next();
                match self.peek() {
                    Some(c) if c != '/' && !ends_word(c) => push(word, "~", false),
                    _ => word.push(Piece::Home),
                }
            }
            other => {
                self.next();
                push(word, other.encode_utf8(&mut [0; 4]), quoted);
            }
        }
        Ok(())
    }

    fn backslash(&mut self, until: Until, word: &mut Word) -> Result<(), Syntax> {
        self.next();
        let Some(c) = self.next() else {
            return match until {
                Until::Blank => {
                    push(word, "\\", true);
                    Ok(())
                }
                _ => Err(self.incomplete(until.missing())),
            };
        };
        match c {
            // The line goes on.
            '\n' => {}
            c if until.quoted() && !"$`\"\\}".contains(c) => {
                push(word, "\\", true);
                push(word, c.encode_utf8(&mut [0; 4]), true);
            }
            c => push(word, c.encode_utf8(&mut [0; 4]), true),
        }
        Ok(())
    }

    /// The text up to the single quote, which nothing escapes; it is taken, too.
    fn through_quote(&mut self) -> Result<String, Syntax> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.incomplete("'")),
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    fn backquoted(&mut self) -> Result<String, Syntax> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.incomplete("`")),
                Some('`') => return Ok(text),
                Some('\\') => match self.next() {
                    Some(c) if "`$\\".contains(c) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => return Err(self.incomplete("`")),
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn nested_command(&mut self, text: &str, quoted: bool) -> Result<Piece, Syntax> {
        let list = Rc::new(self.inner(text)?);
        Ok(Piece::Command { list, quoted })
    }

    fn dollar(&mut self, quoted: bool, word: &mut Word) -> Result<(), Syntax> {
        self.next();
        let name = match self.peek() {
            Some('{') => {
                self.next();
                let piece = self.braces(quoted)?;
                word.push(piece);
                return Ok(());
            }
            Some('(') if self.looking_at("((") => {
                self.skip(2);
                let expression = self.deeper(|parser| parser.pieces(Until::Parentheses))?;
                self.skip(2);
                word.push(Piece::Arithmetic { expression, quoted });
                return Ok(());
            }
            Some('(') => {
                self.next();
                let list = self.deeper(Parser::until_parenthesis)?;
                let list = Rc::new(list);
                word.push(Piece::Command { list, quoted });
                return Ok(());
            }
            Some(c) if is_name_start(c) => self.name(),
            Some(c) if c.is_ascii_digit() || "?#@*-".contains(c) => {
                self.next();
                c.to_string()
            }
            Some('$' | '!') => {
                return Err(self.refuse("$$ and $! are process numbers, which WASI does not have"));
            }
            _ => {
                push(word, "$", true);
                return Ok(());
            }
        };
        let how = How::Plain;
        word.push(Piece::Parameter { name, how, quoted });
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| is_name_part(*c)) {
            self.next();
            name.push(c);
        }
        name
    }

    /// What follows `${`.
    fn braces(&mut self, quoted: bool) -> Result<Piece, Syntax> {
        let length = self.looking_at("#") && !self.looking_at("#}");
        if length {
            self.next();
        }
        let name = match self.peek() {
            Some(c) if is_name_start(c) => self.name(),
            Some(c) if c.is_ascii_digit() => {
                let digits = self.name();
                match digits.parse::<u32>() {
                    Ok(_) => digits,
                    Err(_) => return Err(self.refuse("bad substitution in ${...}")),
                }
            }
            Some(c) if "?#@*".contains(c) => {
                self.next();
                c.to_string()
            }
            None => return Err(self.incomplete("}")),
            Some(_) => return Err(self.refuse("bad substitution in ${...}")),
        };
        let how = if length {
            How::Length
        } else {
            self.how(quoted)?
        };
        match self.next() {
            Some('}') => Ok(Piece::Parameter { name, how, quoted }),
            None => Err(self.incomplete("}")),
            Some(_) => Err(self.refuse("bad substitution in ${...}")),
        }
    }

    fn how(&mut self, quoted: bool) -> Result<How, Syntax> {
        let colon = self.looking_at(":");
        if colon {
            self.next();
        }
        match self.peek() {
            Some(sign) if "-=?+".contains(sign) => {
                self.next();
                let word = self.deeper(|parser| parser.pieces(Until::Brace { quoted }))?;
                Ok(How::Instead { sign, colon, word })
            }
            Some(sign @ ('#' | '%')) if !colon => {
                self.next();
                let longest = self.peek() == Some(sign);
                if longest {
                    self.next();
                }
                // Quotes around the whole do not quote the pattern.
                let pattern =
                    self.deeper(|parser| parser.pieces(Until::Brace { quoted: false }))?;
                Ok(How::Trim {
                    front: sign == '#',
                    longest,
                    pattern,
                })
            }
            None => Err(self.incomplete("}")),
            _ if colon => Err(self.refuse("bad substitution in ${...}")),
            _ => Ok(How::Plain),
        }
    }
}

impl Until {
    fn missing(self) -> &'static str {
        match self {
            Until::Blank => "",
            Until::Brace { .. } => "}",
            Until::Quote => "\"",
            Until::Parentheses => "))",
        }
    }
}

/// Adds text to the piece before it, if that is of the same kind.
fn push(word: &mut Word, more: &str, quoted: bool) {
    match word.last_mut() {
        Some(Piece::Text { text, quoted: q }) if *q == quoted => text.push_str(more),
        _ => word.push(Piece::Text {
            text: more.to_owned(),
            quoted,
        }),
    }
}
