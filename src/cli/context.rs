//! What the global flags say, for every verb.

use std::path::PathBuf;

use anyhow::anyhow;

use super::{Failure, dirs};
use crate::node::{Layout, Store, Watch, seal};
use crate::pod::Dirs;
use crate::spec::Kind;

/// The namespace of those who name none.
const DEFAULT_NAMESPACE: &str = "default";

/// The global flags, as they were typed.
#[derive(Clone, Debug, Default)]
pub struct Globals {
    pub root: Option<PathBuf>,
    pub namespace: Option<String>,
    pub encryption_key: Option<PathBuf>,
}

/// What secrets are encrypted with, and where it was read, for the processes that are told the same.
#[derive(Clone, Debug)]
pub struct KeyFile {
    pub path: PathBuf,
    pub key: seal::Key,
}

/// Where state lies, and in which namespace the user is.
#[derive(Clone, Debug)]
pub struct Context {
    pub dirs: Dirs,
    /// `--namespace`, if it was typed: then a manifest that says otherwise is refused.
    pub told_namespace: Option<String>,
    /// `--encryption-key`
    pub key: Option<KeyFile>,
}

impl Context {
    pub fn new(globals: Globals) -> Result<Context, Failure> {
        Ok(Context {
            dirs: dirs(globals.root)?,
            told_namespace: globals.namespace,
            key: globals.encryption_key.map(read_key).transpose()?,
        })
    }

    pub fn namespace(&self) -> &str {
        self.told_namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }

    /// Where the user's objects of this kind are; empty for a kind that is in no namespace.
    pub fn namespace_of(&self, kind: Kind) -> &str {
        if kind.namespaced() {
            self.namespace()
        } else {
            ""
        }
    }

    pub fn layout(&self) -> Layout {
        Layout {
            run: self.dirs.run.clone(),
            data: self.dirs.data.clone(),
            logs: self.dirs.logs.clone(),
        }
    }

    pub fn store(&self) -> Store {
        Store::new(self.layout()).with_key(self.key.as_ref().map(|file| file.key.clone()))
    }

    /// A watch over the objects of these kinds, in whatever namespace.
    pub fn watch(&self, store: &Store, kinds: &[Kind]) -> Result<Watch, Failure> {
        watch(store, kinds)
    }
}

/// A key that cannot be used is refused before anything is done: what is written without it would not be encrypted.
fn read_key(path: PathBuf) -> Result<KeyFile, Failure> {
    let wrong = |error: String| Failure::Usage(anyhow!(error));
    let path = std::path::absolute(&path)
        .map_err(|error| wrong(format!("--encryption-key {}: {error}", path.display())))?;
    let key = seal::Key::read(&path).map_err(wrong)?;
    Ok(KeyFile { path, key })
}

/// The same for those who have no context any more.
pub fn watch(store: &Store, kinds: &[Kind]) -> Result<Watch, Failure> {
    Watch::of_kinds(store, kinds, None)
        .map_err(|error| Failure::Machine(anyhow!("could not watch the objects: {error}")))
}
