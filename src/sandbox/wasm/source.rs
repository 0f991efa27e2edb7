//! The bytes of a program before anything is made of them.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::cache::{Cache, Fingerprint, hash};
use super::compile::Input;
use super::{Code, Digest, LoadError};

/// What the first eight bytes promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Module,
    Component,
}

impl Layer {
    /// Tells the two apart, or says what the bytes look like instead.
    pub fn of(head: &[u8]) -> Result<Layer, String> {
        if !head.starts_with(b"\0asm") {
            return Err(looks_like(head));
        }
        match head.get(4..8) {
            Some([1, 0, 0, 0]) => Ok(Layer::Module),
            Some([0x0d, 0, 1, 0]) => Ok(Layer::Component),
            Some(version) => Err(format!("wasm of an unknown version (bytes {version:02x?})")),
            None => Err("only the first bytes of one".into()),
        }
    }
}

fn looks_like(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    match head {
        [] => "it is empty".into(),
        [0x7f, b'E', b'L', b'F', ..] => "it is a native executable (ELF)".into(),
        [0x1f, 0x8b, ..] => "it is gzip-compressed".into(),
        [b'#', b'!', ..] => "it is a script".into(),
        _ if text.trim_start().starts_with("(module")
            || text.trim_start().starts_with("(compon") =>
        {
            "it is WebAssembly text, which must be assembled first".into()
        }
        _ => format!("it begins with {:02x?}", &head[..head.len().min(4)]),
    }
}

/// A program's bytes, opened once: what is hashed is what is compiled.
pub(super) struct Source<'a> {
    pub name: String,
    pub layer: Layer,
    kind: Kind<'a>,
}

enum Kind<'a> {
    File {
        path: Cow<'a, Path>,
        file: File,
        meta: Metadata,
    },
    Bytes {
        wasm: &'a [u8],
        digest: Option<Digest>,
    },
}

impl<'a> Source<'a> {
    pub fn open(code: Code<'a>) -> Result<Source<'a>, LoadError> {
        match code {
            Code::Bytes { name, wasm, digest } => {
                let layer = layer(name, wasm)?;
                Ok(Source {
                    name: name.into(),
                    layer,
                    kind: Kind::Bytes { wasm, digest },
                })
            }
            Code::File(path) => {
                let (file, meta) = open(path).map_err(|source| match source.kind() {
                    io::ErrorKind::NotFound => LoadError::NotFound { path: path.into() },
                    _ => LoadError::Read {
                        path: path.into(),
                        source,
                    },
                })?;
                let name = path.display().to_string();
                Source::of_file(name, Cow::Borrowed(path), file, meta)
            }
            Code::Opened { name, file } => {
                let failed = |source| LoadError::Read {
                    path: name.into(),
                    source,
                };
                let file = file.try_clone().map_err(failed)?;
                let meta = file.metadata().map_err(failed)?;
                // The file's name is somebody else's and may mean another file by now: what is remembered of it is
                // remembered by what it is.
                let identity = PathBuf::from(format!("{}:{}", meta.dev(), meta.ino()));
                Source::of_file(name.to_owned(), Cow::Owned(identity), file, meta)
            }
        }
    }

    fn of_file(
        name: String,
        path: Cow<'a, Path>,
        file: File,
        meta: Metadata,
    ) -> Result<Source<'a>, LoadError> {
        let mut head = [0; 8];
        let read = file
            .read_at(&mut head, 0)
            .map_err(|source| LoadError::Read {
                path: PathBuf::from(&name),
                source,
            })?;
        let layer = layer(&name, &head[..read])?;
        Ok(Source {
            name,
            layer,
            kind: Kind::File { path, file, meta },
        })
    }

    /// The digest of the bytes: known, remembered from an earlier time, or computed now.
    pub fn digest(&self, cache: &Cache) -> Result<Digest, LoadError> {
        match &self.kind {
            Kind::Bytes { wasm, digest } => Ok(digest.unwrap_or_else(|| Digest::of(wasm))),
            Kind::File { path, file, meta } => {
                if let Some(digest) = cache.digest_of(path, &Fingerprint::of(meta)) {
                    return Ok(digest);
                }
                let digest = hash(file, meta.len()).map_err(|source| LoadError::Read {
                    path: PathBuf::from(&self.name),
                    source,
                })?;
                cache.remember_digest(path, meta, digest);
                Ok(digest)
            }
        }
    }

    pub fn input(&self) -> io::Result<Input<'_>> {
        match &self.kind {
            Kind::Bytes { wasm, .. } => Ok(Input::Bytes(wasm)),
            // The position is shared between clones, but only the compiler uses it, from the start.
            Kind::File { file, .. } => Ok(Input::File(file.try_clone()?)),
        }
    }
}

fn layer(name: &str, head: &[u8]) -> Result<Layer, LoadError> {
    Layer::of(head).map_err(|found| LoadError::NotWasm {
        name: name.into(),
        found,
    })
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Asked before opening: to open a FIFO is to wait for its writer.
    let meta = std::fs::metadata(path)?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !meta.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let meta = file.metadata()?;
    Ok((file, meta))
}
