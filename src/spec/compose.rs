//! What a container is started with: its variables looked up, `$(VAR)` replaced in them, in its command line and in the
//! sub-paths of its mounts (kubelet `pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`).
//!
//! It is done at every start, for what it is made of may have changed since the last one. In a running container nothing
//! of it changes.

use std::fmt;

use super::downward;
use super::environment::Environment;
use super::expand::{self, TooLong};
use super::facts::{Facts, Lookup, Nothing};
use super::pod::{
    Container, EnvFrom, EnvSource, EnvValue, EnvVar, FileKeyRef, KeyRef, Pod, Slot, SubPath,
};

mod file;
mod objects;

pub use file::MAX_ENV_FILE;
use objects::Objects;
pub use objects::not_found;

/// Environment and command line of a container together, expanded. Linux refuses a native program about as much
/// (a quarter of its stack, by default 2 MiB).
pub const MAX_TEXT: usize = 2 << 20;
const MAX_PATH: usize = 4096;

/// One start of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// Empty when the image's entrypoint is to be used.
    pub command: Vec<String>,
    pub args: Vec<String>,
    /// Names unique. What a container runtime sets itself (`HOSTNAME`) is not among them.
    pub env: Vec<(String, String)>,
    /// By index of [`Container::mounts`]: relative, without `..`; none for a mount of the whole volume.
    pub sub_paths: Vec<Option<String>>,
}

/// Why a container cannot be composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    TooLong,
    /// The `subPathExpr` of the mount of this index.
    SubPath(usize, String),
    /// What is looked up is not there, or not as it must be.
    Source(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLong => write!(
                f,
                "environment and command line take more than {MAX_TEXT} bytes"
            ),
            Fault::SubPath(_, text) | Fault::Source(text) => f.write_str(text),
        }
    }
}

impl From<TooLong> for Fault {
    fn from(TooLong: TooLong) -> Fault {
        Fault::TooLong
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Fault {
        Fault::Source(text)
    }
}

/// # Errors
/// With the message of `CreateContainerConfigError`, in the kubelet's words where it has any.
pub fn compose(
    pod: &Pod,
    slot: Slot,
    facts: &Facts,
    lookup: &dyn Lookup,
) -> Result<Composed, String> {
    try_compose(pod, &pod.containers[slot], facts, lookup).map_err(|fault| fault.to_string())
}

/// What is known to be wrong with a container before anything around it is known: of one whose variables are all written out,
/// everything.
pub fn known_fault(pod: &Pod, container: &Container) -> Option<Fault> {
    let literal = |variable: &EnvVar| matches!(variable.value, EnvValue::Literal(_));
    if !container.env_from.is_empty() || !container.env.iter().all(literal) {
        return None;
    }
    try_compose(pod, container, &Facts::default(), &Nothing).err()
}

fn try_compose(
    pod: &Pod,
    container: &Container,
    facts: &Facts,
    lookup: &dyn Lookup,
) -> Result<Composed, Fault> {
    let mut composer = Composer {
        pod,
        facts,
        lookup,
        objects: Objects::new(lookup),
        env: Environment::default(),
        room: MAX_TEXT,
    };
    composer.environment(container)?;
    let Composer { env, mut room, .. } = composer;
    let mut expanded = |list: &[String]| {
        let texts = list.iter().map(|text| env.expand(text, &mut room));
        texts.collect::<Result<Vec<String>, TooLong>>()
    };
    let (command, args) = (expanded(&container.command)?, expanded(&container.args)?);
    let mut sub_paths = Vec::with_capacity(container.mounts.len());
    for (index, mount) in container.mounts.iter().enumerate() {
        let path = match &mount.sub_path {
            Some(path) => sub_path(path, &env).map_err(|text| Fault::SubPath(index, text))?,
            None => None,
        };
        sub_paths.push(path);
    }
    Ok(Composed {
        command,
        args,
        env: env.into_list(),
        sub_paths,
    })
}

struct Composer<'a> {
    pod: &'a Pod,
    facts: &'a Facts,
    lookup: &'a dyn Lookup,
    objects: Objects<'a>,
    env: Environment,
    /// What is left of [`MAX_TEXT`].
    room: usize,
}

