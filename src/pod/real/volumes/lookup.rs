//! What a container or a volume of the pod may refer to, as it is now.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use k8s_openapi::api::core::v1;

use super::Place;
use crate::pod::Surroundings;
use crate::spec::Lookup;

/// More is no file of variables, but a trap for this process's memory.
const FILE_MAX: u64 = 1 << 20;

/// The pod's surroundings, and its own volumes.
pub(in crate::pod::real) struct Outlook<'a> {
    pub surroundings: &'a dyn Surroundings,
    pub mounted: &'a [Option<Arc<Place>>],
}

impl Lookup for Outlook<'_> {
    fn config_map(&self, name: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        self.surroundings.config_map(name)
    }

    fn secret(&self, name: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        self.surroundings.secret(name)
    }

    fn file(&self, volume: usize, path: &str) -> Result<Option<Vec<u8>>, String> {
        let place = self.mounted.get(volume).and_then(Option::as_ref);
        let place = place.ok_or("the volume is not mounted")?;
        match read(place, path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("could not read {path:?}: {error}")),
        }
    }
}

/// The file was written by a guest, who may have put anything in its place: a link that leads out, a FIFO that never ends.
fn read(place: &Place, path: &str) -> std::io::Result<Vec<u8>> {
    let refused = |why: &str| std::io::Error::new(ErrorKind::InvalidData, why);
    let root = Dir::open_ambient_dir(place.path(), ambient_authority())?;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(nix::libc::O_NONBLOCK);
    let file = root.open_with(path, &options)?;
    if !file.metadata()?.is_file() {
        return Err(refused("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(refused("it is larger than 1 MiB"));
    }
    Ok(bytes)
}
