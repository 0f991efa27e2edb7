//! From the text of a template to its nodes.

use serde_json::Value;

use super::{Filter, Node, Slice, Step};

type Parsed<T> = Result<T, String>;

pub fn parse(template: &str) -> Parsed<Vec<Node>> {
    let mut flat = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            flat.push(Node::Text(rest[..open].to_owned()));
        }
        let mut action = Cursor {
            rest: &rest[open + 1..],
        };
        flat.push(Node::Action(action.steps()?));
        rest = action.rest;
    }
    if !rest.is_empty() {
        flat.push(Node::Text(rest.to_owned()));
    }
    nest(flat)
}

/// Puts what stands between `{range}` and `{end}` into the range. A range that is never ended goes on to the end.
fn nest(flat: Vec<Node>) -> Parsed<Vec<Node>> {
    let mut open: Vec<(Vec<Step>, Vec<Node>)> = Vec::new();
    let mut nodes = Vec::new();
    for node in flat {
        match keyword(&node) {
            Some("range") => {
                let Node::Action(mut steps) = node else {
                    continue;
                };
                steps.remove(0);
                open.push((steps, std::mem::take(&mut nodes)));
            }
            Some("end") => {
                let Some((over, before)) = open.pop() else {
                    return Err("not in range, nothing to end".to_owned());
                };
                let body = std::mem::replace(&mut nodes, before);
                nodes.push(Node::Range { over, body });
            }
            _ => nodes.push(node),
        }
    }
    while let Some((over, before)) = open.pop() {
        let body = std::mem::replace(&mut nodes, before);
        nodes.push(Node::Range { over, body });
    }
    Ok(nodes)
}

fn keyword(node: &Node) -> Option<&str> {
    match node {
        Node::Action(steps) => match steps.first() {
            Some(Step::Identifier(name)) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// What is left of the template, inside an action.
struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Up to and over the brace that ends the action.
    fn steps(&mut self) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Ok(steps);
            }
            self.step(&mut steps)?;
        }
    }

    fn step(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        if let Some(rest) = self.rest.strip_prefix("[?(") {
            self.rest = rest;
            steps.push(self.filter()?);
            return Ok(());
        }
        if let Some(rest) = self.rest.strip_prefix("..") {
            self.rest = rest;
            return self.recursive(steps);
        }
        let before = self.rest;
        let step = match self.next() {
            None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
            // The current object: nothing to do.
            Some(' ' | '@' | '$') => return Ok(()),
            Some('[') => return self.brackets(steps),
            Some(quote @ ('"' | '\'')) => {
                self.rest = before;
                Step::Text(self.quoted(quote)?)
            }
            Some('.') => self.field(),
            Some(c) if c == '+' || c == '-' || c.is_numeric() => {
                self.rest = before;
                self.number()?
            }
            Some(c) if c == '_' || c.is_alphanumeric() => {
                self.rest = before;
                self.identifier()
            }
            Some(c) => {
                return Err(format!(
                    "unrecognized character in action: U+{:04X} '{c}'",
                    u32::from(c)
                ));
            }
        };
        steps.push(step);
        Ok(())
    }

    fn recursive(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        if steps.last() == Some(&Step::Recursive) {
            return Err("invalid multiple recursive descent".to_owned());
        }
        steps.push(Step::Recursive);
        if self
            .rest
            .starts_with(|c: char| c == '_' || c.is_alphanumeric())
        {
            steps.push(self.field());
        }
        Ok(())
    }

    /// A name up to the next character that ends one and has no backslash before it.
    fn field(&mut self) -> Step {
        let mut escaped = false;
        let end = self.rest.find(|c| {
            let ends = !escaped && is_terminator(c);
            escaped = !escaped && c == '\\';
            ends
        });
        match self.take(end.unwrap_or(self.rest.len())) {
            "*" => Step::Wildcard,
            name => Step::Field(name.replace('\\', "")),
        }
    }

    fn identifier(&mut self) -> Step {
        let end = self.rest.find(is_terminator).unwrap_or(self.rest.len());
        match self.take(end) {
            "true" => Step::Literal(Value::Bool(true)),
            "false" => Step::Literal(Value::Bool(false)),
            name => Step::Identifier(name.to_owned()),
        }
    }

    fn number(&mut self) -> Parsed<Step> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let end = self.rest[sign..].find(|c: char| c != '.' && !c.is_numeric());
        let text = self.take(end.map_or(self.rest.len(), |end| end + sign));
        let plain = text.strip_prefix('+').unwrap_or(text);
        if let Ok(whole) = plain.parse::<i64>() {
            return Ok(Step::Literal(Value::from(whole)));
        }
        match plain.parse::<f64>() {
            Ok(number) => Ok(Step::Literal(Value::from(number))),
            Err(_) => Err(format!("cannot parse number {text}")),
        }
    }

    /// Text in quotes, with Go's escapes.
    fn quoted(&mut self, quote: char) -> Parsed<String> {
        let mut before = quote;
        let end = self.rest[1..].find(|c| {
            let ends = c == '\n' || (c == quote && before != '\\');
            before = c;
            ends
        });
        match end {
            Some(end) if self.rest[end + 1..].starts_with(quote) => {
                let text = self.take(end + 2);
                unquote(&text[1..end + 1], quote)
                    .ok_or_else(|| format!("unquote string {text} error invalid syntax"))
            }
            _ => Err("unterminated quoted string".to_owned()),
        }
    }

    /// What stands in brackets, behind the first one.
    fn brackets(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        let end = self
            .rest
            .find([']', '\n'])
            .filter(|&end| self.rest[end..].starts_with(']'));
        let Some(end) = end else {
            return Err("unterminated array".to_owned());
        };
        let text = self.take(end);
        self.next();
        match text.contains(',') {
            true => {
                let part = |part: &str| action(&format!("[{}]", part.trim_matches(' ')));
                steps.push(Step::Union(
                    text.split(',').map(part).collect::<Parsed<_>>()?,
                ));
            }
            false => index(text, steps)?,
        }
        Ok(())
    }

    /// `@.x=="y")]`: quotes hide a closing parenthesis.
    fn filter(&mut self) -> Parsed<Step> {
        let (mut quote, mut closed, mut before) = (None, false, ' ');
        let end = self.rest.find(|c| {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), _) if c == open && before != '\\' => closed = true,
                _ => {}
            }
            before = c;
            c == '\n' || (c == ')' && quote.is_some() == closed)
        });
        let Some(end) = end.filter(|&end| self.rest[end..].starts_with(')')) else {
            return Err("unterminated filter".to_owned());
        };
        let text = self.take(end);
        self.next();
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        comparison(text).map(Step::Filter)
    }
}

