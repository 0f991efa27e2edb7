//! What is wrong with a manifest, in the words kubectl would use.

use std::fmt;

/// One thing that is wrong, or that will not be honoured.
///
/// Printed as `pod.yaml:7: Pod "web": spec.containers[0].image: Required value`; the part from the field path on is
/// the text of the API server (`apimachinery/pkg/util/validation/field/errors.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where the manifest came from: a file name, `<stdin>`, or empty for an object that was never text.
    pub source: String,
    /// Counted from 1.
    pub line: Option<usize>,
    /// `Pod "web"`; empty when the complaint is about the file as a whole.
    pub object: String,
    /// `spec.containers[0].image`; empty when the complaint is about the object as a whole.
    pub path: String,
    pub kind: ComplaintKind,
    pub message: String,
    pub severity: Severity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComplaintKind {
    /// Not YAML, not JSON, not UTF-8, too large, too deep.
    Syntax,
    /// A kind of object that this version does not know.
    UnsupportedKind,
    /// A field that Kubernetes does not have at this place.
    Unknown,
    /// The same field twice in one object.
    DuplicateField,
    WrongType,
    Required,
    Invalid,
    Duplicate,
    NotSupported,
    NotFound,
    Forbidden,
    TooLong,
    TooMany,
    /// A field of Kubernetes that this version would have to ignore.
    Unsupported,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    Error,
    Warning,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source.as_str(), self.line) {
            ("", None) => {}
            ("", Some(line)) => write!(f, "line {line}: ")?,
            (source, None) => write!(f, "{source}: ")?,
            (source, Some(line)) => write!(f, "{source}:{line}: ")?,
        }
        for part in [&self.object, &self.path] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

/// More than this nobody reads; the rest is left out. Whoever collects keeps one more, to know that there was a rest.
pub const MAX_COMPLAINTS: usize = 1000;

/// Everything that is wrong, at once: an error that is never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Complaints(pub Vec<Complaint>);

impl Complaints {
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|complaint| complaint.severity == Severity::Error)
    }

    /// Leaves out what is over [`MAX_COMPLAINTS`], and says so.
    pub(super) fn shorten(&mut self) {
        let Some(last) = self.0.get(MAX_COMPLAINTS) else {
            return;
        };
        let severity = if self.has_errors() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let message = format!("there is more wrong than these {MAX_COMPLAINTS}");
        let more = Complaint {
            path: String::new(),
            message,
            severity,
            ..last.clone()
        };
        self.0.truncate(MAX_COMPLAINTS);
        self.0.push(more);
    }

    /// Behind `The ConfigMap "app" is invalid: `, without saying of which object again
    /// (`kubectl/pkg/cmd/util/helpers.go`, `StatusReasonInvalid`).
    pub fn causes(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        for Complaint { path, message, .. } in &self.0 {
            let text = if path.is_empty() {
                message.clone()
            } else {
                format!("{path}: {message}")
            };
            if !said.contains(&text) {
                said.push(text);
            }
        }
        match said.as_slice() {
            [one] => one.clone(),
            many => format!("\n* {}", many.join("\n* ")),
        }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Complaint> {
        self.0.iter()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{complaint}")?;
        }
        Ok(())
    }
}

impl IntoIterator for Complaints {
    type Item = Complaint;
    type IntoIter = std::vec::IntoIter<Complaint>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Complaints {
    type Item = &'a Complaint;
    type IntoIter = std::slice::Iter<'a, Complaint>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
