mod follow;

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use k8s_openapi::api::core::v1;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::control::logs::{Age, LogName, Record, Stream, Tag, record_time};

/// A container's log directory, written to as the pod process does it.
struct Container {
    _root: TempDir,
    dir: PathBuf,
}

impl Container {
    fn new() -> Container {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("web");
        fs::create_dir(&dir).unwrap();
        Container { _root: root, dir }
    }

    fn file(&self, instance: u32, age: Age) -> PathBuf {
        self.dir.join(LogName { instance, age }.to_string())
    }

    fn raw(&self, instance: u32, bytes: &[u8]) {
        let file = self.file(instance, Age::Current);
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        file.write_all(bytes).unwrap();
    }

    fn record(&self, instance: u32, second: i64, stream: Stream, tag: Tag, text: &str) {
        let mut line = Vec::new();
        let time = record_time(Timestamp::from_second(second).unwrap());
        Record::write(&mut line, &time, stream, tag, [text.as_bytes(), b""]);
        self.raw(instance, &line);
    }

    /// One line of stdout for every number, written in that second.
    fn lines(&self, instance: u32, numbers: std::ops::Range<i64>) {
        numbers.for_each(|n| self.record(instance, n, Stream::Stdout, Tag::Full, &n.to_string()));
    }

    fn rotate(&self, instance: u32, when: i64) {
        let away = self.file(instance, Age::Rotated(when));
        fs::rename(self.file(instance, Age::Current), away).unwrap();
    }

    fn read(&self, wish: &LogWish) -> String {
        let mut out = Vec::new();
        print(&self.dir, 0, wish, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn tail(lines: u64) -> LogWish {
    LogWish {
        tail: Some(lines),
        ..LogWish::default()
    }
}

#[test]
fn a_container_that_wrote_nothing_has_an_empty_log() {
    let container = Container::new();
    assert_eq!(container.read(&LogWish::default()), "");
    fs::remove_dir(&container.dir).unwrap();
    assert_eq!(container.read(&tail(3)), "");
}

#[test]
fn rotated_files_are_read_before_the_current_one() {
    let container = Container::new();
    container.lines(0, 0..2);
    container.rotate(0, 1);
    container.lines(0, 2..4);
    container.rotate(0, 2);
    container.lines(0, 4..5);
    container.lines(1, 9..10);
    assert_eq!(container.read(&LogWish::default()), "0\n1\n2\n3\n4\n");
}

#[test]
fn the_last_lines_are_found_over_rotated_files() {
    let container = Container::new();
    container.lines(0, 0..30_000);
    container.rotate(0, 1);
    container.lines(0, 30_000..30_002);
    container.rotate(0, 2);
    container.raw(0, b"");
    assert_eq!(container.read(&tail(0)), "");
    assert_eq!(container.read(&tail(1)), "30001\n");
    assert_eq!(container.read(&tail(3)), "29999\n30000\n30001\n");
    assert_eq!(container.read(&tail(20_000)).lines().next(), Some("10002"));
    assert_eq!(
        container.read(&tail(30_002)),
        container.read(&LogWish::default())
    );
    assert_eq!(container.read(&tail(u64::MAX)).lines().count(), 30_002);
}

#[test]
fn what_comes_while_a_log_is_printed_is_not_printed() {
    /// Writes another line for every one it gets.
    struct Echo<'a>(&'a Container, String);
    impl Write for Echo<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lines(0, 7..8);
            self.1 += std::str::from_utf8(bytes).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let container = Container::new();
    container.lines(0, 0..4);
    let mut out = Echo(&container, String::new());
    print(&container.dir, 0, &tail(3), &mut out).unwrap();
    assert_eq!(out.1, "1\n2\n3\n");
}

#[test]
fn parts_of_a_line_are_put_together() {
    let container = Container::new();
    container.record(0, 1, Stream::Stdout, Tag::Full, "before");
    container.record(0, 2, Stream::Stdout, Tag::Partial, "a");
    container.rotate(0, 1);
    container.record(0, 3, Stream::Stderr, Tag::Full, "between");
    container.record(0, 4, Stream::Stdout, Tag::Partial, "b");
    container.record(0, 5, Stream::Stdout, Tag::Full, "c");
    container.record(0, 6, Stream::Stdout, Tag::Partial, "no end");
    assert_eq!(
        container.read(&LogWish::default()),
        "before\nbetween\nabc\nno end"
    );
    assert_eq!(container.read(&tail(1)), "no end");
    let wish = LogWish {
        timestamps: true,
        prefix: "[pod/web/app] ".to_owned(),
        tail: Some(2),
        ..LogWish::default()
    };
    let expected = "[pod/web/app] 1970-01-01T00:00:04.000000000Z bc\n\
                    [pod/web/app] 1970-01-01T00:00:06.000000000Z no end";
    assert_eq!(container.read(&wish), expected);
}

#[test]
fn a_line_too_long_to_keep_is_printed_part_by_part() {
    let container = Container::new();
    let part = "x".repeat(16 << 10);
    (0..200).for_each(|_| container.record(0, 1, Stream::Stdout, Tag::Partial, &part));
    container.record(0, 2, Stream::Stdout, Tag::Full, "end");
    let wish = LogWish {
        prefix: "> ".to_owned(),
        timestamps: true,
        ..LogWish::default()
    };
    let expected = format!("> 1970-01-01T00:00:01.000000000Z {}end\n", part.repeat(200));
    assert!(container.read(&wish) == expected);
}

#[test]
fn older_lines_are_left_out() {
    let container = Container::new();
    container.lines(0, 0..5);
    // As another runtime writes times.
    container.raw(
        0,
        b"1970-01-01T01:00:05+01:00 stdout F 5\n1970-01-01T00:00:01.5Z stdout F late\n",
    );
    let since = |second| {
        container.read(&LogWish {
            since: Some(Timestamp::from_second(second).unwrap()),
            ..LogWish::default()
        })
    };
    assert_eq!(since(3), "3\n4\n5\n");
    assert_eq!(since(5), "5\n");
    assert_eq!(since(6), "");
}

#[test]
fn a_limit_cuts_in_the_middle_of_a_line() {
    let container = Container::new();
    container.lines(0, 10..20);
    let limited = |bytes| {
        container.read(&LogWish {
            limit_bytes: Some(bytes),
            prefix: ">".to_owned(),
            ..LogWish::default()
        })
    };
    assert_eq!(limited(5), ">10\n>11");
    assert_eq!(limited(6), ">10\n>11\n");
    assert_eq!(limited(1000).len(), 40);
}

#[test]
fn what_is_torn_is_left_out() {
    let container = Container::new();
    container.lines(0, 1..2);
    container.raw(0, b"1970-01-01T00:0\n");
    container.lines(0, 2..3);
    container.raw(0, b"1970-01-01T00:00:03.000000000Z stdout F half a li");
    assert_eq!(container.read(&LogWish::default()), "1\n2\n");
    assert_eq!(container.read(&tail(1)), "2\n");
}

fn pod(status: serde_json::Value) -> v1::Pod {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" },
        "status": { "containerStatuses": [status] },
    });
    serde_json::from_value(pod).unwrap()
}

