//! There is one supervisor for what is stored, and which pods' processes are its own.
//!
//! `RUN/up.lock` is held (flock) by the supervisor. Its first line is the supervisor's process, the others are the uids of pods
//! it started, so that the next one, after a kill, knows whose they are. An end in order removes it.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::super::{Store, names};

pub(super) struct Roster {
    file: Flock<File>,
    path: PathBuf,
    uids: BTreeSet<String>,
}

/// Why this process is not the supervisor.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    #[error("another supervisor (process {pid}) sees to these pods: {} is locked", path.display())]
    Taken { path: PathBuf, pid: String },
    #[error("{doing} {}: {source}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("watch the pods: {0}")]
    Watch(io::Error),
}

impl RosterError {
    pub(super) fn watch(error: io::Error) -> RosterError {
        RosterError::Watch(error)
    }
}

impl Roster {
    pub fn take(store: &Store) -> Result<Roster, RosterError> {
        let path = path(store);
        let failed = |doing| {
            let path = path.clone();
            move |source| RosterError::Io {
                doing,
                path,
                source,
            }
        };
        let file = loop {
            let file = open(&path).map_err(failed("open"))?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                // One that has ended in between has taken the file with it.
                Ok(file) if !is_at(&file, &path) => {}
                Ok(file) => break file,
                Err((file, Errno::EWOULDBLOCK)) => {
                    let pid = first_line(&file);
                    return Err(RosterError::Taken { path, pid });
                }
                Err((_, errno)) => return Err(failed("lock")(errno.into())),
            }
        };
        let mut text = String::new();
        (&*file).read_to_string(&mut text).map_err(failed("read"))?;
        let lines = text.lines().skip(1);
        let lives = |uid: &&str| {
            names::is_uid(uid) && store.process(uid).is_ok_and(|found| found.pid().is_some())
        };
        let uids = lines.filter(lives).map(str::to_owned).collect();
        let mut roster = Roster {
            file,
            path: path.clone(),
            uids,
        };
        roster.write().map_err(failed("write"))?;
        Ok(roster)
    }

    /// Before its process is started: a kill in between costs nothing.
    pub fn add(&mut self, uid: &str) -> io::Result<()> {
        if self.uids.insert(uid.to_owned()) {
            self.file.write_all(format!("{uid}\n").as_bytes())?;
        }
        Ok(())
    }

    pub fn uids(&self) -> impl Iterator<Item = &String> {
        self.uids.iter()
    }

    /// What is no longer stored has no process either. Written anew when most of it is of the past.
    pub fn forget_all_but(&mut self, uids: &HashSet<String>) -> io::Result<()> {
        const SPARE: usize = 64;
        if self.uids.len() <= SPARE + 2 * uids.len() {
            return Ok(());
        }
        self.uids.retain(|uid| uids.contains(uid));
        self.write()
    }

    /// There is no supervisor any more, and nothing that the next one would have to know.
    pub fn close(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("the lock {} stays behind: {error}", self.path.display());
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        let mut text = format!("{}\n", std::process::id());
        self.uids.iter().for_each(|uid| text += &format!("{uid}\n"));
        self.file.write_all(text.as_bytes())
    }
}

/// Removes what a supervisor has left that was killed, unless it tells of pods that still run.
pub fn tidy(store: &Store) {
    let path = path(store);
    if !path.exists() {
        return;
    }
    // Somebody who has it sees to it himself.
    if let Ok(roster) = Roster::take(store)
        && roster.uids.is_empty()
    {
        roster.close();
    }
}

fn path(store: &Store) -> PathBuf {
    store.layout().run.join("up.lock")
}

fn is_at(file: &File, path: &Path) -> bool {
    let identity = |meta: &fs::Metadata| (meta.dev(), meta.ino());
    let (held, named) = (file.metadata(), fs::metadata(path));
    matches!((&held, &named), (Ok(held), Ok(named)) if identity(held) == identity(named))
}

fn first_line(mut file: &File) -> String {
    let mut text = String::new();
    // A number for people: without it the message is still true.
    let _ = file.read_to_string(&mut text);
    text.lines().next().unwrap_or_default().to_owned()
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tests::{born, killed, store};

    #[test]
    fn there_is_one_supervisor() {
        let (_dir, store) = store();
        let roster = Roster::take(&store).unwrap();
        let error = Roster::take(&store).err().unwrap().to_string();
        let expected = format!("another supervisor (process {})", std::process::id());
        assert!(error.starts_with(&expected), "{error}");
        drop(roster);
        Roster::take(&store).unwrap();
    }

    #[test]
    fn an_end_in_order_leaves_no_lock_and_a_kill_only_what_the_next_one_needs() {
        let (_dir, store) = store();
        Roster::take(&store).unwrap().close();
        assert!(!path(&store).exists());
        let mut roster = Roster::take(&store).unwrap();
        let life = born(&store, "lives");
        roster.add("lives").unwrap();
        tidy(&store);
        drop(roster);
        tidy(&store);
        assert_eq!(
            Roster::take(&store).unwrap().uids,
            ["lives".to_owned()].into()
        );
        life.remove().unwrap();
        drop(life);
        tidy(&store);
        assert!(!path(&store).exists());
    }

    #[test]
    fn the_next_one_takes_over_what_lives() {
        let (_dir, store) = store();
        let mut roster = Roster::take(&store).unwrap();
        let (lives, dies) = (born(&store, "lives"), born(&store, "dies"));
        for uid in ["lives", "dies", "dies", "never"] {
            roster.add(uid).unwrap();
        }
        killed(dies);
        drop(roster);
        let roster = Roster::take(&store).unwrap();
        assert_eq!(roster.uids().collect::<Vec<_>>(), ["lives"]);
        drop(lives);
    }
}
