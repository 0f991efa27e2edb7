//! What the verbs that read are asked for, and getting it: pods and events, by name or all that match.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Error, anyhow, bail};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::documents::{self, Files};
use super::print::selector::{FieldSelector, LabelSelector};
use super::{Context, Failure, Strictness};
use crate::node::{self, Store, StoreError};

/// The kinds there are, each with all its names (`kubectl api-resources`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pods,
    Events,
}

impl Kind {
    pub fn parse(name: &str) -> Result<Kind, Error> {
        match name.to_lowercase().as_str() {
            "pods" | "pod" | "po" | "pods.v1." | "pod.v1." => Ok(Kind::Pods),
            "events" | "event" | "ev" | "events.v1." | "event.v1." => Ok(Kind::Events),
            _ => Err(anyhow!("the server doesn't have a resource type {name:?}")),
        }
    }

    /// `pod`, as it stands before a name.
    pub fn singular(self) -> &'static str {
        match self {
            Kind::Pods => "pod",
            Kind::Events => "event",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Kind::Pods => "pods",
            Kind::Events => "events",
        }
    }
}

/// The objects of one kind that were asked for. No names: all that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub kind: Kind,
    pub names: Vec<String>,
    /// A manifest says where its pod is. None: where the user is.
    pub namespace: Option<String>,
}

/// What the arguments name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub asked: Vec<Asked>,
    /// More than one kind, or `all`: then names are printed with their kind.
    pub several_kinds: bool,
    /// Exactly one object was named: it is printed itself, and not in a list.
    pub single: bool,
}

/// `pods`, `pods web api`, `pod/web`, `pods,events`, `all` (`k8s.io/cli-runtime/pkg/resource/builder.go`).
pub fn parse(args: &[String]) -> Result<Wanted, Error> {
    let pairs = args.iter().filter(|arg| arg.contains('/')).count();
    if pairs > 0 && pairs < args.len() {
        bail!(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form \
             (e.g. 'wasmpod get resource/<resource_name>' instead of 'wasmpod get resource resource/<resource_name>'"
        );
    }
    if pairs > 0 {
        return in_pairs(args);
    }
    let Some((kinds, names)) = args.split_first() else {
        return Ok(Wanted::default());
    };
    let mut asked = Vec::new();
    for kind in kinds.split(',').filter(|kind| !kind.is_empty()) {
        let kind = match kind {
            "all" => Kind::Pods,
            kind => Kind::parse(kind)?,
        };
        asked.push(Asked {
            kind,
            names: names.to_vec(),
            namespace: None,
        });
    }
    Ok(Wanted {
        several_kinds: kinds == "all" || kinds.contains(','),
        single: asked.len() == 1 && names.len() == 1,
        asked,
    })
}

/// `pod/web event/x`
fn in_pairs(args: &[String]) -> Result<Wanted, Error> {
    let mut asked: Vec<Asked> = Vec::new();
    for arg in args {
        let (kind, name) = match arg.split('/').collect::<Vec<_>>()[..] {
            [kind, name] if !kind.is_empty() && !name.is_empty() => {
                (Kind::parse(kind)?, name.to_owned())
            }
            [_, _] => bail!("arguments in resource/name form must have a single resource and name"),
            _ => bail!("arguments in resource/name form may not have more than one slash"),
        };
        match asked.last_mut() {
            Some(last) if last.kind == kind => last.names.push(name),
            _ => asked.push(Asked {
                kind,
                names: vec![name],
                namespace: None,
            }),
        }
    }
    Ok(Wanted {
        several_kinds: asked.iter().any(|one| one.kind != asked[0].kind),
        single: args.len() == 1,
        asked,
    })
}

/// The pods of manifests, one by one.
pub fn in_files(files: &Files, context: &Context) -> Result<Wanted, Failure> {
    let mut read = documents::read(files, context, Strictness::Ignore)?;
    if let Some(failure) = read.failures.pop() {
        return Err(failure);
    }
    let asked = read.pods.into_iter().map(|document| Asked {
        kind: Kind::Pods,
        names: vec![document.name],
        namespace: Some(document.namespace),
    });
    let asked: Vec<Asked> = asked.collect();
    Ok(Wanted {
        several_kinds: false,
        single: asked.len() == 1,
        asked,
    })
}

/// Which objects of a kind are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    labels: Option<LabelSelector>,
    fields: Option<String>,
}

impl Filter {
    pub fn parse(labels: Option<&str>, fields: Option<&str>) -> Result<Filter, Error> {
        Ok(Filter {
            labels: labels.map(LabelSelector::parse).transpose()?,
            fields: fields.map(str::to_owned),
        })
    }

    fn chooses(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.labels
            .as_ref()
            .is_none_or(|selector| selector.matches(labels))
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_none() && self.fields.is_none()
    }
}

