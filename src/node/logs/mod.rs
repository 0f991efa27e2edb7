//! Reading what containers wrote: the end of it, what is newer than a time, and what is still to come.
//!
//! ```text
//! files   the files of a log in the order in which they were written, whatever is rotated meanwhile
//! tail    where the last lines begin
//! print   records to lines of text
//! follow  what comes, across rotation and restart
//! choose  which instance of which container is meant
//! course  whether more can come
//! ```

mod choose;
mod course;
mod files;
mod follow;
mod print;
mod tail;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use k8s_openapi::jiff::Timestamp;

pub use choose::instance;
pub use course::PodCourse;
pub use follow::{Course, follow};
use print::Printer;

/// What is to be read of a log, and how it looks. The default is all of it as it was written.
#[derive(Clone, Debug, Default)]
pub struct LogWish {
    /// Only so many lines at the end.
    pub tail: Option<u64>,
    /// Nothing that is older.
    pub since: Option<Timestamp>,
    /// No more bytes than this, the prefix not counted.
    pub limit_bytes: Option<u64>,
    /// Every line behind its time.
    pub timestamps: bool,
    /// Put before every line.
    pub prefix: String,
}

/// Prints what there is of one instance's log, and nothing that comes while it does. An instance that wrote nothing has no files, and so an empty log.
pub fn print(dir: &Path, instance: u32, wish: &LogWish, out: &mut dyn Write) -> io::Result<()> {
    let mut printer = Printer::new(wish, out);
    for part in start(dir, instance, wish)? {
        if printer.read(&mut part.lines_so_far()?)?.is_break() {
            return Ok(());
        }
    }
    // With the limit reached or not, there is no more.
    let _: ControlFlow<()> = printer.finish()?;
    Ok(())
}

/// The files that hold what was wished for, the first of them placed at the beginning of it.
fn start(dir: &Path, instance: u32, wish: &LogWish) -> io::Result<Vec<files::Part>> {
    let mut parts = files::open_all(dir, instance)?;
    if let Some(lines) = wish.tail {
        tail::skip_to(&mut parts, lines)?;
    }
    if let Some(since) = wish.since {
        let old = parts.iter().take_while(|part| part.is_older_than(since));
        // The last one may still grow.
        let old = old.count().min(parts.len().saturating_sub(1));
        parts.drain(..old);
    }
    Ok(parts)
}
