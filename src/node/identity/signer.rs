//! Signing and verifying: JSON Web Tokens (RFC 7519) in their compact form, ES256 (RFC 7518, 3.4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

use super::claims::Claims;

/// The one algorithm. A token that names another one is refused before anything else in it is believed.
pub(super) const ALGORITHM: &str = "ES256";

/// What comes before the point of a P-256 key in a SubjectPublicKeyInfo (RFC 5480, 2).
const KEY_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// No token of ours is that long; what is need not be looked at.
const MAX_TOKEN: usize = 64 << 10;

/// A key that signs, and its public half that verifies.
pub(super) struct Signer {
    pair: EcdsaKeyPair,
    key_id: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kid: String,
    /// Extensions that whoever does not know them must refuse (RFC 7515, 4.1.11). We know none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody else's, or none at all: there is nothing to say about it.
    Foreign,
    /// It claims to be ours.
    Forged(&'static str),
}

impl Signer {
    /// A new key (PKCS #8, DER).
    pub fn generate() -> Result<Vec<u8>, String> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|key| key.as_ref().to_vec())
            .map_err(|_| "no random numbers to make a key of".to_owned())
    }

    /// The key that lies in this PKCS #8 (DER), or what is wrong with it.
    pub fn new(pkcs8: &[u8]) -> Result<Signer, String> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new())
            .map_err(|error| format!("no private key of the curve P-256: {error}"))?;
        let info = key_info(pair.public_key().as_ref());
        let key_id = BASE64.encode(digest::digest(&digest::SHA256, &info));
        Ok(Signer { pair, key_id })
    }

    /// As the API server computes it, from the public key (`pkg/serviceaccount/jwt.go` `keyIDFromPublicKey`).
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The two coordinates.
    pub fn point(&self) -> (&[u8], &[u8]) {
        // The first byte says that what follows is uncompressed.
        self.pair.public_key().as_ref()[1..].split_at(32)
    }

    /// The public key as others take it (SubjectPublicKeyInfo, DER).
    pub fn public_key(&self) -> Vec<u8> {
        key_info(self.pair.public_key().as_ref())
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, String> {
        let header = Header {
            alg: ALGORITHM.to_owned(),
            kid: self.key_id.clone(),
            crit: None,
        };
        let header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
        let claims = serde_json::to_vec(claims).map_err(|error| error.to_string())?;
        let mut token = BASE64.encode(header);
        token.push('.');
        BASE64.encode_string(claims, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        let signature = signature.map_err(|_| "no random numbers to sign with".to_owned())?;
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        Ok(token)
    }

    /// What a token of ours says. Whether that is (still) so, others have to judge.
    pub fn verify(&self, token: &str) -> Result<Claims, Refusal> {
        let parts = Parts::of(token).ok_or(Refusal::Foreign)?;
        let header: Header = decoded(parts.header).ok_or(Refusal::Foreign)?;
        if header.crit.is_some() || header.alg != ALGORITHM {
            return Err(Refusal::Forged("invalid signature"));
        }
        if !header.kid.is_empty() && header.kid != self.key_id {
            return Err(Refusal::Forged("invalid signature, no keys found"));
        }
        let signature = BASE64.decode(parts.signature).unwrap_or_default();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key())
            .verify(parts.signed.as_bytes(), &signature)
            .map_err(|_| Refusal::Forged("invalid signature"))?;
        decoded(parts.claims).ok_or(Refusal::Forged("invalid claims"))
    }
}

fn key_info(point: &[u8]) -> Vec<u8> {
    [&KEY_INFO, point].concat()
}

/// A token that says it is from this issuer. Nothing of it is verified yet.
struct Parts<'t> {
    /// Header and claims, as they were signed.
    signed: &'t str,
    header: &'t str,
    claims: &'t str,
    signature: &'t str,
}

impl<'t> Parts<'t> {
    fn of(token: &'t str) -> Option<Parts<'t>> {
        #[derive(Deserialize)]
        struct Issued {
            iss: String,
        }
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let issued: Issued = decoded(claims)?;
        (issued.iss == super::ISSUER).then_some(Parts {
            signed,
            header,
            claims,
            signature,
        })
    }
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}