impl Composer<'_> {
    fn environment(&mut self, container: &Container) -> Result<(), Fault> {
        for from in &container.env_from {
            self.all_of(from)?;
        }
        for variable in &container.env {
            let value = match &variable.value {
                EnvValue::Literal(text) => {
                    let value = self.env.expand(text, &mut self.room)?;
                    // Its length is paid for by expanding it.
                    self.define(&variable.name, value, 0)?;
                    continue;
                }
                EnvValue::Field(field) => Some(downward::field(field, self.pod, self.facts)),
                EnvValue::Resource(resource) => {
                    Some(downward::resource(resource, &self.facts.allocatable)?)
                }
                EnvValue::ConfigMapKey(key) => self.config_map_key(key)?,
                EnvValue::SecretKey(key) => self.secret_key(key)?,
                EnvValue::FileKey(key) => self.file_key(key)?,
            };
            if let Some(value) = value {
                self.take(&variable.name, value)?;
            }
        }
        Ok(())
    }

    /// `price`: what the value takes of the room.
    fn define(&mut self, name: &str, value: String, price: usize) -> Result<(), Fault> {
        if value.contains('\0') {
            let text = format!("the value of environment variable {name:?} contains a NUL byte");
            return Err(Fault::Source(text));
        }
        let price = name.len().saturating_add(price);
        self.room = self.room.checked_sub(price).ok_or(TooLong)?;
        self.env.set(name, value);
        Ok(())
    }

    /// Defines what is looked up, which is not expanded.
    fn take(&mut self, name: &str, value: String) -> Result<(), Fault> {
        let price = value.len();
        self.define(name, value, price)
    }

    /// `envFrom`: every key of an object. What is binary in a ConfigMap stays out of it.
    fn all_of(&mut self, from: &EnvFrom) -> Result<(), Fault> {
        match &from.source {
            EnvSource::ConfigMap(name) => {
                let found = self.objects.config_map(name, from.optional)?;
                let Some(found) = found else { return Ok(()) };
                for (key, value) in found.data.iter().flatten() {
                    self.take(&format!("{}{key}", from.prefix), value.clone())?;
                }
            }
            EnvSource::Secret(name) => {
                let found = self.objects.secret(name, from.optional)?;
                let Some(found) = found else { return Ok(()) };
                for (key, value) in found.data.iter().flatten() {
                    let value = secret_text(name, key, &value.0)?;
                    self.take(&format!("{}{key}", from.prefix), value)?;
                }
            }
        }
        Ok(())
    }

    fn config_map_key(&mut self, wanted: &KeyRef) -> Result<Option<String>, String> {
        let KeyRef {
            name,
            key,
            optional,
        } = wanted;
        let Some(found) = self.objects.config_map(name, *optional)? else {
            return Ok(None);
        };
        match found.data.as_ref().and_then(|data| data.get(key)) {
            Some(value) => Ok(Some(value.clone())),
            None if *optional => Ok(None),
            None => Err(format!(
                "couldn't find key {key} in ConfigMap {}/{name}",
                self.pod.namespace
            )),
        }
    }

    fn secret_key(&mut self, wanted: &KeyRef) -> Result<Option<String>, String> {
        let KeyRef {
            name,
            key,
            optional,
        } = wanted;
        let Some(found) = self.objects.secret(name, *optional)? else {
            return Ok(None);
        };
        match found.data.as_ref().and_then(|data| data.get(key)) {
            Some(value) => secret_text(name, key, &value.0).map(Some),
            None if *optional => Ok(None),
            None => Err(format!(
                "couldn't find key {key} in Secret {}/{name}",
                self.pod.namespace
            )),
        }
    }

    fn file_key(&mut self, wanted: &FileKeyRef) -> Result<Option<String>, String> {
        let found = self.lookup.file(wanted.volume, &wanted.path)?;
        file::value(found.as_deref(), wanted)
    }
}

/// A guest takes its environment as UTF-8.
fn secret_text(name: &str, key: &str, value: &[u8]) -> Result<String, String> {
    String::from_utf8(value.to_vec()).map_err(|_| {
        format!(
            "the value of key {key} in secret {name:?} is not UTF-8, as an environment variable must be"
        )
    })
}

/// None for the whole volume, which an expression without text is too (kubelet `pkg/kubelet/kubelet_pods.go`, `makeMounts`).
fn sub_path(path: &SubPath, env: &Environment) -> Result<Option<String>, String> {
    let text = match path {
        SubPath::Literal(path) => return Ok(Some(path.clone())),
        SubPath::Expression(text) => text,
    };
    if let Some(name) = expand::first_unknown(text, |name| env.get(name)) {
        return Err(format!("missing value for {name:?}"));
    }
    let path = env
        .expand(text, &mut MAX_PATH.clone())
        .map_err(|TooLong| format!("SubPath `{text}` expands to more than {MAX_PATH} bytes"))?;
    if path.starts_with('/') {
        return Err(format!(
            "error SubPath `{path}` must not be an absolute path"
        ));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!(
            "unable to provision SubPath `{path}`: must not contain '..'"
        ));
    }
    Ok(Some(path).filter(|path| !path.is_empty()))
}

#[cfg(test)]
mod tests;
