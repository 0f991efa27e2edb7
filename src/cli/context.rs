//! What the global flags say, for every verb.

use std::path::PathBuf;

use anyhow::anyhow;

use super::{Failure, dirs};
use crate::node::{Layout, Store, Watch, seal};
use crate::pod::Dirs;

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

    /// A watch over the pods of the namespaces the user may have meant.
    pub fn watch(&self, store: &Store) -> Result<Watch, Failure> {
        Watch::new(store, None)
            .map_err(|error| Failure::Machine(anyhow::anyhow!("could not watch the pods: {error}")))
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
