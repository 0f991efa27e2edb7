//! Objects on their way into the store: what a manifest becomes there, and what it makes of an object that is there.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::core::v1;
use serde_json::{Map, Value};

use super::Failure;
use super::documents::Document;
use crate::node::{PID_ANNOTATION, Store, StoreError, admit_like};
use crate::spec::{self, Complaints, Object, Validate};

/// Where `apply` remembers what it was given last (`k8s.io/api/core/v1/annotation_key_constants.go`).
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether the manifest is remembered in the object, so that a later `apply` knows what it had said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    Yes,
    No,
}

/// The object of a manifest as it will be stored, checked as far as that is possible without starting it.
pub fn object(document: &Document, remember: Remember) -> Result<Object, Failure> {
    let mut object = document.object.clone();
    let metadata = object.metadata_mut();
    // The store gives these; a manifest that was once printed by `get` still carries those of another object.
    metadata.uid = None;
    metadata.creation_timestamp = None;
    metadata.resource_version = None;
    note(&mut object, document, remember);
    let Object::Pod(pod) = &mut object else {
        return Ok(object);
    };
    pod.status = None;
    spec::anchor(pod, &document.base);
    resolvable(pod).map_err(|complaints| invalid(&document.object, &complaints))?;
    Ok(object)
}

/// The object as it was written, in its namespace.
pub fn written(document: &Document, remember: Remember) -> Result<Object, Failure> {
    let mut object = Object::from_value(document.kind(), document.written.clone())
        .context("could not read the object")?;
    note(&mut object, document, remember);
    Ok(object)
}

/// Takes away the annotation that no object has in the store, and adds the one that remembers the manifest.
fn note(object: &mut Object, document: &Document, remember: Remember) {
    if let Some(annotations) = &mut object.metadata_mut().annotations {
        annotations.remove(PID_ANNOTATION);
    }
    if remember == Remember::Yes {
        self::remember(object, &document.written);
    }
}

/// What the pod's process would refuse is refused here, before anything is stored.
fn resolvable(pod: &v1::Pod) -> Result<(), Complaints> {
    // Neither uid nor time nor folder is shown to anybody, and the paths are absolute by now.
    let time = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    let uid = uuid::Uuid::nil().to_string();
    spec::resolve(pod.clone(), Path::new("/"), uid, time).map(|_| ())
}

/// The manifest as text, without what it remembers itself (`kubectl/pkg/util/apply.go`, `GetModifiedConfiguration`).
fn remembered(written: &Value) -> String {
    let mut written = written.clone();
    if let Some(object) = written.as_object_mut() {
        object.remove("status");
    }
    annotations_of(&mut written).remove(LAST_APPLIED);
    annotations_of(&mut written).remove(PID_ANNOTATION);
    format!("{written}\n")
}

fn annotations_of(object: &mut Value) -> &mut Map<String, Value> {
    let annotations = &mut object["metadata"]["annotations"];
    if !annotations.is_object() {
        *annotations = Value::Object(Map::new());
    }
    match annotations {
        Value::Object(annotations) => annotations,
        _ => unreachable!("it was just made an object"),
    }
}

/// Adds the annotation that remembers what the user wrote.
pub fn remember(object: &mut Object, written: &Value) {
    object
        .metadata_mut()
        .annotations
        .get_or_insert_default()
        .insert(LAST_APPLIED.to_owned(), remembered(written));
}

/// What the manifest makes of the object that is there: a merge of what was applied before, what is and what is said now.
pub fn merged(store: &Store, document: &Document, live: &Object) -> Result<Object, Failure> {
    let (kind, name) = (document.kind(), &document.name);
    let mut new = document.written.clone();
    if let Some(object) = new.as_object_mut() {
        object.remove("status");
    }
    let text = remembered(&document.written);
    let annotations = annotations_of(&mut new);
    annotations.remove(PID_ANNOTATION);
    annotations.insert(LAST_APPLIED.to_owned(), text.into());
    let last = last_applied(live)?;
    let merged = spec::patch::three_way(last.as_ref(), &live.value(), &new);
    let merged = Object::from_value(kind, merged).map_err(|error| {
        let kind = kind.qualified_plural();
        Failure::Machine(anyhow!("{kind} {name:?} cannot be merged: {error}"))
    })?;
    let merged = admitted_again(store, merged, live)?;
    admitted(merged, live, &document.base).map_err(|complaints| invalid(live, &complaints))
}

