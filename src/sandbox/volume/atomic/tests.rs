//! File sets on a real file system, with readers beside the writer and with writers that are killed.

mod killed;
mod model;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

use super::super::needs::{as_nobody, is_root, require, require_mounts};
use super::super::{Tmpfs, own_group};
use super::*;

fn file(content: &str, mode: u32) -> FileSpec {
    FileSpec {
        content: content.into(),
        mode,
        uid: None,
        gid: None,
    }
}

fn set(files: &[(&str, &str)]) -> BTreeMap<String, FileSpec> {
    let entry = |(name, content): &(&str, &str)| ((*name).to_owned(), file(content, 0o644));
    files.iter().map(entry).collect()
}

/// The last day of January 2026 at noon.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_769_860_800, 123_456_789)
}

/// Every entry at any depth, as `path`, `path/` or `path -> target`.
fn tree(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            lines.push(format!("{name} -> {}", target.display()));
        } else if kind.is_dir() {
            lines.push(format!("{name}/"));
            let below = tree(&entry.path());
            lines.extend(below.iter().map(|line| format!("{name}/{line}")));
        } else {
            lines.push(name);
        }
    }
    lines.sort();
    lines
}

const LAYOUT: [&str; 8] = [
    "..2026_01_31_12_00_00.123456789/",
    "..2026_01_31_12_00_00.123456789/pass",
    "..2026_01_31_12_00_00.123456789/team/",
    "..2026_01_31_12_00_00.123456789/team/user",
    "..data -> ..2026_01_31_12_00_00.123456789",
    "pass -> ..data/pass",
    "team -> ..data/team",
    "",
];

#[test]
fn a_set_is_laid_out_behind_one_link() {
    let scratch = tempfile::tempdir().unwrap();
    let files = set(&[("pass", "secret"), ("team/user", "admin")]);
    assert!(AtomicDir::write(scratch.path(), &files, noon()).unwrap());
    assert_eq!(tree(scratch.path()), LAYOUT[..7]);
    let read = |name| fs::read_to_string(scratch.path().join(name)).unwrap();
    assert_eq!(
        (read("pass"), read("team/user")),
        ("secret".into(), "admin".into())
    );
}

#[test]
fn an_equal_set_is_not_written() {
    let scratch = tempfile::tempdir().unwrap();
    let files = set(&[("pass", "secret"), ("team/user", "admin")]);
    AtomicDir::write(scratch.path(), &files, noon()).unwrap();
    let before = fs::metadata(scratch.path()).unwrap();
    let later = noon() + Duration::from_secs(60);
    assert!(!AtomicDir::write(scratch.path(), &files, later).unwrap());
    assert_eq!(tree(scratch.path()), LAYOUT[..7]);
    let after = fs::metadata(scratch.path()).unwrap();
    assert_eq!(
        (before.ctime(), before.ctime_nsec()),
        (after.ctime(), after.ctime_nsec())
    );
}

#[test]
fn every_difference_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let base = set(&[("a", "1"), ("d/b", "2")]);
    let mut mode = base.clone();
    mode.get_mut("a").unwrap().mode = 0o600;
    let sets = [
        set(&[("a", "2"), ("d/b", "2")]),
        set(&[("a", "1")]),
        set(&[("a", "1"), ("d/b", "2"), ("d/c", "")]),
        set(&[("a", "1"), ("d", "2")]),
        set(&[("a/x", "1"), ("d/b", "2")]),
        set(&[]),
        mode,
    ];
    for (number, other) in sets.iter().enumerate() {
        for files in [&base, other] {
            assert!(
                AtomicDir::write(scratch.path(), files, noon()).unwrap(),
                "{number}"
            );
            assert!(
                !AtomicDir::write(scratch.path(), files, noon()).unwrap(),
                "{number}"
            );
            shows(scratch.path(), files);
        }
    }
}

/// What a reader sees is exactly the set, and nothing else is left.
#[track_caller]
fn shows(dir: &Path, files: &BTreeMap<String, FileSpec>) {
    let set = Set::new(files).unwrap();
    for (path, file) in set.files() {
        let found = fs::metadata(dir.join(path)).unwrap();
        assert_eq!(found.mode() & 0o7777, file.mode, "{}", path.display());
        assert_eq!(fs::read(dir.join(path)).unwrap(), file.content);
    }
    let mut expected: Vec<OsString> = set.tops().map(OsString::from).collect();
    expected.push(DATA.into());
    expected.push(fs::read_link(dir.join(DATA)).unwrap().into());
    expected.sort();
    let entries = fs::read_dir(dir).unwrap();
    let mut found: Vec<OsString> = entries.map(|entry| entry.unwrap().file_name()).collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(tree(&dir.join(DATA)).len(), set.len());
}

