//! The engine of a process, and the road from bytes to a program.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use sha2::{Digest as _, Sha256};
use wasmtime::Module;
use wasmtime::component::Component;

use super::cache::{Cache, Key};
use super::compile::{Failure, Job};
use super::config::config;
use super::interrupt::{LANDING, Landing};
use super::link::Linkers;
use super::program::{Inner as ProgramInner, Loaded};
use super::source::{Layer, Source};
use super::{Compiler, Digest, LoadError, Program, SetupError};

/// How to make an [`Engine`].
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Directory for compiled code. Created with mode 0700; refused if it belongs to another user or others may write in it.
    pub cache: PathBuf,
    pub compiler: Compiler,
}

/// One per process, cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    cache: Cache,
    compiler: Compiler,
    /// Code with interruption checks and code without need an engine each.
    checked: Flavour,
    unchecked: OnceLock<Flavour>,
    /// Programs in use. A thousand guests of one program share its code, its memory image and its linking.
    programs: Mutex<HashMap<(Digest, bool), Weak<ProgramInner>>>,
}

/// One of the two engines.
pub(super) struct Flavour {
    pub checks: bool,
    pub engine: wasmtime::Engine,
    pub linkers: Linkers,
    /// Where to send guests that have no checks.
    pub landing: Option<Arc<Landing>>,
    /// Code made under another hash would not load, or would run wrongly.
    compatibility: Digest,
}

/// Where a program's bytes are.
#[derive(Clone, Copy, Debug)]
pub enum Code<'a> {
    File(&'a Path),
    /// A regular file that is open already, because its path may lead elsewhere by now; `name` is for messages.
    Opened {
        name: &'a str,
        file: &'a File,
    },
    /// `name` is for messages. A digest that is already known (of a program built into the binary) saves hashing the
    /// bytes; it is trusted, so it must be true.
    Bytes {
        name: &'a str,
        wasm: &'a [u8],
        digest: Option<Digest>,
    },
}

impl Engine {
    pub fn new(config: EngineConfig) -> Result<Engine, SetupError> {
        Ok(Engine(Arc::new(Inner {
            cache: Cache::open(&config.cache)?,
            compiler: config.compiler,
            checked: Flavour::new(true).map_err(SetupError::Engine)?,
            unchecked: OnceLock::new(),
            programs: Mutex::default(),
        })))
    }

    /// Loads a program, compiling it first if the cache has no sound copy. Blocks: up to milliseconds from the cache,
    /// up to half a minute for a large program never seen before.
    ///
    /// `checks` compiles interruption checks in; a computing guest is faster without them, and is then stopped by a signal
    /// to its thread.
    pub fn load(&self, code: Code<'_>, checks: bool) -> Result<Program, LoadError> {
        let source = Source::open(code)?;
        let digest = source.digest(&self.0.cache)?;
        if let Some(program) = self.0.in_use(digest, checks) {
            return Ok(Program(program));
        }
        let flavour = self.flavour(&source, checks)?;
        let loaded = self.0.code(&source, digest, flavour)?;
        self.link(&source, digest, loaded, flavour)
    }

    /// Loads a program that need not be compiled; `None` if it must be. Blocks for milliseconds, and once for as long as it
    /// takes to read a file that was never seen before.
    pub fn cached(&self, code: Code<'_>, checks: bool) -> Result<Option<Program>, LoadError> {
        let source = Source::open(code)?;
        let digest = source.digest(&self.0.cache)?;
        if let Some(program) = self.0.in_use(digest, checks) {
            return Ok(Some(Program(program)));
        }
        let flavour = self.flavour(&source, checks)?;
        let loaded = self.0.cached(&source, flavour.key(digest), flavour);
        loaded
            .map(|loaded| self.link(&source, digest, loaded, flavour))
            .transpose()
    }

    fn flavour(&self, source: &Source<'_>, checks: bool) -> Result<&Flavour, LoadError> {
        self.0.flavour(checks).map_err(|why| LoadError::Compile {
            name: source.name.clone(),
            why,
        })
    }

    fn link(
        &self,
        source: &Source<'_>,
        digest: Digest,
        loaded: Loaded,
        flavour: &Flavour,
    ) -> Result<Program, LoadError> {
        let program = Arc::new(ProgramInner::link(&source.name, digest, loaded, flavour)?);
        self.0.remember(&program);
        Ok(Program(program))
    }
}

impl Inner {
    fn flavour(&self, checks: bool) -> Result<&Flavour, String> {
        if checks {
            return Ok(&self.checked);
        }
        if let Some(flavour) = self.unchecked.get() {
            return Ok(flavour);
        }
        let mut flavour = Flavour::new(false)?;
        flavour.landing = self.landing(&flavour).map(Arc::new);
        Ok(self.unchecked.get_or_init(|| flavour))
    }

