//! Machine code on disk, by content.
//!
//! What lies here is *code that runs with our rights*. So the directory must be ours alone, an entry is trusted only if it
//! is whole, and none ever comes from anywhere but our own compiler.
//!
//! An entry is the compiler's output with a [`Trailer`] behind it that holds the entry's key and the digest of the code.
//! Hashing the 33 MB of a CPython costs about as much time as all the rest of its start, so the full check is done once
//! and noted in a *stamp* beside it: the file's identity, size and times. The kernel moves a file's ctime at every write,
//! so an entry whose stamp still fits is byte for byte the one that was checked. The same trick remembers the digest of a
//! wasm file that has not changed (`path-` entries), as git's index does.
//!
//! Entries appear by rename of a synced temporary file and are never changed afterwards: a reader sees all of one or
//! nothing, and a code mapping never changes under a running guest. Two writers of one key write the same thing; a lock
//! file per key keeps them from both paying for it.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use sha2::{Digest as _, Sha256};

use super::{Digest, SetupError};

/// Of the same kind as any digest, but of (program, checks, engine) together.
pub(super) type Key = Digest;

/// A wasm file changed within this time before now is hashed again next time: its times are too coarse to tell one change
/// from the next (ctime moves with the timer tick, 4 ms on many kernels).
const SETTLED: Duration = Duration::from_secs(2);

/// A temporary file this old has lost its writer.
const ABANDONED: Duration = Duration::from_secs(3600);

pub(super) struct Cache {
    dir: Dir,
    path: PathBuf,
    temporary: AtomicU64,
}

