//! Which stored objects a verb is about: by file, by name, or by selector (`k8s.io/cli-runtime/pkg/resource/builder.go`).

use anyhow::{Error, anyhow};

use super::documents::{self, Document, Files};
use super::named::{self, Asked, Form, Named};
use super::reader::{Filter, Reader};
use super::{Context, Failure, Strictness};
use crate::spec::{Kind, Object};

/// The flags that choose among the objects of a kind.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Selectors {
    /// Only those with these labels: a=b, a!=b, a in (b,c), a notin (b,c), a, !a; several with commas.
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,

    /// Only those with these fields: metadata.name=web, status.phase!=Running; several with commas.
    #[arg(long, value_name = "FIELDS")]
    pub field_selector: Option<String>,

    /// All of the namespace.
    #[arg(long)]
    pub all: bool,

    /// In every namespace.
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
}

/// `-l` alone, for the verbs that take manifests.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct LabelFlag {
    /// Only the objects of the manifests that have these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
}

impl LabelFlag {
    pub fn filter(&self) -> Result<Filter, Failure> {
        Filter::parse(self.selector.as_deref(), None).map_err(Failure::Machine)
    }
}

/// What was typed, as far as it names objects.
pub struct Wish<'a> {
    pub files: &'a Files,
    pub args: &'a [String],
    pub selectors: &'a Selectors,
    /// Whether a kind without a name and without a selector means all of it.
    pub kind_is_enough: bool,
}

/// What was meant.
pub enum Meant {
    Documents,
    Names(Vec<Asked>),
    Matching {
        kinds: Vec<Kind>,
        /// None: all namespaces.
        namespace: Option<String>,
        filter: Filter,
    },
}

/// An object that a verb is about. For one that is named there may be none.
#[derive(Clone, Debug)]
pub struct Target {
    pub kind: Kind,
    /// Empty for what is in no namespace.
    pub namespace: String,
    pub name: String,
    /// The manifest that named it.
    pub document: Option<Document>,
}

impl Target {
    pub fn of(document: &Document) -> Target {
        Target {
            kind: document.kind(),
            namespace: document.namespace.clone(),
            name: document.name.clone(),
            document: Some(document.clone()),
        }
    }

    /// Adds which manifest it was about, when it was one.
    pub fn failure(&self, doing: &str, failure: Failure) -> Failure {
        match &self.document {
            Some(document) => document.failure(doing, failure),
            None => failure,
        }
    }

    /// `pod/web`
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind.qualified_singular(), self.name)
    }

    /// `pod "web" deleted from default namespace`, `namespace "team" deleted`
    pub fn deleted(&self, operation: &str) -> String {
        let (kind, name) = (self.kind.qualified_singular(), &self.name);
        if self.kind.namespaced() {
            format!(
                "{kind} {name:?} {operation} from {} namespace",
                self.namespace
            )
        } else {
            format!("{kind} {name:?} {operation}")
        }
    }
}

impl Selectors {
    pub fn any(&self) -> bool {
        self.all || self.selector.is_some() || self.field_selector.is_some()
    }

    pub fn filter(&self) -> Result<Filter, Failure> {
        let (labels, fields) = (self.selector.as_deref(), self.field_selector.as_deref());
        Filter::parse(labels, fields).map_err(Failure::Machine)
    }

    /// `--all` beside another selector contradicts itself.
    pub fn check(&self) -> Result<(), Failure> {
        for (flag, given) in [
            ("--selector", &self.selector),
            ("--field-selector", &self.field_selector),
        ] {
            if self.all && given.is_some() {
                let message = anyhow!("cannot set --all and {flag} at the same time");
                return Err(Failure::Machine(message));
            }
        }
        Ok(())
    }
}

