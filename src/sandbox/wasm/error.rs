//! Why a program could not be loaded or a guest not be set up. One case for each thing a caller decides on differently.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The room could not be prepared at all.
#[derive(Debug, Error)]
pub enum SetupError {
    #[error("cache directory {} cannot be used", path.display())]
    Cache { path: PathBuf, source: io::Error },
    #[error("cache directory {} is not safe: {why}", path.display())]
    UnsafeCache { path: PathBuf, why: String },
    #[error("engine cannot be configured: {0}")]
    Engine(String),
}

/// A program could not be loaded. The first three are about the file as such, the middle ones about its content, the
/// last ones about this machine.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file does not exist (or a part of its path does not).
    #[error("{} does not exist", path.display())]
    NotFound { path: PathBuf },
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// No wasm magic: a text file, an ELF binary, an empty file. `found` says what it looks like.
    #[error("{name} is not a wasm binary: {found}")]
    NotWasm { name: String, found: String },
    /// Wasm magic, but the rest does not parse, does not validate, or is cut off.
    #[error("{name} is not valid wasm: {why}")]
    Invalid { name: String, why: String },
    /// A component that exports no `wasi:cli/run`, a core module without `_start`.
    #[error("{name} is not a command: {why}")]
    WrongWorld { name: String, why: String },
    /// An import nobody provides.
    #[error("{name} imports {import}, which nobody provides{}", hint.as_deref().map(|h| format!(": {h}")).unwrap_or_default())]
    MissingImport {
        name: String,
        import: String,
        hint: Option<String>,
    },
    /// The compiler process could not be started, was killed, or ran out of memory or time.
    #[error("compiling {name} failed: {why}")]
    Compile { name: String, why: String },
    /// The cache cannot be read or written.
    #[error("code cache entry {} cannot be used", path.display())]
    Cache { path: PathBuf, source: io::Error },
}
