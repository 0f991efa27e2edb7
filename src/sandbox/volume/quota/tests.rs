//! Project quotas on a file system of their own, in a mount namespace of its own.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::super::needs::{in_own_namespace, require, require_mounts, skipped};
use super::super::{Tmpfs, remove_tree};
use super::*;

/// An ext4 with project quotas, mounted in this thread's namespace from a file. None if this machine cannot have one: no
/// package brings what a kernel is built without.
fn quota_file_system(scratch: &Path) -> Option<PathBuf> {
    let (image, place) = (scratch.join("image"), scratch.join("fs"));
    let file = fs::File::create(&image).unwrap();
    file.set_len(64 << 20).unwrap();
    fs::create_dir(&place).unwrap();
    let mut mkfs = Command::new("mkfs.ext4");
    let made = mkfs
        .args(["-q", "-O", "quota,project"])
        .arg(&image)
        .status();
    if !require("mkfs.ext4", made.is_ok_and(|status| status.success())) {
        return None;
    }
    // `mount` finds a free loop device, and gives it back with the last mount of it.
    let mut mount = Command::new("mount");
    let mounted = mount
        .args(["-o", "loop,prjquota"])
        .args([&image, &place])
        .output();
    let output = mounted.unwrap();
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        skipped("a loop device and a kernel with CONFIG_QFMT_V2", &why);
        return None;
    }
    Some(place)
}

#[test]
fn what_grows_beyond_its_limit_cannot_be_written() {
    if !require_mounts() {
        return;
    }
    in_own_namespace(|| {
        let scratch = tempfile::tempdir().unwrap();
        let Some(place) = quota_file_system(scratch.path()) else {
            return;
        };
        obey().unwrap();
        holds(&place);
        nix::mount::umount(&place).unwrap();
    });
}

fn holds(place: &Path) {
    let fd = open_dir(place).unwrap();
    assert_eq!(kernel::heed(fd.as_fd()), Heed::Enforced);
    assert_eq!(kernel::heed_by_device(fd.as_fd()), Heed::Enforced);
    drop(fd);
    let (a, b) = (place.join("a"), place.join("b"));
    for dir in [&a, &b] {
        fs::create_dir(dir).unwrap();
        limit(dir, 1 << 20).unwrap();
    }
    let fill = |dir: &Path, name: &str, kib: usize| fs::write(dir.join(name), vec![1; kib << 10]);
    fill(&a, "fits", 700).unwrap();
    fs::create_dir(a.join("deep")).unwrap();
    let error = fill(&a.join("deep"), "more", 700).unwrap_err();
    let full = [io::ErrorKind::QuotaExceeded, io::ErrorKind::StorageFull];
    assert!(full.contains(&error.kind()), "{error}");
    // Each has its own limit.
    fill(&b, "fits", 700).unwrap();
    // It can be raised, and what is removed makes room.
    limit(&a, 2 << 20).unwrap();
    fill(&a.join("deep"), "more", 700).unwrap();
    fs::remove_file(b.join("fits")).unwrap();
    fill(&b, "again", 900).unwrap();
    for dir in [&a, &b] {
        release(dir).unwrap();
        release(dir).unwrap();
        fill(dir, "big", 4 << 10).unwrap();
        remove_tree(dir).unwrap();
    }
}

/// The rights of a thread are its own: the one that prepares volumes keeps its own.
#[test]
fn who_obeys_and_whom_it_starts_have_no_right_to_exceed() {
    let effective = || {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    };
    let before = effective();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            obey().unwrap();
            assert_eq!(effective(), before & !(1 << 24));
            let started = std::thread::spawn(effective);
            assert_eq!(started.join().unwrap(), before & !(1 << 24));
        });
    });
    assert_eq!(effective(), before);
}

#[test]
fn a_file_system_without_quotas_says_what_it_needs() {
    let scratch = tempfile::tempdir().unwrap();
    let fd = open_dir(scratch.path()).unwrap();
    if !require(
        "a temporary directory without project quotas",
        kernel::heed(fd.as_fd()) == Heed::Nothing,
    ) {
        return;
    }
    let error = limit(scratch.path(), 1 << 20).unwrap_err();
    assert!(
        format!("{error:#}").contains("mounted with the option prjquota"),
        "{error:#}"
    );
    release(scratch.path()).unwrap();
    fs::write(scratch.path().join("x"), vec![1; 2 << 20]).unwrap();
}

#[test]
fn memory_and_places_that_are_none_are_refused_too() {
    if !require_mounts() {
        return;
    }
    let memory = Tmpfs::new(None).unwrap();
    assert!(limit(&memory.path(), 1 << 20).is_err());
    release(&memory.path()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    assert!(limit(&scratch.path().join("none"), 1 << 20).is_err());
    let error = limit(scratch.path(), 0).unwrap_err();
    assert!(error.to_string().contains("to nothing"), "{error}");
}
