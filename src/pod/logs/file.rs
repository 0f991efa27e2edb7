//! One log file that is being written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Limits;
use crate::control::logs::{Age, LogName};

pub(super) struct LogFile {
    dir: PathBuf,
    instance: u32,
    file: File,
    size: u64,
}

impl LogFile {
    /// Opens the log of one instance, to go on with it if it is there. Makes the directory.
    pub fn open(dir: PathBuf, instance: u32) -> io::Result<LogFile> {
        fs::create_dir_all(&dir)?;
        let (file, size) = open_current(&dir, instance)?;
        Ok(LogFile {
            dir,
            instance,
            file,
            size,
        })
    }

    /// Appends whole records with one write, after rotation if there would be too much. After an error nothing of `text`
    /// is in the file.
    pub fn append(&mut self, text: &[u8], limits: Limits) -> io::Result<()> {
        if self.size > 0 && self.size + text.len() as u64 > limits.size {
            self.rotate(limits.files)?;
        }
        match self.file.write_all(text) {
            Ok(()) => {
                self.size += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What cannot even be shortened again is mended by the next `open`.
                let _ = self.file.set_len(self.size);
                Err(error)
            }
        }
    }

    /// The oldest goes first: it may have to make room for the new one.
    fn rotate(&mut self, files: usize) -> io::Result<()> {
        let mut rotated = rotated(&self.dir, self.instance)?;
        rotated.sort();
        let newest = rotated.last().map_or(0, |(micros, _)| *micros);
        let excess = (rotated.len() + 2).saturating_sub(files);
        for (_, name) in rotated.iter().take(excess) {
            fs::remove_file(self.dir.join(name))?;
        }
        // Names follow each other as the files do, also when the clock goes back.
        let now = super::super::clock::now().as_microsecond();
        let away = LogName {
            instance: self.instance,
            age: Age::Rotated(now.max(newest + 1)),
        };
        let current = current(self.instance);
        fs::rename(self.dir.join(current), self.dir.join(away.to_string()))?;
        (self.file, self.size) = open_current(&self.dir, self.instance)?;
        Ok(())
    }
}

fn current(instance: u32) -> String {
    LogName {
        instance,
        age: Age::Current,
    }
    .to_string()
}

fn open_current(dir: &Path, instance: u32) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o640)
        .open(dir.join(current(instance)))?;
    let mut size = file.metadata()?.len();
    if size > 0 && !ends_a_line(&file, size)? {
        // A record was torn when the disk was full, or the machine went down. No record is added to it.
        file.write_all(b"\n")?;
        size += 1;
    }
    Ok((file, size))
}

fn ends_a_line(file: &File, size: u64) -> io::Result<bool> {
    let mut last = [0];
    file.read_exact_at(&mut last, size - 1)?;
    Ok(last == *b"\n")
}

fn rotated(dir: &Path, instance: u32) -> io::Result<Vec<(i64, String)>> {
    let names = logs(dir)?
        .into_iter()
        .filter_map(|(log, name)| match log.age {
            Age::Rotated(micros) if log.instance == instance => Some((micros, name)),
            _ => None,
        });
    Ok(names.collect())
}

/// Removes the logs of instances older than `instance`. What cannot be removed now will be tried again at the next start.
pub(super) fn remove_before(dir: &Path, instance: u32) {
    let old = logs(dir).unwrap_or_default().into_iter();
    for (_, name) in old.filter(|(log, _)| log.instance < instance) {
        if let Err(error) = fs::remove_file(dir.join(&name)) {
            tracing::debug!("could not remove the old log {name}: {error}");
        }
    }
}

fn logs(dir: &Path) -> io::Result<Vec<(LogName, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Ok(log) = name.parse() {
            found.push((log, name));
        }
    }
    Ok(found)
}
