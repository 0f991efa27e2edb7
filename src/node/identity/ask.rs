//! Tokens for those who name objects: whoever types names, and the pods.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Bound, Identity, Named, Register, StoreError, Token, TokenRequest};
use crate::spec::admission::service_account::account_of;

/// What a token can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    Node,
    Pod,
    Secret,
}

impl BoundKind {
    pub const ALL: [BoundKind; 3] = [BoundKind::Node, BoundKind::Pod, BoundKind::Secret];

    pub fn name(self) -> &'static str {
        match self {
            BoundKind::Node => "Node",
            BoundKind::Pod => "Pod",
            BoundKind::Secret => "Secret",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            BoundKind::Node => "nodes",
            BoundKind::Pod => "pods",
            BoundKind::Secret => "secrets",
        }
    }
}

/// The object that a token is to be bound to; with a uid, that one and no later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundReference {
    pub kind: BoundKind,
    pub name: String,
    pub uid: Option<String>,
}

/// A token for an account (`pkg/registry/core/serviceaccount/storage/token.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub namespace: String,
    pub account: String,
    /// None: the issuer itself.
    pub audiences: Vec<String>,
    pub lifetime: Duration,
    pub bound: Option<BoundReference>,
}

/// Why a token is not given.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
    )]
    OtherAccount { account: String },
}

impl Asked {
    /// The request, of objects that exist.
    ///
    /// # Errors
    /// One of them does not, or is not what was meant.
    pub fn resolve(&self, register: &dyn Register) -> Result<TokenRequest, AskError> {
        let bound = match &self.bound {
            Some(reference) => self.bound_to(register, reference)?,
            None => Bound::Account,
        };
        Ok(TokenRequest {
            account: account(register, &self.namespace, &self.account)?,
            namespace: self.namespace.clone(),
            audiences: self.audiences.clone(),
            lifetime: self.lifetime,
            bound,
        })
    }

    fn bound_to(
        &self,
        register: &dyn Register,
        reference: &BoundReference,
    ) -> Result<Bound, AskError> {
        let name = &reference.name;
        match reference.kind {
            BoundKind::Node => Ok(Bound::Node(reference.same(register.node(name)?)?)),
            BoundKind::Secret => {
                let found = register.secret(&self.namespace, name)?;
                Ok(Bound::Secret(reference.same(found)?))
            }
            BoundKind::Pod => {
                let pod = register.pod(&self.namespace, name)?;
                let pod = pod.ok_or_else(|| reference.not_found())?;
                if account_of(&pod) != self.account {
                    return Err(AskError::OtherAccount {
                        account: self.account.clone(),
                    });
                }
                let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
                let node = named_node(register, node.unwrap_or_default())?;
                let pod = reference.same(Some(pod.metadata))?;
                Ok(Bound::Pod { pod, node })
            }
        }
    }
}

impl BoundReference {
    /// What was found, if it is what was meant.
    fn same(&self, found: Option<ObjectMeta>) -> Result<Named, StoreError> {
        let found = found.ok_or_else(|| self.not_found())?;
        let uid = found.uid.unwrap_or_default();
        match &self.uid {
            Some(wanted) if *wanted != uid => Err(StoreError::Conflict {
                kind: self.kind.name(),
                name: self.name.clone(),
                message: format!(
                    "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
                ),
            }),
            _ => Ok(Named::new(&self.name, uid)),
        }
    }

    fn not_found(&self) -> StoreError {
        StoreError::not_found(self.kind.plural(), &self.name)
    }
}

/// A token for one of the volumes of a pod, which is bound to the pod (`pkg/kubelet/token/token_manager.go`).
#[derive(Clone, Copy, Debug)]
pub struct OfPod<'a> {
    pub namespace: &'a str,
    pub account: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
    /// Where it runs.
    pub node: &'a str,
    /// None: the issuer itself.
    pub audience: Option<&'a str>,
    pub lifetime: Duration,
}

impl Identity {
    /// Signs a pod's token.
    ///
    /// # Errors
    /// There is no such account, or no token can be signed: what the kubelet says of the volume that it was to be in.
    pub fn token_for_pod(&self, register: &dyn Register, of: &OfPod) -> Result<Token, String> {
        let sign = || {
            self.sign(&TokenRequest {
                namespace: of.namespace.to_owned(),
                account: account(register, of.namespace, of.account)?,
                audiences: of.audience.into_iter().map(str::to_owned).collect(),
                lifetime: of.lifetime,
                bound: Bound::Pod {
                    pod: Named::new(of.name, of.uid),
                    node: named_node(register, of.node)?,
                },
            })
        };
        sign().map_err(|error| format!("failed to fetch token: {error}"))
    }
}

fn account(register: &dyn Register, namespace: &str, name: &str) -> Result<Named, StoreError> {
    let found = register.account(namespace, name)?;
    let found = found.ok_or_else(|| StoreError::not_found("serviceaccounts", name))?;
    Ok(Named::new(name, found.uid.unwrap_or_default()))
}

/// Where a pod runs, if it does. A node without an object is named all the same.
fn named_node(register: &dyn Register, name: &str) -> Result<Option<Named>, StoreError> {
    if name.is_empty() {
        return Ok(None);
    }
    let uid = register.node(name)?.and_then(|meta| meta.uid);
    Ok(Some(Named::new(name, uid.unwrap_or_default())))
}
