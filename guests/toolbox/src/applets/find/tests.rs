use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

use crate::testing::{Scratch, output, run};

/// A volume as Kubernetes lays it out, and an empty directory.
fn volume() -> Scratch {
    let s = Scratch::new();
    for directory in ["..2026", "empty"] {
        fs::create_dir(s.path(directory)).unwrap();
    }
    s.file("..2026/user", "admin");
    s.file("..2026/Pass", "");
    symlink("..2026", s.path("..data")).unwrap();
    symlink("..data/user", s.path("user")).unwrap();
    s
}

fn found(before: &[&str], after: &[&str], s: &Scratch) -> String {
    let root = s.path("");
    let root = root.trim_end_matches('/');
    let args: Vec<&str> = before.iter().chain([&root]).chain(after).copied().collect();
    let text = output("", "find", &args).replace(root, "R");
    text.trim_end().replace('\n', " ")
}

#[test]
fn everything_is_found_and_links_are_not_followed() {
    let s = volume();
    assert_eq!(
        found(&[], &[], &s),
        "R R/..2026 R/..2026/Pass R/..2026/user R/..data R/empty R/user"
    );
    assert_eq!(
        found(&["-L"], &["-type", "f"], &s),
        "R/..2026/Pass R/..2026/user R/..data/Pass R/..data/user R/user"
    );
    assert_eq!(found(&["-L", "-P"], &["-type", "l"], &s), "R/..data R/user");
}

#[test]
fn tests_narrow_what_is_found() {
    let s = volume();
    assert_eq!(found(&[], &["-name", "us?r"], &s), "R/..2026/user R/user");
    assert_eq!(found(&[], &["-iname", "pass"], &s), "R/..2026/Pass");
    assert_eq!(found(&[], &["-name", "pass"], &s), "");
    assert_eq!(found(&[], &["-name", "..*"], &s), "R/..2026 R/..data");
    assert_eq!(
        found(&[], &["-path", "*2026/*"], &s),
        "R/..2026/Pass R/..2026/user"
    );
    assert_eq!(
        found(&[], &["-maxdepth", "1", "-type", "d"], &s),
        "R R/..2026 R/empty"
    );
    assert_eq!(
        found(&[], &["-mindepth", "2"], &s),
        "R/..2026/Pass R/..2026/user"
    );
    assert_eq!(found(&[], &["-maxdepth", "0"], &s), "R");
    assert_eq!(found(&[], &["-empty"], &s), "R/..2026/Pass R/empty");
    let old = s.file("old", "");
    fs::File::open(&old)
        .unwrap()
        .set_modified(UNIX_EPOCH + Duration::from_secs(9))
        .unwrap();
    assert_eq!(found(&[], &["-newer", &old, "-name", "old"], &s), "");
    assert_eq!(
        found(&[], &["-newer", &old, "-name", "Pass"], &s),
        "R/..2026/Pass"
    );
}

#[test]
fn tests_are_joined() {
    let s = volume();
    let either = ["-type", "l", "-o", "-name", "empty"];
    assert_eq!(found(&[], &either, &s), "R/..data R/empty R/user");
    let grouped = [
        "(", "-type", "l", "-o", "-type", "d", ")", "!", "-name", "..*",
    ];
    assert_eq!(found(&[], &grouped, &s), "R R/empty R/user");
    let pruned = ["-name", "..*", "-prune", "-o", "-print"];
    assert_eq!(found(&[], &pruned, &s), "R R/empty R/user");
    assert_eq!(
        found(&[], &["-type", "d", "-a", "-not", "-empty"], &s),
        "R R/..2026"
    );
}

#[test]
fn other_applets_are_run_on_what_is_found() {
    let s = volume();
    let each = ["-type", "f", "-name", "u*", "-exec", "cat", "{}", ";"];
    assert_eq!(found(&[], &each, &s), "admin");
    let all = ["-type", "f", "-exec", "echo", "all", "{}", "+"];
    assert_eq!(found(&[], &all, &s), "all R/..2026/Pass R/..2026/user");
    let test = [
        "-type", "f", "-exec", "grep", "-q", "adm", "{}", ";", "-print",
    ];
    assert_eq!(found(&[], &test, &s), "R/..2026/user");
    assert_eq!(
        found(&[], &["-type", "l", "-print0"], &s),
        "R/..data\0R/user\0"
    );
}

#[test]
fn what_is_written_wrongly_is_refused() {
    for wrong in [
        &["-size", "1"][..],
        &["-name"],
        &["-type", "x"],
        &["(", "-empty"],
        &["-o", "-empty"],
        &["-empty", ")"],
        &["-maxdepth", "x"],
        &["-exec", "cat", "{}"],
        &["!"],
    ] {
        assert_eq!(run("find", wrong).code, 2, "{wrong:?}");
    }
    let s = volume();
    let ran = run("find", &[&s.path("no"), &s.path("empty")]);
    assert_eq!((ran.code, ran.out), (1, format!("{}\n", s.path("empty"))));
    assert_eq!(
        run("find", &[&s.path("user"), "-exec", "./app", ";"]).code,
        2
    );
}

#[test]
fn a_circle_of_links_ends() {
    let s = volume();
    symlink("..", s.path("empty/up")).unwrap();
    let ran = run("find", &["-L", &s.path("empty")]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("a link to a directory above it"),
        "{}",
        ran.err
    );
}