impl Wish<'_> {
    /// What was meant, or why it cannot be meant.
    pub fn meant(&self, context: &Context) -> Result<Meant, Failure> {
        let named = named::parse(self.args).map_err(Failure::Machine)?;
        if !self.files.is_empty() {
            refuse_beside_files(&named).map_err(Failure::Machine)?;
            return Ok(Meant::Documents);
        }
        let all_of_it = self.kind_is_enough && named.form == Form::Kinds;
        if self.selectors.any() || all_of_it {
            refuse_beside_selectors(&named).map_err(Failure::Machine)?;
            let everywhere = self.selectors.all_namespaces;
            return Ok(Meant::Matching {
                kinds: named.asked.iter().map(|asked| asked.kind).collect(),
                namespace: (!everywhere).then(|| context.namespace().to_owned()),
                filter: self.selectors.filter()?,
            });
        }
        match named.form {
            Form::Names | Form::Pairs if self.selectors.all_namespaces => {
                let message = "a resource cannot be retrieved by name across all namespaces";
                Err(Failure::Machine(anyhow!(message)))
            }
            Form::Names | Form::Pairs => Ok(Meant::Names(named.asked)),
            Form::Kinds => Err(Failure::Machine(anyhow!(
                "resource(s) were provided, but no name was specified"
            ))),
            Form::Nothing => Err(Failure::Machine(anyhow!(MISSING))),
        }
    }

    /// The kinds that may be meant, before anything is looked up: manifests may name any.
    pub fn kinds(&self, context: &Context) -> Result<Vec<Kind>, Failure> {
        Ok(match self.meant(context)? {
            Meant::Documents => Kind::ALL.to_vec(),
            Meant::Names(asked) => asked.iter().map(|asked| asked.kind).collect(),
            Meant::Matching { kinds, .. } => kinds,
        })
    }

    /// The objects that were meant, each once. Those that are named need not be there.
    pub fn find(&self, context: &Context, reader: &Reader) -> Result<Found, Failure> {
        Ok(match self.meant(context)? {
            Meant::Documents => self.of_documents(context)?,
            Meant::Names(asked) => Found::of(asked.into_iter().flat_map(|asked| {
                let Asked { kind, names, .. } = asked;
                names.into_iter().map(move |name| Target {
                    kind,
                    namespace: context.namespace_of(kind).to_owned(),
                    name,
                    document: None,
                })
            })),
            Meant::Matching {
                kinds,
                namespace,
                filter,
            } => {
                let mut all = Vec::new();
                for kind in kinds {
                    all.extend(reader.list(kind, namespace.as_deref(), &filter)?);
                }
                Found::of(all.iter().map(target_of))
            }
        })
    }

    fn of_documents(&self, context: &Context) -> Result<Found, Failure> {
        let filter = self.selectors.filter()?;
        // Only names are taken from it: fields that were refused when it was applied do no harm here.
        let mut read = documents::read(self.files, context, Strictness::Ignore)?;
        read.all.retain(|document| filter.matches(&document.object));
        let mut found = Found::of(read.all.iter().map(Target::of));
        found.failures = read.failures;
        Ok(found)
    }
}

/// What was found of what was meant.
#[derive(Debug, Default)]
pub struct Found {
    pub targets: Vec<Target>,
    /// What is wrong with manifests.
    pub failures: Vec<Failure>,
}

impl Found {
    fn of(targets: impl Iterator<Item = Target>) -> Found {
        let mut seen = std::collections::HashSet::new();
        let mut new = |target: &Target| {
            let Target {
                kind,
                namespace,
                name,
                ..
            } = target;
            seen.insert((*kind, namespace.clone(), name.clone()))
        };
        Found {
            targets: targets.filter(|target| new(target)).collect(),
            failures: Vec::new(),
        }
    }
}

fn target_of(object: &Object) -> Target {
    Target {
        kind: object.kind(),
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
        document: None,
    }
}

const MISSING: &str = "You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'";

fn refuse_beside_files(named: &Named) -> Result<(), Error> {
    match named.form {
        Form::Nothing => Ok(()),
        Form::Kinds => Err(anyhow!(
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        )),
        Form::Names => Err(anyhow!("name cannot be provided when a path is specified")),
        Form::Pairs => Err(anyhow!(
            "resource/name arguments cannot be provided when a path is specified"
        )),
    }
}

fn refuse_beside_selectors(named: &Named) -> Result<(), Error> {
    match named.form {
        Form::Kinds => Ok(()),
        Form::Names => Err(anyhow!(
            "name cannot be provided when a selector is specified"
        )),
        Form::Pairs => Err(anyhow!(
            "selectors and the all flag cannot be used when passing resource/name arguments"
        )),
        Form::Nothing => Err(anyhow!(
            "at least one resource must be specified to use a selector"
        )),
    }
}
