use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;

use super::{Called, Closed, Key, STANDARD, is_sealed, open};
use base64::Engine;

const CALLED: Called = Called {
    plural: "secrets",
    namespace: "default",
    name: "pass",
};

fn key(byte: u8) -> Key {
    Key::new([byte; 32])
}

fn opened(key: Option<&Key>, called: Called, sealed: &[u8]) -> Result<Vec<u8>, Closed> {
    let mut content = sealed.to_vec();
    open(key, called, &mut content).map(|()| content)
}

#[test]
fn what_was_sealed_is_opened_with_the_key_and_hidden_without() {
    let plain = b"{\"data\":{\"pass\":\"aHVudGVyMg==\"}}";
    let sealed = key(1).seal(CALLED, plain).unwrap();
    assert!(is_sealed(&sealed) && !is_sealed(plain));
    assert!(
        !sealed
            .windows(8)
            .any(|window| plain.windows(8).any(|part| part == window))
    );
    assert_eq!(opened(Some(&key(1)), CALLED, &sealed).unwrap(), plain);
    assert_eq!(opened(None, CALLED, &sealed), Err(Closed::NoKey));
}

#[test]
fn the_same_content_never_looks_the_same() {
    let seal = || key(1).seal(CALLED, b"content").unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn what_was_not_sealed_is_read_with_and_without_a_key() {
    for plain in [&b"{}"[..], b"", b"wasmpod:sealed", b"wasmpod:sealed:v2:"] {
        assert_eq!(opened(Some(&key(1)), CALLED, plain).unwrap(), plain);
        assert_eq!(opened(None, CALLED, plain).unwrap(), plain);
    }
}

#[test]
fn another_key_is_told_from_damage() {
    let sealed = key(1).seal(CALLED, b"content").unwrap();
    let error = opened(Some(&key(2)), CALLED, &sealed).unwrap_err();
    assert_eq!(
        error,
        Closed::OtherKey {
            of_file: key(1).id,
            given: key(2).id
        }
    );
    assert_ne!(key(1).id, key(2).id);
}

#[test]
fn a_file_in_the_place_of_another_one_stays_closed() {
    let sealed = key(1).seal(CALLED, b"content").unwrap();
    for called in [
        Called {
            name: "other",
            ..CALLED
        },
        Called {
            namespace: "other",
            ..CALLED
        },
        Called {
            plural: "configmaps",
            ..CALLED
        },
    ] {
        assert_eq!(opened(Some(&key(1)), called, &sealed), Err(Closed::Damaged));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_content_comes_back(plain in prop::collection::vec(any::<u8>(), 0..5000), byte: u8) {
        let sealed = key(byte).seal(CALLED, &plain).unwrap();
        prop_assert_eq!(opened(Some(&key(byte)), CALLED, &sealed).unwrap(), plain);
    }

    #[test]
    fn any_change_is_noticed(place in any::<prop::sample::Index>(), change in 1u8..) {
        let mut sealed = key(1).seal(CALLED, b"content").unwrap();
        let place = place.index(sealed.len());
        sealed[place] ^= change;
        let opened = opened(Some(&key(1)), CALLED, &sealed);
        // Without its beginning it is a plain file, and no object.
        prop_assert!(opened.is_err() || opened.unwrap() == sealed && !is_sealed(&sealed));
    }

    #[test]
    fn a_half_is_noticed(length in any::<prop::sample::Index>()) {
        let sealed = key(1).seal(CALLED, b"content").unwrap();
        let part = &sealed[..length.index(sealed.len())];
        prop_assert!(!is_sealed(part) || opened(Some(&key(1)), CALLED, part) == Err(Closed::Damaged));
    }
}

struct KeyFile {
    dir: tempfile::TempDir,
}

impl KeyFile {
    fn new(content: &[u8], mode: u32) -> KeyFile {
        let file = KeyFile {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("key")
    }

    /// What is wrong with it, after its path.
    fn refused(&self) -> String {
        let error = Key::read(&self.path()).unwrap_err();
        let begin = format!("encryption key {}: ", self.path().display());
        error.strip_prefix(&begin).unwrap().to_owned()
    }
}

#[test]
fn a_key_is_32_bytes_raw_or_in_base64() {
    let bytes: [u8; 32] = std::array::from_fn(|index| index as u8 * 7);
    let text = STANDARD.encode(bytes);
    for content in [
        bytes.to_vec(),
        text.clone().into_bytes(),
        format!("{text}\n").into_bytes(),
        format!(" {text}\r\n").into_bytes(),
    ] {
        for mode in [0o600, 0o400] {
            let read = Key::read(&KeyFile::new(&content, mode).path()).unwrap();
            assert_eq!(read.bytes, Key::new(bytes).bytes);
        }
    }
    let wrong = "must be 32 bytes, or 32 bytes in base64: `head -c 32 /dev/urandom` makes one";
    for content in [
        Vec::new(),
        vec![0; 31],
        vec![0; 33],
        b"hunter2".to_vec(),
        STANDARD.encode([0; 31]).into_bytes(),
        STANDARD.encode([0; 33]).into_bytes(),
        vec![b'A'; 5000],
    ] {
        assert_eq!(KeyFile::new(&content, 0o600).refused(), wrong);
    }
}

#[test]
fn a_key_that_others_could_use_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o611, 0o666] {
        assert_eq!(
            KeyFile::new(&[1; 32], mode).refused(),
            format!("others than its owner may use it (mode {mode:04o}); set it to 0600, or 0400")
        );
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let file = KeyFile::new(&[], 0o600);
    fs::remove_file(file.path()).unwrap();
    assert_eq!(file.refused(), "No such file or directory (os error 2)");
    nix::unistd::mkfifo(&file.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(file.refused(), "not a file");
    fs::remove_file(file.path()).unwrap();
    fs::create_dir(file.path()).unwrap();
    assert_eq!(file.refused(), "not a file");
}

#[test]
fn a_key_is_not_printed() {
    let key = key(65);
    let printed = format!("{key:?}");
    assert_eq!(printed, format!("Key({})", key.id));
    assert_eq!(key.id.len(), 8);
}
