//! What a token says, how long, and that nobody can make it say something else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use proptest::prelude::*;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::super::claims::Claims;
use super::super::request::{jitter, renewal};
use super::super::signer::{Refusal, Signer};
use super::super::{Bound, ISSUER, Named, TokenRequest};
use super::{NOW, at, identity, of_pod, request};

/// A key that openssl made, in PKCS #8; it protects nothing.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgk1Wy8KPjbwpWxBv10AgObAm3xJbFv/Yvd4P1oMrsem2h\
                   RANCAATMNBG5sRdS0SLFXSoF6D3NOrxR90qulG5Tr97sUvTYgVBaszM2bSTRd73R9lrxvd07U/a32/13OlxnQVf8BISD";
/// What Python's `cryptography` says of it: the digest of the public key, and its coordinates.
const KEY_ID: &str = "LynI_Aex5P9fYdEfTm3mQ5VWSPHVs_ErzhyKoEWoXl4";
const X: &str = "zDQRubEXUtEixV0qBeg9zTq8UfdKrpRuU6_e7FL02IE";
const Y: &str = "UFqzMzZtJNF3vdH2WvG93TtT9rfb_Xc6XGdBV_wEhIM";
/// What `PyJWT` signed with it.
const FOREIGN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6Ikx5bklfQWV4NVA5ZllkRWZUbTNtUTVWV1NQSFZzX0Vyemh5S29FV29YbDQiLCJ0\
                       eXAiOiJKV1QifQ.eyJhdWQiOlsiaHR0cHM6Ly9rdWJlcm5ldGVzLmRlZmF1bHQuc3ZjLmNsdXN0ZXIubG9jYWwiXSwi\
                       ZXhwIjoxNzAwMDAzNjAwLCJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Imh0dHBzOi8va3ViZXJuZXRlcy5kZWZhdWx0LnN2\
                       Yy5jbHVzdGVyLmxvY2FsIiwianRpIjoiMWI0ZTI4YmEtMmZhMS00MWQyLTg4M2YtMDAxNmQzY2NhNDI3Iiwia3ViZXJu\
                       ZXRlcy5pbyI6eyJuYW1lc3BhY2UiOiJkZWZhdWx0Iiwic2VydmljZWFjY291bnQiOnsibmFtZSI6ImRlZmF1bHQiLCJ1\
                       aWQiOiJzYS0xIn19LCJuYmYiOjE3MDAwMDAwMDAsInN1YiI6InN5c3RlbTpzZXJ2aWNlYWNjb3VudDpkZWZhdWx0OmRl\
                       ZmF1bHQifQ.WcPLNizKsFtRDD1tDawIC0WlXT2IFVe98E95nB0J-qL64IqGq6YZ3-aVr6rrx_05tr88EQbHG0uztY3Af\
                       wF9-A";

fn signer() -> Signer {
    Signer::new(&STANDARD.decode(KEY).unwrap()).unwrap()
}

fn signed(request: &TokenRequest) -> String {
    let lifetime = request.checked_lifetime().unwrap();
    let claims = Claims::new(request, at(NOW), lifetime, uuid::Uuid::from_u128(1));
    signer().sign(&claims).unwrap()
}

fn parts(token: &str) -> Vec<Value> {
    let parts = token.split('.').take(2);
    let json = parts.map(|part| serde_json::from_slice(&BASE64.decode(part).unwrap()));
    json.map(Result::unwrap).collect()
}

#[test]
fn a_pods_token_says_what_one_of_a_cluster_says() {
    let token = signed(&of_pod());
    let expected = json!({
        "aud": [ISSUER],
        "exp": NOW + 600,
        "iat": NOW,
        "iss": ISSUER,
        "jti": "00000000-0000-0000-0000-000000000001",
        "kubernetes.io": {
            "namespace": "default",
            "node": { "name": "here", "uid": "node-1" },
            "pod": { "name": "web", "uid": "pod-1" },
            "serviceaccount": { "name": "app", "uid": "sa-1" },
        },
        "nbf": NOW,
        "sub": "system:serviceaccount:default:app",
    });
    assert_eq!(
        parts(&token),
        [json!({ "alg": "ES256", "kid": KEY_ID }), expected]
    );
    // Sorted by name, as the API server's are.
    let text = BASE64.decode(token.split('.').nth(1).unwrap()).unwrap();
    let sorted = serde_json::to_vec(&parts(&token)[1]).unwrap();
    assert_eq!(text, sorted);
}

