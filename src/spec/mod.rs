//! WHAT WAS WRITTEN: from the text of a manifest to the pod that is planned and run.
//!
//! ```text
//! bytes ── yaml, json ──> Node trees with lines ── decode ──> v1::Pod ── default, validate, unsupported ──> resolve ──> pod::Pod
//! ```
//!
//! * [`load`] reads a manifest and complains about everything that is wrong with it at once, in kubectl's words, each
//!   complaint with its field and its line.
//! * [`admit_object`] does the same for an object that a program has made.
//! * [`resolve`] makes the [`pod::Pod`] of it, without anything optional left to guess about.
//! * [`compose`] says at each start of a container what it is started with, and [`project`] what a volume holds that is made of
//!   objects: both against a [`Lookup`] of what there is around the pod, and [`Facts`] of where it runs.
//! * [`anchor`] makes an object independent of the folder it was written in, [`patch`] merges what is applied into what is
//!   stored, [`update`] says whether a pod that exists may become another one.
//! * [`pod_for_program`] is the pod of `wasmpod run app.wasm`.
//! * [`argv`] is Kubernetes' table of command and args against an image's entrypoint and cmd.
//!
//! Absent from this room: clock, files, environment, network, processes, threads, tokio, wasmtime. Whoever calls it has
//! read the file, knows the time and has drawn the uid. Rules that come from Kubernetes name the file they come from.
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this room is pure: it can be tested by tables, and its answers depend on nothing but its arguments"
)]

pub mod admission;
mod admit;
mod anchor;
pub mod annotation;
mod argv;
mod base64;
mod bind;
mod complaint;
mod compose;
mod decode;
mod default;
pub mod dns;
mod downward;
mod environment;
mod ephemeral;
mod expand;
mod facts;
mod fieldpath;
mod gotext;
mod guestpath;
pub mod hostname;
mod image;
mod json;
mod kind;
mod load;
mod loaded;
mod names;
mod node;
mod object;
mod objects;
pub mod patch;
pub mod pod;
mod preset;
mod program;
mod project;
pub mod qos;
mod quantity;
mod report;
mod resolve;
mod scalar;
pub mod selector;
mod taints;
mod unsupported;
pub mod update;
mod validate;
mod yaml;

#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use admit::Validate;
pub use anchor::anchor;
pub use argv::argv;
pub use bind::bind;
pub use complaint::{Complaint, ComplaintKind, Complaints, Severity};
pub use compose::{Composed, MAX_ENV_FILE, compose};
pub use facts::{Allocatable, Facts, Lookup, Nothing, TokenWish};
pub use image::{Reference, ReferenceError};
pub use kind::Kind;
pub use load::{MAX_MANIFEST, load};
pub use loaded::{Loaded, LoadedObject, LoadedPod, Place, Source};
pub use names::config_key as wrong_config_key;
pub use object::{Object, Typed};
pub use objects::{validate_object, validate_update};
pub use preset::{PodPreset, PodPresetSpec};
pub use program::{Program, pod_for_program};
pub use project::{Payload, PayloadFile, project};
pub use quantity::{Format, Quantity, QuantityError};
pub use resolve::resolve;
pub use taints::TaintChange;

use report::Report;

/// Defaults and validates an object that was not loaded from text. Gives it back with the warnings.
pub fn admit_object(
    object: v1::Pod,
    validate: Validate,
) -> Result<(v1::Pod, Vec<Complaint>), Complaints> {
    let (object, warnings) = admit_any(object.into(), validate)?;
    // It went in as a pod.
    Ok((v1::Pod::of_object(object).unwrap_or_default(), warnings))
}

/// The same for an object of any kind.
pub fn admit_any(
    mut object: Object,
    validate: Validate,
) -> Result<(Object, Vec<Complaint>), Complaints> {
    let mut report = Report::default();
    admit::admit_any(&mut object, validate, &mut report);
    let complaints = complaints_about_any(object.kind(), object.metadata(), report);
    if complaints.has_errors() {
        Err(complaints)
    } else {
        Ok((object, complaints.0))
    }
}

fn complaints_about(object: &v1::Pod, report: Report) -> Complaints {
    complaints_about_any(Kind::Pod, &object.metadata, report)
}

fn complaints_about_any(kind: Kind, metadata: &ObjectMeta, report: Report) -> Complaints {
    let name = match &metadata.name {
        Some(name) => format!("{} {name:?}", kind.kind()),
        None => kind.kind().to_owned(),
    };
    let mut complaints = report.found;
    complaints
        .iter_mut()
        .for_each(|complaint| complaint.object.clone_from(&name));
    let mut complaints = Complaints(complaints);
    complaints.shorten();
    complaints
}
