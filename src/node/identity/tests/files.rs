//! The files of an identity: who may read them, and that there is one key however many want one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use serde_json::Value;

use super::super::ISSUER;
use super::{identity, request};
use crate::node::StoreError;
use crate::node::disk::step;
use crate::node::tests::child;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The name of the key that signed a new token.
fn key_id(root: &Path) -> String {
    let identity = identity(root);
    identity.sign(&request()).unwrap();
    let key = identity.jwks().unwrap()["keys"][0]["kid"].clone();
    key.as_str().unwrap().to_owned()
}

#[test]
fn keys_are_their_owners_and_the_rest_is_everybodys() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    identity(root.path()).sign(&request()).unwrap();
    assert_eq!(mode(&data), 0o701);
    let place = data.join("identity");
    for (path, expected) in [
        ("", 0o755),
        ("sa.key", 0o600),
        ("ca.key", 0o600),
        ("sa.pub", 0o644),
        ("ca.crt", 0o644),
        ("openid", 0o755),
        ("openid/.well-known", 0o755),
        ("openid/.well-known/openid-configuration", 0o644),
        ("openid/openid", 0o755),
        ("openid/openid/v1", 0o755),
        ("openid/openid/v1/jwks", 0o644),
    ] {
        assert_eq!(mode(&place.join(path)), expected, "{path}");
    }
}

#[test]
fn the_discovery_document_leads_to_the_keys() {
    let root = tempfile::tempdir().unwrap();
    let identity = identity(root.path());
    identity.sign(&request()).unwrap();
    let place = root.path().join("data/identity/openid");
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let discovery = read(&place.join(".well-known/openid-configuration"));
    assert_eq!(discovery["issuer"], ISSUER);
    let keys = discovery["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix("file://")
        .unwrap();
    assert_eq!(read(Path::new(keys)), identity.jwks().unwrap());
    assert_eq!(discovery, identity.discovery().unwrap());
}

#[test]
fn what_was_published_is_put_right_again() {
    let root = tempfile::tempdir().unwrap();
    let kid = key_id(root.path());
    let keys = root.path().join("data/identity/openid/openid/v1/jwks");
    fs::write(&keys, "{}").unwrap();
    identity(root.path()).jwks().unwrap();
    assert!(fs::read_to_string(&keys).unwrap().contains(&kid));
    fs::remove_dir_all(root.path().join("data/identity/openid")).unwrap();
    identity(root.path()).jwks().unwrap();
    assert!(fs::read_to_string(&keys).unwrap().contains(&kid));
}

#[test]
fn a_key_is_kept_until_it_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let first = key_id(root.path());
    let authority = identity(root.path()).ca_pem().unwrap();
    assert_eq!(key_id(root.path()), first);
    fs::remove_file(root.path().join("data/identity/sa.key")).unwrap();
    assert_ne!(key_id(root.path()), first);
    assert_eq!(identity(root.path()).ca_pem().unwrap(), authority);
}

#[test]
fn whoever_comes_at_once_gets_the_same_keys() {
    const CROWD: usize = 16;
    let root = tempfile::tempdir().unwrap();
    let start = Barrier::new(CROWD);
    let seen: Vec<(String, String)> = thread::scope(|scope| {
        let ask = || {
            start.wait();
            (identity(root.path()).ca_pem().unwrap(), key_id(root.path()))
        };
        let threads: Vec<_> = (0..CROWD).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(seen.iter().all(|one| *one == seen[0]));
}

/// What a child does: it signs a token and leaves it under its own number.
pub fn play(root: &Path) {
    let token = identity(root).sign(&request()).unwrap();
    identity(root).ca_pem().unwrap();
    let name = format!("token-{}", std::process::id());
    fs::write(root.join(name), token.jwt).unwrap();
}

#[test]
fn processes_that_come_at_once_sign_with_one_key() {
    let root = tempfile::tempdir().unwrap();
    let crowd: Vec<_> = (0..6)
        .map(|_| child::command("identity", root.path(), 0).spawn().unwrap())
        .collect();
    for mut one in crowd {
        assert!(one.wait().unwrap().success());
    }
    let kid = key_id(root.path());
    let mut tokens = 0;
    for file in fs::read_dir(root.path()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("token-") {
            let token = fs::read_to_string(file.path()).unwrap();
            let header = token.split('.').next().unwrap();
            use base64::Engine;
            let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(header)
                .unwrap();
            assert!(String::from_utf8(header).unwrap().contains(&kid));
            tokens += 1;
        }
    }
    assert_eq!(tokens, 6);
}

/// Kills one that makes the keys before each of its changes, and lets another one take up the thread.
#[test]
fn a_kill_at_any_moment_leaves_what_the_next_one_can_use() {
    let mut survived = false;
    for lethal in 1..100 {
        let root = tempfile::tempdir().unwrap();
        survived = child::command("identity", root.path(), lethal)
            .status()
            .unwrap()
            .success();
        let identity = identity(root.path());
        let kid = key_id(root.path());
        let authority = identity.ca_pem().unwrap();
        let place = root.path().join("data/identity");
        assert!(
            fs::read_to_string(place.join("openid/openid/v1/jwks"))
                .unwrap()
                .contains(&kid)
        );
        assert_eq!(fs::read_to_string(place.join("ca.crt")).unwrap(), authority);
        assert!(place.join("ca.key").exists());
        if survived {
            // Each of its changes had its turn.
            assert!(lethal > 20, "{lethal}");
            break;
        }
    }
    assert!(survived);
}

#[test]
fn a_full_disk_is_said_and_leaves_no_half_of_a_key() {
    let root = tempfile::tempdir().unwrap();
    step::fill(root.path(), true);
    let error = identity(root.path()).sign(&request()).unwrap_err();
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    step::fill(root.path(), false);
    assert!(!root.path().join("data/identity/sa.key").exists());
    key_id(root.path());
}

#[test]
fn a_key_that_others_could_use_is_refused() {
    let root = tempfile::tempdir().unwrap();
    key_id(root.path());
    let path = root.path().join("data/identity/sa.key");
    for open in [0o640, 0o604, 0o660, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let error = identity(root.path()).sign(&request()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("(mode {open:04o})")) && text.contains("sa.key"),
            "{text}"
        );
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    key_id(root.path());
}

#[test]
fn what_is_no_key_is_said_and_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    key_id(root.path());
    let place = root.path().join("data/identity");
    let other = "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n";
    for (content, reason) in [
        ("", "no PRIVATE KEY in PEM"),
        (other, "no private key of the curve P-256"),
    ] {
        fs::write(place.join("sa.key"), content).unwrap();
        let error = identity(root.path())
            .sign(&request())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sa.key") && error.contains(reason),
            "{error}"
        );
        assert_eq!(fs::read_to_string(place.join("sa.key")).unwrap(), content);
    }
    fs::write(place.join("ca.crt"), "").unwrap();
    let error = identity(root.path()).ca_pem().unwrap_err().to_string();
    assert!(error.contains("ca.crt: no CERTIFICATE in PEM"), "{error}");
}

#[test]
fn no_link_is_followed_to_a_key() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    key_id(elsewhere.path());
    let place = root.path().join("data/identity");
    fs::create_dir_all(&place).unwrap();
    std::os::unix::fs::symlink(
        elsewhere.path().join("data/identity/sa.key"),
        place.join("sa.key"),
    )
    .unwrap();
    assert!(identity(root.path()).sign(&request()).is_err());
}
