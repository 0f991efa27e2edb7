//! What a token is asked to say, and how long it may say it.

use std::fmt;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{ISSUER, StoreError};

/// `pkg/apis/authentication/validation/validation.go` `ValidateTokenRequest`.
pub const MIN_LIFETIME: Duration = Duration::from_secs(600);
pub const MAX_LIFETIME: Duration = Duration::from_secs(1 << 32);

/// An object by its name and its uid: another one of that name is not it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub uid: String,
}

impl Named {
    pub fn new(name: impl Into<String>, uid: impl Into<String>) -> Named {
        Named {
            name: name.into(),
            uid: uid.into(),
        }
    }
}

/// What a token dies with, beside its account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    #[default]
    Account,
    /// `node`: where it runs, which is only told; the uid is empty if there is no such object.
    Pod {
        pod: Named,
        node: Option<Named>,
    },
    Secret(Named),
    Node(Named),
}

/// A token to be signed. The objects are those that exist; whoever asks has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    pub namespace: String,
    pub account: Named,
    /// None: the issuer itself.
    pub audiences: Vec<String>,
    pub lifetime: Duration,
    pub bound: Bound,
}

/// A signed token, and when to think of it again.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub jwt: String,
    pub expires: Timestamp,
    /// When whoever keeps it in a file should put a new one there.
    pub renew: Timestamp,
}

/// Without the token itself: whoever reads a log is not to be the account.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires", &self.expires)
            .field("renew", &self.renew)
            .finish_non_exhaustive()
    }
}

impl TokenRequest {
    /// What is asked for when nothing is said (`pkg/apis/authentication/v1/defaults.go`).
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

    /// The audiences that the token will name.
    pub fn meant_for(&self) -> Vec<String> {
        if self.audiences.is_empty() {
            vec![ISSUER.to_owned()]
        } else {
            self.audiences.clone()
        }
    }

    /// In seconds, as claims count.
    pub(super) fn checked_lifetime(&self) -> Result<i64, StoreError> {
        let seconds = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let wrong = if self.lifetime < MIN_LIFETIME {
            "may not specify a duration less than 10 minutes"
        } else if self.lifetime > MAX_LIFETIME {
            "may not specify a duration larger than 2^32 seconds"
        } else {
            return Ok(seconds);
        };
        Err(StoreError::Invalid {
            kind: "TokenRequest.authentication.k8s.io",
            name: String::new(),
            message: format!("spec.expirationSeconds: Invalid value: {seconds}: {wrong}"),
        })
    }
}

/// The kubelet's spread, so that the pods that were started together do not renew together.
const MAX_JITTER: u64 = 10;

/// Within [`MAX_JITTER`], and the same for the same token.
pub(super) fn jitter(id: uuid::Uuid) -> Duration {
    let spread = MAX_JITTER * 1000;
    Duration::from_millis(u64::from(id.as_fields().0) % spread)
}

/// When four fifths of its life are over, or it is a day old; a little before that
/// (`pkg/kubelet/token/token_manager.go` `requiresRefresh`).
pub(super) fn renewal(signed: Timestamp, lifetime: i64, jitter: Duration) -> Timestamp {
    const MAX_AGE: i64 = 24 * 3600;
    let age = (lifetime - lifetime * 20 / 100).min(MAX_AGE);
    let jitter = SignedDuration::try_from(jitter).unwrap_or_default();
    let age = SignedDuration::from_secs(age) - jitter;
    signed.saturating_add(age).unwrap_or(Timestamp::MAX)
}