fn status(count: i32, state: serde_json::Value, last: serde_json::Value) -> v1::Pod {
    pod(json!({
        "name": "app", "image": "", "imageID": "", "ready": false, "restartCount": count,
        "state": state, "lastState": last,
    }))
}

#[test]
fn the_instance_is_chosen_from_the_status() {
    let run = json!({ "running": {} });
    let dead = json!({ "terminated": { "exitCode": 1 } });
    let wait = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    let none = json!({});
    let chosen = |count, state: &_, last: &_, previous| {
        instance(
            &status(count, Clone::clone(state), Clone::clone(last)),
            "app",
            previous,
        )
    };
    let missing = Err("previous terminated container \"app\" in pod \"web\" not found".to_owned());
    assert_eq!(chosen(0, &run, &none, false), Ok(0));
    assert_eq!(chosen(0, &run, &none, true), missing);
    assert_eq!(chosen(3, &run, &dead, false), Ok(3));
    assert_eq!(chosen(3, &run, &dead, true), Ok(2));
    assert_eq!(chosen(3, &dead, &dead, true), Ok(2));
    assert_eq!(chosen(0, &dead, &none, false), Ok(0));
    assert_eq!(chosen(0, &dead, &none, true), missing);
    assert_eq!(chosen(3, &wait, &dead, false), Ok(3));
    assert_eq!(chosen(3, &wait, &dead, true), Ok(3));
}

#[test]
fn a_container_that_never_started_has_no_log() {
    let waiting = |reason: &str| {
        let state = json!({ "waiting": { "reason": reason } });
        instance(&status(0, state, json!({})), "app", false).unwrap_err()
    };
    let of = "container \"app\" in pod \"web\" is waiting to start:";
    assert_eq!(
        waiting("ContainerCreating"),
        format!("{of} ContainerCreating")
    );
    assert_eq!(
        waiting("ErrImagePull"),
        format!("{of} image can't be pulled")
    );
    assert_eq!(
        waiting("ImagePullBackOff"),
        format!("{of} trying and failing to pull image")
    );
    let pod = status(0, json!({}), json!({}));
    assert_eq!(
        instance(&pod, "app", false).unwrap_err(),
        "container \"app\" in pod \"web\" is waiting to start - no logs yet"
    );
    assert_eq!(
        instance(&pod, "other", false).unwrap_err(),
        "container \"other\" in pod \"web\" is not available"
    );
}
