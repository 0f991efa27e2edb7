//! Secrets that are encrypted where they lie, for those who gave a key: `--encryption-key FILE`.
//!
//! ```text
//! wasmpod:sealed:v1:KEYID:  then 32 bytes of chance, the content encrypted, 16 bytes that authenticate it
//! ```
//!
//! Each writing has a key of its own, derived from the user's and from chance (HKDF-SHA256), so that no number of writings
//! wears the user's key out; the cipher is AES-256-GCM. What the object is called is bound in: the file of one secret is not
//! taken for that of another. Not hidden is which secrets there are, how long they are and when they were written; and nothing
//! tells that a file was put back as it once was.
//!
//! A file without that beginning is the object as it is. One that was written without a key is read with a key as well as
//! without, and sealed when it is written next, be it unchanged: so all are sealed by
//! `wasmpod get secrets -A -o yaml | wasmpod --encryption-key KEY replace -f -`.
//!
//! A key is not changed in place: secrets under an old one are printed with it, deleted, and created with the new one.

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::libc;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hkdf};

/// Bytes of a key.
const LENGTH: usize = 32;
/// Bytes of chance from which, with the key, that of one writing is derived.
const SALT: usize = 32;
/// Digits that name a key without telling anything of it.
const KEY_ID: usize = 8;
const PREFIX: &[u8] = b"wasmpod:sealed:v1:";
/// What the derived keys are for, so that the same key file may serve another purpose too.
const PURPOSE: &[u8] = b"wasmpod object at rest v1";

/// What secrets are encrypted with. Cheap to clone.
#[derive(Clone)]
pub struct Key {
    bytes: Arc<[u8; LENGTH]>,
    id: String,
}

/// What an object is called; part of what is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called<'n> {
    /// `secrets`.
    pub plural: &'n str,
    pub namespace: &'n str,
    pub name: &'n str,
}

/// Why a sealed file stays closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("it is encrypted: the key has to be given with --encryption-key FILE")]
    NoKey,
    #[error(
        "it is encrypted with the key {of_file}, not with the one given by --encryption-key ({given})"
    )]
    OtherKey { of_file: String, given: String },
    #[error("it is encrypted, and has been damaged, or put in the place of another one")]
    Damaged,
}

impl Key {
    /// Reads a key file: 32 bytes, as they are or in base64, that nobody but their owner can read.
    ///
    /// # Errors
    /// What is wrong with it, with its path.
    pub fn read(path: &Path) -> Result<Key, String> {
        let bytes = read_private(path).and_then(|content| key_bytes(&content));
        let bytes = bytes.map_err(|error| format!("encryption key {}: {error}", path.display()))?;
        Ok(Key::new(bytes))
    }

    fn new(bytes: [u8; LENGTH]) -> Key {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"wasmpod key id\0");
        context.update(&bytes);
        let digest = context.finish();
        let id = digest.as_ref()[..KEY_ID / 2]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Key {
            bytes: Arc::new(bytes),
            id,
        }
    }

    /// The content of a file that only this key opens, and only as that of this object.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn seal(&self, called: Called, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut salt = [0; SALT];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| io::Error::other("no random numbers to encrypt with"))?;
        let length = PREFIX.len() + KEY_ID + 1 + SALT + plain.len() + MAX_TAG_LEN;
        let mut sealed = Vec::with_capacity(length);
        for part in [PREFIX, self.id.as_bytes(), b":", &salt] {
            sealed.extend_from_slice(part);
        }
        let begin = sealed.len();
        sealed.extend_from_slice(plain);
        let tag = self
            .derived(&salt)
            .seal_in_place_separate_tag(nonce(), Aad::from(called.bound()), &mut sealed[begin..])
            .map_err(|_| io::Error::other("too long to be encrypted"))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    fn open(&self, called: Called, rest: &mut [u8]) -> Result<usize, Closed> {
        let (salt, content) = rest.split_at_mut_checked(SALT).ok_or(Closed::Damaged)?;
        let plain = self
            .derived(salt)
            .open_in_place(nonce(), Aad::from(called.bound()), content)
            .map_err(|_| Closed::Damaged)?;
        Ok(plain.len())
    }

    /// The key of one writing.
    fn derived(&self, salt: &[u8]) -> LessSafeKey {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(self.bytes.as_slice());
        let purpose = [PURPOSE];
        let okm = prk.expand(&purpose, &AES_256_GCM);
        let okm = okm.expect("32 bytes are less than the 8160 that can be derived");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Called<'_> {
    /// None of the parts can hold a slash, so no two names make the same text.
    fn bound(&self) -> Vec<u8> {
        let Called {
            plural,
            namespace,
            name,
        } = self;
        format!("{plural}/{namespace}/{name}").into_bytes()
    }
}

/// Each writing has a key of its own, and uses it once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

pub fn is_sealed(content: &[u8]) -> bool {
    content.starts_with(PREFIX)
}

/// Puts what a file holds in its place, if it is sealed; a plain file is left as it is.
///
/// # Errors
/// It cannot be opened with what is given.
pub fn open(key: Option<&Key>, called: Called, content: &mut Vec<u8>) -> Result<(), Closed> {
    if !is_sealed(content) {
        return Ok(());
    }
    let key = key.ok_or(Closed::NoKey)?;
    let head = PREFIX.len() + KEY_ID + 1;
    let of_file = content.get(PREFIX.len()..head).ok_or(Closed::Damaged)?;
    if of_file != format!("{}:", key.id).as_bytes() {
        let of_file = &of_file[..KEY_ID];
        if !of_file.iter().all(u8::is_ascii_hexdigit) {
            return Err(Closed::Damaged);
        }
        return Err(Closed::OtherKey {
            of_file: String::from_utf8_lossy(of_file).into_owned(),
            given: key.id.clone(),
        });
    }
    let length = key.open(called, &mut content[head..])?;
    content.drain(..head + SALT);
    content.truncate(length);
    Ok(())
}

/// What is in a small file that only its owner can read.
fn read_private(path: &Path) -> Result<Vec<u8>, String> {
    /// More than any spelling of a key takes.
    const MAX: u64 = 4096;
    let read = || -> io::Result<(std::fs::Metadata, Vec<u8>)> {
        // Not to wait for the writer of a pipe: that is refused below.
        let flags = libc::O_NONBLOCK;
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let about = file.metadata()?;
        let mut content = Vec::new();
        if about.is_file() {
            file.take(MAX).read_to_end(&mut content)?;
        }
        Ok((about, content))
    };
    let (about, content) = read().map_err(|error| error.to_string())?;
    let mode = about.mode() & 0o7777;
    if !about.is_file() {
        Err("not a file".to_owned())
    } else if mode & 0o077 != 0 {
        Err(format!(
            "others than its owner may use it (mode {mode:04o}); set it to 0600, or 0400"
        ))
    } else {
        Ok(content)
    }
}

fn key_bytes(content: &[u8]) -> Result<[u8; LENGTH], String> {
    if let Ok(raw) = <[u8; LENGTH]>::try_from(content) {
        return Ok(raw);
    }
    let text = content.trim_ascii();
    let decoded = STANDARD.decode(text).unwrap_or_default();
    <[u8; LENGTH]>::try_from(decoded).map_err(|_| {
        format!("must be {LENGTH} bytes, or {LENGTH} bytes in base64: `head -c {LENGTH} /dev/urandom` makes one")
    })
}
