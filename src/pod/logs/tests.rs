use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::control::logs::{LONGEST_RECORD, LogName, Record, Tag};

const A: Origin<'static> = Origin {
    slot: 0,
    container: "a",
    instance: 0,
};

fn instance(instance: u32) -> Origin<'static> {
    Origin { instance, ..A }
}

fn quiet(dir: &Path) -> CriLog {
    CriLog::new(dir.to_owned(), Box::new(|_, _| {}))
}

fn write(log: &CriLog, origin: Origin<'_>, stream: Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut cx = Context::from_waker(Waker::noop());
        match log.poll_write(origin, stream, &mut cx, bytes) {
            Poll::Ready(Ok(taken)) => bytes = &bytes[taken..],
            other => panic!("a log never waits and never fails, but: {other:?}"),
        }
    }
}

fn say(log: &CriLog, text: &str) {
    write(log, A, Stream::Stdout, text.as_bytes());
}

/// The records of one file as `stdout F text`.
fn records(file: &Path) -> Vec<String> {
    let text = fs::read(file).unwrap_or_default();
    text.split_inclusive(|&byte| byte == b'\n')
        .map(|line| {
            let record = Record::parse(line).expect("a record");
            let tag = if record.tag == Tag::Full { 'F' } else { 'P' };
            let text = String::from_utf8_lossy(record.text);
            format!("{} {tag} {text}", record.stream.as_str())
        })
        .collect()
}

fn names(dir: &Path) -> Vec<LogName> {
    let mut names: Vec<LogName> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn lines_become_records_however_they_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(dir.path());
    for piece in ["o", "ne\ntw", "o\n\nthree", "\n"] {
        say(&log, piece);
    }
    write(&log, A, Stream::Stderr, b"err\n");
    let expected = [
        "stdout F one",
        "stdout F two",
        "stdout F ",
        "stdout F three",
        "stderr F err",
    ];
    assert_eq!(records(&dir.path().join("a/0.log")), expected);
}

#[test]
fn nothing_is_on_disk_before_the_first_line() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(&dir.path().join("pod"));
    say(&log, "unfinished");
    assert!(!dir.path().join("pod").exists());
}

#[test]
fn a_line_longer_than_a_record_is_split() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(dir.path());
    say(&log, &format!("{}\n", "x".repeat(LONGEST_RECORD)));
    say(&log, "y");
    say(&log, &format!("{}\n", "y".repeat(2 * LONGEST_RECORD)));
    let lengths: Vec<_> = records(&dir.path().join("a/0.log"))
        .iter()
        .map(|record| {
            (
                record.as_bytes()[7] as char,
                record.len() - "stdout F ".len(),
            )
        })
        .collect();
    let whole = LONGEST_RECORD;
    assert_eq!(
        lengths,
        [('F', whole), ('P', whole), ('P', whole), ('F', 1)]
    );
}

#[test]
fn an_unfinished_line_stays_without_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(dir.path());
    say(&log, "no newline");
    log.ended(A, "");
    assert_eq!(
        records(&dir.path().join("a/0.log")),
        ["stdout P no newline"]
    );
}

#[test]
fn last_words_stand_on_lines_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(dir.path());
    say(&log, "about to");
    log.ended(A, "trap: unreachable\n  0: main");
    let expected = [
        "stdout F about to",
        "stderr F trap: unreachable",
        "stderr F   0: main",
    ];
    assert_eq!(records(&dir.path().join("a/0.log")), expected);
}

#[test]
fn the_newest_dead_instance_is_kept_and_older_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(dir.path());
    let kept = || {
        names(&dir.path().join("a"))
            .iter()
            .map(|name| name.instance)
            .collect::<Vec<_>>()
    };
    for n in 0..3 {
        write(&log, instance(n), Stream::Stdout, b"x\n");
        let expected: Vec<u32> = (n.saturating_sub(1)..=n).collect();
        assert_eq!(kept(), expected, "while {n} runs");
        log.ended(instance(n), "");
        assert_eq!(kept(), [n], "after the end of {n}");
    }
    // One that wrote nothing has taken its place all the same.
    log.ended(instance(3), "");
    assert!(kept().is_empty());
}

#[test]
fn an_instance_that_was_given_up_on_writes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let log = quiet(dir.path());
    write(&log, instance(1), Stream::Stdout, b"new\n");
    write(&log, instance(0), Stream::Stdout, b"late\n");
    log.ended(instance(0), "late too");
    assert_eq!(records(&dir.path().join("a/1.log")), ["stdout F new"]);
    assert!(!dir.path().join("a/0.log").exists());
}

#[test]
fn another_process_goes_on_with_the_same_log() {
    let dir = tempfile::tempdir().unwrap();
    say(&quiet(dir.path()), "one\n");
    let file = dir.path().join("a/0.log");
    let torn = [
        fs::read(&file).unwrap(),
        b"2026-01-31T12:00:00Z std".to_vec(),
    ]
    .concat();
    fs::write(&file, torn).unwrap();
    say(&quiet(dir.path()), "two\n");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(Record::parse(lines[1].as_bytes()), None);
    assert_eq!(Record::parse(lines[2].as_bytes()).unwrap().text, b"two");
}

#[test]
fn logs_are_rotated_by_size_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        size: 1000,
        files: 3,
    };
    let log = CriLog::with_limits(dir.path().to_owned(), limits, Box::new(|_, _| {}));
    (0..200).for_each(|n| say(&log, &format!("line {n}\n")));
    let names = names(&dir.path().join("a"));
    assert_eq!(names.len(), 3);
    assert_eq!(names[2].to_string(), "0.log");
    let mut kept = Vec::new();
    for name in &names {
        let file = dir.path().join("a").join(name.to_string());
        assert!(fs::metadata(&file).unwrap().len() <= 1000, "{name}");
        kept.extend(records(&file));
    }
    let expected: Vec<String> = (200 - kept.len()..200)
        .map(|n| format!("stdout F line {n}"))
        .collect();
    assert_eq!(kept, expected);
}

#[test]
fn a_disk_that_takes_nothing_costs_output_and_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let (told, tales) = mpsc::channel();
    let tell = move |container: &str, trouble: &Trouble| {
        told.send(format!("{container}: {trouble}")).unwrap();
    };
    let log = CriLog::new(dir.path().to_owned(), Box::new(tell));
    // As full as a disk can be: every write fails with ENOSPC.
    fs::create_dir(dir.path().join("a")).unwrap();
    let file = dir.path().join("a/0.log");
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    say(&log, "one\n");
    say(&log, "two\n");
    let lost = log.lost();
    assert!(lost > 80, "{lost}");
    fs::remove_file(&file).unwrap();
    say(&log, "three\n");
    assert_eq!(records(&file), ["stdout F three"]);
    let tales: Vec<String> = tales.try_iter().collect();
    let expected = [
        "a: output is being dropped: No space left on device (os error 28)".to_owned(),
        format!("a: output is written again, {lost} bytes of log were lost"),
    ];
    assert_eq!(tales, expected);
}
