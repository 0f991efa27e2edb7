//! JSON text to [`Node`] trees.
//!
//! JSON is not quite a subset of YAML (tabs, `\/`, surrogate pairs), and serde_json does not say on which line a value
//! stood; this reader is small because the strings are left to serde_json.

use std::borrow::Cow;
use std::rc::Rc;

use super::node::{Entry, Node, Scalar, Value};
use super::yaml::{Documents, MAX_DEPTH, MAX_VALUES, SyntaxError};

/// One or more JSON values, with nothing but white space between them.
pub fn read(text: &str) -> Documents<'_> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
        depth: 0,
        values: 0,
    };
    let mut roots = Vec::new();
    let error = loop {
        reader.skip_space();
        if reader.rest().is_empty() {
            break None;
        }
        match reader.value() {
            Ok(root) => roots.push(root),
            Err(error) => break Some(error),
        }
    };
    Documents { roots, error }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    depth: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    /// Takes one punctuation mark, and the space around it.
    fn take(&mut self, mark: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(mark);
        if found {
            self.at += 1;
            self.skip_space();
        }
        found
    }

    fn value(&mut self) -> Result<Rc<Node<'a>>, SyntaxError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(format!("more than {MAX_VALUES} values in one manifest")));
        }
        let line = self.line;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::Scalar(Scalar {
                text: self.string()?,
                quoted: true,
            }),
            _ => Value::Scalar(Scalar {
                text: self.literal()?,
                quoted: false,
            }),
        };
        Ok(Rc::new(Node::new(line, value)))
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, SyntaxError>,
    ) -> Result<Value<'a>, SyntaxError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value<'a>, SyntaxError> {
        self.take(b'{');
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            let line = self.line;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a field name in quotes"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.expected("':'"));
            }
            entries.push(Entry {
                key,
                line,
                node: self.value()?,
            });
            if !self.take(b',') {
                break;
            }
        }
        if self.take(b'}') {
            Ok(Value::Map(entries))
        } else {
            Err(self.expected("',' or '}'"))
        }
    }

    fn array(&mut self) -> Result<Value<'a>, SyntaxError> {
        self.take(b'[');
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            if !self.take(b',') {
                break;
            }
        }
        if self.take(b']') {
            Ok(Value::List(items))
        } else {
            Err(self.expected("',' or ']'"))
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let bytes = self.rest().as_bytes();
        let mut end = 1;
        while bytes.get(end).is_some_and(|&byte| byte != b'"') {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let Some(token) = self.rest().get(..=end) else {
            return Err(self.error("a string is not closed".to_owned()));
        };
        let text = serde_json::from_str(token).map(Cow::Owned);
        let text = if token.contains('\\') {
            text
        } else {
            text.map(|_: Cow<'_, str>| Cow::Borrowed(&token[1..end]))
        };
        self.at += token.len();
        text.map_err(|_| {
            self.error("a string holds a control character or an unknown escape".to_owned())
        })
    }

    fn literal(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let end = self
            .rest()
            .find(|c: char| !matches!(c, '0'..='9' | 'a'..='z' | 'E' | '.' | '+' | '-'))
            .unwrap_or(self.rest().len());
        let token = &self.rest()[..end];
        if serde_json::from_str::<serde_json::Value>(token).is_err() {
            return Err(self.expected("a value"));
        }
        self.at += end;
        Ok(Cow::Borrowed(token))
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let found = match self.rest().chars().next() {
            Some(c) => format!("{c:?}"),
            None => "the end".to_owned(),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    fn error(&self, message: String) -> SyntaxError {
        SyntaxError {
            line: self.line,
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_lines_and_strings_their_escapes() {
        let documents = read("{\n\t\"a\": \"x\\/\\ud83d\\ude00\",\n\t\"b\": [1,\n true]}\n{}");
        assert_eq!(documents.error, None);
        assert_eq!(documents.roots.len(), 2);
        let root = &documents.roots[0];
        assert_eq!(root.text("a"), Some("x/😀"));
        let b = root.get("b").expect("b is there");
        assert_eq!(b.line, 3);
        assert_eq!(super::super::node::line_of(root, "b[1]"), 4);
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_line() {
        for (text, line, message) in [
            (
                "{\"a\": 1,\n}",
                2,
                "expected a field name in quotes, found '}'",
            ),
            ("{\"a\" 1}", 1, "expected ':', found '1'"),
            ("[1 2]", 1, "expected ',' or ']', found '2'"),
            ("{\"a\": tru}", 1, "expected a value, found 't'"),
            ("{\"a\": \"x", 1, "a string is not closed"),
            ("{\"a\": 01}", 1, "expected a value, found '0'"),
            ("{", 1, "expected a field name in quotes, found the end"),
        ] {
            let error = read(text).error.expect(text);
            assert_eq!(
                (error.line, error.message.as_str()),
                (line, message),
                "{text}"
            );
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let error = read(&"[".repeat(1 << 20)).error.expect("too deep");
        assert_eq!(error.message, "nested more than 100 levels deep");
    }
}
