//! The mounted volumes of one pod (kubelet `pkg/volume/emptydir`, `hostpath`, `configmap`, `secret`, `downwardapi`,
//! `projected`, `local`).
//!
//! What is secret, and what is to lie in memory, lies in a file system that no mount table shows: this process reaches it by
//! a descriptor, and whoever looks from outside by a symlink to that descriptor. It ends with the process, however that ends.

mod generated;
mod lookup;
mod measure;
mod tokens;

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::World;
use crate::sandbox::volume::host_path::{self, PathKind};
use crate::sandbox::volume::{Tmpfs, own_group, quota, remove_tree, shared_dir};
use crate::spec::pod::{
    EmptyDir, EnvValue, FsGroup, HostPathKind, Medium, Pod, Volume, VolumeSource,
};
pub(super) use lookup::Outlook;
pub(super) use measure::Overflow;
use tokens::Tokens;

/// Where a volume lies.
#[derive(Debug)]
pub(super) enum Place {
    At(PathBuf),
    /// Attached nowhere, gone with the last who holds it.
    InMemory(Tmpfs),
}

impl Place {
    /// A path by which this process reaches it, as long as it holds the place.
    pub fn path(&self) -> PathBuf {
        match self {
            Place::At(path) => path.clone(),
            Place::InMemory(tmpfs) => tmpfs.path(),
        }
    }
}

pub(super) struct Volumes {
    dir: PathBuf,
    /// By index of [`Pod::volumes`].
    mounted: Vec<Option<Arc<Place>>>,
    tokens: Tokens,
    /// Warnings of [`Volumes::mount_early`], for those who mount later.
    unsaid: Vec<(&'static str, String)>,
}

/// What came of an attempt.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// Volumes that could not be mounted (or brought up to date), and why.
    pub failures: Vec<(usize, String)>,
    /// What is not as it was asked for: reason and message.
    pub warnings: Vec<(&'static str, String)>,
}

impl Volumes {
    /// None is mounted yet. What lies below `dir` from an earlier process of the pod is found again.
    pub fn new(pod: &Pod, dir: PathBuf) -> Volumes {
        Volumes {
            dir,
            mounted: pod.volumes.iter().map(|_| None).collect(),
            tokens: Tokens::default(),
            unsaid: Vec::new(),
        }
    }

    /// Mounts what containers use and is not mounted yet. What nobody uses is not looked at, as in the kubelet
    /// (`pkg/kubelet/volumemanager/populator`).
    pub fn mount(&mut self, pod: &Pod, world: &World) -> Attempt {
        let mut attempt = Attempt {
            warnings: std::mem::take(&mut self.unsaid),
            ..Attempt::default()
        };
        for index in used(pod) {
            if self.mounted[index].is_none()
                && let Err(error) = self.mount_one(index, pod, world, &mut attempt)
            {
                attempt.failures.push((index, error));
            }
        }
        attempt
    }

    /// The same while nobody listens yet. The first failure.
    pub fn mount_early(&mut self, pod: &Pod, world: &World) -> Option<(usize, String)> {
        let attempt = self.mount(pod, world);
        self.unsaid = attempt.warnings;
        attempt.failures.into_iter().next()
    }

    /// Whether everything is mounted that containers use.
    pub fn is_complete(&self, pod: &Pod) -> bool {
        used(pod).all(|index| self.mounted[index].is_some())
    }

    /// Brings all files up to date that are made of objects, of tokens and of what the pod says of itself.
    pub fn refresh(&mut self, pod: &Pod, world: &World) -> Attempt {
        let mut attempt = Attempt::default();
        for (index, volume) in pod.volumes.iter().enumerate() {
            let VolumeSource::Projected(projected) = &volume.source else {
                continue;
            };
            let Some(place) = self.mounted[index].clone() else {
                continue;
            };
            if let Err(error) = self.fill(&place, projected, pod, world) {
                attempt.failures.push((index, error));
            }
        }
        attempt
    }

    /// When a token is to be renewed, by [`Volumes::refresh`].
    pub fn renew_at(&self, now: SystemTime) -> Option<SystemTime> {
        self.tokens.renew_at(now)
    }

