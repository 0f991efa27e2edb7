//! Whether a token is believed, and what is said when it is not.

use k8s_openapi::api::authentication::v1::TokenReviewStatus;
use serde_json::json;

use super::super::{Bound, ISSUER, Identity, Named, TokenRequest};
use super::objects::Objects;
use super::{NOW, at, identity, of_pod, request};

struct Bench {
    identity: Identity,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        Bench {
            identity: identity(dir.path()),
            _dir: dir,
        }
    }

    fn token(&self, request: &TokenRequest) -> String {
        self.identity.sign_at(request, at(NOW)).unwrap().jwt
    }

    fn review(
        &self,
        objects: &Objects,
        jwt: &str,
        audiences: &[&str],
        now: i64,
    ) -> TokenReviewStatus {
        let audiences: Vec<String> = audiences.iter().map(|one| (*one).to_owned()).collect();
        let review = self.identity.review_at(objects, jwt, &audiences, at(now));
        review.unwrap().status.unwrap()
    }

    /// What is said to a token that is not believed.
    fn refused(&self, objects: &Objects, jwt: &str, now: i64) -> String {
        let status = self.review(objects, jwt, &[], now);
        assert_eq!((status.authenticated, status.user), (None, None));
        let error = status.error.unwrap();
        let reason = error.strip_prefix("[invalid bearer token, ");
        reason
            .and_then(|reason| reason.strip_suffix(']'))
            .unwrap_or(&error)
            .to_owned()
    }
}

#[test]
fn a_pods_token_is_answered_as_on_a_cluster() {
    let bench = Bench::new();
    let jwt = bench.token(&of_pod());
    let review = bench
        .identity
        .review_at(&Objects::all(), &jwt, &[], at(NOW))
        .unwrap();
    let mut review = serde_json::to_value(&review).unwrap();
    let extra = &mut review["status"]["user"]["extra"];
    let id = extra["authentication.kubernetes.io/credential-id"][0].take();
    assert!(id.as_str().unwrap().starts_with("JTI="), "{id}");
    assert_eq!(
        review,
        json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "metadata": {},
            "spec": { "token": jwt },
            "status": {
                "authenticated": true,
                "audiences": [ISSUER],
                "user": {
                    "username": "system:serviceaccount:default:app",
                    "uid": "sa-1",
                    "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
                    "extra": {
                        "authentication.kubernetes.io/credential-id": [null],
                        "authentication.kubernetes.io/node-name": ["here"],
                        "authentication.kubernetes.io/node-uid": ["node-1"],
                        "authentication.kubernetes.io/pod-name": ["web"],
                        "authentication.kubernetes.io/pod-uid": ["pod-1"],
                    },
                },
            },
        })
    );
}

#[test]
fn a_token_is_believed_from_its_beginning_to_its_end_and_a_minute_around() {
    let bench = Bench::new();
    let jwt = bench.token(&request());
    let objects = Objects::all();
    for now in [NOW - 60, NOW, NOW + 600, NOW + 660] {
        assert_eq!(
            bench.review(&objects, &jwt, &[], now).authenticated,
            Some(true),
            "{now}"
        );
    }
    let refused = |now| bench.refused(&objects, &jwt, now);
    assert_eq!(refused(NOW - 61), "service account token is not valid yet");
    assert_eq!(refused(NOW + 661), "service account token has expired");
}

#[test]
fn a_token_is_believed_by_those_it_is_meant_for() {
    let bench = Bench::new();
    let audiences = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let jwt = bench.token(&TokenRequest {
        audiences: audiences(&["vault", "store", "a \"b\""]),
        ..request()
    });
    let objects = Objects::all();
    let status = bench.review(&objects, &jwt, &["store", "vault", "else"], NOW);
    assert_eq!(status.audiences.unwrap(), ["vault", "store"]);
    let status = bench.review(&objects, &jwt, &["else", "other"], NOW);
    assert_eq!(
        status.error.unwrap(),
        r#"[invalid bearer token, token audiences ["vault" "store" "a \"b\""] is invalid for the target audiences ["else" "other"]]"#
    );
    // Who asks for none means the issuer.
    assert!(bench.review(&objects, &jwt, &[], NOW).error.is_some());
    // The audience is looked at first: an expired token for somebody else is somebody else's.
    assert!(
        bench
            .refused(&objects, &jwt, NOW + 9999)
            .starts_with("token audiences")
    );
}

