//! What others need in order to verify a token by themselves (`pkg/serviceaccount/openidmetadata.go`).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::ISSUER;
use super::signer::{ALGORITHM, Signer};

/// A JSON Web Key Set (RFC 7517) of the one key there is.
pub(super) fn key_set(signer: &Signer) -> Value {
    let (x, y) = signer.point();
    json!({ "keys": [{
        "use": "sig",
        "kty": "EC",
        "kid": signer.key_id(),
        "crv": "P-256",
        "alg": ALGORITHM,
        "x": BASE64.encode(x),
        "y": BASE64.encode(y),
    }] })
}

/// The discovery document. Nobody serves it here, so the keys are where their file is.
pub(super) fn discovery(key_set: &Path) -> Value {
    json!({
        "issuer": ISSUER,
        "jwks_uri": file_uri(key_set),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    })
}

/// RFC 8089. Every byte that could mean something in a URI is escaped.
fn file_uri(path: &Path) -> String {
    use std::fmt::Write;
    let mut uri = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(
            file_uri(Path::new("/a-b/c d%é")),
            "file:///a-b/c%20d%25%C3%A9"
        );
    }
}