#[test]
fn modes_are_exact_whatever_the_umask() {
    let scratch = tempfile::tempdir().unwrap();
    let modes = [0o440, 0o400, 0o777, 0o644, 0o4755];
    let entry = |mode: &u32| (format!("{mode:o}"), file("x", *mode));
    let files: BTreeMap<_, _> = modes.iter().map(entry).collect();
    AtomicDir::write(scratch.path(), &files, noon()).unwrap();
    shows(scratch.path(), &files);
    assert_eq!(
        fs::metadata(scratch.path().join(DATA)).unwrap().mode() & 0o7777,
        0o755
    );
}

#[test]
fn owners_and_groups_are_given_away() {
    if !require("root", is_root()) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut token = file("x", 0o640);
    (token.uid, token.gid) = (Some(1000), Some(2000));
    let files = BTreeMap::from([("dir/token".to_owned(), token.clone())]);
    assert!(AtomicDir::write(scratch.path(), &files, noon()).unwrap());
    assert!(!AtomicDir::write(scratch.path(), &files, noon()).unwrap());
    let owner = |name: &str| {
        let found = fs::metadata(scratch.path().join(name)).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o7777)
    };
    assert_eq!(owner("dir/token"), (1000, 2000, 0o640));
    assert_eq!(owner("dir"), (0, 2000, 0o2755));
    assert_eq!(owner(DATA), (0, 2000, 0o2755));
    token.gid = Some(2001);
    let files = BTreeMap::from([("dir/token".to_owned(), token)]);
    assert!(AtomicDir::write(scratch.path(), &files, noon()).unwrap());
    assert_eq!(owner("dir/token"), (1000, 2001, 0o640));
}

/// To everybody but root: what cannot be compared is written again.
#[test]
fn a_mode_that_keeps_the_writer_out_is_no_obstacle() {
    if !require("root", is_root()) {
        return;
    }
    as_nobody(|| {
        let scratch = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([("a".to_owned(), file("x", 0))]);
        for _ in 0..2 {
            assert!(AtomicDir::write(scratch.path(), &files, noon()).unwrap());
            assert_eq!(tree(scratch.path()).len(), 4);
        }
    });
}

/// What is given to a group as a whole stays equal to a set that was made for it.
#[test]
fn a_set_for_a_group_survives_being_given_to_it() {
    if !require("root", is_root()) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let given = |mut file: FileSpec| {
        file.gid = Some(2000);
        file.mode |= 0o440;
        file
    };
    let files = set(&[("a", "1"), ("d/b", "2")]);
    let files: BTreeMap<_, _> = files
        .into_iter()
        .map(|(name, file)| (name, given(file)))
        .collect();
    assert!(AtomicDir::write(scratch.path(), &files, noon()).unwrap());
    own_group(scratch.path(), 2000, true, false).unwrap();
    assert!(!AtomicDir::write(scratch.path(), &files, noon()).unwrap());
    shows(scratch.path(), &files);
}

/// Deeper than a process has descriptors.
#[test]
fn a_path_may_be_as_deep_as_it_may_be_long() {
    let scratch = tempfile::tempdir().unwrap();
    let deep = "d/".repeat(1200) + "file";
    for files in [set(&[(&deep, "1")]), set(&[(&deep, "2")])] {
        assert!(AtomicDir::write(scratch.path(), &files, noon()).unwrap());
        assert!(!AtomicDir::write(scratch.path(), &files, noon()).unwrap());
        let found = fs::read_dir(scratch.path()).unwrap().count();
        assert_eq!(found, 3);
    }
}

#[test]
fn names_are_data() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("volume");
    fs::create_dir(&dir).unwrap();
    let hostile = [
        "-rf *",
        "a\nb",
        "$(reboot)",
        "\u{202e}txt",
        ".",
        "..",
        "../outside",
        "/etc/x",
        "..data",
        "..data/x",
    ];
    for name in hostile {
        let written = AtomicDir::write(&dir, &set(&[(name, "x")]), noon());
        if let Ok(changed) = written {
            assert!(changed);
            shows(&dir, &set(&[(name, "x")]));
        }
    }
    let names = fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(names, 1, "nothing is written outside");
}

#[test]
fn a_set_that_cannot_be_is_refused_and_the_old_one_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let old = set(&[("a", "1")]);
    AtomicDir::write(scratch.path(), &old, noon()).unwrap();
    for files in [
        set(&[("a", "1"), ("a/b", "2")]),
        set(&[("a", "1"), ("./a", "2")]),
        set(&[("x", "1"), ("../y", "2")]),
    ] {
        let error = AtomicDir::write(scratch.path(), &files, noon()).unwrap_err();
        assert!(format!("{error:#}").contains("invalid path"), "{error:#}");
        shows(scratch.path(), &old);
    }
}

