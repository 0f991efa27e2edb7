//! Whether a token may be believed (`pkg/serviceaccount/jwt.go` `AuthenticateToken`, `claims.go` `Validate`).

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::{
    TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;

use super::claims::{Claims, Reference, username};
use super::register::Register;
use super::signer::{Refusal, Signer};
use super::{ISSUER, StoreError};

/// By how much clocks may differ (`jwt.DefaultLeeway`): ours may have been set back since the token was signed.
const LEEWAY: i64 = 60;

/// What the API server says to a token that is not believed.
const INVALID: &str = "invalid bearer token";
/// What it says when a token has outlived what it was bound to.
const INVALIDATED: &str = "service account token has been invalidated";

pub(super) fn review(
    signer: &Signer,
    register: &dyn Register,
    jwt: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<TokenReview, StoreError> {
    let examiner = Examiner {
        signer,
        register,
        now: now.as_second(),
    };
    let status = match examiner.examine(jwt, audiences) {
        Ok(status) => status,
        Err(No::Unknown) => refused(INVALID.to_owned()),
        Err(No::Because(reason)) => refused(format!("[{INVALID}, {reason}]")),
        Err(No::Machine(error)) => return Err(error),
    };
    Ok(TokenReview {
        metadata: ObjectMeta::default(),
        spec: TokenReviewSpec {
            token: jwt.to_owned(),
            audiences: (!audiences.is_empty()).then(|| audiences.to_vec()),
        },
        status: Some(status),
    })
}

/// Why a token is not believed.
enum No {
    /// It is nothing we have signed.
    Unknown,
    Because(String),
    /// It could not be found out.
    Machine(StoreError),
}

impl From<StoreError> for No {
    fn from(error: StoreError) -> No {
        No::Machine(error)
    }
}

fn no<T>(reason: impl Into<String>) -> Result<T, No> {
    Err(No::Because(reason.into()))
}

struct Examiner<'a> {
    signer: &'a Signer,
    register: &'a dyn Register,
    /// Seconds since the epoch.
    now: i64,
}

impl Examiner<'_> {
    fn examine(&self, jwt: &str, audiences: &[String]) -> Result<TokenReviewStatus, No> {
        let claims = match self.signer.verify(jwt) {
            Ok(claims) => claims,
            Err(Refusal::Foreign) => return Err(No::Unknown),
            Err(Refusal::Forged(reason)) => return no(reason),
        };
        let audiences = meant_for(&claims.aud, audiences)?;
        self.in_time(&claims)?;
        self.still_there(&claims)?;
        Ok(TokenReviewStatus {
            authenticated: Some(true),
            audiences: Some(audiences),
            user: Some(user(&claims)),
            error: None,
        })
    }

    fn in_time(&self, claims: &Claims) -> Result<(), No> {
        let later = self.now.saturating_add(LEEWAY);
        if claims.nbf > later {
            return no("service account token is not valid yet");
        }
        if self.now.saturating_sub(LEEWAY) > claims.exp {
            return no("service account token has expired");
        }
        if claims.iat > later {
            return no(
                "service account token claims could not be validated due to unexpected validation error",
            );
        }
        Ok(())
    }

    fn still_there(&self, claims: &Claims) -> Result<(), No> {
        let bound = &claims.kubernetes;
        let namespace = &bound.namespace;
        let account = &bound.serviceaccount;
        let Some(found) = self.register.account(namespace, &account.name)? else {
            return no(StoreError::not_found("serviceaccounts", &account.name).to_string());
        };
        if self.is_gone(&found) {
            let name = &account.name;
            return no(format!(
                "service account {namespace}/{name} has been deleted"
            ));
        }
        let uid = uid(&found);
        if uid != account.uid {
            let claimed = &account.uid;
            return no(format!(
                "service account UID ({uid}) does not match claim ({claimed})"
            ));
        }
        if let Some(secret) = &bound.secret {
            let found = self.register.secret(namespace, &secret.name)?;
            self.is_bound_to(found, secret, "secret")?;
        }
        match (&bound.pod, &bound.node) {
            (Some(pod), _) => {
                let found = self.register.pod(namespace, &pod.name)?;
                self.is_bound_to(found.map(|found| found.metadata), pod, "pod")
            }
            // The node of a pod is only told.
            (None, Some(node)) => self.is_bound_to(self.register.node(&node.name)?, node, "node"),
            (None, None) => Ok(()),
        }
    }

    fn is_bound_to(
        &self,
        found: Option<ObjectMeta>,
        claimed: &Reference,
        kind: &str,
    ) -> Result<(), No> {
        let Some(found) = found.filter(|found| !self.is_gone(found)) else {
            return no(INVALIDATED);
        };
        let uid = uid(&found);
        if uid == claimed.uid {
            return Ok(());
        }
        let claimed = &claimed.uid;
        no(format!(
            "{kind} UID ({uid}) does not match service account {kind} ref claim ({claimed})"
        ))
    }

    /// Whether its time to end has passed: as long as it has grace it may still prove who it is.
    fn is_gone(&self, found: &ObjectMeta) -> bool {
        let end = found.deletion_timestamp.as_ref();
        end.is_some_and(|end| end.0.as_second() < self.now.saturating_sub(LEEWAY))
    }
}

/// The audiences of a token that were asked for.
fn meant_for(token: &[String], asked: &[String]) -> Result<Vec<String>, No> {
    let own = [ISSUER.to_owned()];
    let asked = if asked.is_empty() { &own } else { asked };
    let both: Vec<String> = token
        .iter()
        .filter(|one| asked.contains(one))
        .cloned()
        .collect();
    if both.is_empty() {
        return no(format!(
            "token audiences {} is invalid for the target audiences {}",
            quoted(token),
            quoted(asked)
        ));
    }
    Ok(both)
}

/// As Go's `%q` writes a list of texts.
fn quoted(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", texts.join(" "))
}

fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

fn refused(error: String) -> TokenReviewStatus {
    TokenReviewStatus {
        error: Some(error),
        ..Default::default()
    }
}

/// `staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go` `ServiceAccountInfo.UserInfo`.
fn user(claims: &Claims) -> UserInfo {
    const EXTRA: &str = "authentication.kubernetes.io";
    let bound = &claims.kubernetes;
    let mut extra = BTreeMap::new();
    let mut put = |key: &str, value: &str| {
        if !value.is_empty() {
            extra.insert(format!("{EXTRA}/{key}"), vec![value.to_owned()]);
        }
    };
    put("credential-id", &format!("JTI={}", claims.jti));
    for (kind, reference) in [("pod", &bound.pod), ("node", &bound.node)] {
        if let Some(reference) = reference {
            put(&format!("{kind}-name"), &reference.name);
            put(&format!("{kind}-uid"), &reference.uid);
        }
    }
    UserInfo {
        username: Some(username(&bound.namespace, &bound.serviceaccount.name)),
        uid: Some(bound.serviceaccount.uid.clone()),
        groups: Some(vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{}", bound.namespace),
            "system:authenticated".to_owned(),
        ]),
        extra: Some(extra),
    }
}
