//! Compiled code on disk: found again, never trusted blindly.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::*;

fn entries(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect()
}

/// The one entry there is.
fn entry(bench: &Bench) -> PathBuf {
    let entries = entries(&bench.dir.path().join("code"), ".cwasm");
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.into_iter().next().unwrap()
}

/// A second process, so to say: nothing in memory, the same directory.
fn reopened(bench: &Bench) -> Engine {
    engine_at(&bench.dir.path().join("code")).unwrap()
}

fn runs(engine: &Engine) {
    let wasm = wat::parse_str(HELLO).unwrap();
    let program = engine
        .load(
            Code::Bytes {
                name: "test.wasm",
                wasm: &wasm,
                digest: None,
            },
            true,
        )
        .unwrap();
    let run = start(&program);
    assert_eq!(
        (run.exit(), run.stdout.text().as_str()),
        (Exit::Code(0), "hello\n")
    );
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn an_entry_is_found_again_and_nothing_else_is_left() {
    let bench = Bench::new();
    runs(&bench.engine);
    let before = inode(&entry(&bench));
    runs(&reopened(&bench));
    assert_eq!(inode(&entry(&bench)), before, "compiled a second time");
    let dir = bench.dir.path().join("code");
    assert_eq!(
        fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert!(entries(&dir, ".lock").is_empty());
    assert_eq!(
        fs::read_dir(&dir).unwrap().count(),
        2,
        "the code and its stamp"
    );
}

#[test]
fn code_with_and_without_checks_are_two_entries() {
    let bench = Bench::new();
    let _ = (bench.load(HELLO), bench.load_unchecked(HELLO));
    assert_eq!(
        entries(&bench.dir.path().join("code"), ".cwasm").len(),
        3,
        "and the landing"
    );
}

/// Damages the entry by `damage` and expects it to be made anew.
fn survives(damage: impl FnOnce(&Path)) {
    let bench = Bench::new();
    runs(&bench.engine);
    let path = entry(&bench);
    damage(&path);
    let damaged = fs::read(&path).unwrap();
    runs(&reopened(&bench));
    assert_ne!(
        fs::read(entry(&bench)).unwrap(),
        damaged,
        "damage was trusted"
    );
}

/// Flips a bit in the file itself, whose stamp then no longer fits.
fn flip(path: &Path, at: u64) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let before = file.metadata().unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    // Until the clock by which the kernel stamps files has moved on.
    while (before.ctime(), before.ctime_nsec()) == now(&file) {
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    }
}

fn now(file: &fs::File) -> (i64, i64) {
    let meta = file.metadata().unwrap();
    (meta.ctime(), meta.ctime_nsec())
}

/// Puts other bytes in its place. Not into the file itself: the end of a guest may still be using its mapping.
fn replace(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    for part in [0, 3, 5, 8, 9, 10] {
        survives(|path| {
            let last = fs::metadata(path).unwrap().len() - 1;
            flip(path, last * part / 10);
        });
    }
}

#[test]
fn a_torn_or_foreign_entry_is_noticed() {
    survives(|path| replace(path, |bytes| bytes.truncate(bytes.len() / 2)));
    survives(|path| replace(path, |bytes| bytes.truncate(bytes.len() - 1)));
    survives(|path| replace(path, Vec::clear));
    survives(|path| {
        replace(path, |bytes| {
            *bytes = b"not code, but long enough for one".repeat(9)
        })
    });
    survives(|path| replace(path, |bytes| bytes.push(0)));
    survives(|path| replace(path, |bytes| bytes[100] ^= 1));
}

#[test]
fn the_entry_of_another_program_is_not_taken() {
    let bench = Bench::new();
    runs(&bench.engine);
    let path = entry(&bench);
    let other = Bench::new();
    let _ = other.load(&exits_with(7));
    fs::remove_file(&path).unwrap();
    fs::copy(entry(&other), &path).unwrap();
    runs(&reopened(&bench));
}

#[test]
fn an_entry_others_can_write_to_is_not_taken() {
    let bench = Bench::new();
    runs(&bench.engine);
    let path = entry(&bench);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    runs(&reopened(&bench));
    // Written anew: the one that was there kept its mode.
    assert_eq!(
        fs::metadata(entry(&bench)).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_directory_others_can_write_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for mode in [0o777, 0o770, 0o1777] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = engine_at(dir.path()).err().unwrap();
        assert!(matches!(error, SetupError::UnsafeCache { .. }), "{error}");
    }
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("code");
    fs::write(&path, "").unwrap();
    assert!(matches!(
        engine_at(&path).err().unwrap(),
        SetupError::Cache { .. }
    ));
}

#[test]
fn writers_at_the_same_time_agree() {
    let bench = Bench::new();
    let engines: Vec<Engine> = (0..6).map(|_| reopened(&bench)).collect();
    std::thread::scope(|scope| {
        for engine in &engines {
            scope.spawn(|| runs(engine));
        }
    });
    entry(&bench);
    assert!(entries(&bench.dir.path().join("code"), ".lock").is_empty());
}

#[test]
fn what_dead_writers_left_is_swept() {
    let bench = Bench::new();
    let dir = bench.dir.path().join("code");
    let (old, new) = (dir.join("tmp-1-0"), dir.join("tmp-1-1"));
    for path in [&old, &new] {
        fs::write(path, "").unwrap();
    }
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    runs(&bench.engine);
    assert!(!old.exists() && new.exists());
}

#[test]
fn the_digest_of_a_settled_file_is_remembered_until_it_changes() {
    let bench = Bench::new();
    let path = bench.dir.path().join("app.wasm");
    fs::write(&path, wat::parse_str(HELLO).unwrap()).unwrap();
    let first = bench.engine.load(Code::File(&path), true).unwrap().digest();
    // Changed just now: its times cannot be relied on yet.
    assert!(
        entries(&bench.dir.path().join("code"), "")
            .iter()
            .all(|e| !e.to_string_lossy().contains("path-"))
    );
    let second = bench.engine.load(Code::File(&path), true).unwrap().digest();
    assert_eq!(first, second);
}
