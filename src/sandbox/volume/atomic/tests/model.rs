//! Any sequence of sets, with a reader that never stops reading.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-c]",
        Just("\n".to_owned()),
        Just("-rf".to_owned()),
        Just("x".repeat(255)),
        Just("é ".to_owned()),
        Just("..data".to_owned()),
        Just("...".to_owned()),
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just(String::new()),
    ];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

fn files() -> impl Strategy<Value = BTreeMap<String, u32>> {
    let mode = prop_oneof![Just(0o644), Just(0o400), Just(0o777)];
    prop::collection::btree_map(name(), mode, 0..6)
}

/// Reads one set as a program would that wants a consistent view: through the directory that `..data` is right now. None
/// if it was taken away meanwhile.
fn read(dir: &Path) -> Option<Vec<Vec<u8>>> {
    let root = Dir::open_ambient_dir(dir.join(DATA), ambient_authority()).ok()?;
    let mut contents = Vec::new();
    let mut todo = vec![root.try_clone().ok()?];
    while let Some(dir) = todo.pop() {
        for entry in dir.entries().ok()? {
            let entry = entry.ok()?;
            if entry.file_type().ok()?.is_dir() {
                todo.push(entry.open_dir().ok()?);
            } else {
                contents.push(dir.read(entry.file_name()).ok()?);
            }
        }
    }
    // It may have been on its way out while we read.
    let now = fs::metadata(dir.join(DATA)).ok()?;
    let then = root.dir_metadata().ok()?;
    (now.ino() == cap_std::fs::MetadataExt::ino(&then)).then_some(contents)
}

fn step(
    dir: &Path,
    version: usize,
    names: &BTreeMap<String, u32>,
    last: &mut Option<BTreeMap<String, FileSpec>>,
) {
    // All files of a version have the same content, and the first two say how many they are.
    let content = format!("{version}:{}", names.len());
    let entry = |(name, mode): (&String, &u32)| (name.clone(), file(&content, *mode));
    let files: BTreeMap<_, _> = names.iter().map(entry).collect();
    match AtomicDir::write(dir, &files, noon()) {
        Ok(_) => {
            shows(dir, &files);
            *last = Some(files);
        }
        Err(_) => {
            assert!(Set::new(&files).is_err(), "only names are refused");
            if let Some(last) = last {
                shows(dir, last);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_reader_sees_one_set_or_another(sets in prop::collection::vec(files(), 1..12)) {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("volume");
        fs::create_dir(&dir).unwrap();
        let (over, seen) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let Some(contents) = read(&dir) else { continue };
                    if let Some(first) = contents.first() {
                        let count: usize = String::from_utf8_lossy(first).split(':').nth(1).unwrap().parse().unwrap();
                        assert!(contents.iter().all(|content| content == first), "two sets at once");
                        assert_eq!(contents.len(), count, "half a set");
                    }
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
            let mut last = None;
            for (version, names) in sets.iter().enumerate() {
                step(&dir, version, names, &mut last);
                let before = seen.load(Ordering::Relaxed);
                // The reader has had its turn, if there is anything to read.
                while last.is_some() && seen.load(Ordering::Relaxed) == before && !reader.is_finished() {
                    std::thread::yield_now();
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        prop_assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is written outside");
    }
}
