//! Secrets as they lie on disk, with and without a key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1;
use serde_json::json;

use super::{Fake, layout, wish};
use crate::node::seal::{Key, is_sealed};
use crate::node::{Applied, Deleted, Objects, Store, delete_object};
use crate::spec::Kind;

/// What must not be found on disk, in base64.
const HIDDEN: &str = "aHVudGVyMg==";

fn key(root: &Path, byte: u8) -> Key {
    let path = root.join(format!("key-{byte}"));
    fs::write(&path, [byte; 32]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Key::read(&path).unwrap()
}

fn secrets(root: &Path, key: Option<Key>) -> Objects<v1::Secret> {
    Store::new(layout(root)).with_key(key).objects()
}

fn secret(name: &str) -> v1::Secret {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default" },
        "data": { "pass": HIDDEN },
    }))
    .unwrap()
}

fn file(root: &Path, name: &str) -> PathBuf {
    root.join(format!("data/objects/secrets/default/{name}.json"))
}

fn lies_sealed(root: &Path, name: &str) -> bool {
    let content = fs::read(file(root, name)).unwrap();
    let hidden = !content
        .windows(HIDDEN.len())
        .any(|window| window == HIDDEN.as_bytes());
    assert_eq!(is_sealed(&content), hidden);
    hidden
}

#[test]
fn a_secret_is_written_for_whoever_has_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let with = secrets(root, Some(key(root, 1)));
    let made = with.create(secret("a")).unwrap();
    assert!(lies_sealed(root, "a"));
    assert_eq!(
        fs::metadata(file(root, "a")).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(with.get("default", "a").unwrap(), made);
    assert_eq!(with.list(None).unwrap(), [made]);
}

#[test]
fn who_has_not_the_key_is_told_so_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    secrets(root, Some(key(root, 1)))
        .create(secret("a"))
        .unwrap();
    let before = fs::read(file(root, "a")).unwrap();
    for (key, told) in [
        (
            None,
            "it is encrypted: the key has to be given with --encryption-key FILE",
        ),
        (
            Some(key(root, 2)),
            "not with the one given by --encryption-key",
        ),
    ] {
        let without = secrets(root, key);
        let change = |_: &mut v1::Secret| panic!("what cannot be read cannot be changed");
        for error in [
            without.get("default", "a").unwrap_err(),
            without.create(secret("a")).unwrap_err(),
            without.update("default", "a", change).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(
                error.contains("a.json: ") && error.contains(told),
                "{error}"
            );
        }
        // The others are listed.
        assert_eq!(without.list(None).unwrap(), []);
    }
    assert_eq!(fs::read(file(root, "a")).unwrap(), before);
}

#[test]
fn what_was_written_before_there_was_a_key_is_sealed_by_the_next_writing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let without = secrets(root, None);
    for name in ["a", "b"] {
        without.create(secret(name)).unwrap();
        assert!(!lies_sealed(root, name));
    }
    let with = secrets(root, Some(key(root, 1)));
    let read = with.get("default", "a").unwrap();
    assert!(!lies_sealed(root, "a"), "reading writes nothing");
    let label = |secret: &mut v1::Secret| {
        secret.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        Ok(())
    };
    with.update("default", "a", label).unwrap();
    assert!(lies_sealed(root, "a"));
    // Also by one that changes nothing, which leaves its version as it is.
    let (same, applied) = with.update("default", "b", |_| Ok(())).unwrap();
    assert_eq!(applied, Applied::Unchanged);
    assert!(lies_sealed(root, "b"));
    assert_eq!(with.get("default", "b").unwrap(), same);
    assert_eq!(with.get("default", "a").unwrap().data, read.data);
}

#[test]
fn what_cannot_be_opened_can_be_thrown_away_by_force() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let with = secrets(root, Some(key(root, 1)));
    with.create(secret("a")).unwrap();
    let without = Store::new(layout(root));
    let mut wish = wish("default", "a");
    assert!(delete_object(&without, &Fake::default(), Kind::Secret, &wish).is_err());
    wish.force = true;
    let gone = delete_object(&without, &Fake::default(), Kind::Secret, &wish).unwrap();
    assert_eq!(gone, Deleted::Gone);
    assert!(with.get("default", "a").unwrap_err().is_not_found());
}

/// Its file is called otherwise, and so is what it is bound to.
#[test]
fn a_secret_of_the_longest_name_is_sealed_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let with = secrets(root, Some(key(root, 1)));
    let name = "a".repeat(253);
    let made = with.create(secret(&name)).unwrap();
    assert_eq!(with.get("default", &name).unwrap(), made);
    let folder = root.join("data/objects/secrets/default");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    assert_eq!(files.len(), 1);
    assert!(is_sealed(&fs::read(&files[0]).unwrap()));
}

#[test]
fn a_secret_in_the_place_of_another_one_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let with = secrets(root, Some(key(root, 1)));
    for name in ["a", "b"] {
        with.create(secret(name)).unwrap();
    }
    fs::copy(file(root, "a"), file(root, "b")).unwrap();
    let error = with.get("default", "b").unwrap_err().to_string();
    assert!(
        error
            .ends_with("it is encrypted, and has been damaged, or put in the place of another one"),
        "{error}"
    );
    with.get("default", "a").unwrap();
}

#[test]
fn what_is_no_secret_is_not_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let store = Store::new(layout(root)).with_key(Some(key(root, 1)));
    let map: v1::ConfigMap = serde_json::from_value(json!({
        "metadata": { "name": "a", "namespace": "default" },
    }))
    .unwrap();
    store.objects().create(map).unwrap();
    let content = fs::read(root.join("data/objects/configmaps/default/a.json")).unwrap();
    assert!(!is_sealed(&content));
}
