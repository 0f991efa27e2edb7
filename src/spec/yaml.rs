//! YAML text to [`Node`] trees, one for each document.
//!
//! Bounded on purpose: depth, number of values, and what aliases stand for. A manifest is written by a person or a
//! template; whatever exceeds the bounds is a mistake or an attack, and is refused before it is expanded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::node::{Entry, Node, Scalar, Value};

/// Levels of nesting, aliases followed. A Pod needs about fifteen.
pub const MAX_DEPTH: usize = 100;
/// Values in one file.
pub const MAX_VALUES: usize = 1_000_000;
/// What the aliases of one document may stand for together, in bytes.
pub const MAX_EXPANSION: u64 = 10 << 20;

#[derive(Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub line: usize,
    pub message: String,
}

pub struct Documents<'a> {
    pub roots: Vec<Rc<Node<'a>>>,
    /// Where reading stopped. The documents before that are good.
    pub error: Option<SyntaxError>,
}

pub fn read(text: &str) -> Documents<'_> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        open: Vec::new(),
        roots: Vec::new(),
        anchors: HashMap::new(),
        values: 0,
        expansion: 0,
    };
    let error = reader.run().err();
    Documents {
        roots: reader.roots,
        error,
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// The lists and maps around the current event, outermost first.
    open: Vec<Open<'a>>,
    roots: Vec<Rc<Node<'a>>>,
    /// Finished values by the parser's number of their anchor (0 is none).
    anchors: HashMap<usize, Rc<Node<'a>>>,
    values: usize,
    expansion: u64,
}

struct Open<'a> {
    line: usize,
    anchor: usize,
    content: Content<'a>,
}

enum Content<'a> {
    List(Vec<Rc<Node<'a>>>),
    Map {
        entries: Vec<Entry<'a>>,
        merged: Vec<Rc<Node<'a>>>,
        key: Option<Key<'a>>,
    },
}

struct Key<'a> {
    text: Cow<'a, str>,
    line: usize,
    /// A plain `<<`, which takes over the entries of its value.
    merge: bool,
}

