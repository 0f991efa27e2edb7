//! How a pod is to be run, and what is around it.

use std::sync::Arc;

use crate::pod::console::Console;
use crate::pod::{Dirs, Images, StdinFrom, Surroundings};
use crate::sandbox::wasm::Compiler;
use crate::spec::Facts;

/// What is around the pod, and what is known of the machine.
pub(in crate::pod) struct World {
    pub surroundings: Arc<dyn Surroundings>,
    pub facts: Facts,
}

/// How the pod is to be run.
pub(in crate::pod) struct Settings {
    pub dirs: Dirs,
    pub compiler: Compiler,
    pub console: Arc<dyn Console>,
    pub stdin: StdinFrom,
    pub images: Images,
    pub keep_volumes: bool,
    pub world: World,
}