/// A tmpfs of one page has no room for the next set; the old one stays, and once there is room the next comes.
#[test]
fn a_set_without_room_leaves_the_old_one() {
    if !require_mounts() {
        return;
    }
    let memory = Tmpfs::new(Some(64 << 10)).unwrap();
    let old = set(&[("a", "1"), ("b", "2")]);
    AtomicDir::write(&memory.path(), &old, noon()).unwrap();
    let big = set(&[("a", &"x".repeat(100 << 10))]);
    let error = AtomicDir::write(&memory.path(), &big, noon()).unwrap_err();
    assert!(format!("{error:#}").contains("No space left"), "{error:#}");
    shows(&memory.path(), &old);
    memory.resize(1 << 20).unwrap();
    assert!(AtomicDir::write(&memory.path(), &big, noon()).unwrap());
    shows(&memory.path(), &big);
}

/// Every state in which a writer can be killed between two of its steps, and some that no writer leaves.
#[test]
fn whatever_is_found_is_repaired() {
    let before = set(&[("a", "1"), ("b", "1")]);
    let after = set(&[("b", "2"), ("c/d", "2")]);
    let hidden = "..2026_01_31_12_00_01.5";
    type Step = (&'static str, fn(&Path, &str));
    let steps: [Step; 11] = [
        ("an empty new directory", |dir, hidden| {
            fs::create_dir(dir.join(hidden)).unwrap()
        }),
        ("half of the files", |dir, hidden| {
            fs::create_dir_all(dir.join(hidden).join("c")).unwrap();
            fs::write(dir.join(hidden).join("b"), "").unwrap();
        }),
        ("the next symlink", |dir, hidden| {
            fs::create_dir(dir.join(hidden)).unwrap();
            symlink(hidden, dir.join(NEXT)).unwrap();
        }),
        ("a next symlink to nowhere", |dir, _| {
            symlink("..1", dir.join(NEXT)).unwrap()
        }),
        ("shown, but no links", |dir, hidden| {
            fs::create_dir_all(dir.join(hidden).join("c")).unwrap();
            fs::write(dir.join(hidden).join("b"), "2").unwrap();
            fs::write(dir.join(hidden).join("c/d"), "2").unwrap();
            fs::remove_file(dir.join(DATA)).unwrap();
            symlink(hidden, dir.join(DATA)).unwrap();
        }),
        ("one link missing", |dir, _| {
            fs::remove_file(dir.join("b")).unwrap()
        }),
        ("a link that leads elsewhere", |dir, _| {
            fs::remove_file(dir.join("b")).unwrap();
            symlink("../outside/b", dir.join("b")).unwrap();
        }),
        ("nothing shown", |dir, _| {
            fs::remove_file(dir.join(DATA)).unwrap()
        }),
        ("shown is nowhere", |dir, hidden| {
            fs::remove_file(dir.join(DATA)).unwrap();
            symlink(hidden, dir.join(DATA)).unwrap();
        }),
        ("shown is outside", |dir, _| {
            fs::remove_file(dir.join(DATA)).unwrap();
            symlink("../outside", dir.join(DATA)).unwrap();
        }),
        ("a directory where the symlink should be", |dir, _| {
            fs::remove_file(dir.join(DATA)).unwrap();
            fs::create_dir_all(dir.join(DATA).join("b")).unwrap();
        }),
    ];
    for (state, make) in steps {
        for files in [&before, &after] {
            let scratch = tempfile::tempdir().unwrap();
            let (dir, outside) = (scratch.path().join("dir"), scratch.path().join("outside"));
            for dir in [&dir, &outside] {
                fs::create_dir(dir).unwrap();
            }
            fs::write(outside.join("b"), "kept").unwrap();
            AtomicDir::write(&dir, &before, noon()).unwrap();
            make(&dir, hidden);
            AtomicDir::write(&dir, files, noon()).expect(state);
            shows(&dir, files);
            assert_eq!(tree(&outside), ["b"], "{state}");
            assert_eq!(fs::read_to_string(outside.join("b")).unwrap(), "kept");
        }
    }
}

#[test]
fn what_lies_beside_the_set_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("place")).unwrap();
    fs::create_dir(scratch.path().join("a")).unwrap();
    symlink("elsewhere", scratch.path().join("link")).unwrap();
    AtomicDir::write(scratch.path(), &set(&[("a", "1")]), noon()).unwrap();
    assert_eq!(fs::read_to_string(scratch.path().join("a")).unwrap(), "1");
    assert!(scratch.path().join("place").is_dir());
    assert!(scratch.path().join("link").is_symlink());
}
