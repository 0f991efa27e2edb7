//! Code for the images of one pod.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::super::dirs::Dirs;
use crate::lifecycle::ImageProblem;
use crate::sandbox::toolbox;
use crate::sandbox::wasm::{Code, Compiler, Engine, EngineConfig, LoadError, Program};
use crate::spec::pod::{Container, Image, Pod, PullPolicy, Slot, TOOLBOX};

/// By slot. Containers of the same image and the same checks share one [`Program`].
pub(super) struct Images {
    engine: Engine,
    loaded: Vec<Option<Loaded>>,
}

#[derive(Clone)]
struct Loaded {
    from: Source,
    program: Program,
    /// Of the file it was loaded from.
    stamp: Option<Stamp>,
}

/// What decides about the code of a container.
#[derive(Clone, PartialEq, Eq)]
struct Source {
    image: Image,
    checks: bool,
}

/// Tells whether a file is still the one that was loaded.
type Stamp = (u64, u64, u64, Option<SystemTime>);

/// What [`Images::look`] found.
pub(super) enum Look {
    /// It need not be waited for: the code is there, or there can be none.
    Loaded(Fetched),
    /// It has to be compiled, which may take long.
    Missing(Fetch),
}

/// A search for code that can be made on any thread.
pub(super) struct Fetch {
    engine: Engine,
    from: Source,
    policy: PullPolicy,
}

/// The end of a search.
pub(super) struct Fetched(Result<Loaded, (ImageProblem, String)>);

impl Images {
    /// Finds nothing yet.
    ///
    /// # Errors
    /// The code cache cannot be used.
    pub fn none(pod: &Pod, dirs: &Dirs, compiler: Compiler) -> Result<Images> {
        let engine = Engine::new(EngineConfig {
            cache: dirs.code(),
            compiler,
        })?;
        Ok(Images {
            engine,
            loaded: vec![None; pod.containers.len()],
        })
    }

    /// Loads everything the pod will run, compiling what was never seen before.
    ///
    /// # Errors
    /// Names the container and the image, and what is wrong with it.
    pub fn load(pod: &Pod, dirs: &Dirs, compiler: Compiler) -> Result<Images> {
        let mut images = Images::none(pod, dirs, compiler)?;
        for (slot, container) in pod.containers.iter().enumerate() {
            let from = Source::of(container);
            let loaded = match images.same(&from) {
                Some(loaded) => loaded.clone(),
                None => {
                    let written = container.image.written();
                    let loaded = from.load(&images.engine);
                    loaded
                        .with_context(|| format!("image {written:?} cannot be used"))
                        .with_context(|| format!("container {:?}", container.name))?
                }
            };
            images.loaded[slot] = Some(loaded);
        }
        Ok(images)
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// There are so many containers now.
    pub fn resize(&mut self, count: usize) {
        self.loaded.resize(count, None);
    }

    /// # Errors
    /// Its image was never pulled.
    pub fn program(&self, slot: Slot) -> Result<&Program> {
        let loaded = self.loaded[slot].as_ref();
        Ok(&loaded.context("the image is not there")?.program)
    }

    /// Looks for the code of a container that is to be started: a file may have changed since the last time.
    pub fn look(&self, slot: Slot, container: &Container) -> Look {
        let from = Source::of(container);
        let own = self.loaded[slot]
            .as_ref()
            .filter(|loaded| loaded.from == from);
        let stamp = from.stamp();
        if let Some(loaded) = own
            .or_else(|| self.same(&from))
            .filter(|it| it.stamp == stamp)
        {
            return Look::Loaded(Fetched(Ok(loaded.clone())));
        }
        let fetch = Fetch {
            engine: self.engine.clone(),
            from,
            policy: container.pull_policy,
        };
        match fetch.from.cached(&self.engine) {
            Ok(Some(loaded)) => Look::Loaded(Fetched(Ok(loaded))),
            Ok(None) => Look::Missing(fetch),
            Err(error) => Look::Loaded(fetch.failed(&error)),
        }
    }

    /// Keeps what was found for later starts. Returns the image's identity.
    pub fn keep(&mut self, slot: Slot, fetched: Fetched) -> Result<String, (ImageProblem, String)> {
        let loaded = fetched.0?;
        let id = format!("sha256:{}", loaded.program.digest().hex());
        self.loaded[slot] = Some(loaded);
        Ok(id)
    }

    fn same(&self, from: &Source) -> Option<&Loaded> {
        let mut loaded = self.loaded.iter().flatten();
        loaded.find(|loaded| loaded.from == *from)
    }
}

impl Fetch {
    pub fn run(self) -> Fetched {
        match self.from.load(&self.engine) {
            Ok(loaded) => Fetched(Ok(loaded)),
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &Unusable) -> Fetched {
        let problem = match (error, self.policy) {
            (
                Unusable::Registry | Unusable::Code(LoadError::NotFound { .. }),
                PullPolicy::Never,
            ) => ImageProblem::ErrImageNeverPull,
            _ => ImageProblem::ErrImagePull,
        };
        Fetched(Err((problem, chain(error))))
    }
}

/// The error with its causes.
fn chain(error: &Unusable) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why there is no code for an image.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Invalid(String),
    #[error(
        "registries are not supported yet; use {TOOLBOX} or the path of a wasm file such as ./app.wasm"
    )]
    Registry,
    #[error(transparent)]
    Code(#[from] LoadError),
}

impl Source {
    fn of(container: &Container) -> Source {
        Source {
            image: container.image.clone(),
            checks: container.interruptible,
        }
    }

    fn code(&self) -> Result<Code<'_>, Unusable> {
        match &self.image {
            Image::Toolbox => Ok(Code::Bytes {
                name: TOOLBOX,
                wasm: toolbox::WASM,
                digest: Some(toolbox::digest()),
            }),
            Image::File { path, .. } => Ok(Code::File(path)),
            Image::Registry { .. } => Err(Unusable::Registry),
            Image::Invalid { error, .. } => Err(Unusable::Invalid(error.clone())),
        }
    }

    fn load(&self, engine: &Engine) -> Result<Loaded, Unusable> {
        // Before loading: a change in between is then seen at the next look.
        let stamp = self.stamp();
        Ok(self.loaded(engine.load(self.code()?, self.checks)?, stamp))
    }

    fn cached(&self, engine: &Engine) -> Result<Option<Loaded>, Unusable> {
        let stamp = self.stamp();
        let program = engine.cached(self.code()?, self.checks)?;
        Ok(program.map(|program| self.loaded(program, stamp)))
    }

    fn loaded(&self, program: Program, stamp: Option<Stamp>) -> Loaded {
        Loaded {
            from: self.clone(),
            program,
            stamp,
        }
    }

    fn stamp(&self) -> Option<Stamp> {
        match &self.image {
            Image::File { path, .. } => stamp(path),
            _ => None,
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.len(), meta.modified().ok()))
}