#[test]
fn what_a_token_is_bound_to_is_in_it_and_nothing_else() {
    let claims = |bound: Bound| {
        let token = signed(&TokenRequest { bound, ..request() });
        let claims = parts(&token)[1]["kubernetes.io"].clone();
        let Value::Object(claims) = claims else {
            panic!("{claims}")
        };
        claims.keys().cloned().collect::<Vec<_>>()
    };
    let named = || Named::new("a", "1");
    assert_eq!(claims(Bound::Account), ["namespace", "serviceaccount"]);
    assert_eq!(
        claims(Bound::Secret(named())),
        ["namespace", "secret", "serviceaccount"]
    );
    assert_eq!(
        claims(Bound::Node(named())),
        ["namespace", "node", "serviceaccount"]
    );
    let pod = Bound::Pod {
        pod: named(),
        node: None,
    };
    assert_eq!(claims(pod), ["namespace", "pod", "serviceaccount"]);
}

#[test]
fn the_key_is_called_as_kubernetes_calls_it() {
    let signer = signer();
    assert_eq!(signer.key_id(), KEY_ID);
    let (x, y) = signer.point();
    assert_eq!(
        (BASE64.encode(x), BASE64.encode(y)),
        (X.to_owned(), Y.to_owned())
    );
}

#[test]
fn a_token_that_another_program_signed_with_our_key_is_ours() {
    let claims = signer().verify(FOREIGN).unwrap();
    assert_eq!(claims.sub, "system:serviceaccount:default:default");
    assert_eq!(claims.exp, 1_700_003_600);
}

#[test]
fn the_key_set_is_enough_to_verify_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let identity = identity(dir.path());
    let token = identity.sign(&request()).unwrap().jwt;
    let key = identity.jwks().unwrap()["keys"][0].clone();
    assert_eq!(parts(&token)[0]["kid"], key["kid"]);
    let coordinate = |name: &str| BASE64.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let signature = BASE64.decode(signature).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
}

#[test]
fn a_token_lives_between_ten_minutes_and_2_to_the_32_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let identity = identity(dir.path());
    let sign = |lifetime: Duration| {
        let request = TokenRequest {
            lifetime,
            ..request()
        };
        let token = identity.sign_at(&request, at(NOW));
        token
            .map(|token| token.expires.as_second() - NOW)
            .map_err(|error| error.to_string())
    };
    let refused = |seconds: u64, why: &str| {
        Err(format!(
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: {seconds}: {why}"
        ))
    };
    let short = "may not specify a duration less than 10 minutes";
    assert_eq!(sign(Duration::ZERO), refused(0, short));
    assert_eq!(sign(Duration::from_millis(599_999)), refused(599, short));
    assert_eq!(sign(Duration::from_secs(600)), Ok(600));
    assert_eq!(sign(TokenRequest::DEFAULT_LIFETIME), Ok(3600));
    assert_eq!(sign(Duration::from_secs(1 << 32)), Ok(1 << 32));
    let long = "may not specify a duration larger than 2^32 seconds";
    assert_eq!(
        sign(Duration::from_secs((1 << 32) + 1)),
        refused((1 << 32) + 1, long)
    );
    assert_eq!(sign(Duration::MAX), refused(i64::MAX as u64, long));
}

#[test]
fn a_token_is_renewed_at_four_fifths_of_its_life_and_every_day() {
    let renewed = |lifetime, jitter| renewal(at(NOW), lifetime, jitter).as_second() - NOW;
    for (lifetime, after) in [
        (600, 480),
        (3600, 2880),
        // Go's integers: a fifth is cut.
        (3607, 2886),
        (108_000, 86_400),
        (108_005, 86_400),
        (1 << 32, 86_400),
    ] {
        assert_eq!(renewed(lifetime, Duration::ZERO), after, "{lifetime}");
        assert_eq!(
            renewed(lifetime, Duration::from_secs(10)),
            after - 10,
            "{lifetime}"
        );
    }
}

