//! From the bytes of a manifest to objects, defaulted and validated, with every complaint at once.

use std::collections::HashSet;
use std::rc::Rc;

use super::admit::{Validate, admit_any};
use super::complaint::{Complaint, ComplaintKind, Complaints, Severity};
use super::decode::{self, Fault};
use super::kind::Kind;
use super::loaded::{Loaded, LoadedObject, LoadedPod, Place, Source};
use super::node::{self, Node, Value};
use super::object::Object;
use super::objects;
use super::report::{Path, Report};
use super::yaml::{Documents, SyntaxError};
use super::{json, yaml};

/// A manifest larger than this is refused, as the kubelet refuses it (`pkg/kubelet/config/file.go`).
pub const MAX_MANIFEST: usize = 10 << 20;

/// Reads all documents of a manifest: objects of the kinds that we know, and lists of them. Anything else is refused by the
/// name of its kind.
pub fn load(source: &Source, validate: Validate) -> Result<Loaded, Complaints> {
    let mut loader = Loader {
        source,
        validate,
        found: Loaded::default(),
        complaints: Vec::new(),
    };
    match text(&source.text) {
        Ok(text) => loader.documents(parse(text)),
        Err(error) => loader.syntax(error),
    }
    loader.finish()
}

fn text(bytes: &[u8]) -> Result<&str, SyntaxError> {
    if bytes.len() > MAX_MANIFEST {
        let message = format!(
            "the manifest has {} bytes, more than the {} MB allowed",
            bytes.len(),
            MAX_MANIFEST >> 20
        );
        return Err(SyntaxError { line: 1, message });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
        let bad = bytes[error.valid_up_to()];
        SyntaxError {
            line,
            message: format!("not UTF-8: byte {} is 0x{bad:02x}", error.valid_up_to()),
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// JSON if it looks like it, else YAML; text that is only nearly JSON may still be YAML in braces.
fn parse(text: &str) -> Documents<'_> {
    if !text.trim_start().starts_with('{') {
        return yaml::read(text);
    }
    let documents = json::read(text);
    if documents.error.is_none() {
        return documents;
    }
    let second_try = yaml::read(text);
    if second_try.error.is_none() {
        second_try
    } else {
        documents
    }
}

struct Loader<'s> {
    source: &'s Source,
    validate: Validate,
    found: Loaded,
    complaints: Vec<Complaint>,
}

impl Loader<'_> {
    fn documents(&mut self, documents: Documents<'_>) {
        let mut empty = true;
        for root in documents.roots.iter().filter(|root| !root.is_null()) {
            empty = false;
            self.object(root);
        }
        match documents.error {
            Some(error) => self.syntax(error),
            None if empty => self.whole(
                None,
                ComplaintKind::Required,
                "there is no object in this manifest".to_owned(),
            ),
            None => {}
        }
    }

    fn syntax(&mut self, error: SyntaxError) {
        self.whole(Some(error.line), ComplaintKind::Syntax, error.message);
    }

    /// A complaint about the file rather than about an object in it.
    fn whole(&mut self, line: Option<usize>, kind: ComplaintKind, message: String) {
        let complaint = Complaint {
            source: self.source.name.clone(),
            line,
            object: String::new(),
            path: String::new(),
            kind,
            message,
            severity: Severity::Error,
        };
        self.complaints.push(complaint);
    }

    fn object(&mut self, node: &Node<'_>) {
        if !matches!(node.value, Value::Map(_)) {
            let message = format!(
                "expected an object with apiVersion and kind, found {}",
                node.shown()
            );
            return self.whole(Some(node.line), ComplaintKind::WrongType, message);
        }
        let version = node.text("apiVersion").unwrap_or_default();
        let kind = node.text("kind").unwrap_or_default();
        match (Kind::of(version, kind), listed(kind)) {
            (Some(kind), _) if is_written(kind) => self.one(node, kind),
            (_, Some(Listed::Any)) if version == "v1" => self.list(node, None),
            (_, Some(Listed::Of(kind))) if version == kind.api_version() => {
                self.list(node, Some(kind));
            }
            _ => self.foreign(node, version, kind),
        }
    }

    /// A list; of objects of one kind, if it says so.
    fn list(&mut self, node: &Node<'_>, kind: Option<Kind>) {
        let fields = ["apiVersion", "kind", "metadata", "items"];
        let Value::Map(entries) = &node.value else {
            return;
        };
        let mut report = Report::default();
        for entry in entries
            .iter()
            .filter(|entry| !fields.contains(&&*entry.key))
        {
            if let Some(severity) = self.validate.severity() {
                report.push(
                    &Path::ROOT.field(&entry.key),
                    ComplaintKind::Unknown,
                    severity,
                    decode::unknown(&entry.key, &fields),
                );
            }
        }
        match node.get("items").map(|items| &items.value) {
            Some(Value::List(items)) => items.iter().for_each(|item| self.item(kind, item)),
            Some(_) => report.invalid(&Path::ROOT.field("items"), "", "must be a list"),
            None => report.required(&Path::ROOT.field("items"), ""),
        }
        self.take(node, report);
    }

    /// An item of a PodList may leave out what the list has said already.
    fn item(&mut self, kind: Option<Kind>, item: &Rc<Node<'_>>) {
        let says_nothing = item.get("kind").is_none() && item.get("apiVersion").is_none();
        match kind {
            Some(kind) if says_nothing && matches!(item.value, Value::Map(_)) => {
                self.one(item, kind);
            }
            _ => self.object(item),
        }
    }

    /// Neither an object of a kind that we know nor a list of them.
    fn foreign(&mut self, node: &Node<'_>, version: &str, kind: &str) {
        let mut report = Report::default();
        for (field, value) in [("apiVersion", version), ("kind", kind)] {
            if value.is_empty() {
                report.required(&Path::ROOT.field(field), "");
            }
        }
        if let Some(known) = version_of(kind).filter(|_| !version.is_empty()) {
            report.not_supported(&Path::ROOT.field("apiVersion"), version, &[known]);
        } else if !kind.is_empty() && !version.is_empty() {
            let message = format!("kind {kind:?} ({version}) is not supported yet");
            report.push(
                &Path::ROOT,
                ComplaintKind::UnsupportedKind,
                Severity::Error,
                message,
            );
        }
        self.take(node, report);
    }

    fn one(&mut self, node: &Node<'_>, kind: Kind) {
        let (object, faults) = Object::decode(kind, node);
        let wrong: Vec<String> = faults
            .iter()
            .filter(|fault| fault.kind == ComplaintKind::WrongType)
            .map(|fault| fault.path.clone())
            .collect();
        for fault in faults {
            self.fault(node, fault);
        }
        let Some(mut object) = object else { return };
        objects::anchor(&mut object, &self.source.base);
        let written = object.value();
        let mut report = Report::default();
        admit_any(&mut object, self.validate, &mut report);
        // A value of the wrong type was read as empty; what validation says about that would only confuse.
        report
            .found
            .retain(|complaint| !wrong.iter().any(|path| is_within(&complaint.path, path)));
        self.take(node, report);
        self.keep(object, written);
    }

    fn keep(&mut self, object: Object, written: serde_json::Value) {
        let base = self.source.base.clone();
        let found = &mut self.found;
        if let Object::Pod(object) = object {
            found.order.push(Place::Pod(found.pods.len()));
            found.pods.push(LoadedPod {
                object: *object,
                base,
                written,
            });
        } else {
            found.order.push(Place::Other(found.others.len()));
            found.others.push(LoadedObject {
                object,
                base,
                written,
            });
        }
    }

    fn fault(&mut self, node: &Node<'_>, fault: Fault) {
        let severity = match fault.kind {
            ComplaintKind::WrongType => Some(Severity::Error),
            _ => self.validate.severity(),
        };
        let Some(severity) = severity else { return };
        let Fault {
            line,
            path,
            kind,
            message,
        } = fault;
        let source = self.source.name.clone();
        self.complaints.push(Complaint {
            source,
            line: Some(line),
            object: name_of(node),
            path,
            kind,
            message,
            severity,
        });
    }

    /// Takes over the findings about an object, now that it is known where it stands.
    fn take(&mut self, node: &Node<'_>, report: Report) {
        for mut complaint in report.found {
            complaint.source.clone_from(&self.source.name);
            complaint.object = name_of(node);
            complaint.line = Some(node::line_of(node, &complaint.path));
            self.complaints.push(complaint);
        }
    }

    fn finish(self) -> Result<Loaded, Complaints> {
        let mut complaints = self.complaints;
        let mut told = HashSet::new();
        complaints.retain(|complaint| {
            told.insert((
                complaint.line,
                complaint.path.clone(),
                complaint.message.clone(),
            ))
        });
        complaints.sort_by_key(|complaint| complaint.line);
        let mut complaints = Complaints(complaints);
        let refused = complaints.has_errors();
        complaints.shorten();
        if refused {
            Err(complaints)
        } else {
            Ok(Loaded {
                warnings: complaints.0,
                ..self.found
            })
        }
    }
}

/// A kind of list.
enum Listed {
    Any,
    Of(Kind),
}

/// `List`, `PodList`, `ConfigMapList`.
fn listed(kind: &str) -> Option<Listed> {
    match kind.strip_suffix("List")? {
        "" => Some(Listed::Any),
        of => Kind::named(of)
            .filter(|kind| is_written(*kind))
            .map(Listed::Of),
    }
}

/// Whether people write objects of it: events are told by those who see them happen.
fn is_written(kind: Kind) -> bool {
    kind != Kind::Event
}

/// The version that a kind has here, or a list.
fn version_of(kind: &str) -> Option<&'static str> {
    let written = |kind: &Kind| is_written(*kind);
    match listed(kind) {
        Some(Listed::Any) => Some("v1"),
        Some(Listed::Of(kind)) => Some(kind.api_version()),
        None => Kind::named(kind).filter(written).map(Kind::api_version),
    }
}

/// `Pod "web"`
fn name_of(node: &Node<'_>) -> String {
    let kind = node.text("kind").unwrap_or("Pod");
    match node
        .get("metadata")
        .and_then(|metadata| metadata.text("name"))
    {
        Some(name) => format!("{kind} {name:?}"),
        None => kind.to_owned(),
    }
}

fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
