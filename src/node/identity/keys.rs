//! The files of an identity: made once, by whoever needs them first, and then only read.
//!
//! Whoever makes them holds a lock and looks again first. What is public is written before the key it belongs to, so that where
//! a key lies everything lies; a kill in between leaves files that the next one writes over.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};

use super::super::disk::{Draft, Durable, Folder};
use super::super::error::doing;
use super::signer::Signer;
use super::{StoreError, authority, openid, pem};

const FOLDER: &str = "identity";
const SIGNING_KEY: &str = "sa.key";
const SIGNING_PUBLIC: &str = "sa.pub";
const AUTHORITY_KEY: &str = "ca.key";
const AUTHORITY: &str = "ca.crt";
/// Below it, the paths of the API server.
const OPENID: &str = "openid";
const DISCOVERY: [&str; 2] = [".well-known", "openid-configuration"];
const KEY_SET: [&str; 2] = ["openid/v1", "jwks"];

const PRIVATE: &str = "PRIVATE KEY";

/// The folder they lie in.
pub(super) struct Keys<'d> {
    data: &'d Path,
}

impl Keys<'_> {
    pub fn of(data: &Path) -> Keys<'_> {
        Keys { data }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.join(FOLDER).join(name)
    }

    pub fn key_set_path(&self) -> PathBuf {
        self.path(OPENID).join(KEY_SET[0]).join(KEY_SET[1])
    }

    /// The key that signs tokens; a new one, if there is none yet.
    pub fn signer(&self) -> Result<Signer, StoreError> {
        let found = match self.folder()? {
            Some(folder) => self.private(&folder, SIGNING_KEY)?,
            None => None,
        };
        match found {
            Some(key) => self.understood(&key),
            None => self.make_signer(),
        }
    }

    fn understood(&self, key: &[u8]) -> Result<Signer, StoreError> {
        Signer::new(key).map_err(|message| self.corrupt(SIGNING_KEY, message))
    }

    fn make_signer(&self) -> Result<Signer, StoreError> {
        let turn = self.take_turn()?;
        if let Some(key) = self.private(&turn.folder, SIGNING_KEY)? {
            return self.understood(&key);
        }
        self.make_authority(&turn)?;
        let key = Signer::generate().map_err(|message| self.failed(SIGNING_KEY, message))?;
        let signer = self.understood(&key)?;
        self.publish_in(&turn, &signer)?;
        self.write(
            &turn.folder,
            SIGNING_KEY,
            &pem::encode(PRIVATE, &key),
            Open::ToOwner,
        )?;
        Ok(signer)
    }

    /// Writes what others verify tokens with, where that is not there as it should be.
    pub fn publish(&self, signer: &Signer) -> Result<(), StoreError> {
        self.publish_in(&self.take_turn()?, signer)
    }

    fn publish_in(&self, turn: &Turn, signer: &Signer) -> Result<(), StoreError> {
        self.let_pass();
        let public = pem::encode("PUBLIC KEY", &signer.public_key());
        self.refresh(&turn.folder, SIGNING_PUBLIC, &public)?;
        let discovery = openid::discovery(&self.key_set_path());
        let key_set = openid::key_set(signer);
        for ([folder, name], document) in [(DISCOVERY, discovery), (KEY_SET, key_set)] {
            let folder = self.public_folder(turn, folder)?;
            self.refresh(&folder, name, &format!("{document}\n"))?;
        }
        Ok(())
    }

    /// The certificate of the authority; of a new one, if there is none yet.
    pub fn authority(&self) -> Result<String, StoreError> {
        let found = match self.folder()? {
            Some(folder) => self.read(&folder, AUTHORITY)?,
            None => None,
        };
        let content = match found {
            Some(content) => content,
            None => self.make_authority(&self.take_turn()?)?,
        };
        match pem::decode("CERTIFICATE", &content) {
            Ok(_) => Ok(String::from_utf8_lossy(&content).into_owned()),
            Err(message) => Err(self.corrupt(AUTHORITY, message)),
        }
    }

    /// A key without a certificate was left by somebody who was killed; it gets one. A certificate without a key is what
    /// pods trust already, and stays.
    fn make_authority(&self, turn: &Turn) -> Result<Vec<u8>, StoreError> {
        if let Some(content) = self.read(&turn.folder, AUTHORITY)? {
            return Ok(content);
        }
        let failed = |message| self.failed(AUTHORITY_KEY, message);
        let key = match self.private(&turn.folder, AUTHORITY_KEY)? {
            Some(key) => key,
            None => {
                let key = authority::generate().map_err(failed)?;
                let pem = pem::encode(PRIVATE, &key);
                self.write(&turn.folder, AUTHORITY_KEY, &pem, Open::ToOwner)?;
                key
            }
        };
        let now = super::now().to_zoned(k8s_openapi::jiff::tz::TimeZone::UTC);
        let certificate = authority::certificate(&key, i32::from(now.year())).map_err(failed)?;
        self.write(&turn.folder, AUTHORITY, &certificate, Open::ToAll)?;
        Ok(certificate.into_bytes())
    }

    fn folder(&self) -> Result<Option<Folder>, StoreError> {
        let path = self.data.join(FOLDER);
        match Folder::open(&path) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(doing("open", &path)(error)),
        }
    }

    /// The folder, made if it is missing, while nobody else makes anything in it.
    fn take_turn(&self) -> Result<Turn, StoreError> {
        let take = || {
            let folder = Folder::make(self.data)?.make_sub(FOLDER)?;
            Open::ToAll.set_folder(&folder)?;
            let lock = folder.open_file(".lock", OFlag::O_RDWR | OFlag::O_CREAT)?;
            lock.lock()?;
            Ok(Turn {
                folder,
                _lock: lock,
            })
        };
        take().map_err(doing("lock", &self.path(".lock")))
    }

    /// A folder of what is published, each part of its path open to all.
    fn public_folder(&self, turn: &Turn, path: &str) -> Result<Folder, StoreError> {
        let make = || {
            let mut folder = turn.folder.make_sub(OPENID)?;
            Open::ToAll.set_folder(&folder)?;
            for part in path.split('/') {
                folder = folder.make_sub(part)?;
                Open::ToAll.set_folder(&folder)?;
            }
            Ok(folder)
        };
        make().map_err(doing("make", &self.path(OPENID).join(path)))
    }

    /// Lets others pass through the data folder on their way to what is published: what lies beside that is closed to others
    /// itself. Not the owner's group, to which the folders of pods are open. If it cannot be, only those read what is published
    /// who may pass anyway.
    fn let_pass(&self) {
        const PASS: u32 = 0o001;
        let pass = || {
            let mut mode = std::fs::metadata(self.data)?.permissions();
            if mode.mode() & PASS == PASS {
                return Ok(());
            }
            mode.set_mode(mode.mode() | PASS);
            std::fs::set_permissions(self.data, mode)
        };
        if let Err(error) = pass() {
            tracing::debug!("{} stays closed: {error}", self.data.display());
        }
    }

    /// A private key, of which nobody else can have taken note.
    fn private(&self, folder: &Folder, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((content, mode)) = self.read_with_mode(folder, name)? else {
            return Ok(None);
        };
        if mode & 0o077 != 0 {
            let message = format!(
                "others than its owner may use this key (mode {mode:04o}); set it to 0600 if nobody has, else remove it"
            );
            return Err(self.corrupt(name, message));
        }
        let key = pem::decode(PRIVATE, &content).map_err(|message| self.corrupt(name, message))?;
        Ok(Some(key))
    }

    fn read(&self, folder: &Folder, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.read_with_mode(folder, name)?;
        Ok(found.map(|(content, _)| content))
    }

    fn read_with_mode(
        &self,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<(Vec<u8>, u32)>, StoreError> {
        /// What is longer was not written by us.
        const MAX: u64 = 64 << 10;
        let read = || {
            let file = folder.open_file(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
            let mode = file.metadata()?.mode() & 0o7777;
            let mut content = Vec::with_capacity(1024);
            file.take(MAX).read_to_end(&mut content)?;
            Ok((content, mode))
        };
        match read() {
            Ok(found) => Ok(Some(found)),
            Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(doing("read", &self.path(name))(error)),
        }
    }

    /// Writes a public file unless it is there and right.
    fn refresh(&self, folder: &Folder, name: &str, content: &str) -> Result<(), StoreError> {
        match self.read_with_mode(folder, name)? {
            Some((old, 0o644)) if old == content.as_bytes() => Ok(()),
            _ => self.write(folder, name, content, Open::ToAll),
        }
    }

    fn write(
        &self,
        folder: &Folder,
        name: &str,
        content: &str,
        open: Open,
    ) -> Result<(), StoreError> {
        let write = || {
            folder.replace(name, content.as_bytes(), Draft::OfFolder, Durable::Yes)?;
            open.set_file(folder, name)
        };
        write().map_err(doing("write", &folder.path().join(name)))
    }

    fn corrupt(&self, name: &str, message: String) -> StoreError {
        StoreError::Corrupt {
            path: self.path(name),
            message,
        }
    }

    /// A key that could not do its work.
    fn failed(&self, name: &str, message: String) -> StoreError {
        doing("use", &self.path(name))(io::Error::other(message))
    }

    pub fn signing_failed(&self, message: String) -> StoreError {
        self.failed(SIGNING_KEY, message)
    }
}

/// The folder, and the lock of whoever makes something in it.
struct Turn {
    folder: Folder,
    _lock: std::fs::File,
}

/// Who may read something. New files and folders are their owner's alone.
#[derive(Clone, Copy)]
enum Open {
    ToOwner,
    ToAll,
}

impl Open {
    fn set_file(self, folder: &Folder, name: &str) -> io::Result<()> {
        match self {
            Open::ToOwner => Ok(()),
            Open::ToAll => set(folder.open_file(name, OFlag::O_RDONLY)?, 0o644),
        }
    }

    fn set_folder(self, folder: &Folder) -> io::Result<()> {
        match self {
            Open::ToOwner => Ok(()),
            Open::ToAll => set(folder, 0o755),
        }
    }
}

fn set(file: impl AsFd, mode: u32) -> io::Result<()> {
    Ok(fchmod(file, Mode::from_bits_truncate(mode))?)
}
