//! Reading redirections.

use super::parse::{Parser, Syntax};
use super::tree::{Redirect, Target};
use super::words::ends_word;

impl Parser {
    pub fn redirect(&mut self) -> Result<Option<Redirect>, Syntax> {
        self.blanks();
        let digit = self.peek().and_then(|c| c.to_digit(10));
        let after = self.peek_at(1);
        let named = digit.filter(|_| matches!(after, Some('<' | '>')));
        if named.is_none() && !self.looking_at("<") && !self.looking_at(">") {
            return Ok(None);
        }
        if named.is_some() {
            self.skip(1);
        }
        let reading = self.looking_at("<");
        let descriptor = named.unwrap_or(u32::from(!reading));
        if descriptor > 2 || (descriptor == 0) != reading {
            return Err(self.refuse("only <, > and 2> can be redirected"));
        }
        for (operator, name) in [
            ("<<", "here-documents (<<)"),
            ("<>", "'<>'"),
            ("<&", "'<&'"),
        ] {
            if self.looking_at(operator) {
                return Err(self.refuse(&format!("{name} are not known here")));
            }
        }
        let to = self.target(reading)?;
        let descriptor = descriptor as u8;
        Ok(Some(Redirect { descriptor, to }))
    }

    fn target(&mut self, reading: bool) -> Result<Target, Syntax> {
        let append = self.take(">>");
        if !append {
            self.skip(1);
        }
        if !reading && !append && self.take("&") {
            return match self.plain_word().as_str() {
                number @ ("1" | "2") => {
                    self.skip(1);
                    Ok(Target::Same(if number == "1" { 1 } else { 2 }))
                }
                _ => Err(self.refuse("after >& there must be 1 or 2")),
            };
        }
        if !reading && !append {
            // The shell never refuses to overwrite, so this says the same.
            self.take("|");
        }
        self.blanks();
        match self.peek() {
            None => return Err(self.incomplete("a file name")),
            Some(c) if ends_word(c) => return Err(self.unexpected()),
            Some(_) => {}
        }
        let word = self.word()?;
        Ok(match (reading, append) {
            (true, _) => Target::Read(word),
            (_, true) => Target::Append(word),
            _ => Target::Write(word),
        })
    }
}
