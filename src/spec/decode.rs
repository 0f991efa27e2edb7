//! [`Node`] trees to the types of k8s-openapi, collecting every complaint instead of stopping at the first.
//!
//! The types call `deserialize_struct` with the names of their fields: a field that is not among them is recorded with
//! the nearest one that is. A value of the wrong type is recorded and replaced by an empty one, so that the rest of the
//! document is still looked at; the object that comes out is then of no use but to be validated further.

mod inside;
mod unknown;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::base64;
use super::complaint::{ComplaintKind, MAX_COMPLAINTS};
use super::node::{Entry, Node, Value};
use super::report::Path;
use super::scalar::Plain;
use inside::Inside;
pub use unknown::unknown;

/// In place of what is in a secret.
pub const REDACTED: &str = "\"<secret contents redacted>\"";

/// Something wrong with the form of a document.
#[derive(Debug)]
pub struct Fault {
    pub line: usize,
    pub path: String,
    pub kind: ComplaintKind,
    pub message: String,
}

/// What could be read of the object, and all that was wrong with its form. No object means that some value's own parser
/// refused it (a timestamp, for instance), which is among the faults.
pub fn decode<T: de::DeserializeOwned>(node: &Node<'_>) -> (Option<T>, Vec<Fault>) {
    let log = Log::default();
    let object = T::deserialize(Decoder {
        node,
        line: node.line,
        path: Path::ROOT,
        log: &log,
        inside: Inside::default(),
    });
    (object.ok(), log.faults.into_inner())
}

#[derive(Default)]
struct Log {
    faults: RefCell<Vec<Fault>>,
    wrong: Cell<usize>,
}

impl Log {
    /// The message is only made if it will be kept. Values of a wrong type have a count of their own: they are errors
    /// always, and must not be lost behind unknown fields that are only warned of.
    fn add(&self, line: usize, path: &Path, kind: ComplaintKind, message: impl FnOnce() -> String) {
        let mut faults = self.faults.borrow_mut();
        let wrong = self.wrong.get();
        let told = match kind {
            ComplaintKind::WrongType => wrong,
            _ => faults.len() - wrong,
        };
        if told > MAX_COMPLAINTS {
            return;
        }
        self.wrong
            .set(wrong + usize::from(kind == ComplaintKind::WrongType));
        faults.push(Fault {
            line,
            path: path.to_string(),
            kind,
            message: message(),
        });
    }
}

/// A value's own parser refused it. `None` once it is in the log.
#[derive(Debug)]
struct Refused(Option<String>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("refused"))
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Refused {
        Refused(Some(message.to_string()))
    }
}

#[derive(Clone, Copy)]
struct Decoder<'n, 'p> {
    node: &'n Node<'n>,
    /// Where the value was asked for: the line of its field, which is another one than the node's behind an alias.
    line: usize,
    path: Path<'p>,
    log: &'n Log,
    inside: Inside,
}

impl Decoder<'_, '_> {
    fn wrong(&self, expected: &str) {
        self.log
            .add(self.line, &self.path, ComplaintKind::WrongType, || {
                format!("Invalid value: {}: must be {expected}", self.shown())
            });
    }

    fn shown(&self) -> String {
        if self.inside.secret {
            REDACTED.to_owned()
        } else {
            self.node.shown()
        }
    }

    /// Puts a refusal into the log, at the innermost place that knows where it is.
    fn noted<T>(&self, result: Result<T, Refused>) -> Result<T, Refused> {
        result.map_err(|refused| {
            if let Some(message) = refused.0 {
                let message = format!("Invalid value: {}: {message}", self.shown());
                self.log
                    .add(self.line, &self.path, ComplaintKind::WrongType, || message);
            }
            Refused(None)
        })
    }

    fn plain(&self) -> Option<Plain> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar.plain().unwrap_or(Plain::Text)),
            _ => None,
        }
    }

    fn integer(&self, min: i64, max: i64) -> i64 {
        match self.plain() {
            Some(Plain::Int(value)) if (min..=max).contains(&value) => return value,
            Some(Plain::Int(_)) => self.wrong(&format!("an integer between {min} and {max}")),
            Some(Plain::Null) => {}
            _ => self.wrong("an integer"),
        }
        0
    }

    fn string(&self) -> &str {
        match (&self.node.value, self.plain()) {
            (Value::Scalar(scalar), Some(Plain::Text)) => &scalar.text,
            (Value::Scalar(scalar), Some(Plain::Int(_) | Plain::Float(_)))
                if self.inside.numbers_too =>
            {
                &scalar.text
            }
            (_, Some(Plain::Null)) => "",
            (_, Some(_)) if self.inside.secret => {
                self.wrong("a string (write it in quotes)");
                ""
            }
            (_, Some(_)) => {
                self.wrong(&format!(
                    "a string (write it in quotes: {:?})",
                    self.node.shown()
                ));
                ""
            }
            (_, None) => {
                self.wrong("a string");
                ""
            }
        }
    }
}

