//! Defaults and validation of the objects around pods (`pkg/apis/core/v1/defaults.go`,
//! `pkg/apis/core/validation/validation.go`), in the API server's words.

use super::complaint::{Complaints, Severity};
use super::object::Object;
use super::report::Report;

/// What Kubernetes fills in. Doing it twice changes nothing.
pub(super) fn defaults(object: &mut Object) {
    let _ = object;
}

/// What the API server checks before it accepts an object. Expects a defaulted one.
pub(super) fn validate(object: &Object, report: &mut Report) {
    let _ = (object, report);
}

/// What this version would have to ignore.
pub(super) fn unsupported(object: &Object, severity: Severity, report: &mut Report) {
    let _ = (object, severity, report);
}

/// All that is wrong with an object.
///
/// # Errors
/// Everything wrong at once.
pub fn validate_object(object: &Object) -> Result<(), Complaints> {
    let mut report = Report::default();
    validate(object, &mut report);
    finish(object, report)
}

/// Whether an object that exists may become another one. The new one is validated by whoever admits it.
///
/// # Errors
/// Every change that is forbidden.
pub fn validate_update(old: &Object, new: &Object) -> Result<(), Complaints> {
    let _ = old;
    finish(new, Report::default())
}

fn finish(object: &Object, report: Report) -> Result<(), Complaints> {
    if report.found.is_empty() {
        Ok(())
    } else {
        Err(super::complaints_about_any(
            object.kind(),
            object.metadata(),
            report,
        ))
    }
}
