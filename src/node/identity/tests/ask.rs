//! Tokens for those who name objects.

use std::time::Duration;

use k8s_openapi::api::core::v1;
use serde_json::json;

use super::super::{Asked, Bound, BoundKind, BoundReference, Identity, Named, OfPod, Register};
use super::objects::Objects;
use super::{identity, of_pod};
use crate::node::Store;

fn asked(bound: Option<BoundReference>) -> Asked {
    Asked {
        namespace: "default".to_owned(),
        account: "app".to_owned(),
        audiences: Vec::new(),
        lifetime: Duration::from_secs(600),
        bound,
    }
}

fn to(kind: BoundKind, name: &str, uid: Option<&str>) -> Option<BoundReference> {
    Some(BoundReference {
        kind,
        name: name.to_owned(),
        uid: uid.map(str::to_owned),
    })
}

#[test]
fn what_is_named_is_bound_by_its_uid() {
    let bound = |reference| asked(reference).resolve(&Objects::all()).unwrap().bound;
    assert_eq!(bound(None), Bound::Account);
    assert_eq!(bound(to(BoundKind::Pod, "web", None)), of_pod().bound);
    assert_eq!(
        bound(to(BoundKind::Pod, "web", Some("pod-1"))),
        of_pod().bound
    );
    let secret = Bound::Secret(Named::new("key", "secret-1"));
    assert_eq!(bound(to(BoundKind::Secret, "key", None)), secret);
    let node = Bound::Node(Named::new("here", "node-1"));
    assert_eq!(bound(to(BoundKind::Node, "here", None)), node);
}

#[test]
fn what_is_not_there_is_refused_in_the_servers_words() {
    let refused = |asked: Asked| asked.resolve(&Objects::all()).unwrap_err().to_string();
    for (kind, error) in [
        (BoundKind::Pod, "pods \"none\" not found"),
        (BoundKind::Secret, "secrets \"none\" not found"),
        (BoundKind::Node, "nodes \"none\" not found"),
    ] {
        assert_eq!(refused(asked(to(kind, "none", None))), error);
    }
    let other = |account: &str| Asked {
        account: account.to_owned(),
        ..asked(None)
    };
    assert_eq!(refused(other("none")), "serviceaccounts \"none\" not found");
    assert_eq!(
        refused(asked(to(BoundKind::Pod, "web", Some("2")))),
        "Operation cannot be fulfilled on Pod \"web\": the UID in the bound object reference (2) does not match the UID in record. The object might have been deleted and then recreated"
    );
    let mut objects = Objects::all();
    objects.put("account", "default/other", "sa-2", None);
    let other = Asked {
        bound: to(BoundKind::Pod, "web", None),
        ..other("other")
    };
    assert_eq!(
        other.resolve(&objects).unwrap_err().to_string(),
        "cannot bind token for serviceaccount \"other\" to pod running with different serviceaccount name."
    );
}

/// The pod `web` of an account, which runs on the node `here`.
fn web<'a>(account: &'a str, audience: Option<&'a str>) -> OfPod<'a> {
    OfPod {
        namespace: "default",
        account,
        name: "web",
        uid: "pod-1",
        node: "here",
        audience,
        lifetime: Duration::from_secs(3607),
    }
}

#[test]
fn a_pod_gets_a_token_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let identity = identity(dir.path());
    let objects = Objects::all();
    let sign = |objects: &Objects, of: OfPod| identity.token_for_pod(objects, &of);
    let token = sign(&objects, web("app", Some("vault"))).unwrap();
    let left = token.expires.duration_since(token.renew).as_secs();
    assert!((721..=731).contains(&left), "{left}");
    let review = identity
        .review(&objects, &token.jwt, &["vault".to_owned()])
        .unwrap();
    let user = review.status.unwrap().user.unwrap();
    let extra = user.extra.unwrap();
    assert_eq!(extra["authentication.kubernetes.io/pod-uid"], ["pod-1"]);
    assert_eq!(extra["authentication.kubernetes.io/node-uid"], ["node-1"]);
    assert_eq!(
        sign(&objects, web("none", None)).unwrap_err(),
        "failed to fetch token: serviceaccounts \"none\" not found"
    );
    // A node without an object is named all the same.
    let without = Objects::without("node", "here");
    let token = sign(&without, web("app", None)).unwrap();
    let review = identity.review(&without, &token.jwt, &[]).unwrap();
    let extra = review.status.unwrap().user.unwrap().extra.unwrap();
    assert_eq!(extra["authentication.kubernetes.io/node-name"], ["here"]);
    assert!(!extra.contains_key("authentication.kubernetes.io/node-uid"));
}

#[test]
fn a_token_is_not_printed_for_debugging() {
    let dir = tempfile::tempdir().unwrap();
    let token = identity(dir.path()).sign(&of_pod()).unwrap();
    assert!(!format!("{token:?}").contains(&token.jwt[..20]));
}

/// With the store as it is: the account that every namespace has, a pod, and its deletion.
#[test]
fn a_token_dies_with_its_pod_in_the_store() {
    let (dir, store) = crate::node::tests::store();
    let identity = Identity::open(store.layout());
    store.ensure_namespace("default").unwrap();
    let pod = store.create(crate::node::tests::pod("web")).unwrap();
    let uid = pod.metadata.uid.clone().unwrap();
    let of = OfPod {
        uid: &uid,
        ..web("default", None)
    };
    let token = identity.token_for_pod(&store, &of).unwrap();
    let status = |store: &Store| {
        identity
            .review(store, &token.jwt, &[])
            .unwrap()
            .status
            .unwrap()
    };
    assert_eq!(
        status(&store).authenticated,
        Some(true),
        "{:?}",
        status(&store).error
    );
    store.finish_delete("default", "web", &uid).unwrap();
    assert_eq!(
        status(&store).error.as_deref(),
        Some("[invalid bearer token, service account token has been invalidated]")
    );
    // Another one of that name is not it.
    store.create(crate::node::tests::pod("web")).unwrap();
    let error = status(&store).error.unwrap();
    assert!(
        error.contains("does not match service account pod ref claim"),
        "{error}"
    );
    drop(dir);
}

#[test]
fn the_store_tells_what_is_there() {
    let (_dir, store) = crate::node::tests::store();
    assert!(
        store.account("default", "default").unwrap().is_some(),
        "every namespace has one"
    );
    assert!(store.account("default", "app").unwrap().is_none());
    assert!(Register::pod(&store, "default", "web").unwrap().is_none());
    assert!(store.secret("default", "key").unwrap().is_none());
    let secret: v1::Secret = serde_json::from_value(json!({
        "metadata": { "name": "key", "namespace": "default" },
    }))
    .unwrap();
    let secret = store.objects::<v1::Secret>().create(secret).unwrap();
    let found = store.secret("default", "key").unwrap().unwrap();
    assert_eq!(found.uid, secret.metadata.uid);
    // What is no name is nowhere.
    assert!(store.secret("default", "../key").unwrap().is_none());
}
