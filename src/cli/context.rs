//! What the global flags say, for every verb.

use std::path::PathBuf;

use super::{Failure, dirs};
use crate::node::{Layout, Store, Watch};
use crate::pod::Dirs;

/// The namespace of those who name none.
const DEFAULT_NAMESPACE: &str = "default";

/// Where state lies, and in which namespace the user is.
#[derive(Clone, Debug)]
pub struct Context {
    pub dirs: Dirs,
    /// `--namespace`, if it was typed: then a manifest that says otherwise is refused.
    pub told_namespace: Option<String>,
}

impl Context {
    pub fn new(root: Option<PathBuf>, namespace: Option<String>) -> Result<Context, Failure> {
        Ok(Context {
            dirs: dirs(root)?,
            told_namespace: namespace,
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
        Store::new(self.layout())
    }

    /// A watch over the pods of the namespaces the user may have meant.
    pub fn watch(&self, store: &Store) -> Result<Watch, Failure> {
        Watch::new(store, None)
            .map_err(|error| Failure::Machine(anyhow::anyhow!("could not watch the pods: {error}")))
    }
}
