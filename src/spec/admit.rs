//! What an API server does with an object before it stores it: defaults, then validation. Beside that, what this version
//! would have to ignore is refused.

use k8s_openapi::api::core::v1;

use super::complaint::Severity;
use super::object::Object;
use super::report::Report;
use super::{default, objects, unsupported, validate};

/// How to take fields that are unknown, or that this version can not honour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validate {
    /// An error.
    #[default]
    Strict,
    /// A warning; the pod runs without them.
    Warn,
    /// Nothing is said; the pod runs without them.
    Ignore,
}

impl Validate {
    pub(super) fn severity(self) -> Option<Severity> {
        match self {
            Validate::Strict => Some(Severity::Error),
            Validate::Warn => Some(Severity::Warning),
            Validate::Ignore => None,
        }
    }
}

pub(super) fn admit(pod: &mut v1::Pod, validate: Validate, report: &mut Report) {
    default::defaults(pod);
    validate::pod(pod, report);
    if let Some(severity) = validate.severity() {
        unsupported::pod(pod, severity, report);
    }
}

/// The same for an object of any kind.
pub(super) fn admit_any(object: &mut Object, validate: Validate, report: &mut Report) {
    if let Object::Pod(pod) = object {
        return admit(pod, validate, report);
    }
    objects::defaults(object);
    objects::validate(object, report);
    if let Some(severity) = validate.severity() {
        objects::unsupported(object, severity, report);
    }
}
