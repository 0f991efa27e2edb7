//! Code for the images of one pod.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use super::super::dirs::Dirs;
use crate::sandbox::toolbox;
use crate::sandbox::wasm::{Code, Compiler, Engine, EngineConfig, LoadError, Program};
use crate::spec::pod::{Container, Image, Pod, Slot, TOOLBOX};

/// By slot. Containers of the same image and the same checks share one [`Program`].
pub(super) struct Images {
    engine: Engine,
    loaded: Vec<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    program: Program,
    /// Of the file it was loaded from.
    stamp: Option<Stamp>,
}

/// Tells whether a file is still the one that was loaded.
type Stamp = (u64, u64, u64, Option<SystemTime>);

impl Images {
    /// Loads everything the pod will run, compiling what was never seen before.
    ///
    /// # Errors
    /// Names the container and the image, and what is wrong with it.
    pub fn load(pod: &Pod, dirs: &Dirs, compiler: Compiler) -> Result<Images> {
        let engine = Engine::new(EngineConfig {
            cache: dirs.code(),
            compiler,
        })?;
        let mut images = Images {
            engine,
            loaded: Vec::with_capacity(pod.containers.len()),
        };
        for (slot, container) in pod.containers.iter().enumerate() {
            let loaded = match twin(pod, slot) {
                Some(twin) => images.loaded[twin].clone(),
                None => images
                    .load_one(container)
                    .with_context(|| format!("container {:?}", container.name))?,
            };
            images.loaded.push(loaded);
        }
        Ok(images)
    }

    pub fn program(&self, slot: Slot) -> &Program {
        &self.loaded[slot].program
    }

    /// Looks again before a start, for a file may have changed since the last one. Returns the image's identity.
    pub fn refresh(&mut self, pod: &Pod, slot: Slot) -> Result<String, String> {
        let container = &pod.containers[slot];
        if let Image::File { path, .. } = &container.image
            && stamp(path) != self.loaded[slot].stamp
        {
            self.loaded[slot] = self
                .load_one(container)
                .map_err(|error| format!("{error:#}"))?;
        }
        Ok(format!("sha256:{}", self.program(slot).digest().hex()))
    }

    fn load_one(&self, container: &Container) -> Result<Loaded> {
        let checks = container.interruptible;
        match &container.image {
            Image::Toolbox => {
                let code = Code::Bytes {
                    name: TOOLBOX,
                    wasm: toolbox::WASM,
                    digest: Some(toolbox::digest()),
                };
                Ok(Loaded {
                    program: self.engine.load(code, checks)?,
                    stamp: None,
                })
            }
            Image::File { written, path } => {
                // Before loading: a change in between is then seen at the next look.
                let stamp = stamp(path);
                let program = self
                    .engine
                    .load(Code::File(path), checks)
                    .map_err(|error| at(written, error))?;
                Ok(Loaded { program, stamp })
            }
            Image::Registry { written, .. } => bail!(
                "image {written:?} cannot be pulled: registries are not supported yet; \
                 use {TOOLBOX} or the path of a wasm file such as ./app.wasm"
            ),
            Image::Invalid { written, error } => bail!("image {written:?} is not valid: {error}"),
        }
    }
}

fn at(written: &str, error: LoadError) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("image {written:?} cannot be used"))
}

/// An earlier container that runs the same code.
fn twin(pod: &Pod, slot: Slot) -> Option<Slot> {
    let this = &pod.containers[slot];
    pod.containers[..slot]
        .iter()
        .position(|c| c.image == this.image && c.interruptible == this.interruptible)
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.len(), meta.modified().ok()))
}