impl Cache {
    /// Opens the directory, making it (and what leads to it) with mode 0700. Everything later goes through the directory
    /// opened here, so that nobody can put another in its place.
    pub fn open(path: &Path) -> Result<Cache, SetupError> {
        let failed = |source| SetupError::Cache {
            path: path.into(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?;
        let file = dir.try_clone().map_err(failed)?.into_std_file();
        if let Some(why) = unsafe_owner(&file.metadata().map_err(failed)?) {
            return Err(SetupError::UnsafeCache {
                path: path.into(),
                why,
            });
        }
        Ok(Cache {
            dir,
            path: path.into(),
            temporary: AtomicU64::new(0),
        })
    }

    /// Where an entry is, for messages.
    pub fn path(&self, key: Key) -> PathBuf {
        self.path.join(code_name(key))
    }

    /// The code of `key`, checked. `None` if there is none that can be trusted; an unsound one is removed.
    pub fn load(&self, key: Key) -> Option<File> {
        let file = self.dir.open(code_name(key)).ok()?.into_std();
        match self.verify(&file, key) {
            Ok(()) => Some(file),
            Err(error) => {
                tracing::warn!(entry = %self.path(key).display(), %error, "compiled code is not sound, compiling again");
                self.remove(key);
                None
            }
        }
    }

    /// Forgets an entry. Guests that run its code keep it: the mapping outlives the name.
    pub fn remove(&self, key: Key) {
        let _ = self.dir.remove_file(stamp_name(key));
        let _ = self.dir.remove_file(code_name(key));
    }

    fn verify(&self, file: &File, key: Key) -> io::Result<()> {
        let meta = file.metadata()?;
        if let Some(why) = unsafe_owner(&meta) {
            return Err(io::Error::other(why));
        }
        let trailer = Trailer::read(file, meta.len())?;
        if trailer.key != key {
            return Err(io::Error::other("entry of another program"));
        }
        let stamp = Fingerprint::of(&meta);
        if self
            .read_small(&stamp_name(key))
            .is_some_and(|bytes| bytes == stamp.0)
        {
            return Ok(());
        }
        if hash(file, trailer.length)? != trailer.code {
            return Err(io::Error::other("checksum does not fit"));
        }
        // Without a stamp the next load only takes longer.
        let _ = self.write_small(&stamp_name(key), &stamp.0);
        Ok(())
    }

    /// Only one process at a time makes an entry; the others wait here and then find it. The kernel takes the lock from one that
    /// dies.
    pub fn lock(&self, key: Key) -> io::Result<Lock<'_>> {
        let name = format!("{}.lock", key.hex());
        loop {
            let file = self
                .dir
                .open_with(&name, private().create(true).write(true))?
                .into_std();
            file.lock()?;
            // Whoever had it before has taken the name away: by now it may be the name of another one's lock.
            if self.is_named(&file, &name)? {
                return Ok(Lock {
                    cache: self,
                    name,
                    _file: file,
                });
            }
        }
    }

    fn is_named(&self, file: &File, name: &str) -> io::Result<bool> {
        use cap_std::fs::MetadataExt as _;
        let held = file.metadata()?;
        match self.dir.symlink_metadata(name) {
            Ok(named) => Ok((held.dev(), held.ino()) == (named.dev(), named.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A file in which to collect a new entry. Gone with the value unless published.
    pub fn temporary(&self) -> io::Result<Temporary<'_>> {
        self.sweep();
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let name = format!("tmp-{}-{number}", std::process::id());
        let file = self.dir.open_with(
            &name,
            private().create(true).truncate(true).read(true).write(true),
        )?;
        Ok(Temporary {
            cache: self,
            name,
            file: file.into_std(),
        })
    }

    /// Seals what was written into `temporary` and gives it the name of `key`.
    pub fn publish(&self, mut temporary: Temporary<'_>, key: Key) -> io::Result<()> {
        let length = temporary.file.seek(SeekFrom::End(0))?;
        let code = hash(&temporary.file, length)?;
        temporary
            .file
            .write_all(&Trailer { length, key, code }.to_bytes())?;
        temporary.file.sync_all()?;
        self.dir
            .rename(&temporary.name, &self.dir, code_name(key))?;
        // After the rename, which moves the ctime.
        let stamp = Fingerprint::of(&temporary.file.metadata()?);
        let _ = self.write_small(&stamp_name(key), &stamp.0);
        temporary.name.clear();
        Ok(())
    }

    /// The digest of the wasm file at `path`, if it is known and the file has not changed since.
    pub fn digest_of(&self, path: &Path, fingerprint: &Fingerprint) -> Option<Digest> {
        let bytes = self.read_small(&path_name(path))?;
        let (known, digest) = bytes.split_at_checked(Fingerprint::SIZE)?;
        (known == fingerprint.0).then_some(Digest(digest.try_into().ok()?))
    }

    /// Remembers the digest of the file at `path`, unless it changed just now.
    pub fn remember_digest(&self, path: &Path, meta: &std::fs::Metadata, digest: Digest) {
        if settled(meta) {
            let bytes = [Fingerprint::of(meta).0.as_slice(), &digest.0].concat();
            let _ = self.write_small(&path_name(path), &bytes);
        }
    }

    fn read_small(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(128);
        self.dir
            .open(name)
            .ok()?
            .take(128)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(bytes)
    }

    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut temporary = self.temporary()?;
        temporary.file.write_all(bytes)?;
        self.dir.rename(&temporary.name, &self.dir, name)?;
        temporary.name.clear();
        Ok(())
    }

    /// Removes what writers that died have left.
    fn sweep(&self) {
        let Ok(entries) = self.dir.entries() else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with("tmp-") {
                continue;
            }
            let modified = entry
                .metadata()
                .and_then(|meta| meta.modified())
                .map(|time| time.into_std());
            if modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED)) {
                let _ = self.dir.remove_file(&name);
            }
        }
    }
}

/// Held while an entry is being made.
pub(super) struct Lock<'a> {
    cache: &'a Cache,
    name: String,
    _file: File,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Before the lock is let go: whoever gets it then sees that it has no name, and takes another.
        let _ = self.cache.dir.remove_file(&self.name);
    }
}

pub(super) struct Temporary<'a> {
    cache: &'a Cache,
    name: String,
    pub file: File,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = self.cache.dir.remove_file(&self.name);
        }
    }
}

/// A file's identity, size and times: equal only if nobody wrote to it in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; Fingerprint::SIZE]);

impl Fingerprint {
    const SIZE: usize = 7 * 8;

