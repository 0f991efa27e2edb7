//! What a token says (`pkg/serviceaccount/claims.go`). The fields are in the order of their names, as the API server's are.

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ISSUER;
use super::request::{Bound, Named, TokenRequest};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub aud: Vec<String>,
    pub exp: i64,
    pub iat: i64,
    pub iss: String,
    pub jti: String,
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Kubernetes,
    pub nbf: i64,
    pub sub: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kubernetes {
    pub namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    pub serviceaccount: Reference,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

impl From<&Named> for Reference {
    fn from(named: &Named) -> Reference {
        Reference {
            name: named.name.clone(),
            uid: named.uid.clone(),
        }
    }
}

impl Claims {
    /// `lifetime` is in seconds, and has been checked.
    pub fn new(request: &TokenRequest, now: Timestamp, lifetime: i64, id: uuid::Uuid) -> Claims {
        let now = now.as_second();
        Claims {
            aud: request.meant_for(),
            exp: now.saturating_add(lifetime),
            iat: now,
            iss: ISSUER.to_owned(),
            jti: id.to_string(),
            kubernetes: Kubernetes::new(request),
            nbf: now,
            sub: username(&request.namespace, &request.account.name),
        }
    }

    pub fn expires(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MAX)
    }
}

impl Kubernetes {
    fn new(request: &TokenRequest) -> Kubernetes {
        let mut claims = Kubernetes {
            namespace: request.namespace.clone(),
            node: None,
            pod: None,
            secret: None,
            serviceaccount: (&request.account).into(),
        };
        match &request.bound {
            Bound::Account => {}
            Bound::Pod { pod, node } => {
                claims.pod = Some(pod.into());
                claims.node = node.as_ref().map(Reference::from);
            }
            Bound::Secret(secret) => claims.secret = Some(secret.into()),
            Bound::Node(node) => claims.node = Some(node.into()),
        }
        claims
    }
}

/// `staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go` `MakeUsername`.
pub(super) fn username(namespace: &str, account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{account}")
}
