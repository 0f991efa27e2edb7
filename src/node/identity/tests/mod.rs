//! The room of identity on folders of its own.

mod ask;
mod files;
mod objects;
mod review;
mod token;

pub use files::play;

use std::path::Path;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{Bound, Identity, Named, TokenRequest};
use crate::node::tests::layout;

/// A second at which nothing else happens.
const NOW: i64 = 1_700_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn identity(root: &Path) -> Identity {
    Identity::open(&layout(root))
}

/// For the account `default/app`, for ten minutes, bound to nothing else.
pub fn request() -> TokenRequest {
    TokenRequest {
        namespace: "default".to_owned(),
        account: Named::new("app", "sa-1"),
        audiences: Vec::new(),
        lifetime: Duration::from_secs(600),
        bound: Bound::Account,
    }
}

/// The same, of the pod `web` on the node `here`.
fn of_pod() -> TokenRequest {
    TokenRequest {
        bound: Bound::Pod {
            pod: Named::new("web", "pod-1"),
            node: Some(Named::new("here", "node-1")),
        },
        ..request()
    }
}
