//! The tree of a document, as it was written: every value with its line, nothing converted yet.
//!
//! Aliases share their target, so the tree is small even where what it stands for is not; the readers bound the
//! latter ([`Weight`]).

use std::borrow::Cow;
use std::rc::Rc;

use super::scalar::Plain;

pub struct Node<'a> {
    pub line: usize,
    pub value: Value<'a>,
    pub weight: Weight,
}

pub enum Value<'a> {
    Scalar(Scalar<'a>),
    List(Vec<Rc<Node<'a>>>),
    Map(Vec<Entry<'a>>),
}

pub struct Scalar<'a> {
    pub text: Cow<'a, str>,
    /// In quotes, a block, or tagged `!!str`: text whatever it looks like.
    pub quoted: bool,
}

#[derive(Clone)]
pub struct Entry<'a> {
    pub key: Cow<'a, str>,
    pub line: usize,
    pub node: Rc<Node<'a>>,
}

/// What a value costs with all its aliases followed.
#[derive(Clone, Copy)]
pub struct Weight {
    /// Bytes of text, and a fixed sum for each value.
    pub bytes: u64,
    pub height: usize,
}

/// About what a value costs in memory besides its text.
const NODE_BYTES: u64 = 32;

impl<'a> Node<'a> {
    pub fn new(line: usize, value: Value<'a>) -> Node<'a> {
        let weight = match &value {
            Value::Scalar(scalar) => Weight {
                bytes: NODE_BYTES + scalar.text.len() as u64,
                height: 1,
            },
            Value::List(items) => Weight::around(items.iter().map(|item| item.weight)),
            Value::Map(entries) => Weight::around(entries.iter().map(Entry::weight)),
        };
        Node {
            line,
            value,
            weight,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if matches!(scalar.plain(), Some(Plain::Null)))
    }

    /// The value of a field; of the last one if it is written twice, as Kubernetes' decoder takes it.
    pub fn get(&self, field: &str) -> Option<&Node<'a>> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .rev()
                .find(|entry| entry.key == field)
                .map(|entry| &*entry.node),
            _ => None,
        }
    }

    /// The text of a field that is a string.
    pub fn text(&self, field: &str) -> Option<&str> {
        match &self.get(field)?.value {
            Value::Scalar(scalar) if matches!(scalar.plain(), None | Some(Plain::Text)) => {
                Some(&scalar.text)
            }
            _ => None,
        }
    }

    /// What kind of thing this is, for "must be a list" texts: the value itself if it is short.
    pub fn shown(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "an object".to_owned(),
            Value::Scalar(scalar) => match scalar.plain() {
                None | Some(Plain::Text) => format!("{:?}", shortened(&scalar.text)),
                Some(_) => shortened(&scalar.text).into_owned(),
            },
        }
    }
}

impl Entry<'_> {
    pub fn weight(&self) -> Weight {
        Weight {
            bytes: self.node.weight.bytes.saturating_add(self.key.len() as u64),
            ..self.node.weight
        }
    }
}

impl Weight {
    fn around(parts: impl Iterator<Item = Weight>) -> Weight {
        parts.fold(
            Weight {
                bytes: NODE_BYTES,
                height: 1,
            },
            |sum, part| Weight {
                bytes: sum.bytes.saturating_add(part.bytes),
                height: sum.height.max(part.height + 1),
            },
        )
    }
}

impl Scalar<'_> {
    /// What the text means, or none if it was quoted.
    pub fn plain(&self) -> Option<Plain> {
        (!self.quoted).then(|| Plain::of(&self.text))
    }
}

/// Messages quote values; nobody wants ten megabytes quoted.
fn shortened(text: &str) -> Cow<'_, str> {
    const MAX: usize = 60;
    if text.chars().nth(MAX).is_none() {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(MAX).collect();
    short.push('…');
    Cow::Owned(short)
}

/// The line of the value a field path points to, or of the nearest thing above it that was written.
pub fn line_of(root: &Node<'_>, path: &str) -> usize {
    let (mut node, mut line) = (root, root.line);
    for step in steps(path) {
        let next = match &node.value {
            Value::Map(entries) => entries
                .iter()
                .rev()
                .find(|entry| entry.key == step)
                .map(|entry| (entry.line, &*entry.node)),
            Value::List(items) => step
                .parse()
                .ok()
                .and_then(|index: usize| items.get(index))
                .map(|item| (item.line, &**item)),
            Value::Scalar(_) => None,
        };
        match next {
            Some((next_line, next_node)) => (line, node) = (next_line, next_node),
            None => break,
        }
    }
    line
}

/// `a.b[0][k.e/y]` → a, b, 0, k.e/y.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        let (step, tail) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').unwrap_or((inner, "")),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        rest = tail;
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_into_its_steps() {
        let all: Vec<&str> =
            steps("metadata.annotations[wasmpod.dev/interrupt.app].x[12].y").collect();
        assert_eq!(
            all,
            [
                "metadata",
                "annotations",
                "wasmpod.dev/interrupt.app",
                "x",
                "12",
                "y"
            ]
        );
        assert_eq!(steps("").count(), 0);
    }
}
