//! Volumes whose files are made: where they lie, and what is written there.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

use super::{Outlook, Place, Volumes, clear, in_memory};
use crate::pod::real::World;
use crate::sandbox::volume::{AtomicDir, FileSpec, own_group, shared_dir};
use crate::spec::pod::{Flavor, FsGroup, Pod, Projected, Source, Volume};
use crate::spec::{self, Payload};

impl Volumes {
    /// What is secret never touches a disk where that can be helped.
    pub(super) fn place_for(
        &self,
        volume: &Volume,
        projected: &Projected,
    ) -> Result<Place, String> {
        let folder = self.dir.join(projected.flavor.directory());
        let path = folder.join(&volume.name);
        let secret = is_secret(projected);
        if secret && let Some(place) = in_memory(&path, None)? {
            return Ok(place);
        }
        if std::fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_dir()) {
            // An earlier process had it in memory.
            clear(&path).map_err(|e| format!("could not remove {}: {e}", path.display()))?;
        }
        make_folder(&folder, secret)
            .map_err(|e| format!("could not make the directory {}: {e}", folder.display()))?;
        shared_dir(&path).map_err(|error| format!("{error:#}"))?;
        Ok(Place::At(path))
    }

    /// Writes the files as they are to be now. Readers see all of it or nothing.
    pub(super) fn fill(
        &mut self,
        place: &Place,
        projected: &Projected,
        pod: &Pod,
        world: &World,
    ) -> Result<(), String> {
        let now = SystemTime::now();
        let Volumes {
            mounted, tokens, ..
        } = self;
        let outlook = Outlook {
            surroundings: &*world.surroundings,
            mounted,
        };
        let payload = spec::project(pod, projected, &world.facts, &outlook, &mut |wish| {
            tokens.get(wish, &*world.surroundings, now)
        })?;
        let path = place.path();
        let files = files(payload, pod.fs_group);
        let changed = AtomicDir::write(&path, &files, now).map_err(|error| format!("{error:#}"))?;
        match pod.fs_group {
            // The files have it already; this is for the directories.
            Some(group) if changed => own_group(&path, group.gid, true, false)
                .map_err(|error| format!("applyFSGroup failed for vol: {error:#}")),
            _ => Ok(()),
        }
    }
}

fn is_secret(projected: &Projected) -> bool {
    let secret = |source: &Source| matches!(source, Source::Secret { .. } | Source::Token { .. });
    projected.flavor == Flavor::Secret || projected.sources.iter().any(secret)
}

/// The folder of all volumes of one sort. Where secrets lie on disk nobody but the owner may look into it.
fn make_folder(folder: &Path, secret: bool) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o755).create(folder)?;
    if secret {
        // It may be there already, for a volume without secrets.
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// A file belongs to the pod's group and can be read by it (`pkg/volume/volume_linux.go`, `changeFilePermission`).
fn files(payload: Payload, group: Option<FsGroup>) -> BTreeMap<String, FileSpec> {
    const GROUP_READ: u32 = 0o440;
    let files = payload.0.into_iter().map(|(path, file)| {
        let spec = FileSpec {
            content: file.content,
            mode: match group {
                Some(_) => file.mode | GROUP_READ,
                None => file.mode,
            },
            uid: None,
            gid: group.map(|group| group.gid),
        };
        (path, spec)
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// The token of a pod lay open when another projected volume of the same pod was mounted before it.
    #[test]
    fn a_folder_with_secrets_on_disk_is_closed_whoever_made_it() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("volumes/kubernetes.io~projected");
        make_folder(&folder, false).unwrap();
        assert_ne!(mode(&folder) & 0o055, 0);
        make_folder(&folder, true).unwrap();
        assert_eq!(mode(&folder), 0o700);
        make_folder(&folder, false).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }
}