    /// Makes or finds the code to which guests without checks are sent. Without it they are merely hard to stop.
    fn landing(&self, flavour: &Flavour) -> Option<Landing> {
        let code = Code::Bytes {
            name: "landing",
            wasm: LANDING,
            digest: None,
        };
        let source = Source::open(code).ok()?;
        match self.code(&source, Digest::of(LANDING), flavour) {
            Ok(Loaded::Module(module)) => Landing::new(module),
            _ => None,
        }
    }

    fn in_use(&self, digest: Digest, checks: bool) -> Option<Arc<ProgramInner>> {
        let programs = self.programs.lock().expect("no panic while it is held");
        programs.get(&(digest, checks))?.upgrade()
    }

    fn remember(&self, program: &Arc<ProgramInner>) {
        let mut programs = self.programs.lock().expect("no panic while it is held");
        programs.retain(|_, program| program.strong_count() > 0);
        programs.insert((program.digest, program.checks), Arc::downgrade(program));
    }

    /// Machine code of a program: from the cache, else compiled into it.
    fn code(
        &self,
        source: &Source<'_>,
        digest: Digest,
        flavour: &Flavour,
    ) -> Result<Loaded, LoadError> {
        let key = flavour.key(digest);
        if let Some(loaded) = self.cached(source, key, flavour) {
            return Ok(loaded);
        }
        let failed = |error| LoadError::Cache {
            path: self.cache.path(key),
            source: error,
        };
        let lock = self.cache.lock(key).map_err(failed)?;
        // Another process may have been faster.
        if let Some(loaded) = self.cached(source, key, flavour) {
            return Ok(loaded);
        }
        self.compile(source, digest, flavour, key)?;
        drop(lock);
        let file = self
            .cache
            .load(key)
            .ok_or_else(|| failed(std::io::Error::other("unreadable right after writing")))?;
        load(source.layer, file, flavour).map_err(|error| LoadError::Compile {
            name: source.name.clone(),
            why: format!("{error:#}"),
        })
    }

    fn cached(&self, source: &Source<'_>, key: Key, flavour: &Flavour) -> Option<Loaded> {
        let file = self.cache.load(key)?;
        match load(source.layer, file, flavour) {
            Ok(loaded) => Some(loaded),
            Err(error) => {
                tracing::warn!(program = source.name, %error, "compiled code does not load, compiling again");
                self.cache.remove(key);
                None
            }
        }
    }

    fn compile(
        &self,
        source: &Source<'_>,
        digest: Digest,
        flavour: &Flavour,
        key: Key,
    ) -> Result<(), LoadError> {
        let failed = |error| LoadError::Cache {
            path: self.cache.path(key),
            source: error,
        };
        let temporary = self.cache.temporary().map_err(failed)?;
        let input = source.input().map_err(failed)?;
        let job = Job {
            input,
            digest,
            checks: flavour.checks,
            output: &temporary.file,
        };
        self.compiler.run(job).map_err(|failure| match failure {
            Failure::Invalid(why) => LoadError::Invalid {
                name: source.name.clone(),
                why,
            },
            Failure::Other(why) => LoadError::Compile {
                name: source.name.clone(),
                why,
            },
        })?;
        self.cache.publish(temporary, key).map_err(failed)
    }
}

impl Flavour {
    fn new(checks: bool) -> Result<Flavour, String> {
        let engine =
            wasmtime::Engine::new(&config(checks)).map_err(|error| format!("{error:#}"))?;
        let mut hasher = Sha(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = Digest(hasher.0.finalize().into());
        let linkers = Linkers::new(&engine);
        Ok(Flavour {
            checks,
            engine,
            linkers,
            landing: None,
            compatibility,
        })
    }

    fn key(&self, program: Digest) -> Key {
        let checks: &[u8] = if self.checks { b"checks" } else { b"none" };
        Digest::of(&[&program.0, checks, &self.compatibility.0].concat())
    }
}

fn load(layer: Layer, file: File, flavour: &Flavour) -> wasmtime::Result<Loaded> {
    match layer {
        Layer::Module => {
            // SAFETY: the file was opened in a directory that only we can write to, its owner, seal and checksum were
            // verified, and such files are never changed after they got their name.
            unsafe { Module::deserialize_open_file(&flavour.engine, file) }.map(Loaded::Module)
        }
        // Components can only be loaded by path; this one leads to the very file that was verified.
        Layer::Component => {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            // SAFETY: as above.
            unsafe { Component::deserialize_file(&flavour.engine, path) }.map(Loaded::Component)
        }
    }
}

/// SHA-256 behind the standard library's face of a hasher: the hash goes into file names, so it must not differ between
/// two processes.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("only fed; the digest is taken from inside")
    }
}
