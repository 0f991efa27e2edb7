use super::header::{BLOCK, Header, Kind};
use crate::applet::Io;
use crate::testing::{Ran, Scratch, run, run_with, strings};

use std::time::{Duration, UNIX_EPOCH};

fn member(name: &str, kind: Kind, target: &str, content: &str) -> Vec<u8> {
    let header = Header {
        name: name.to_owned(),
        kind,
        size: content.len() as u64,
        modified: UNIX_EPOCH + Duration::from_secs(1_000_000_000),
        target: target.to_owned(),
    };
    let mut bytes = Vec::new();
    header.write(&mut bytes).unwrap();
    bytes.extend(content.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// The bytes of an archive, for which text will not do.
fn archive(args: &[&str]) -> Vec<u8> {
    let (mut input, mut out, mut err) = (&b""[..], Vec::new(), Vec::new());
    let mut io = Io::new("tar", &mut input, &mut out, &mut err);
    assert_eq!(super::APPLET.main(&strings(args), &mut io), 0);
    out
}

fn extract(bytes: &[u8], s: &Scratch) -> Ran {
    run_with(bytes, "tar", &["xf", "-", "-C", &s.path("")])
}

#[test]
fn what_goes_in_comes_out() {
    let (from, to) = (Scratch::new(), Scratch::new());
    let long = "n".repeat(90);
    std::fs::create_dir_all(from.path(&format!("d/{long}"))).unwrap();
    from.file("d/a", "some text");
    from.file(&format!("d/{long}/{long}"), "deep");
    from.file("d/block", &"x".repeat(512));
    from.file("d/empty", "");
    std::os::unix::fs::symlink("a", from.path("d/link")).unwrap();
    let bytes = archive(&["-c", "-C", &from.path(""), "-f", "-", "d"]);
    assert_eq!(
        extract(&bytes, &to),
        Ran {
            code: 0,
            out: String::new(),
            err: String::new()
        }
    );
    assert_eq!(to.read("d/a"), "some text");
    assert_eq!(to.read(&format!("d/{long}/{long}")), "deep");
    assert_eq!(to.read("d/block").len(), 512);
    assert_eq!(to.read("d/empty"), "");
    assert_eq!(to.read("d/link"), "some text");
    let listed = run_with(&bytes, "tar", &["t"]).out;
    assert!(listed.starts_with("d/\nd/a\n"), "{listed}");
}

#[test]
fn times_are_kept_unless_touched() {
    let s = Scratch::new();
    let bytes = member("a", Kind::File, "", "x");
    let age = |s: &Scratch| {
        let modified = std::fs::metadata(s.path("a")).unwrap().modified().unwrap();
        modified.duration_since(UNIX_EPOCH).unwrap().as_secs()
    };
    extract(&bytes, &s);
    assert_eq!(age(&s), 1_000_000_000);
    assert_eq!(
        run_with(&bytes, "tar", &["-xmf", "-", "-C", &s.path("")]).code,
        0
    );
    assert!(age(&s) > 1_000_000_000);
}

#[test]
fn nothing_is_made_outside() {
    let (s, outside) = (Scratch::new(), Scratch::new());
    outside.file("kept", "before");
    let mut bytes = member("../escaped", Kind::File, "", "x");
    bytes.extend(member("a/../../escaped", Kind::File, "", "x"));
    bytes.extend(member("out", Kind::Link, &outside.path(""), ""));
    bytes.extend(member("out/escaped", Kind::File, "", "x"));
    bytes.extend(member("file", Kind::Link, &outside.path("kept"), ""));
    bytes.extend(member("file", Kind::File, "", "replaced"));
    bytes.extend(member("hard", Kind::HardLink, "../kept", ""));
    bytes.extend(member("/absolute", Kind::File, "", "inside"));
    let ran = extract(&bytes, &s);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err.lines().count(), 4, "{}", ran.err);
    assert_eq!(std::fs::read_dir(outside.path("")).unwrap().count(), 1);
    assert_eq!(outside.read("kept"), "before");
    assert_eq!(s.read("file"), "replaced");
    assert_eq!(s.read("absolute"), "inside");
}

#[test]
fn archives_that_are_none_are_refused() {
    let s = Scratch::new();
    let whole = member("a", Kind::File, "", &"x".repeat(600));
    for bytes in [&whole[..700], &whole[..300], b"text", &[b'x'; 512]] {
        assert_eq!(extract(bytes, &s).code, 1, "{}", bytes.len());
    }
    assert_eq!(extract(b"", &s).code, 0);
    assert_eq!(run("tar", &["x", "-f", &s.path("missing")]).code, 1);
    assert_eq!(run("tar", &["-f", "-"]).code, 2);
    assert_eq!(run("tar", &["-xz"]).code, 2);
}

#[test]
fn long_names_of_pax_are_known() {
    let s = Scratch::new();
    let record = "22 path=long/name/here\n";
    let mut bytes = member(
        "x",
        Kind::Other(b'x'),
        "",
        &record.replace("22", &record.len().to_string()),
    );
    bytes.extend(member("short", Kind::File, "", "content"));
    assert_eq!(extract(&bytes, &s).err, "");
    assert_eq!(s.read("long/name/here"), "content");
}