impl<'a> Reader<'a> {
    fn run(&mut self) -> Result<(), SyntaxError> {
        while let Some(next) = self.parser.next_event() {
            let (event, span) = next.map_err(scan_error)?;
            self.event(event, span)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'a>, span: Span) -> Result<(), SyntaxError> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(_) => {
                self.anchors.clear();
                self.expansion = 0;
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = is_text(style, tag.as_deref(), line)?;
                self.put(
                    Node::new(line, Value::Scalar(Scalar { text, quoted })),
                    anchor,
                )
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(line, anchor, tag.as_deref(), Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => self.open(
                line,
                anchor,
                tag.as_deref(),
                Content::Map {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(
        &mut self,
        line: usize,
        anchor: usize,
        tag: Option<&Tag>,
        content: Content<'a>,
    ) -> Result<(), SyntaxError> {
        refuse_foreign_tag(tag, line)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.open.push(Open {
            line,
            anchor,
            content,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), SyntaxError> {
        let Some(Open {
            line,
            anchor,
            content,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map {
                mut entries,
                merged,
                ..
            } => {
                for source in merged {
                    self.merge(&mut entries, &source, line)?;
                }
                Value::Map(entries)
            }
        };
        self.put(Node::new(line, value), anchor)
    }

    fn put(&mut self, node: Node<'a>, anchor: usize) -> Result<(), SyntaxError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(error(
                node.line,
                format!("more than {MAX_VALUES} values in one manifest"),
            ));
        }
        // Aliases can stack depth upon depth without nesting in the text.
        if node.weight.height > MAX_DEPTH {
            return Err(too_deep(node.line));
        }
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let line = node.line;
        self.attach(node, line)
    }

    fn attach(&mut self, node: Rc<Node<'a>>, line: usize) -> Result<(), SyntaxError> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.roots.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map {
                entries,
                merged,
                key,
            }) => match key.take() {
                None => *key = Some(as_key(&node, line)?),
                Some(Key { merge: true, .. }) => merged.push(node),
                Some(Key { text, line, .. }) => entries.push(Entry {
                    key: text,
                    line,
                    node,
                }),
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), SyntaxError> {
        let Some(target) = self.anchors.get(&anchor).map(Rc::clone) else {
            return Err(error(
                line,
                "an alias stands inside the value that it refers to".to_owned(),
            ));
        };
        self.spend(target.weight.bytes, line)?;
        self.attach(target, line)
    }

    /// The merge key: entries that are not written here are taken from the map (or each map of the list) given.
    fn merge(
        &mut self,
        entries: &mut Vec<Entry<'a>>,
        source: &Node<'a>,
        line: usize,
    ) -> Result<(), SyntaxError> {
        match &source.value {
            Value::Map(more) => {
                self.spend(source.weight.bytes, line)?;
                let known: std::collections::HashSet<Cow<'a, str>> =
                    entries.iter().map(|entry| entry.key.clone()).collect();
                entries.extend(
                    more.iter()
                        .filter(|entry| !known.contains(&entry.key))
                        .cloned(),
                );
                Ok(())
            }
            Value::List(sources) => sources.iter().try_for_each(|source| match source.value {
                Value::Map(_) => self.merge(entries, source, line),
                _ => Err(merge_error(line)),
            }),
            Value::Scalar(_) => Err(merge_error(line)),
        }
    }

    fn spend(&mut self, bytes: u64, line: usize) -> Result<(), SyntaxError> {
        self.expansion = self.expansion.saturating_add(bytes);
        if self.expansion > MAX_EXPANSION {
            return Err(error(
                line,
                format!(
                    "the aliases of this document stand for more than {} MB",
                    MAX_EXPANSION >> 20
                ),
            ));
        }
        Ok(())
    }
}

fn as_key<'a>(node: &Node<'a>, line: usize) -> Result<Key<'a>, SyntaxError> {
    match &node.value {
        Value::Scalar(scalar) => Ok(Key {
            text: scalar.text.clone(),
            line,
            merge: !scalar.quoted && scalar.text == "<<",
        }),
        Value::List(_) | Value::Map(_) => Err(error(
            line,
            format!("{} can not be the name of a field", node.shown()),
        )),
    }
}

/// Whether a scalar is text no matter what it looks like.
fn is_text(style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<bool, SyntaxError> {
    refuse_foreign_tag(tag, line)?;
    Ok(match tag {
        Some(tag) => tag.suffix == "str" || tag.handle == "!" && tag.suffix.is_empty(),
        None => style != ScalarStyle::Plain,
    })
}

fn refuse_foreign_tag(tag: Option<&Tag>, line: usize) -> Result<(), SyntaxError> {
    const KNOWN: [&str; 8] = [
        "str",
        "int",
        "float",
        "bool",
        "null",
        "map",
        "seq",
        "timestamp",
    ];
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && KNOWN.contains(&tag.suffix.as_str()) => Ok(()),
        Some(tag) if tag.handle == "!" && tag.suffix.is_empty() => Ok(()),
        Some(tag) => Err(error(
            line,
            format!("the tag {tag} means nothing in a manifest"),
        )),
        None => Ok(()),
    }
}

fn merge_error(line: usize) -> SyntaxError {
    error(
        line,
        "the merge key << needs an object or a list of objects".to_owned(),
    )
}

fn too_deep(line: usize) -> SyntaxError {
    error(line, format!("nested more than {MAX_DEPTH} levels deep"))
}

fn error(line: usize, message: String) -> SyntaxError {
    SyntaxError { line, message }
}

fn scan_error(error: ScanError) -> SyntaxError {
    let line = error.marker().line();
    // The scanner looks ahead of us, and has its own bound on `[[[`.
    if error.info() == "recursion limit exceeded" {
        too_deep(line)
    } else {
        SyntaxError {
            line,
            message: error.info().to_owned(),
        }
    }
}