/// A pod gets again what its admission adds, or it could not become the same one: most of it cannot be changed.
fn admitted_again(store: &Store, new: Object, live: &Object) -> Result<Object, Failure> {
    match (new, live) {
        (Object::Pod(mut new), Object::Pod(live)) => {
            new.status = None;
            // Defaults first: what is the same is only seen to be so with them. That it is not valid is said later.
            let new = match spec::admit_object((*new).clone(), Validate::Ignore) {
                Ok((new, _)) => new,
                Err(_) => return Ok(Object::Pod(new)),
            };
            Ok(admit_like(store, live, new)?.pod.into())
        }
        (new, _) => Ok(new),
    }
}

/// What the manifest says, in the place of what is there.
pub fn replaced(
    store: &Store,
    document: &Document,
    live: &Object,
    remember: Remember,
) -> Result<Object, Failure> {
    let mut new = document.object.clone();
    note(&mut new, document, remember);
    let new = admitted_again(store, new, live)?;
    admitted(new, live, &document.base).map_err(|complaints| invalid(live, &complaints))
}

/// The new object with defaults, if it is valid and the one that is there may become it.
pub fn admitted(new: Object, live: &Object, base: &Path) -> Result<Object, Complaints> {
    // What cannot be honoured was complained of when it was read, or was there before.
    let (mut new, _) = spec::admit_any(new, Validate::Ignore)?;
    match (&mut new, live) {
        (Object::Pod(new), Object::Pod(live)) => {
            spec::anchor(new, base);
            let bound = live.spec.as_ref().and_then(|spec| spec.node_name.clone());
            let spec = new.spec.get_or_insert_default();
            spec.node_name = spec.node_name.take().or(bound);
            spec::update::check(live, new)?;
        }
        (new, live) => spec::validate_update(live, new)?,
    }
    Ok(new)
}

/// How often a change is tried again when the object changed under it (`kubectl/pkg/cmd/apply/patcher.go`, `maxPatchRetry`).
pub const TRIES: u32 = 5;

/// Makes a change from a fresh reading until nobody else has been faster, within reason.
pub fn retry<T, E: From<Failure>>(change: impl Fn() -> Result<T, Change<E>>) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match change() {
            Ok(done) => return Ok(done),
            Err(Change::Conflict(_)) if tries < TRIES => tries += 1,
            Err(Change::Conflict(conflict)) => return Err(Failure::from(conflict).into()),
            Err(Change::Failed(failure)) => return Err(failure),
        }
    }
}

/// Why a change was not made.
pub enum Change<E> {
    /// Somebody else has changed the object since it was read.
    Conflict(StoreError),
    Failed(E),
}

impl<E: From<Failure>> From<StoreError> for Change<E> {
    fn from(error: StoreError) -> Change<E> {
        match error {
            StoreError::Conflict { .. } => Change::Conflict(error),
            other => Change::Failed(Failure::from(other).into()),
        }
    }
}

impl<E: From<Failure>> From<Failure> for Change<E> {
    fn from(failure: Failure) -> Change<E> {
        Change::Failed(failure.into())
    }
}

/// What `apply` was given last for this object; none was.
pub fn last_applied(live: &Object) -> Result<Option<Value>, Failure> {
    let annotations = live.metadata().annotations.as_ref();
    let Some(text) = annotations.and_then(|annotations| annotations.get(LAST_APPLIED)) else {
        return Ok(None);
    };
    let read = serde_json::from_str(text);
    Ok(Some(read.with_context(|| {
        format!("the annotation {LAST_APPLIED} cannot be read")
    })?))
}

/// The API server's answer to an object that is wrong, as kubectl prints it (`kubectl/pkg/cmd/util/helpers.go`).
pub fn invalid(object: &Object, complaints: &Complaints) -> Failure {
    let (kind, name) = (object.kind().kind(), object.name());
    Failure::Plain(match &sentences(complaints)[..] {
        [one] => format!("The {kind} {name:?} is invalid: {one}"),
        many => format!("The {kind} {name:?} is invalid: \n* {}", many.join("\n* ")),
    })
}

/// Each complaint without the place in a manifest, which none of these has.
pub fn sentences(complaints: &Complaints) -> Vec<String> {
    let sentence = |complaint: &spec::Complaint| match complaint.path.as_str() {
        "" => complaint.message.clone(),
        path => format!("{path}: {}", complaint.message),
    };
    complaints.iter().map(sentence).collect()
}