    /// What the pod may refer to, as it is now.
    pub fn outlook<'a>(&'a self, world: &'a World) -> Outlook<'a> {
        Outlook {
            surroundings: &*world.surroundings,
            mounted: &self.mounted,
        }
    }

    /// None: it is not mounted.
    pub fn place(&self, index: usize) -> Option<&Arc<Place>> {
        self.mounted.get(index)?.as_ref()
    }

    /// Before the directories are removed.
    pub fn release(&mut self, pod: &Pod) {
        for (index, volume) in pod.volumes.iter().enumerate() {
            let enforced = matches!(&volume.source, VolumeSource::EmptyDir(dir) if dir.enforced);
            if let (true, Some(Place::At(path))) = (enforced, self.mounted[index].as_deref())
                && let Err(error) = quota::release(path)
            {
                tracing::warn!("the limit of volume {:?} stays: {error:#}", volume.name);
            }
        }
        self.mounted.iter_mut().for_each(|place| *place = None);
    }

    fn mount_one(
        &mut self,
        index: usize,
        pod: &Pod,
        world: &World,
        attempt: &mut Attempt,
    ) -> Result<(), String> {
        let volume = &pod.volumes[index];
        let place = match &volume.source {
            VolumeSource::EmptyDir(dir) => self.empty_dir(volume, dir, pod, world, attempt)?,
            VolumeSource::HostPath { path, kind } => {
                host_path::check(path, path_kind(*kind))?;
                Place::At(path.clone())
            }
            VolumeSource::Claim { name, read_only } => {
                let path = world.surroundings.claim(name)?;
                if !read_only {
                    self.give(&path, pod.fs_group)?;
                }
                Place::At(path)
            }
            VolumeSource::Projected(projected) => {
                let place = self.place_for(volume, projected)?;
                self.fill(&place, projected, pod, world)?;
                place
            }
        };
        self.mounted[index] = Some(Arc::new(place));
        Ok(())
    }

    fn empty_dir(
        &self,
        volume: &Volume,
        dir: &EmptyDir,
        pod: &Pod,
        world: &World,
        attempt: &mut Attempt,
    ) -> Result<Place, String> {
        let path = self.dir.join("kubernetes.io~empty-dir").join(&volume.name);
        let in_memory = match dir.medium {
            Medium::Memory => {
                let size = measure::memory_size(dir, pod, &world.facts.allocatable);
                let place = in_memory(&path, size)?;
                if place.is_none() {
                    attempt.warnings.push(no_memory(&volume.name));
                }
                place
            }
            Medium::Disk => None,
        };
        let place = match in_memory {
            Some(place) => place,
            None => {
                make_disk(&path, dir)?;
                Place::At(path)
            }
        };
        self.give(&place.path(), pod.fs_group)?;
        Ok(place)
    }

