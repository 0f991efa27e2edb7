//! Project quotas on a file system of their own, in a mount namespace of its own.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::super::needs::{in_own_namespace, require, require_mounts};
use super::super::{Tmpfs, remove_tree};
use super::*;

/// An ext4 with project quotas, mounted in this thread's namespace from a file. The error says what is missing.
fn quota_file_system(scratch: &Path) -> Result<PathBuf, String> {
    let (image, place) = (scratch.join("image"), scratch.join("fs"));
    let file = fs::File::create(&image).unwrap();
    file.set_len(64 << 20).unwrap();
    fs::create_dir(&place).unwrap();
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        output
            .status
            .success()
            .then_some(())
            .ok_or_else(|| format!("{program}: {}", text.trim()))
    };
    let image = image.to_str().unwrap();
    run("mkfs.ext4", &["-q", "-O", "quota,project", image])?;
    // `mount` finds a free loop device, and gives it back with the last mount of it.
    run(
        "mount",
        &["-o", "loop,prjquota", image, place.to_str().unwrap()],
    )?;
    Ok(place)
}

#[test]
fn what_grows_beyond_its_limit_cannot_be_written() {
    if !require_mounts() {
        return;
    }
    in_own_namespace(|| {
        let scratch = tempfile::tempdir().unwrap();
        let mounted = quota_file_system(scratch.path());
        let missing = mounted.as_ref().err().cloned().unwrap_or_default();
        let need = format!(
            "mkfs.ext4, a loop device and a kernel with project quotas (CONFIG_QFMT_V2): {missing}"
        );
        let Ok(place) = require(&need, mounted.is_ok())
            .then_some(mounted)
            .unwrap_or(Err(missing))
        else {
            return;
        };
        holds(&place);
        nix::mount::umount(&place).unwrap();
    });
}

fn holds(place: &Path) {
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
