//! The lock of all who write objects, and the versions and times that are given under it.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use nix::fcntl::OFlag;

use super::Layout;
use super::disk::Folder;
use super::error::{StoreError, doing};

pub(super) fn version_of(meta: &ObjectMeta) -> u64 {
    let version = meta.resource_version.as_deref();
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub(super) fn micros() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// As the API writes times: whole seconds.
pub(super) fn now() -> Time {
    let secs = i64::try_from(micros() / 1_000_000).unwrap_or(i64::MAX);
    Time(Timestamp::from_second(secs).unwrap_or(Timestamp::MAX))
}

/// The lock of all who write objects, held while this lives. Its file remembers the last version that was given.
pub(super) struct Writers {
    file: File,
}

/// What to do when somebody else has a lock. Whoever has one keeps it for milliseconds, unless somebody has stopped him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// For those who were told to change something.
    Await,
    /// For those who only came to read: what is to be done is left to the next one.
    Skip,
}

impl Turn {
    /// An error of the kind `WouldBlock` if it is somebody else's turn.
    pub fn lock(self, file: &File) -> io::Result<()> {
        match self {
            Turn::Await => file.lock(),
            Turn::Skip => match file.try_lock() {
                Ok(()) => Ok(()),
                Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
                Err(TryLockError::Error(error)) => Err(error),
            },
        }
    }
}

impl Writers {
    pub fn lock(layout: &Layout, turn: Turn) -> Result<Writers, StoreError> {
        const NAME: &str = ".lock";
        let path = layout.objects();
        let lock = || -> io::Result<File> {
            let file = Folder::make(&path)?.open_file(NAME, OFlag::O_RDWR | OFlag::O_CREAT)?;
            turn.lock(&file)?;
            Ok(file)
        };
        let file = lock().map_err(doing("lock", &path.join(NAME)))?;
        Ok(Writers { file })
    }

    /// The next `resourceVersion`: microseconds since the epoch, above any given before whatever the clock does.
    pub fn version(&mut self, floor: u64) -> Result<String, StoreError> {
        let mut text = [0; 20];
        let last = match self.file.read_at(&mut text, 0) {
            Ok(length) => std::str::from_utf8(&text[..length])
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
            // Then the clock alone must do.
            Err(_) => 0,
        };
        let next = micros().max(last + 1).max(floor + 1);
        // A hint only, and so it may be lost: on a full disk a deletion must still be possible.
        let _ = self.file.write_at(format!("{next:020}").as_bytes(), 0);
        Ok(next.to_string())
    }
}
