use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;

/// Over when something was sent through the pipe.
struct Fate {
    pipe: std::io::PipeReader,
    over: bool,
}

impl Course for Fate {
    fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    fn is_over(&mut self) -> io::Result<bool> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        self.over |= poll(&mut fds, PollTimeout::ZERO)? > 0;
        Ok(self.over)
    }
}

/// Sends what is printed.
struct Printed(Sender<String>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.0.send(text).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A follower on a thread of its own.
struct Following {
    printed: Receiver<String>,
    end: std::io::PipeWriter,
    thread: std::thread::JoinHandle<io::Result<()>>,
}

impl Following {
    fn start(container: &Container, wish: LogWish) -> Following {
        let (pipe, end) = std::io::pipe().unwrap();
        let (send, printed) = channel();
        let dir = container.dir.clone();
        let thread = std::thread::spawn(move || {
            let mut fate = Fate { pipe, over: false };
            follow(&dir, 0, &wish, &mut fate, &mut Printed(send))
        });
        Following {
            printed,
            end,
            thread,
        }
    }

    #[track_caller]
    fn expect(&self, lines: &[&str]) {
        for line in lines {
            let printed = self.printed.recv_timeout(Duration::from_secs(20));
            assert_eq!(printed.as_deref(), Ok(*line));
        }
    }

    /// Ends the container and returns what is printed then.
    fn finish(mut self) -> String {
        self.end.write_all(b"x").unwrap();
        self.thread.join().unwrap().unwrap();
        self.printed.iter().collect()
    }
}

#[test]
fn a_follower_prints_what_comes_until_the_end() {
    let container = Container::new();
    container.lines(0, 0..3);
    let following = Following::start(&container, tail(1));
    following.expect(&["2\n"]);
    container.lines(0, 3..4);
    following.expect(&["3\n"]);
    container.raw(0, b"1970-01-01T00:00:03.000000000Z std");
    container.raw(0, b"out F half\n");
    following.expect(&["half\n"]);
    container.record(0, 5, Stream::Stdout, Tag::Partial, "no end");
    assert_eq!(following.finish(), "no end");
}

#[test]
fn a_follower_waits_for_the_first_line() {
    let container = Container::new();
    fs::remove_dir(&container.dir).unwrap();
    let following = Following::start(&container, LogWish::default());
    fs::create_dir(&container.dir).unwrap();
    container.lines(0, 0..1);
    following.expect(&["0\n"]);
    assert_eq!(following.finish(), "");
}

#[test]
fn a_follower_misses_nothing_across_rotation_and_restart() {
    let container = Container::new();
    let following = Following::start(&container, LogWish::default());
    container.lines(0, 0..10);
    for round in 1..6 {
        container.lines(0, round * 10..round * 10 + 5);
        container.rotate(0, round);
        container.lines(0, round * 10 + 5..round * 10 + 10);
    }
    container.record(0, 60, Stream::Stdout, Tag::Partial, "60");
    container.lines(1, 61..70);
    container.lines(2, 70..80);
    let mut printed = String::new();
    while !printed.ends_with("79\n") {
        printed += &following
            .printed
            .recv_timeout(Duration::from_secs(20))
            .unwrap();
    }
    // The line without an end is the last of its instance.
    let expected: String = (0..80).map(|n| format!("{n}\n")).collect();
    assert_eq!(printed, expected.replace("60\n", "60"));
    assert_eq!(following.finish(), "");
}

#[test]
fn a_follower_too_slow_goes_on_with_the_oldest_file_there_is() {
    let container = Container::new();
    container.lines(0, 0..1);
    let (read, end) = std::io::pipe().unwrap();
    drop(end);
    // Over when asked for the second time; its pipe is always readable.
    struct Second(std::io::PipeReader, bool);
    impl Course for Second {
        fn fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
        fn is_over(&mut self) -> io::Result<bool> {
            Ok(std::mem::replace(&mut self.1, true))
        }
    }
    let mut course = Second(read, false);
    // While this line is printed, three more files come, and the first two go.
    struct Slow<'a>(&'a Container, String);
    impl Write for Slow<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1.is_empty() {
                for n in 1..4 {
                    self.0.rotate(0, n);
                    self.0.lines(0, n..n + 1);
                }
                for n in 1..3 {
                    fs::remove_file(self.0.file(0, Age::Rotated(n)))?;
                }
            }
            self.1 += std::str::from_utf8(bytes).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut slow = Slow(&container, String::new());
    follow(
        &container.dir,
        0,
        &LogWish::default(),
        &mut course,
        &mut slow,
    )
    .unwrap();
    assert_eq!(slow.1, "0\n2\n3\n");
}

#[test]
fn a_follower_stops_at_its_limit() {
    let container = Container::new();
    let wish = LogWish {
        limit_bytes: Some(3),
        ..LogWish::default()
    };
    let following = Following::start(&container, wish);
    container.lines(0, 0..3);
    following.thread.join().unwrap().unwrap();
    assert_eq!(following.printed.iter().collect::<String>(), "0\n1");
}