/// The steps of an expression on its own.
fn action(text: &str) -> Parsed<Vec<Step>> {
    let braced = format!("{text}}}");
    Cursor { rest: &braced }.steps()
}

fn comparison(text: &str) -> Parsed<Filter> {
    let operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
    let Some(start) = text.find(operator).filter(|&start| start > 0) else {
        return Ok(Filter {
            left: action(text)?,
            right: None,
        });
    };
    let behind = &text[start..];
    let length = behind.find(|c| !operator(c)).unwrap_or(behind.len());
    if length == behind.len() {
        return Ok(Filter {
            left: action(text)?,
            right: None,
        });
    }
    let (sign, right) = behind.split_at(length);
    Ok(Filter {
        left: action(&text[..start])?,
        right: Some((sign.to_owned(), action(right)?)),
    })
}

/// `*`, `'key'`, `3`, `1:4:2`.
fn index(text: &str, steps: &mut Vec<Step>) -> Parsed<()> {
    let text = if text == "*" { ":" } else { text };
    let key = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    if let Some(key) = key.filter(|key| !key.contains('\'')) {
        steps.extend(action(&format!(".{key}"))?);
        return Ok(());
    }
    let parts: Vec<&str> = text.split(':').collect();
    let well_formed = |part: &&str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.len() > 3 || !parts.iter().all(well_formed) {
        return Err(format!("invalid array index {text}"));
    }
    let number = |at: usize| match parts.get(at) {
        None | Some(&"") => Ok(None),
        Some(part) => match part.parse::<i64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("array index {part} is not a number")),
        },
    };
    let (start, lone) = (number(0)?, parts.len() == 1);
    let end = if lone {
        Some(start.unwrap_or(0) + 1)
    } else {
        number(1)?
    };
    steps.push(Step::Slice(Slice {
        start,
        end,
        step: number(2)?,
        lone,
    }));
    Ok(())
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'
    )
}

/// Go's escapes (`strconv.UnquoteChar`). None if there is one that does not exist.
fn unquote(text: &str, quote: char) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let kind = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + kind.len_utf8()..];
        let (c, used) = match kind {
            'a' => ('\u{7}', 0),
            'b' => ('\u{8}', 0),
            'f' => ('\u{c}', 0),
            'n' => ('\n', 0),
            'r' => ('\r', 0),
            't' => ('\t', 0),
            'v' => ('\u{b}', 0),
            '\\' => ('\\', 0),
            'x' => (code(rest.get(..2)?, 16)?, 2),
            'u' => (code(rest.get(..4)?, 16)?, 4),
            'U' => (code(rest.get(..8)?, 16)?, 8),
            '0'..='7' => (code(&format!("{kind}{}", rest.get(..2)?), 8)?, 2),
            _ if kind == quote => (quote, 0),
            _ => return None,
        };
        out.push(c);
        rest = &rest[used..];
    }
    out.push_str(rest);
    Some(out)
}

fn code(digits: &str, base: u32) -> Option<char> {
    char::from_u32(u32::from_str_radix(digits, base).ok()?)
}
