//! A certificate and its key, looked at as kubectl does (Go's `crypto/tls.X509KeyPair`): a pair that does not fit together would
//! only be noticed by whoever serves with it.

mod der;
mod pem;

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};

use der::{Key, PublicKey};

/// Both files, if they belong together.
pub fn read(cert: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let content = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let (shown, why) = (path.display(), super::data::reason(&error));
            anyhow!("Cannot read file {shown}, open {shown}: {why}")
        })
    };
    let (key_text, cert_text) = (content(key)?, content(cert)?);
    check(&cert_text, &key_text)?;
    Ok((cert_text, key_text))
}

fn check(cert: &[u8], key: &[u8]) -> Result<()> {
    let certificate = certificate(&pem::blocks(cert))?;
    let public = der::public_key(&certificate)
        .ok_or_else(|| anyhow!("tls: failed to parse certificate: x509: malformed certificate"))?;
    let key = private_key(&pem::blocks(key))?;
    let key = der::private_key(&key).ok_or_else(|| anyhow!("tls: failed to parse private key"))?;
    if fits(&public, &key)? {
        Ok(())
    } else {
        bail!("tls: private key does not match public key")
    }
}

/// The first of a chain, which is the one that the key is for.
fn certificate(blocks: &[pem::Block]) -> Result<Vec<u8>> {
    if let Some(found) = blocks.iter().find(|block| block.label == "CERTIFICATE") {
        return Ok(found.content.clone());
    }
    let is_key = |block: &pem::Block| block.label.ends_with("PRIVATE KEY");
    match blocks {
        [] => bail!("tls: failed to find any PEM data in certificate input"),
        [one] if is_key(one) => bail!(
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been \
             switched"
        ),
        other => bail!(
            "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: \
             [{}]",
            labels(other)
        ),
    }
}

fn private_key(blocks: &[pem::Block]) -> Result<Vec<u8>> {
    let is_key = |block: &&pem::Block| block.label.ends_with("PRIVATE KEY");
    if let Some(found) = blocks.iter().find(is_key) {
        return Ok(found.content.clone());
    }
    match blocks {
        [] => bail!("tls: failed to find any PEM data in key input"),
        [one] if one.label == "CERTIFICATE" => {
            bail!("tls: found a certificate rather than a key in the PEM for the private key")
        }
        other => bail!(
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the \
             following types: [{}]",
            labels(other)
        ),
    }
}

fn labels(blocks: &[pem::Block]) -> String {
    let labels: Vec<&str> = blocks.iter().map(|block| block.label.as_str()).collect();
    labels.join(" ")
}

fn fits(public: &PublicKey, key: &Key) -> Result<bool> {
    match (public, key) {
        (PublicKey::Rsa { modulus, exponent }, Key::Rsa(private)) => {
            Ok((modulus, exponent) == (&private.modulus, &private.exponent))
        }
        (PublicKey::Ec(point), Key::Ec(secret)) => Ok(is_point_of(point, secret)),
        (PublicKey::Ed25519(public), Key::Ed25519(seed)) => {
            Ok(Ed25519KeyPair::from_seed_and_public_key(seed, public).is_ok())
        }
        (PublicKey::Unknown, _) => bail!("tls: unknown public key algorithm"),
        _ => bail!("tls: private key type does not match public key type"),
    }
}

/// Whether this point of a curve is that of the secret number: the curve is told by the length.
fn is_point_of(point: &[u8], secret: &[u8]) -> bool {
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
    ];
    let random = SystemRandom::new();
    curves.into_iter().any(|curve| {
        EcdsaKeyPair::from_private_key_and_public_key(curve, secret, point, &random).is_ok()
    })
}

#[cfg(test)]
mod tests;
