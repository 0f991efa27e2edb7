//! The objects of the manifests that `-f` names.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::Value;

use super::{Context, Failure, Strictness, manifest};
use crate::spec::{self, Complaints, Kind, Loaded, LoadedObject, Object, Place, Source};

/// `-f` and `-R`.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Files {
    /// A manifest, a directory of them, or - for standard input; may be given several times.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub names: Vec<PathBuf>,

    /// Take the manifests of directories within the directories of -f, too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
}

impl Files {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// For the verbs that can do nothing without one.
    pub fn require(&self) -> Result<(), Failure> {
        if self.is_empty() {
            return Err(Failure::Machine(anyhow!("must specify one of -f and -k")));
        }
        Ok(())
    }
}

/// One object of a manifest, and where it is to live.
#[derive(Clone, Debug)]
pub struct Document {
    /// Empty for what is in no namespace.
    pub namespace: String,
    /// Empty when there is only a `generateName`.
    pub name: String,
    /// The manifest as messages name it: its path, or `STDIN`.
    pub source: String,
    /// Defaulted and valid.
    pub object: Object,
    /// The folder against which `./app.wasm` is resolved.
    pub base: PathBuf,
    /// As it was written: what `apply` merges and remembers.
    pub written: Value,
}

impl Document {
    pub fn kind(&self) -> Kind {
        self.object.kind()
    }

    /// `error when creating "pod.yaml": ` before what went wrong, as kubectl says it.
    pub fn failure(&self, doing: &str, failure: Failure) -> Failure {
        failure.when(doing, &self.source)
    }
}

/// What came of reading: a manifest that is wrong does not keep the others from being used.
#[derive(Debug, Default)]
pub struct Documents {
    pub all: Vec<Document>,
    pub failures: Vec<Failure>,
}

impl Documents {
    /// Refuses to do nothing: `no objects passed to apply`.
    pub fn require_some(&self, verb: &str) -> Result<(), Failure> {
        if self.all.is_empty() && self.failures.is_empty() {
            return Err(Failure::Machine(anyhow!("no objects passed to {verb}")));
        }
        Ok(())
    }
}

/// Reads everything that was named, in the order in which it was. A name without anything behind it is a mistake that is
/// found before anything is done.
pub fn read(
    files: &Files,
    context: &Context,
    strictness: Strictness,
) -> Result<Documents, Failure> {
    let mut found = Documents::default();
    for name in &files.names {
        sources(name, files.recursive)?
            .iter()
            .for_each(|source| found.take(source, context, strictness));
    }
    Ok(found)
}

fn sources(name: &Path, recursive: bool) -> Result<Vec<Source>, Failure> {
    let shown = name.display().to_string();
    if shown.starts_with("http://") || shown.starts_with("https://") {
        let reason = "manifests are read from files and standard input only";
        return Err(Failure::Machine(anyhow!("{shown}: {reason}")));
    }
    if name != Path::new("-") && !name.exists() {
        return Err(Failure::Machine(anyhow!(
            "the path {shown:?} does not exist"
        )));
    }
    let sources = manifest::read_below(name, recursive).map_err(Failure::of_the_machine)?;
    if sources.is_empty() {
        return Err(Failure::Machine(anyhow!(
            "error reading [{shown}]: recognized file extensions are [.json .yaml .yml]"
        )));
    }
    Ok(sources)
}

impl Documents {
    fn take(&mut self, source: &Source, context: &Context, strictness: Strictness) {
        if says_nothing(&source.text) {
            return;
        }
        let mut loaded = match spec::load(source, strictness.into()) {
            Ok(loaded) => loaded,
            Err(complaints) => return self.failures.push(Failure::Rejected(complaints)),
        };
        Complaints(std::mem::take(&mut loaded.warnings))
            .iter()
            .for_each(|warning| eprintln!("Warning: {warning}"));
        for loaded in in_order(loaded) {
            match document(source, loaded, context) {
                Ok(document) => self.all.push(document),
                Err(failure) => self.failures.push(failure),
            }
        }
    }
}

/// The documents of a manifest, as they stand in it.
pub fn in_order(loaded: Loaded) -> Vec<LoadedObject> {
    let pods = loaded.pods.into_iter().map(|pod| LoadedObject {
        object: pod.object.into(),
        base: pod.base,
        written: pod.written,
    });
    let (mut pods, mut others) = (pods, loaded.others.into_iter());
    let next = |place| match place {
        Place::Pod(_) => pods.next(),
        Place::Other(_) => others.next(),
    };
    loaded.order.into_iter().filter_map(next).collect()
}

/// Whether there are but comments and the marks between documents: a manifest without an object is passed over.
fn says_nothing(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').all(|line| {
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#") || line == b"---" || line == b"..."
    })
}

fn document(source: &Source, loaded: LoadedObject, context: &Context) -> Result<Document, Failure> {
    let LoadedObject {
        mut object,
        base,
        mut written,
    } = loaded;
    let mut namespace = String::new();
    if object.kind().namespaced() {
        // As it was written: the one that is filled in is nobody's wish.
        let wish = written
            .pointer("/metadata/namespace")
            .and_then(Value::as_str);
        namespace = self::namespace(wish, context)?;
        object.metadata_mut().namespace = Some(namespace.clone());
        written["metadata"]["namespace"] = namespace.clone().into();
    } else {
        // The API server passes over it, too (`apiserver/pkg/registry/rest/create.go`, `EnsureObjectNamespaceMatchesRequestNamespace`).
        object.metadata_mut().namespace = None;
        if let Some(metadata) = written["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
    }
    let name = object.name().to_owned();
    let source = match source.name.as_str() {
        "<stdin>" => "STDIN".to_owned(),
        name => name.to_owned(),
    };
    Ok(Document {
        namespace,
        name,
        source,
        object,
        base,
        written,
    })
}

/// The manifest's own namespace, else the user's; both, and different, is refused
/// (`cli-runtime/pkg/resource/visitor.go`, `RequireNamespace`).
fn namespace(written: Option<&str>, context: &Context) -> Result<String, Failure> {
    match (written.unwrap_or_default(), &context.told_namespace) {
        ("", _) => Ok(context.namespace().to_owned()),
        (written, Some(told)) if written != told => Err(Failure::Machine(anyhow!(
            "the namespace from the provided object {written:?} does not match the namespace {told:?}. \
             You must pass '--namespace={written}' to perform this operation."
        ))),
        (written, _) => Ok(written.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_marks_say_nothing() {
        assert!(says_nothing(b""));
        assert!(says_nothing(b"# a: b\n---\n  \n...\n"));
        assert!(!says_nothing(b"---\na: b\n"));
    }

    #[test]
    fn the_namespace_of_the_manifest_is_its_own_unless_it_contradicts() {
        let context = |told: Option<&str>| Context {
            dirs: crate::pod::Dirs::under(Path::new("/x")),
            told_namespace: told.map(str::to_owned),
            key: None,
        };
        let of = |written, told| namespace(written, &context(told)).ok();
        assert_eq!(of(None, None).as_deref(), Some("default"));
        assert_eq!(of(None, Some("a")).as_deref(), Some("a"));
        assert_eq!(of(Some("b"), None).as_deref(), Some("b"));
        assert_eq!(of(Some("b"), Some("b")).as_deref(), Some("b"));
        assert_eq!(of(Some("b"), Some("a")), None);
    }
}
