//! The files of a log in the order in which they were written.
//!
//! The writer renames the current file and opens a new one, and removes the oldest, at any time. A file that is open is
//! known by its inode, whatever it is called by now, and is complete once another has followed it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::control::logs::LogName;

/// One file, open.
pub(super) struct Part {
    pub name: LogName,
    pub file: File,
    pub size: u64,
    /// Where reading begins.
    pub start: u64,
    inode: u64,
    modified: Timestamp,
}

impl Part {
    fn open(dir: &Path, name: LogName) -> io::Result<Part> {
        let file = File::open(dir.join(name.to_string()))?;
        let metadata = file.metadata()?;
        Ok(Part {
            name,
            file,
            size: metadata.len(),
            start: 0,
            inode: metadata.ino(),
            modified: Timestamp::from_second(metadata.mtime()).unwrap_or(Timestamp::MAX),
        })
    }

    /// Whether nothing was written to it since.
    pub fn is_older_than(&self, time: Timestamp) -> bool {
        /// The seconds were cut, and the kernel's clock for files is a little behind.
        const MARGIN: SignedDuration = SignedDuration::from_secs(2);
        self.modified
            .saturating_add(MARGIN)
            .is_ok_and(|at| at < time)
    }

    /// What there is of it, and what comes.
    pub fn lines(&self) -> io::Result<Lines> {
        self.lines_until(u64::MAX)
    }

    /// What there was of it when it was opened.
    pub fn lines_so_far(&self) -> io::Result<Lines> {
        self.lines_until(self.size)
    }

    fn lines_until(&self, end: u64) -> io::Result<Lines> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(self.start))?;
        let file = file.take(end.saturating_sub(self.start));
        Ok(Lines {
            reader: BufReader::with_capacity(64 << 10, file),
            line: Vec::new(),
            whole: false,
        })
    }
}

/// The lines of a file that may still grow.
pub(super) struct Lines {
    reader: BufReader<Take<File>>,
    line: Vec<u8>,
    whole: bool,
}

impl Lines {
    /// The next line with its newline; None if there is none yet. What was written of it is kept.
    pub fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if std::mem::take(&mut self.whole) {
            self.line.clear();
        }
        self.reader.read_until(b'\n', &mut self.line)?;
        self.whole = self.line.ends_with(b"\n");
        Ok(self.whole.then_some(&self.line))
    }
}

/// All files of one instance, opened with none missing in between.
pub(super) fn open_all(dir: &Path, instance: u32) -> io::Result<Vec<Part>> {
    let list = || -> io::Result<Vec<LogName>> {
        let mut names = list(dir)?;
        names.retain(|name| name.instance == instance);
        Ok(names)
    };
    let mut names = list()?;
    loop {
        let parts: io::Result<Vec<Part>> =
            names.iter().map(|&name| Part::open(dir, name)).collect();
        let now = list()?;
        match parts {
            Ok(parts) if now == names => return Ok(parts),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // A file was rotated meanwhile.
            _ => names = now,
        }
    }
}

/// The first file of `instance` or of one that came after it.
pub(super) fn first(dir: &Path, instance: u32) -> io::Result<Option<Part>> {
    loop {
        let names = list(dir)?;
        let Some(&name) = names.iter().find(|name| name.instance >= instance) else {
            return Ok(None);
        };
        match Part::open(dir, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened.map(Some),
        }
    }
}

/// The file that was begun after `part`, of this instance or a later one.
pub(super) fn successor(dir: &Path, part: &Part) -> io::Result<Option<Part>> {
    loop {
        let mut found = Vec::new();
        for name in list(dir)? {
            match fs::metadata(dir.join(name.to_string())) {
                Ok(metadata) => found.push((name, metadata.ino())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let here = found.iter().position(|(_, inode)| *inode == part.inode);
        // One that is not there any more was the oldest, and all the others came after it.
        let after = here.map_or(0, |at| at + 1);
        let next = found[after..]
            .iter()
            .find(|(name, _)| name.instance >= part.name.instance);
        let Some(&(name, inode)) = next else {
            return Ok(None);
        };
        match Part::open(dir, name) {
            Ok(next) if next.inode == inode => return Ok(Some(next)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Rotated between the two looks.
            _ => {}
        }
    }
}

/// The names of all logs in the directory, in order. A directory that is not there has none.
fn list(dir: &Path) -> io::Result<Vec<LogName>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().to_string_lossy().parse::<LogName>());
    }
    names.sort();
    Ok(names)
}
