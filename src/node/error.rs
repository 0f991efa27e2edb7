//! Why the store said no, in the words of the API server (`apimachinery/pkg/api/errors/errors.go`).

use std::io;
use std::path::{Path, PathBuf};

/// What `kubectl` prints after `Error from server (REASON): `.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{kind} {name:?} not found")]
    NotFound { kind: &'static str, name: String },
    /// `deleting`: the one that is in the way is on its way out.
    #[error("{}{kind} {name:?} already exists", if *deleting { "object is being deleted: " } else { "" })]
    AlreadyExists {
        kind: &'static str,
        name: String,
        deleting: bool,
    },
    #[error("Operation cannot be fulfilled on {kind} {name:?}: {message}")]
    Conflict {
        kind: &'static str,
        name: String,
        message: String,
    },
    #[error("{kind} {name:?} is forbidden: {message}")]
    Forbidden {
        kind: &'static str,
        name: String,
        message: String,
    },
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// `kind` is the singular here, as in `Pod "web" is invalid`.
    #[error("{kind} {name:?} is invalid: {message}")]
    Invalid {
        kind: &'static str,
        name: String,
        message: String,
    },
    /// A file of ours that cannot be understood: cut short, or touched by somebody else.
    #[error("{}: {message}", path.display())]
    Corrupt { path: PathBuf, message: String },
    #[error("{doing} {}: {source}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The pod process did not do as it was told.
    #[error("{0}")]
    Process(String),
}

/// The object was changed by somebody else since it was read.
pub(super) const STALE: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

impl StoreError {
    /// One word, the `reason` of an API status.
    pub fn reason(&self) -> &'static str {
        match self {
            StoreError::NotFound { .. } => "NotFound",
            StoreError::AlreadyExists { .. } => "AlreadyExists",
            StoreError::Conflict { .. } => "Conflict",
            StoreError::Forbidden { .. } => "Forbidden",
            StoreError::MethodNotAllowed => "MethodNotAllowed",
            StoreError::Invalid { .. } => "Invalid",
            StoreError::Corrupt { .. } | StoreError::Io { .. } | StoreError::Process(_) => {
                "InternalError"
            }
        }
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, StoreError::NotFound { .. })
    }

    pub(super) fn is_no_room(&self) -> bool {
        matches!(
            self.io_kind(),
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        )
    }

    pub(super) fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            StoreError::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    pub(super) fn not_found(kind: &'static str, name: &str) -> StoreError {
        StoreError::NotFound {
            kind,
            name: name.to_owned(),
        }
    }
}

/// Makes an error of the machine tell what was being done to what.
pub(super) fn doing(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_the_api_server_writes_them() {
        let exists = |deleting| StoreError::AlreadyExists {
            kind: "pods",
            name: "web".to_owned(),
            deleting,
        };
        assert_eq!(
            StoreError::not_found("pods", "web").to_string(),
            "pods \"web\" not found"
        );
        assert_eq!(exists(false).to_string(), "pods \"web\" already exists");
        assert_eq!(
            exists(true).to_string(),
            "object is being deleted: pods \"web\" already exists"
        );
    }
}
