//! Which stored pods a verb is about: by file, by name, or by selector (`k8s.io/cli-runtime/pkg/resource/builder.go`).

use anyhow::{Error, anyhow};
use k8s_openapi::api::core::v1;

use super::documents::{self, Document, Files};
use super::fleet::Fleet;
use super::kinds::{self, Named};
use super::print::selector::{FieldSelector, LabelSelector};
use super::{Context, Failure, Strictness};

/// The flags that choose among the pods of a kind.
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
    /// Only the pods of the manifests that have these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
}

impl LabelFlag {
    pub fn filter(&self) -> Result<Filter, Failure> {
        let selectors = Selectors {
            selector: self.selector.clone(),
            ..Selectors::default()
        };
        selectors.filter()
    }
}

/// What was typed, as far as it names pods.
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
    Names(Vec<String>),
    Matching {
        /// None: all namespaces.
        namespace: Option<String>,
        filter: Filter,
    },
}

/// A pod that a verb is about. For one that is named there may be none.
#[derive(Clone, Debug)]
pub struct Target {
    pub namespace: String,
    pub name: String,
    /// The manifest that named it.
    pub document: Option<Document>,
}

impl Target {
    /// Adds which manifest it was about, when it was one.
    pub fn failure(&self, doing: &str, failure: Failure) -> Failure {
        match &self.document {
            Some(document) => document.failure(doing, failure),
            None => failure,
        }
    }
}

/// Label and field selectors together.
#[derive(Default)]
pub struct Filter {
    labels: Option<LabelSelector>,
    fields: Option<FieldSelector>,
}

impl Filter {
    pub fn matches(&self, pod: &v1::Pod) -> bool {
        self.labels
            .as_ref()
            .is_none_or(|labels| labels.matches(pod.metadata.labels.as_ref()))
            && self
                .fields
                .as_ref()
                .is_none_or(|fields| fields.matches(pod))
    }
}

impl Selectors {
    pub fn any(&self) -> bool {
        self.all || self.selector.is_some() || self.field_selector.is_some()
    }

    fn filter(&self) -> Result<Filter, Failure> {
        let labels = self.selector.as_deref().map(LabelSelector::parse);
        let fields = self.field_selector.as_deref().map(FieldSelector::parse);
        Ok(Filter {
            labels: labels.transpose().map_err(Failure::Machine)?,
            fields: fields.transpose().map_err(Failure::Machine)?,
        })
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
        let named = kinds::parse(self.args).map_err(Failure::Machine)?;
        if !self.files.is_empty() {
            refuse_beside_files(&named).map_err(Failure::Machine)?;
            return Ok(Meant::Documents);
        }
        let all_of_it = self.kind_is_enough && named == Named::Kind;
        if self.selectors.any() || all_of_it {
            refuse_beside_selectors(&named).map_err(Failure::Machine)?;
            let everywhere = self.selectors.all_namespaces;
            return Ok(Meant::Matching {
                namespace: (!everywhere).then(|| context.namespace().to_owned()),
                filter: self.selectors.filter()?,
            });
        }
        match named {
            Named::Names(_) | Named::Pairs(_) if self.selectors.all_namespaces => {
                let message = "a resource cannot be retrieved by name across all namespaces";
                Err(Failure::Machine(anyhow!(message)))
            }
            Named::Names(names) | Named::Pairs(names) => Ok(Meant::Names(names)),
            Named::Kind => Err(Failure::Machine(anyhow!(
                "resource(s) were provided, but no name was specified"
            ))),
            Named::Nothing => Err(Failure::Machine(anyhow!(MISSING))),
        }
    }

    /// The pods that were meant, each once. Those that are named need not be there.
    pub fn find(&self, context: &Context, fleet: &Fleet) -> Result<Found, Failure> {
        Ok(match self.meant(context)? {
            Meant::Documents => self.of_documents(context)?,
            Meant::Names(names) => {
                let target = |name| Target {
                    namespace: context.namespace().to_owned(),
                    name,
                    document: None,
                };
                Found::of(names.into_iter().map(target))
            }
            Meant::Matching { namespace, filter } => {
                let mut pods = fleet.list(namespace.as_deref())?;
                pods.retain(|pod| filter.matches(pod));
                Found::of(pods.into_iter().map(target_of))
            }
        })
    }

    fn of_documents(&self, context: &Context) -> Result<Found, Failure> {
        let filter = self.selectors.filter()?;
        // Only names are taken from it: fields that were refused when it was applied do no harm here.
        let mut read = documents::read(self.files, context, Strictness::Ignore)?;
        read.pods
            .retain(|document| filter.matches(&document.loaded.object));
        let mut found = Found::of(read.pods.into_iter().map(|document| Target {
            namespace: document.namespace.clone(),
            name: document.name.clone(),
            document: Some(document),
        }));
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
        Found {
            targets: targets
                .filter(|target| seen.insert((target.namespace.clone(), target.name.clone())))
                .collect(),
            failures: Vec::new(),
        }
    }
}

fn target_of(pod: v1::Pod) -> Target {
    Target {
        namespace: pod.metadata.namespace.unwrap_or_default(),
        name: pod.metadata.name.unwrap_or_default(),
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
    match named {
        Named::Nothing => Ok(()),
        Named::Kind => Err(anyhow!(
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        )),
        Named::Names(_) => Err(anyhow!("name cannot be provided when a path is specified")),
        Named::Pairs(_) => Err(anyhow!(
            "resource/name arguments cannot be provided when a path is specified"
        )),
    }
}

fn refuse_beside_selectors(named: &Named) -> Result<(), Error> {
    match named {
        Named::Kind => Ok(()),
        Named::Names(_) => Err(anyhow!(
            "name cannot be provided when a selector is specified"
        )),
        Named::Pairs(_) => Err(anyhow!(
            "selectors and the all flag cannot be used when passing resource/name arguments"
        )),
        Named::Nothing => Err(anyhow!(
            "at least one resource must be specified to use a selector"
        )),
    }
}
