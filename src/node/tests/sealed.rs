//! Secrets that are encrypted where they lie.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use k8s_openapi::api::core::v1;
use serde_json::json;

use super::{Fake, config_map, store, wish};
use crate::node::seal::Key;
use crate::node::{Deleted, Store, delete_object};
use crate::spec::Kind;

fn key(dir: &Path, name: &str, byte: u8) -> Option<Key> {
    use std::io::Write;
    let path = dir.join(name);
    let mut options = std::fs::File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
    file.unwrap().write_all(&[byte; 32]).unwrap();
    Some(Key::read(&path).unwrap())
}

fn secret(name: &str) -> v1::Secret {
    let value = json!({ "metadata": { "name": name }, "data": { "password": "aHVudGVyMg==" } });
    serde_json::from_value(value).unwrap()
}

fn file(store: &Store, kind: &str, name: &str) -> Vec<u8> {
    let path = store.layout().objects().join(kind).join("default");
    let file = std::fs::read_dir(path).unwrap().find_map(|entry| {
        let entry = entry.unwrap();
        let begins = entry
            .file_name()
            .to_str()
            .unwrap()
            .starts_with(&name[..name.len().min(200)]);
        begins.then(|| std::fs::read(entry.path()).unwrap())
    });
    file.unwrap()
}

fn holds(file: &[u8], text: &str) -> bool {
    file.windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn with_a_key_secrets_are_encrypted_and_nothing_else() {
    let (dir, store) = store();
    let store = store.with_key(key(dir.path(), "key", 7));
    // The longest name has a file that is called otherwise.
    for name in ["db", &"a".repeat(253)] {
        let made = store.objects().create(secret(name)).unwrap();
        let lies = file(&store, "secrets", name);
        assert!(!holds(&lies, "aHVudGVyMg") && !holds(&lies, "metadata"));
        assert_eq!(
            store.objects::<v1::Secret>().get("default", name).unwrap(),
            made
        );
        assert_eq!(
            store.any(Kind::Secret).get("default", name).unwrap(),
            made.into()
        );
    }
    assert_eq!(store.any(Kind::Secret).list(None).unwrap().len(), 2);
    store
        .objects()
        .create(config_map("default", "app", "shown"))
        .unwrap();
    assert!(holds(&file(&store, "configmaps", "app"), "shown"));
}

#[test]
fn without_the_key_they_stay_closed_and_can_be_thrown_away() {
    let (dir, store) = store();
    let sealed = store.clone().with_key(key(dir.path(), "key", 7));
    sealed.objects().create(secret("db")).unwrap();
    for (other, said) in [
        (store.clone(), "--encryption-key FILE"),
        (
            store.clone().with_key(key(dir.path(), "other", 8)),
            "not with the one given",
        ),
    ] {
        let error = other
            .objects::<v1::Secret>()
            .get("default", "db")
            .unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(other.any(Kind::Secret).list(None).unwrap().is_empty());
    }
    let mut wish = wish("default", "db");
    assert!(delete_object(&store, &Fake::default(), Kind::Secret, &wish).is_err());
    wish.force = true;
    let gone = delete_object(&store, &Fake::default(), Kind::Secret, &wish).unwrap();
    assert_eq!(gone, Deleted::Gone);
    assert!(
        sealed
            .objects::<v1::Secret>()
            .get("default", "db")
            .unwrap_err()
            .is_not_found()
    );
}

#[test]
fn what_was_written_without_a_key_is_sealed_when_it_is_written_next() {
    let (dir, store) = store();
    store.objects().create(secret("db")).unwrap();
    assert!(holds(&file(&store, "secrets", "db"), "aHVudGVyMg"));
    let sealed = store.with_key(key(dir.path(), "key", 7));
    let more = |secret: &mut v1::Secret| {
        secret.immutable = Some(true);
        Ok(())
    };
    sealed.objects().update("default", "db", more).unwrap();
    assert!(!holds(&file(&sealed, "secrets", "db"), "aHVudGVyMg"));
}

#[test]
fn one_secret_is_not_taken_for_another() {
    let (dir, store) = store();
    let store = store.with_key(key(dir.path(), "key", 7));
    store.objects().create(secret("db")).unwrap();
    let folder = store.layout().objects().join("secrets/default");
    std::fs::copy(folder.join("db.json"), folder.join("web.json")).unwrap();
    let error = store
        .objects::<v1::Secret>()
        .get("default", "web")
        .unwrap_err();
    assert!(
        error.to_string().contains("put in the place of another"),
        "{error}"
    );
}