impl<'de> de::Deserializer<'de> for Decoder<'_, '_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let result = match (&self.node.value, self.plain()) {
            (Value::List(_), _) => return self.deserialize_seq(visitor),
            (Value::Map(_), _) => return self.deserialize_map(visitor),
            (_, Some(Plain::Bool(value))) => visitor.visit_bool(value),
            (_, Some(Plain::Int(value))) => visitor.visit_i64(value),
            (_, Some(Plain::Float(value))) => visitor.visit_f64(value),
            (_, Some(Plain::Null)) => visitor.visit_unit(),
            (_, _) => visitor.visit_str(self.string()),
        };
        self.noted(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let value = match self.plain() {
            Some(Plain::Bool(value)) => value,
            Some(Plain::Null) => false,
            _ => {
                self.wrong("true or false");
                false
            }
        };
        self.noted(visitor.visit_bool(value))
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.noted(visitor.visit_i64(self.integer(i32::MIN.into(), i32::MAX.into())))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.noted(visitor.visit_i64(self.integer(i64::MIN, i64::MAX)))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if !self.inside.base64 {
            return self.noted(visitor.visit_str(self.string()));
        }
        let canonical = base64::decode(self.string())
            .map(|bytes| base64::encode(&bytes))
            .map_err(|at| Refused(Some(format!("illegal base64 data at input byte {at}"))));
        self.noted(canonical.and_then(|text| visitor.visit_str(&text)))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.node.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let mut inner = self;
        inner.inside.numbers_too = name == "Quantity";
        self.noted(visitor.visit_newtype_struct(inner))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let items: &[_] = match &self.node.value {
            Value::List(items) => items,
            _ => {
                if !self.node.is_null() {
                    self.wrong("a list");
                }
                &[]
            }
        };
        self.noted(visitor.visit_seq(Items {
            items,
            next: 0,
            parent: &self,
        }))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.entries(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.entries(Some((name, fields)), visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

impl Decoder<'_, '_> {
    /// A map, or a struct if its name and fields are known.
    fn entries<'de, V: Visitor<'de>>(
        self,
        structure: Option<(&'static str, &'static [&'static str])>,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let entries: &[_] = match &self.node.value {
            Value::Map(entries) => entries,
            _ => {
                if !self.node.is_null() {
                    self.wrong("an object");
                }
                &[]
            }
        };
        let map = Entries {
            entries,
            next: 0,
            name: structure.map(|(name, _)| name),
            fields: structure.map(|(_, fields)| fields),
            seen: HashSet::new(),
            parent: &self,
        };
        self.noted(visitor.visit_map(map))
    }
}

struct Items<'n, 'p> {
    items: &'n [std::rc::Rc<Node<'n>>],
    next: usize,
    parent: &'p Decoder<'n, 'p>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        let Some(node) = self.items.get(self.next) else {
            return Ok(None);
        };
        let path = self.parent.path.index(self.next);
        self.next += 1;
        seed.deserialize(Decoder {
            node,
            line: node.line,
            path,
            log: self.parent.log,
            inside: self.parent.inside.field(None, ""),
        })
        .map(Some)
    }
}

struct Entries<'n, 'p> {
    entries: &'n [Entry<'n>],
    /// The entry after the one whose key was given out.
    next: usize,
    /// What the struct is called, if it is one.
    name: Option<&'static str>,
    fields: Option<&'static [&'static str]>,
    seen: HashSet<&'n str>,
    parent: &'p Decoder<'n, 'p>,
}

impl<'n> Entries<'n, '_> {
    fn path<'k>(&'k self, key: &'k str) -> Path<'k> {
        if self.fields.is_some() {
            self.parent.path.field(key)
        } else {
            self.parent.path.key(key)
        }
    }

    /// The next entry that has a place in the object; complains about those before it.
    fn advance(&mut self) -> Option<&'n Entry<'n>> {
        loop {
            let entry = self.entries.get(self.next)?;
            self.next += 1;
            if !self.seen.insert(&entry.key) {
                self.parent.log.add(
                    entry.line,
                    &self.path(&entry.key),
                    ComplaintKind::DuplicateField,
                    || "Duplicate field: the last one counts".to_owned(),
                );
            }
            match self.fields {
                Some(fields) if !fields.contains(&&*entry.key) => {
                    self.parent.log.add(
                        entry.line,
                        &self.path(&entry.key),
                        ComplaintKind::Unknown,
                        || unknown(&entry.key, fields),
                    );
                }
                _ => return Some(entry),
            }
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        match self.advance() {
            Some(entry) => seed
                .deserialize((&*entry.key).into_deserializer())
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        let entry = &self.entries[self.next - 1];
        let path = self.path(&entry.key);
        seed.deserialize(Decoder {
            node: &entry.node,
            line: entry.line,
            path,
            log: self.parent.log,
            inside: self.parent.inside.field(self.name, &entry.key),
        })
    }
}
