//! Which process a pod has: told by a lock that the kernel takes away when the process ends, however it ends.
//!
//! `RUN/pods/<uid>.lock` is locked (an open file description lock) by the pod's process from its first moment to its last, or
//! for a while by somebody who cleans up after it. Looking needs no lock and disturbs nobody (`F_OFD_GETLK`). Who has
//! it is written inside, and the file takes its name only when that is written and the lock is held: a reader never
//! meets a half of it.
//!
//! The file of a process that ended in order is gone. One that lies there unlocked belongs to a dead one: killed, or
//! crashed (then the number of the signal stands below the first line), or from before the machine restarted.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use serde::{Deserialize, Serialize};

use super::disk::step::step;
use super::disk::{Draft, Durable, Folder};
use super::writers::Turn;
use super::{Layout, names};

/// What is known of a pod's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Living {
        pid: u32,
    },
    /// It ended without a word.
    Dead {
        /// The signal it crashed with, if it could still say so. Anything else is as good as a 9: all other signals are handled
        /// or ignored.
        last_words: Option<i32>,
        /// It did not outlive the machine.
        restarted: bool,
    },
    /// There is none: it never started, or has ended in order.
    None,
}

impl Process {
    pub fn pid(self) -> Option<u32> {
        match self {
            Process::Living { pid } => Some(pid),
            Process::Dead { .. } | Process::None => None,
        }
    }
}

/// Why a lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    #[error("pod {uid} is already running as process {pid}")]
    Running { uid: String, pid: u32 },
    /// Somebody is just removing what a dead process has left. Only said to those who do not wait.
    #[error("pod {uid} is being cleaned up")]
    Busy { uid: String },
    #[error("lock {path}: {source}")]
    Io { path: String, source: io::Error },
}

/// The first line of a lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    pid: u32,
    /// In clock ticks since boot: with the pid, one process and no other.
    start_time: u64,
    boot_id: String,
    /// Held to clean up after a process that ended so. Its lock was this one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<After>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct After {
    last_words: Option<i32>,
    restarted: bool,
}

/// The lock, held while this lives. Dropped without [`Lock::remove`] it looks as after a sudden death.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    layout: Layout,
    uid: String,
}

impl Lock {
    /// For the pod's process itself.
    pub fn take(layout: &Layout, uid: &str) -> Result<Lock, HoldError> {
        Lock::acquire(layout, uid, Turn::Await, |_| None)
    }

    /// For somebody who cleans up; to readers the pod stays as it was found. Also tells how that is.
    pub fn clean(layout: &Layout, uid: &str, turn: Turn) -> Result<(Lock, Process), HoldError> {
        let mut found = Process::None;
        let lock = Lock::acquire(layout, uid, turn, |process| {
            found = process;
            Some(match process {
                Process::Dead {
                    last_words,
                    restarted,
                } => After {
                    last_words,
                    restarted,
                },
                // No file at all: the place where they lie is new since the machine started.
                Process::Living { .. } | Process::None => After {
                    last_words: None,
                    restarted: true,
                },
            })
        })?;
        Ok((lock, found))
    }

    fn acquire(
        layout: &Layout,
        uid: &str,
        turn: Turn,
        after: impl FnOnce(Process) -> Option<After>,
    ) -> Result<Lock, HoldError> {
        let path = layout.lock(uid);
        let failed = |source: io::Error| HoldError::Io {
            path: path.display().to_string(),
            source,
        };
        if !names::is_uid(uid) {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        }
        let folder = Folder::make(&layout.running()).map_err(failed)?;
        let (_door, found) = loop {
            // One at a time may look and take, for as long as that lasts.
            let door = File::open(layout.running()).map_err(failed)?;
            turn.lock(&door).map_err(failed)?;
            let found = look(&folder, uid, &mut Vec::new()).map_err(failed)?;
            let Some(Held { pid, cleaning }) = found.held else {
                break (door, found);
            };
            let uid = uid.to_owned();
            match (cleaning, turn) {
                (false, _) => return Err(HoldError::Running { uid, pid }),
                (true, Turn::Skip) => return Err(HoldError::Busy { uid }),
                (true, Turn::Await) => {
                    drop(door);
                    await_release(&folder, &uid).map_err(failed)?;
                }
            }
        };
        let claim = Claim::of_this_process(after(found.process())).map_err(failed)?;
        let content = serde_json::to_string(&claim).map_err(|error| failed(error.into()))? + "\n";
        let file = folder
            .place_locked(&format!("{uid}.lock"), content.as_bytes(), lock_whole)
            .map_err(failed)?;
        Ok(Lock {
            file,
            layout: layout.clone(),
            uid: uid.to_owned(),
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// The end in order: nothing is left that would tell of a process.
    pub fn remove(&self) -> io::Result<()> {
        let folder = Folder::open(&self.layout.running())?;
        folder.remove(&format!("{}.sock", self.uid), Draft::OfFile, Durable::No)?;
        folder.remove(&format!("{}.lock", self.uid), Draft::OfFile, Durable::No)?;
        Ok(())
    }
}

impl Claim {
    fn of_this_process(after: Option<After>) -> io::Result<Claim> {
        Ok(Claim {
            pid: std::process::id(),
            start_time: start_time("self")?,
            boot_id: boot_id().to_owned(),
            after,
        })
    }
}

/// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)); the second may hold anything, so the count begins behind it.
pub(super) fn start_time(pid: &str) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let field = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19));
    field
        .and_then(|ticks| ticks.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        id.trim().to_owned()
    })
}