    pub fn of(meta: &std::fs::Metadata) -> Fingerprint {
        let mut bytes = [0; Fingerprint::SIZE];
        let (mtime, ctime) = (
            [meta.mtime(), meta.mtime_nsec()],
            [meta.ctime(), meta.ctime_nsec()],
        );
        let values = [
            meta.dev(),
            meta.ino(),
            meta.len(),
            mtime[0] as u64,
            mtime[1] as u64,
            ctime[0] as u64,
            ctime[1] as u64,
        ];
        for (part, value) in bytes.chunks_mut(8).zip(values) {
            part.copy_from_slice(&value.to_le_bytes());
        }
        Fingerprint(bytes)
    }
}

/// What stands behind the code in an entry.
struct Trailer {
    length: u64,
    key: Key,
    code: Digest,
}

impl Trailer {
    const MAGIC: &[u8; 16] = b"wasmpod code 1\r\n";
    const SIZE: usize = 16 + 8 + 32 + 32 + 32;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Trailer::SIZE);
        bytes.extend(Trailer::MAGIC);
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(self.key.0);
        bytes.extend(self.code.0);
        let seal = Digest::of(&bytes);
        bytes.extend(seal.0);
        bytes
    }

    fn read(file: &File, size: u64) -> io::Result<Trailer> {
        let torn = || io::Error::other("cut off or no entry at all");
        let length = size.checked_sub(Trailer::SIZE as u64).ok_or_else(torn)?;
        let mut bytes = [0; Trailer::SIZE];
        file.read_exact_at(&mut bytes, length)?;
        let part =
            |from: usize| -> [u8; 32] { bytes[from..from + 32].try_into().expect("a range of 32") };
        let trailer = Trailer {
            length,
            key: Digest(part(24)),
            code: Digest(part(56)),
        };
        if trailer.to_bytes() != bytes {
            Err(torn())
        } else {
            Ok(trailer)
        }
    }
}

/// SHA-256 of the first `length` bytes of a file, without mapping it: mapped pages would count as ours.
pub(super) fn hash(file: &File, length: u64) -> io::Result<Digest> {
    let mut sha = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    let mut at = 0;
    while at < length {
        let want = buffer.len().min((length - at) as usize);
        let got = file.read_at(&mut buffer[..want], at)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sha.update(&buffer[..got]);
        at += got as u64;
    }
    Ok(Digest(sha.finalize().into()))
}

fn settled(meta: &std::fs::Metadata) -> bool {
    let since = |seconds: i64, nanos: i64| {
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds.max(0) as u64, nanos as u32);
        time.elapsed().is_ok_and(|age| age > SETTLED)
    };
    since(meta.mtime(), meta.mtime_nsec()) && since(meta.ctime(), meta.ctime_nsec())
}

/// Why code of this owner and mode must not be trusted.
fn unsafe_owner(meta: &std::fs::Metadata) -> Option<String> {
    let me = nix::unistd::geteuid().as_raw();
    if meta.uid() != me {
        return Some(format!("it belongs to user {}, not to {me}", meta.uid()));
    }
    if meta.mode() & 0o022 != 0 {
        return Some(format!(
            "others may write to it (mode {:04o})",
            meta.mode() & 0o7777
        ));
    }
    None
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn code_name(key: Key) -> String {
    format!("{}.cwasm", key.hex())
}

fn stamp_name(key: Key) -> String {
    format!("{}.ok", key.hex())
}

fn path_name(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    format!("path-{}", Digest::of(path.as_os_str().as_bytes()).hex())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// When a compilation failed, those who had waited for it and those who came later compiled at the same time.
    #[test]
    fn one_at_a_time_has_the_lock_also_when_no_entry_comes_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("code"), Digest::of(b"program"));
        let taken = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let cache = Cache::open(&path).unwrap();
                    for _ in 0..200 {
                        let lock = cache.lock(key).unwrap();
                        assert!(!taken.swap(true, Ordering::SeqCst), "two have it");
                        std::thread::yield_now();
                        taken.store(false, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    }
}