    /// To the pod's group, if it has one.
    fn give(&self, path: &Path, group: Option<FsGroup>) -> Result<(), String> {
        let Some(group) = group else { return Ok(()) };
        own_group(path, group.gid, false, group.on_root_mismatch)
            .map_err(|error| format!("applyFSGroup failed for vol: {error:#}"))
    }
}

/// The volumes that containers use, by index.
fn used(pod: &Pod) -> impl Iterator<Item = usize> + use<> {
    let mut used = vec![false; pod.volumes.len()];
    for container in &pod.containers {
        let mounts = container.mounts.iter().map(|mount| mount.volume);
        let files = container.env.iter().filter_map(|env| match &env.value {
            EnvValue::FileKey(key) => Some(key.volume),
            _ => None,
        });
        mounts.chain(files).for_each(|index| used[index] = true);
    }
    (0..used.len()).filter(move |&index| used[index])
}

/// A new file system in memory, shown at `path` to those who look from outside. None: this user may not make one.
fn in_memory(path: &Path, size: Option<u64>) -> Result<Option<Place>, String> {
    let tmpfs = match Tmpfs::new(size) {
        Ok(tmpfs) => tmpfs,
        Err(_) if !Tmpfs::permitted() => return Ok(None),
        Err(error) => return Err(format!("could not make a tmpfs: {error}")),
    };
    let own = format!("/proc/{}/fd/{}", std::process::id(), tmpfs.fd().as_raw_fd());
    let show = || {
        clear(path)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::os::unix::fs::symlink(&own, path)
    };
    show().map_err(|e| format!("could not make {}: {e}", path.display()))?;
    Ok(Some(Place::InMemory(tmpfs)))
}

/// A directory of the pod's own. One that is there already was an earlier process's, and stays as it is, but for its limit: that
/// process may have been killed before it was set.
fn make_disk(path: &Path, dir: &EmptyDir) -> Result<(), String> {
    let text = |error: anyhow::Error| format!("{error:#}");
    let present = std::fs::symlink_metadata(path).ok();
    if !present.as_ref().is_some_and(|meta| meta.is_dir()) {
        if present.is_some() {
            // An earlier process had it in memory: its symlink leads to whatever has that number now.
            clear(path).map_err(|e| format!("could not remove {}: {e}", path.display()))?;
        }
        shared_dir(path).map_err(text)?;
    }
    match &dir.size_limit {
        Some(limit) if dir.enforced => quota::limit(path, limit.bytes).map_err(text),
        _ => Ok(()),
    }
}

/// What an earlier process has shown there, or had in its place.
fn clear(path: &Path) -> std::io::Result<()> {
    remove_tree(path).map_err(|error| std::io::Error::other(format!("{error:#}")))
}

fn no_memory(volume: &str) -> (&'static str, String) {
    let message = format!(
        "volume {volume:?} lies on disk, and its size is only measured: this user may not make a tmpfs (CAP_SYS_ADMIN)"
    );
    ("MemoryMediumUnavailable", message)
}

fn path_kind(kind: HostPathKind) -> PathKind {
    match kind {
        HostPathKind::Unchecked => PathKind::Unchecked,
        HostPathKind::DirectoryOrCreate => PathKind::DirectoryOrCreate,
        HostPathKind::Directory => PathKind::Directory,
        HostPathKind::FileOrCreate => PathKind::FileOrCreate,
        HostPathKind::File => PathKind::File,
        HostPathKind::Socket => PathKind::Socket,
        HostPathKind::CharDevice => PathKind::CharDevice,
        HostPathKind::BlockDevice => PathKind::BlockDevice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::pod::SizeLimit;

    fn empty_dir(enforced: bool) -> EmptyDir {
        EmptyDir {
            medium: Medium::Disk,
            size_limit: Some(SizeLimit {
                bytes: 1 << 20,
                written: "1Mi".to_owned(),
            }),
            enforced,
        }
    }

    /// The directory was taken for one that had its limit already.
    #[test]
    fn a_directory_whose_maker_was_killed_gets_its_limit_all_the_same() {
        let scratch = tempfile::tempdir().unwrap();
        let (new, left) = (scratch.path().join("new"), scratch.path().join("left"));
        std::fs::create_dir(&left).unwrap();
        // Most file systems hold no limit, which is an error in either case.
        let made = make_disk(&new, &empty_dir(true));
        assert_eq!(make_disk(&left, &empty_dir(true)).is_ok(), made.is_ok());
        for path in [new, left].iter().filter(|_| made.is_ok()) {
            quota::release(path).unwrap();
        }
    }

    /// The mode of whatever the symlink led to was changed, and that was given to guests.
    #[test]
    fn what_an_earlier_process_had_in_memory_is_not_looked_for_on_disk() {
        let scratch = tempfile::tempdir().unwrap();
        let (path, foreign) = (scratch.path().join("cache"), scratch.path().join("foreign"));
        std::fs::create_dir(&foreign).unwrap();
        std::os::unix::fs::symlink(&foreign, &path).unwrap();
        make_disk(&path, &empty_dir(false)).unwrap();
        assert!(std::fs::symlink_metadata(&path).unwrap().is_dir());
        std::fs::write(path.join("file"), "").unwrap();
        assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 0);
        std::os::unix::fs::symlink("nowhere", scratch.path().join("dangling")).unwrap();
        make_disk(&scratch.path().join("dangling"), &empty_dir(false)).unwrap();
    }
}
