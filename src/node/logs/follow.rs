//! What is still to come of a log.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::files::{self, Lines, Part};
use super::print::Printer;
use super::{LogWish, start};

/// What becomes of the container whose log is followed.
pub trait Course {
    /// Readable when [`Course::is_over`] may have changed.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Whether nothing can be written any more: all that was written is then on disk.
    fn is_over(&mut self) -> io::Result<bool>;
}

/// Prints what there is of an instance's log, and what comes, also of the instances after it, until the container's
/// course is over.
pub fn follow(
    dir: &Path,
    instance: u32,
    wish: &LogWish,
    course: &mut dyn Course,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut watch = Watch::new(dir)?;
    let mut follower = Follower {
        dir,
        instance,
        printer: Printer::new(wish, out),
        current: None,
    };
    watch.arm()?;
    if follower.begin(wish)? {
        return Ok(());
    }
    loop {
        watch.arm()?;
        // Asked first: what was written before the end is then read after it.
        let over = course.is_over()?;
        if follower.catch_up()? {
            return Ok(());
        }
        if over {
            // At the limit or not, it is the end.
            let _ = follower.printer.finish()?;
            return follower.printer.flush();
        }
        follower.printer.flush()?;
        watch.wait(course.fd())?;
    }
}

struct Follower<'a> {
    dir: &'a Path,
    instance: u32,
    printer: Printer<'a>,
    current: Option<(Part, Lines)>,
}

impl Follower<'_> {
    /// Reads what lies before the current file. True: there is no more to print.
    fn begin(&mut self, wish: &LogWish) -> io::Result<bool> {
        for part in start(self.dir, self.instance, wish)? {
            if self.read()? {
                return Ok(true);
            }
            let lines = part.lines()?;
            self.current = Some((part, lines));
        }
        Ok(false)
    }

    /// Reads to the end of the newest file. True: there is no more to print.
    fn catch_up(&mut self) -> io::Result<bool> {
        loop {
            // Looked for first: a file that has a successor is complete, and what is read of it now is all.
            let next = match &self.current {
                Some((part, _)) => files::successor(self.dir, part)?,
                None => files::first(self.dir, self.instance)?,
            };
            if self.read()? {
                return Ok(true);
            }
            let Some(next) = next else {
                return Ok(false);
            };
            if self.turn_to(next)? {
                return Ok(true);
            }
        }
    }

    fn turn_to(&mut self, next: Part) -> io::Result<bool> {
        let last = self.current.as_ref().map(|(part, _)| part.name.instance);
        let restarted = last.is_some_and(|instance| instance != next.name.instance);
        let lines = next.lines()?;
        self.current = Some((next, lines));
        Ok(restarted && self.printer.finish()?.is_break())
    }

    fn read(&mut self) -> io::Result<bool> {
        match &mut self.current {
            Some((_, lines)) => {
                let flow = self.printer.read(lines)?;
                if flow.is_break() {
                    self.printer.flush()?;
                }
                Ok(flow.is_break())
            }
            None => Ok(false),
        }
    }
}

/// Tells when something happens in a directory that need not be there yet.
struct Watch {
    inotify: Inotify,
    dir: PathBuf,
    armed: bool,
}

impl Watch {
    fn new(dir: &Path) -> io::Result<Watch> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Watch {
            inotify,
            dir: dir.to_owned(),
            armed: false,
        })
    }

    /// Watches the directory, or its parent until it is there.
    fn arm(&mut self) -> io::Result<()> {
        if self.armed {
            return Ok(());
        }
        let changes = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_ONLYDIR;
        let birth = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ONLYDIR;
        if let Some(parent) = self.dir.parent() {
            // A parent that is gone means that the pod is, which its course tells.
            present(self.inotify.add_watch(parent, birth))?;
        }
        self.armed = present(self.inotify.add_watch(&self.dir, changes))?;
        Ok(())
    }

    /// Waits for a change here, or for `other` to become readable.
    fn wait(&self, other: BorrowedFd<'_>) -> io::Result<()> {
        let mut fds = [
            PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN),
            PollFd::new(other, PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        match self.inotify.read_events() {
            // That something happened is enough to know.
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn present<T>(added: nix::Result<T>) -> io::Result<bool> {
    match added {
        Ok(_) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
