use super::*;

/// A self-signed certificate of the curve P-256, and its key.
const CERT: &str = include_str!("fixtures/p256.crt");
const KEY: &str = include_str!("fixtures/p256.key");
/// Another one, and the same key in the older form.
const OTHER_KEY: &str = include_str!("fixtures/other.key");
const SEC1_KEY: &str = include_str!("fixtures/p256-sec1.key");
const RSA_CERT: &str = include_str!("fixtures/rsa.crt");
const RSA_KEY: &str = include_str!("fixtures/rsa.key");
const RSA_PKCS1_KEY: &str = include_str!("fixtures/rsa-pkcs1.key");
const ED_CERT: &str = include_str!("fixtures/ed25519.crt");
const ED_KEY: &str = include_str!("fixtures/ed25519.key");

fn said(cert: &str, key: &str) -> Option<String> {
    let checked = check(cert.as_bytes(), key.as_bytes());
    checked.err().map(|error| error.to_string())
}

#[test]
fn pairs_that_belong_together_are_taken() {
    let pairs = [
        (CERT, KEY),
        (CERT, SEC1_KEY),
        (RSA_CERT, RSA_KEY),
        (RSA_CERT, RSA_PKCS1_KEY),
        (ED_CERT, ED_KEY),
    ];
    for (at, (cert, key)) in pairs.into_iter().enumerate() {
        assert_eq!(said(cert, key), None, "pair {at}");
    }
}

/// The answers of kubectl 1.32.
#[test]
fn all_others_are_refused_in_its_words() {
    let rows = [
        (
            CERT,
            OTHER_KEY,
            "tls: private key does not match public key",
        ),
        (
            CERT,
            RSA_KEY,
            "tls: private key type does not match public key type",
        ),
        (
            "a: b",
            KEY,
            "tls: failed to find any PEM data in certificate input",
        ),
        (
            CERT,
            "a: b",
            "tls: failed to find any PEM data in key input",
        ),
        (
            KEY,
            CERT,
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
        ),
        (
            CERT,
            CERT,
            "tls: found a certificate rather than a key in the PEM for the private key",
        ),
    ];
    for (cert, key, words) in rows {
        assert_eq!(said(cert, key).as_deref(), Some(words));
    }
}

#[test]
fn what_is_cut_short_is_no_key() {
    for at in 0..40 {
        let cut = vec![0x30; at];
        assert!(der::public_key(&cut).is_none());
        assert!(der::private_key(&cut).is_none());
    }
}
