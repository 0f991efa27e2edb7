//! WHO A POD IS: the tokens of service accounts, and the authority that vouches for this installation.
//!
//! Both keys are made when they are first needed, by whichever process comes first. What others need in order to check a
//! token without asking this program lies beside them and may be read by everybody:
//!
//! ```text
//! DATA/identity/sa.key    the key that signs tokens (PKCS #8, P-256), 0600
//! DATA/identity/sa.pub    its public half
//! DATA/identity/ca.key    the key of the authority, 0600
//! DATA/identity/ca.crt    its certificate: `ca.crt` beside every mounted token
//! DATA/identity/openid/.well-known/openid-configuration
//! DATA/identity/openid/openid/v1/jwks
//! ```
//!
//! The last two lie as a web server would have to serve them (OpenID Connect Discovery 1.0), below the paths that the API
//! server has.
//!
//! There is no rotation: one key signs and one key verifies. Whoever removes `sa.key` gets a new one with the next token, and
//! every token signed before is worthless from then on; a running pod has a new one when it is due for renewal, or when it is
//! started anew.

mod ask;
mod authority;
mod claims;
mod keys;
mod openid;
mod pem;
mod register;
mod request;
mod review;
mod signer;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::play;

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::TokenReview;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{Layout, StoreError};
use claims::Claims;
use keys::Keys;

pub use ask::{AskError, Asked, BoundKind, BoundReference, OfPod};
pub use register::Register;
pub use request::{Bound, MAX_LIFETIME, MIN_LIFETIME, Named, Token, TokenRequest};

/// Who issues the tokens of this installation. The name that clusters give themselves, because programs that look at it expect
/// that one; which installation it is, its key tells.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// The keys of one installation. Opening it touches nothing; every call reads what lies there now.
#[derive(Clone, Debug)]
pub struct Identity {
    data: PathBuf,
}

impl Identity {
    pub fn open(layout: &Layout) -> Identity {
        Identity {
            data: layout.data.clone(),
        }
    }

    /// Signs a token that is valid from now on.
    ///
    /// # Errors
    /// `Invalid` when it is to live too short or too long; a key that cannot be read, understood or made.
    pub fn sign(&self, request: &TokenRequest) -> Result<Token, StoreError> {
        self.sign_at(request, now())
    }

    fn sign_at(&self, request: &TokenRequest, now: Timestamp) -> Result<Token, StoreError> {
        let lifetime = request.checked_lifetime()?;
        let signer = self.keys().signer()?;
        let id = uuid::Uuid::new_v4();
        let claims = Claims::new(request, now, lifetime, id);
        Ok(Token {
            jwt: signer
                .sign(&claims)
                .map_err(|message| self.keys().signing_failed(message))?,
            expires: claims.expires(),
            renew: request::renewal(now, lifetime, request::jitter(id)),
        })
    }

    /// Whether a token is one of ours, is valid now, is meant for one of these audiences (none: the issuer's own), and
    /// whether all it is bound to still exists. The answer is the one an API server gives to a `TokenReview`.
    ///
    /// # Errors
    /// The machine's: that a token is not valid is an answer.
    pub fn review(
        &self,
        register: &dyn Register,
        jwt: &str,
        audiences: &[String],
    ) -> Result<TokenReview, StoreError> {
        self.review_at(register, jwt, audiences, now())
    }

    fn review_at(
        &self,
        register: &dyn Register,
        jwt: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<TokenReview, StoreError> {
        let signer = self.keys().signer()?;
        review::review(&signer, register, jwt, audiences, now)
    }

    /// The public keys that verify tokens, as a JSON Web Key Set. Sees to it that the published files say the same.
    ///
    /// # Errors
    /// A key that cannot be read, understood or made, or files that cannot be written.
    pub fn jwks(&self) -> Result<Value, StoreError> {
        let keys = self.keys();
        let signer = keys.signer()?;
        keys.publish(&signer)?;
        Ok(openid::key_set(&signer))
    }

    /// The OpenID discovery document. Sees to it that the published files say the same.
    ///
    /// # Errors
    /// As [`Identity::jwks`].
    pub fn discovery(&self) -> Result<Value, StoreError> {
        let keys = self.keys();
        keys.publish(&keys.signer()?)?;
        Ok(openid::discovery(&keys.key_set_path()))
    }

    /// The certificate of the installation's authority, in PEM.
    ///
    /// # Errors
    /// One that cannot be read or made.
    pub fn ca_pem(&self) -> Result<String, StoreError> {
        self.keys().authority()
    }

    fn keys(&self) -> Keys<'_> {
        Keys::of(&self.data)
    }
}

/// The clock, in the whole seconds that tokens are written in.
fn now() -> Timestamp {
    super::writers::now().0
}
