//! From words to arguments: parameters, command substitution, arithmetic, splitting, file names.

use super::arithmetic::{self, Variables};
use super::glob::{self, Glyph};
use super::run::{Flow, Shell};
use super::streams::{PIPE_LIMIT, Pipe, Streams};
use super::tree::{How, List, Piece, Word};

/// The arguments a word becomes, while it does.
struct Fields {
    done: Vec<Vec<Glyph>>,
    current: Option<Vec<Glyph>>,
    /// The separators; empty where nothing is split.
    separators: String,
    /// A field was ended by a blank: a separator that is none, following it, does not end another.
    after_blank: bool,
}

impl Fields {
    fn new(separators: String) -> Self {
        Fields {
            done: Vec::new(),
            current: None,
            separators,
            after_blank: false,
        }
    }

    fn add(&mut self, text: &str, quoted: bool) {
        self.after_blank = false;
        let glyphs = text.chars().map(|c| Glyph { c, quoted });
        self.current.get_or_insert_default().extend(glyphs);
    }

    /// What came out of an unquoted expansion.
    fn split(&mut self, text: &str) {
        for c in text.chars() {
            if !self.separators.contains(c) {
                self.add(c.encode_utf8(&mut [0; 4]), false);
            } else if c.is_whitespace() {
                if self.current.is_some() {
                    self.cut();
                    self.after_blank = true;
                }
            } else if self.after_blank {
                self.after_blank = false;
            } else {
                self.current.get_or_insert_default();
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        self.done.extend(self.current.take());
    }

    fn end(mut self) -> Vec<Vec<Glyph>> {
        self.cut();
        self.done
    }
}

impl Variables for Shell {
    fn get(&self, name: &str) -> String {
        self.parameter(name).unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: i64) {
        self.assign(name, value.to_string());
    }
}

impl Shell {
    /// All the arguments these words become.
    pub fn arguments(
        &mut self,
        words: &[Word],
        streams: &mut Streams,
    ) -> Result<Vec<String>, Flow> {
        let mut arguments = Vec::new();
        for word in words {
            let mut fields = Fields::new(self.separators());
            self.expand(word, &mut fields, false, streams)?;
            for field in fields.end() {
                let found = match glob::is_pattern(&field) && !self.noglob {
                    true => glob::paths(&field),
                    false => Vec::new(),
                };
                match found.is_empty() {
                    true => arguments.push(glob::plain(&field)),
                    false => arguments.extend(found),
                }
            }
        }
        Ok(arguments)
    }

    /// The one text this word is, where nothing is split.
    pub fn text(&mut self, word: &Word, streams: &mut Streams) -> Result<String, Flow> {
        Ok(glob::plain(&self.pattern(word, streams)?))
    }

    /// The same, remembering what was quoted.
    pub fn pattern(&mut self, word: &Word, streams: &mut Streams) -> Result<Vec<Glyph>, Flow> {
        let mut fields = Fields::new(String::new());
        self.expand(word, &mut fields, false, streams)?;
        Ok(fields.end().concat())
    }

    fn separators(&self) -> String {
        self.parameter("IFS").unwrap_or_else(|| " \t\n".to_owned())
    }

    /// `inner`: the word of `${x-word}`, whose unquoted text is split as well.
    fn expand(
        &mut self,
        word: &Word,
        fields: &mut Fields,
        inner: bool,
        streams: &mut Streams,
    ) -> Result<(), Flow> {
        for piece in word {
            match piece {
                Piece::Text { text, quoted } if inner && !quoted => fields.split(text),
                Piece::Text { text, quoted } => fields.add(text, *quoted),
                Piece::Home => {
                    let home = self.parameter("HOME").unwrap_or_else(|| "/".to_owned());
                    fields.add(&home, true);
                }
                Piece::Command { list, quoted } => {
                    let output = self.substitute(list, streams)?;
                    put(fields, &output, *quoted);
                }
                Piece::Arithmetic { expression, quoted } => {
                    let text = self.text(expression, streams)?;
                    match arithmetic::evaluate(&text, self) {
                        Ok(value) => put(fields, &value.to_string(), *quoted),
                        Err(why) => {
                            return Err(self.abort(streams, format_args!("$(({text})): {why}")));
                        }
                    }
                }
                Piece::Parameter { name, how, quoted } => {
                    self.expand_parameter(name, how, *quoted, fields, streams)?;
                }
            }
        }
        Ok(())
    }

    fn expand_parameter(
        &mut self,
        name: &str,
        how: &How,
        quoted: bool,
        fields: &mut Fields,
        streams: &mut Streams,
    ) -> Result<(), Flow> {
        let value = self.parameter(name);
        match how {
            How::Instead { sign, colon, word } => {
                let there = value.is_some_and(|value| !(*colon && value.is_empty()));
                if quoted {
                    // Even nothing is a word between quotes.
                    fields.add("", true);
                }
                match (sign, there) {
                    ('+', false) => return Ok(()),
                    ('+', true) | ('-', false) => {
                        return self.expand(word, fields, !quoted, streams);
                    }
                    ('=', false) => {
                        let text = self.text(word, streams)?;
                        self.assign(name, text);
                    }
                    ('?', false) => {
                        let text = self.text(word, streams)?;
                        let text = if text.is_empty() { "not set" } else { &text };
                        return Err(self.abort(streams, format_args!("{name}: {text}")));
                    }
                    _ => {}
                }
                self.expand_parameter(name, &How::Plain, quoted, fields, streams)
            }
            _ if value.is_none() && self.nounset && !matches!(name, "@" | "*") => {
                Err(self.abort(streams, format_args!("{name}: parameter not set")))
            }
            How::Length => {
                let length = value.unwrap_or_default().chars().count();
                put(fields, &length.to_string(), quoted);
                Ok(())
            }
            How::Trim {
                front,
                longest,
                pattern,
            } => {
                let pattern = self.pattern(pattern, streams)?;
                let value = value.unwrap_or_default();
                put(fields, &trim(&value, &pattern, *front, *longest), quoted);
                Ok(())
            }
            How::Plain => {
                match name {
                    "@" | "*" => self.all_arguments(name == "@", quoted, fields),
                    _ => {
                        if let Some(value) = value {
                            put(fields, &value, quoted);
                        } else if quoted {
                            fields.add("", true);
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn all_arguments(&self, each: bool, quoted: bool, fields: &mut Fields) {
        if quoted && !each {
            let separators = self.separators();
            let between: String = separators.chars().take(1).collect();
            fields.add(&self.arguments.join(&between), true);
            return;
        }
        for (index, argument) in self.arguments.iter().enumerate() {
            match fields.separators.is_empty() {
                // Where nothing is split they are joined.
                true if index > 0 => fields.add(" ", true),
                _ if index > 0 => fields.cut(),
                _ => {}
            }
            put(fields, argument, quoted);
        }
    }

    /// What a command writes, without the newlines at its end.
    fn substitute(&mut self, list: &List, streams: &mut Streams) -> Result<String, Flow> {
        let pipe = Pipe::new();
        let mut inner = streams.borrow();
        inner.out = Pipe::sink(&pipe);
        self.status = self.apart(&mut inner, |shell, streams| shell.list(list, streams));
        self.substituted = Some(self.status);
        let (bytes, whole) = Pipe::take(&pipe);
        if !whole {
            let most = PIPE_LIMIT >> 20;
            return Err(self.abort(streams, format_args!("$(...): more than {most} MiB")));
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches('\n').to_owned())
    }
}

fn put(fields: &mut Fields, text: &str, quoted: bool) {
    match quoted {
        true => fields.add(text, true),
        false => fields.split(text),
    }
}

fn trim(value: &str, pattern: &[Glyph], front: bool, longest: bool) -> String {
    let text: Vec<char> = value.chars().collect();
    let lengths = 0..=text.len();
    let fits = |length: &usize| match front {
        true => glob::matches(pattern, &text[..*length]),
        false => glob::matches(pattern, &text[text.len() - length..]),
    };
    let length = match longest {
        true => lengths.rev().find(fits),
        false => lengths.clone().find(fits),
    }
    .unwrap_or(0);
    match front {
        true => text[length..].iter().collect(),
        false => text[..text.len() - length].iter().collect(),
    }
}
