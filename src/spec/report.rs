//! Field paths, and the list that validation writes its findings to.
//!
//! A [`Path`] lives on the stack and becomes text only when somebody complains, so that a good manifest pays nothing.

use std::fmt;

use super::complaint::{Complaint, ComplaintKind, MAX_COMPLAINTS, Severity};
use super::gotext;

/// `spec.containers[0].image`, as a chain back to its root.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    pub const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };

    pub fn field(&'a self, name: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    pub fn index(&'a self, index: usize) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    pub fn key(&'a self, key: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Key(key),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
            if matches!(self.step, Step::Field(_)) && !matches!(parent.step, Step::Root) {
                f.write_str(".")?;
            }
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

/// A value as an error text shows it: strings in quotes, the rest plain.
pub trait Shown {
    fn shown(&self) -> String;
}

impl Shown for str {
    fn shown(&self) -> String {
        gotext::quoted(self)
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        self.as_str().shown()
    }
}

/// As JSON.
impl Shown for [String] {
    fn shown(&self) -> String {
        let items: Vec<String> = self.iter().map(Shown::shown).collect();
        format!("[{}]", items.join(","))
    }
}

macro_rules! shown_plain {
    ($($t:ty),*) => { $(impl Shown for $t { fn shown(&self) -> String { self.to_string() } })* };
}
shown_plain!(i32, i64, usize, bool);

/// The findings about one object.
#[derive(Default)]
pub struct Report {
    pub found: Vec<Complaint>,
}

impl Report {
    pub fn push(&mut self, path: &Path, kind: ComplaintKind, severity: Severity, message: String) {
        if self.found.len() > MAX_COMPLAINTS {
            return;
        }
        let path = path.to_string();
        self.found.push(Complaint {
            source: String::new(),
            line: None,
            object: String::new(),
            path,
            kind,
            message,
            severity,
        });
    }

    fn error(&mut self, path: &Path, kind: ComplaintKind, message: String) {
        self.push(path, kind, Severity::Error, message);
    }

    pub fn required(&mut self, path: &Path, detail: &str) {
        self.error(
            path,
            ComplaintKind::Required,
            with_detail("Required value", detail),
        );
    }

    pub fn invalid(&mut self, path: &Path, value: &(impl Shown + ?Sized), detail: &str) {
        self.error(
            path,
            ComplaintKind::Invalid,
            with_detail(&format!("Invalid value: {}", value.shown()), detail),
        );
    }

    pub fn duplicate(&mut self, path: &Path, value: &(impl Shown + ?Sized)) {
        self.error(
            path,
            ComplaintKind::Duplicate,
            format!("Duplicate value: {}", value.shown()),
        );
    }

    pub fn not_found(&mut self, path: &Path, value: &str) {
        self.error(
            path,
            ComplaintKind::NotFound,
            format!("Not found: {}", value.shown()),
        );
    }

    pub fn not_supported(&mut self, path: &Path, value: &str, supported: &[&str]) {
        let list: Vec<String> = supported.iter().map(|value| value.shown()).collect();
        let message = format!(
            "Unsupported value: {}: supported values: {}",
            value.shown(),
            list.join(", ")
        );
        self.error(path, ComplaintKind::NotSupported, message);
    }

    pub fn forbidden(&mut self, path: &Path, detail: &str) {
        self.error(
            path,
            ComplaintKind::Forbidden,
            with_detail("Forbidden", detail),
        );
    }

    pub fn too_long(&mut self, path: &Path, max: usize) {
        self.error(
            path,
            ComplaintKind::TooLong,
            format!("Too long: may not be more than {max} bytes"),
        );
    }

    pub fn too_many(&mut self, path: &Path, actual: usize, max: usize) {
        self.error(
            path,
            ComplaintKind::TooMany,
            format!("Too many: {actual}: must have at most {max} items"),
        );
    }

    /// One complaint for each message of a syntax check.
    pub fn invalid_each(&mut self, path: &Path, value: &str, messages: Vec<String>) {
        for message in messages {
            self.invalid(path, value, &message);
        }
    }
}

fn with_detail(message: &str, detail: &str) -> String {
    if detail.is_empty() {
        message.to_owned()
    } else {
        format!("{message}: {detail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_the_api_server_writes_it() {
        let spec = Path::ROOT.field("spec");
        let list = spec.field("containers");
        let first = list.index(0);
        let resources = first.field("resources");
        let limits = resources.field("limits");
        assert_eq!(
            limits.key("cpu").to_string(),
            "spec.containers[0].resources.limits[cpu]"
        );
    }
}