fn whole_file(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

fn lock_whole(file: &File) -> io::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK)))?;
    Ok(())
}

/// Waits until whoever has the lock lets it go, or dies. It is not ours then: somebody else may be faster.
fn await_release(folder: &Folder, uid: &str) -> io::Result<()> {
    let file = match folder.open_file(&format!("{uid}.lock"), OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let shared = whole_file(libc::F_RDLCK);
    loop {
        match fcntl(&file, FcntlArg::F_OFD_SETLKW(&shared)) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_locked(file: &File) -> io::Result<bool> {
    let mut lock = whole_file(libc::F_WRLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// What a look at a lock file told.
struct Look {
    held: Option<Held>,
    /// What is left of a process that held it.
    remains: Option<After>,
}

struct Held {
    pid: u32,
    cleaning: bool,
}

impl Look {
    fn process(&self) -> Process {
        match (&self.held, self.remains) {
            (
                Some(Held {
                    pid,
                    cleaning: false,
                }),
                _,
            ) => Process::Living { pid: *pid },
            (
                _,
                Some(After {
                    last_words,
                    restarted,
                }),
            ) => Process::Dead {
                last_words,
                restarted,
            },
            _ => Process::None,
        }
    }
}

fn look(folder: &Folder, uid: &str, buffer: &mut Vec<u8>) -> io::Result<Look> {
    let file = match folder.open_file(&format!("{uid}.lock"), OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Look {
                held: None,
                remains: None,
            });
        }
        Err(error) => return Err(error),
    };
    let locked = is_locked(&file)?;
    // After the lock: what a process writes at its death is there when the lock is gone.
    buffer.resize(1024, 0);
    let length = (&file).read(buffer)?;
    let text = String::from_utf8_lossy(&buffer[..length]);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let claim: Option<Claim> = serde_json::from_str(first).ok();
    if locked {
        let held = claim.as_ref().map_or(
            Held {
                pid: 0,
                cleaning: false,
            },
            |claim| Held {
                pid: claim.pid,
                cleaning: claim.after.is_some(),
            },
        );
        return Ok(Look {
            held: Some(held),
            remains: claim.and_then(|claim| claim.after),
        });
    }
    let remains = claim.map_or(
        After {
            last_words: None,
            restarted: false,
        },
        |claim| {
            claim.after.unwrap_or_else(|| After {
                last_words: rest.lines().next().and_then(|line| line.parse().ok()),
                restarted: claim.boot_id != boot_id(),
            })
        },
    );
    Ok(Look {
        held: None,
        remains: Some(remains),
    })
}

/// Looks at one pod's process.
pub(super) fn process(folder: &Folder, uid: &str, buffer: &mut Vec<u8>) -> io::Result<Process> {
    if !names::is_uid(uid) {
        return Ok(Process::None);
    }
    Ok(look(folder, uid, buffer)?.process())
}

/// Whether the process that holds the lock of this pod is `pid`, now.
pub(super) fn is_held_by(layout: &Layout, uid: &str, pid: u32) -> bool {
    let look =
        Folder::open(&layout.running()).and_then(|folder| look(&folder, uid, &mut Vec::new()));
    matches!(look, Ok(Look { held: Some(held), .. }) if held.pid == pid)
}

/// The uids of all lock files.
pub(super) fn uids(folder: &Folder) -> io::Result<Vec<String>> {
    let names = folder.names()?;
    let uid = |name: String| name.strip_suffix(".lock").map(str::to_owned);
    Ok(names.into_iter().filter_map(uid).collect())
}

/// Removes what somebody who was killed while taking a lock has left, unless somebody is just taking one.
pub(super) fn tidy(running: &Path) -> io::Result<()> {
    let door = File::open(running)?;
    match door.try_lock() {
        Ok(()) => Folder::open(running)?.remove_taking(),
        Err(fs::TryLockError::WouldBlock) => Ok(()),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

impl Folder {
    /// Puts a file in place that is locked and filled before it has its name. The caller has the door.
    fn place_locked(
        &self,
        name: &str,
        content: &[u8],
        lock: fn(&File) -> io::Result<()>,
    ) -> io::Result<File> {
        use std::io::Write;
        // What a killed one has left: a new file, so that nobody else can have it open.
        self.remove_taking()?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_APPEND;
        step("open", self.path())?;
        let mut file = self.open_file(TAKING, flags)?;
        lock(&file)?;
        step("write", self.path())?;
        file.write_all(content)?;
        step("rename", self.path())?;
        nix::fcntl::renameat(self, TAKING, self, name)?;
        Ok(file)
    }

    fn remove_taking(&self) -> io::Result<()> {
        match nix::unistd::unlinkat(self, TAKING, nix::unistd::UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where a lock is made ready.
const TAKING: &str = ".taking";