/// One object that was found.
#[derive(Clone, Debug)]
pub enum Object {
    Pod(Box<Pod>),
    Event(Box<Event>),
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Object::Pod(_) => Kind::Pods,
            Object::Event(_) => Kind::Events,
        }
    }

    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Object::Pod(pod) => &pod.metadata,
            Object::Event(event) => &event.metadata,
        }
    }

    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The object as a tree, as templates see it.
    pub fn value(&self) -> Value {
        let value = match self {
            Object::Pod(pod) => serde_json::to_value(pod),
            Object::Event(event) => serde_json::to_value(event),
        };
        // An object is made of texts, numbers, lists and maps with texts as keys: nothing that JSON does not have.
        value.unwrap_or_default()
    }
}

/// The store, seen from a namespace.
pub struct Reader {
    pub store: Store,
    machinery: Arc<dyn node::Machinery>,
    /// None: all of them.
    pub namespace: Option<String>,
}

impl Reader {
    pub fn new(context: &Context, all_namespaces: bool) -> Result<Reader, Failure> {
        Ok(Reader {
            store: Store::new(context.layout()),
            machinery: context.machinery()?,
            namespace: (!all_namespaces).then(|| context.namespace().to_owned()),
        })
    }

    /// All that match, by namespace and name. What a dead process has left is put in order first.
    pub fn list(&self, kind: Kind, filter: &Filter) -> Result<Vec<Object>, Failure> {
        match kind {
            Kind::Pods => {
                let fields = filter
                    .fields
                    .as_deref()
                    .map(FieldSelector::parse)
                    .transpose()?;
                let fits = |pod: &Pod| {
                    filter.chooses(pod.metadata.labels.as_ref())
                        && fields.as_ref().is_none_or(|fields| fields.matches(pod))
                };
                let sights = node::list(
                    &self.store,
                    self.machinery.as_ref(),
                    self.namespace.as_deref(),
                )?;
                let pods = sights.into_iter().map(|sight| sight.pod).filter(fits);
                Ok(pods.map(|pod| Object::Pod(Box::new(pod))).collect())
            }
            Kind::Events => {
                let fields = filter
                    .fields
                    .as_deref()
                    .map(FieldSelector::parse_for_events)
                    .transpose()?;
                let fits = |event: &Event| {
                    filter.chooses(event.metadata.labels.as_ref())
                        && fields
                            .as_ref()
                            .is_none_or(|fields| fields.matches_event(event))
                };
                let events = self
                    .store
                    .events(self.namespace.as_deref())?
                    .into_iter()
                    .filter(fits);
                Ok(events.map(|event| Object::Event(Box::new(event))).collect())
            }
        }
    }

    /// One object, where the user is or in another namespace.
    pub fn get(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Object, StoreError> {
        let namespace = namespace.or(self.namespace.as_deref()).unwrap_or_default();
        match kind {
            Kind::Pods => {
                let sight = node::get(&self.store, self.machinery.as_ref(), namespace, name)?;
                Ok(Object::Pod(Box::new(sight.pod)))
            }
            Kind::Events => {
                let events = self.store.events(Some(namespace))?;
                let found = events
                    .into_iter()
                    .find(|event| event.metadata.name.as_deref() == Some(name));
                found
                    .map(|event| Object::Event(Box::new(event)))
                    .ok_or(StoreError::NotFound {
                        kind: kind.plural(),
                        name: name.to_owned(),
                    })
            }
        }
    }

    /// `No resources found in default namespace.`
    pub fn nothing_found(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("No resources found in {namespace} namespace."),
            None => "No resources found".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Result<Wanted, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        parse(&words).map_err(|error| error.to_string())
    }

    fn asked(kind: Kind, names: &[&str]) -> Asked {
        Asked {
            kind,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            namespace: None,
        }
    }

    #[test]
    fn kinds_and_names_in_all_their_forms() {
        let cases = [
            ("po", vec![asked(Kind::Pods, &[])], false, false),
            (
                "Pods web api",
                vec![asked(Kind::Pods, &["web", "api"])],
                false,
                false,
            ),
            ("pod web", vec![asked(Kind::Pods, &["web"])], false, true),
            ("pod/web", vec![asked(Kind::Pods, &["web"])], false, true),
            (
                "pod/web po/api",
                vec![asked(Kind::Pods, &["web", "api"])],
                false,
                false,
            ),
            (
                "pod/web ev/x",
                vec![asked(Kind::Pods, &["web"]), asked(Kind::Events, &["x"])],
                true,
                false,
            ),
            (
                "po,ev",
                vec![asked(Kind::Pods, &[]), asked(Kind::Events, &[])],
                true,
                false,
            ),
            ("all", vec![asked(Kind::Pods, &[])], true, false),
        ];
        for (text, asked, several_kinds, single) in cases {
            let right = Wanted {
                asked,
                several_kinds,
                single,
            };
            assert_eq!(wanted(text), Ok(right), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(
            wanted("widgets"),
            Err("the server doesn't have a resource type \"widgets\"".to_owned())
        );
        assert!(wanted("pod pod/web").is_err());
        assert!(wanted("pod/a/b").is_err());
        assert!(wanted("pod/").is_err());
    }
}