#[test]
fn forged_tokens_are_refused() {
    let token = signed(&request());
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}")
    };
    let json = |value: Value| BASE64.encode(value.to_string());
    let invalid = Refusal::Forged("invalid signature");
    let other = Signer::new(&Signer::generate().unwrap()).unwrap();
    let stolen = Claims::new(&request(), at(NOW), 600, uuid::Uuid::nil());
    let admin = json!({ "iss": ISSUER, "sub": "system:serviceaccount:kube-system:admin" });
    let none = json(json!({ "alg": "none" }));
    let symmetric = json(json!({ "alg": "HS256", "kid": KEY_ID }));
    let critical = json(json!({ "alg": "ES256", "kid": KEY_ID, "crit": ["b64"], "b64": false }));
    for (story, forged, refusal) in [
        ("no algorithm", format!("{none}.{claims}."), invalid.clone()),
        (
            "no algorithm, signed",
            format!("{none}.{claims}.{signature}"),
            invalid.clone(),
        ),
        (
            "the public key as a password",
            format!("{symmetric}.{claims}.{signature}"),
            invalid.clone(),
        ),
        (
            "what nobody knows",
            format!("{critical}.{claims}.{signature}"),
            invalid.clone(),
        ),
        (
            "other claims",
            format!("{header}.{}.{signature}", json(admin)),
            invalid.clone(),
        ),
        (
            "no signature",
            format!("{header}.{claims}."),
            invalid.clone(),
        ),
        (
            "zeros",
            format!("{header}.{claims}.{}", BASE64.encode([0; 64])),
            invalid.clone(),
        ),
        ("padded", format!("{token}=="), invalid.clone()),
        (
            "another key",
            other.sign(&stolen).unwrap(),
            Refusal::Forged("invalid signature, no keys found"),
        ),
        (
            "somebody else's",
            format!(
                "{header}.{}.{signature}",
                json(json!({ "iss": "https://a.b" }))
            ),
            Refusal::Foreign,
        ),
        (
            "no issuer",
            format!("{header}.{}.{signature}", json(json!({}))),
            Refusal::Foreign,
        ),
        (
            "two issuers",
            format!(
                "{header}.{}.{signature}",
                BASE64.encode(format!("{{\"iss\":{ISSUER:?},\"iss\":{ISSUER:?}}}"))
            ),
            Refusal::Foreign,
        ),
        ("four parts", format!("{header}.{token}"), Refusal::Foreign),
        ("two parts", format!("{header}.{claims}"), Refusal::Foreign),
        ("nothing", String::new(), Refusal::Foreign),
        ("a password", "hunter2".to_owned(), Refusal::Foreign),
        (
            "too long",
            format!("{header}.{claims}.{}", "A".repeat(1 << 17)),
            Refusal::Foreign,
        ),
    ] {
        assert_eq!(signer().verify(&forged), Err(refusal), "{story}");
    }
    assert!(signer().verify(&token).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_token_with_any_letter_changed_is_refused(place in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
        let token = FOREIGN;
        let place = place.index(token.len());
        let mut forged = token.as_bytes().to_vec();
        forged[place] = byte;
        let forged = String::from_utf8(forged).unwrap();
        prop_assert_eq!(signer().verify(&forged).is_ok(), forged == token);
    }

    #[test]
    fn a_token_that_was_cut_or_lengthened_is_refused(place in any::<prop::sample::Index>(), piece in "[-_.A-Za-z0-9=]{0,9}") {
        let token = FOREIGN;
        let forged = format!("{}{piece}", &token[..place.index(token.len())]);
        prop_assert_eq!(signer().verify(&forged).is_ok(), forged == token);
    }

    #[test]
    fn whatever_is_given_for_a_token_is_answered(text in "\\PC{0,200}") {
        prop_assert!(signer().verify(&text).is_err());
    }

    #[test]
    fn renewal_comes_before_the_end(lifetime in 600i64..=(1 << 32), id in any::<u128>()) {
        let jitter = jitter(uuid::Uuid::from_u128(id));
        prop_assert!(jitter < Duration::from_secs(10));
        let renewed = renewal(at(NOW), lifetime, jitter).as_second() - NOW;
        prop_assert!(renewed > 0 && renewed < lifetime, "{renewed}");
    }
}