#[test]
fn a_token_dies_with_what_it_is_bound_to() {
    let bench = Bench::new();
    let with = |bound: Bound| bench.token(&TokenRequest { bound, ..request() });
    let account = with(Bound::Account);
    let pod = bench.token(&of_pod());
    let secret = with(Bound::Secret(Named::new("key", "secret-1")));
    let node = with(Bound::Node(Named::new("here", "node-1")));
    let gone = "service account token has been invalidated";
    for (kind, name, jwt, reason) in [
        (
            "account",
            "default/app",
            &account,
            "serviceaccounts \"app\" not found",
        ),
        (
            "account",
            "default/app",
            &pod,
            "serviceaccounts \"app\" not found",
        ),
        ("pod", "default/web", &pod, gone),
        ("secret", "default/key", &secret, gone),
        ("node", "here", &node, gone),
    ] {
        let refused = |objects: &Objects| bench.refused(objects, jwt, NOW);
        assert_eq!(
            bench.review(&Objects::all(), jwt, &[], NOW).authenticated,
            Some(true)
        );
        assert_eq!(refused(&Objects::without(kind, name)), reason);
        let mut another = Objects::all();
        another.put(kind, name, "2", None);
        let other = refused(&another);
        assert!(other.contains("UID (2) does not match "), "{other}");
    }
    // The node of a pod is only told.
    let status = bench.review(&Objects::without("node", "here"), &pod, &[], NOW);
    assert_eq!(status.authenticated, Some(true));
}

#[test]
fn other_uids_are_named() {
    let bench = Bench::new();
    let mut objects = Objects::all();
    objects.put("pod", "default/web", "pod-2", None);
    assert_eq!(
        bench.refused(&objects, &bench.token(&of_pod()), NOW),
        "pod UID (pod-2) does not match service account pod ref claim (pod-1)"
    );
    objects.put("account", "default/app", "sa-2", None);
    assert_eq!(
        bench.refused(&objects, &bench.token(&request()), NOW),
        "service account UID (sa-2) does not match claim (sa-1)"
    );
}

#[test]
fn what_is_ending_may_prove_itself_until_its_grace_is_over() {
    let bench = Bench::new();
    let jwt = bench.token(&of_pod());
    for (ends, believed) in [(NOW + 30, true), (NOW - 60, true), (NOW - 61, false)] {
        let mut objects = Objects::all();
        objects.put("pod", "default/web", "pod-1", Some(ends));
        let status = bench.review(&objects, &jwt, &[], NOW);
        assert_eq!(status.authenticated == Some(true), believed, "{ends}");
    }
    let mut objects = Objects::all();
    objects.put("account", "default/app", "sa-1", Some(NOW - 61));
    assert_eq!(
        bench.refused(&objects, &jwt, NOW),
        "service account default/app has been deleted"
    );
}

#[test]
fn nothing_is_said_of_a_token_that_is_not_ours() {
    let bench = Bench::new();
    let objects = Objects::all();
    for jwt in ["", "hunter2", "a.b.c"] {
        assert_eq!(
            bench.review(&objects, jwt, &[], NOW).error.as_deref(),
            Some("invalid bearer token")
        );
    }
    // One of another installation calls its issuer the same.
    let other = Bench::new().token(&request());
    assert_eq!(
        bench.refused(&objects, &other, NOW),
        "invalid signature, no keys found"
    );
    assert!(
        objects.asked.borrow().is_empty(),
        "what is not verified is not looked up"
    );
}

#[test]
fn what_cannot_be_found_out_is_no_answer() {
    let bench = Bench::new();
    let mut objects = Objects::all();
    objects.broken = true;
    let jwt = bench.token(&request());
    assert!(
        bench
            .identity
            .review_at(&objects, &jwt, &[], at(NOW))
            .is_err()
    );
}
