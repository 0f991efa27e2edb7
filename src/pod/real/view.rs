//! What a container sees of the file system: its own root, the volumes it mounts, the files that are generated for it.
//!
//! WASI gives a guest directories. What is no directory (a file of a volume, a socket of the machine), and what lies within
//! another mount, is seen in a root that the kernel has put together for this one container ([`Assembly`]); whoever may not
//! have mounts gets what can be had without: copies of generated files.

#[cfg(test)]
mod tests;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

use super::super::etc::own_names;
use super::command::plain;
use super::site::Site;
use super::volumes::Place;
use crate::lifecycle::StartProblem;
use crate::sandbox::net::OwnNames;
use crate::sandbox::volume::{
    Assembled, Assembly, Bind, ReadOnly, SubPath, open_sub_path, remove_tree,
};
use crate::sandbox::wasm::Mount;
use crate::spec::Composed;
use crate::spec::pod::{self, Container, Pod, VolumeSource};

/// Where the generated files are.
const ETC: &str = "/etc";

pub(super) struct View {
    pub mounts: Vec<Mount>,
    pub keep: Keep,
    /// Where names are looked up, if not in the pod's files.
    pub names: OwnNames,
    /// Where the termination message will lie: a directory that no guest can replace, and a path beneath it.
    pub message: (PathBuf, PathBuf),
}

/// Held open, for the paths of mounts lead through them.
#[derive(Debug, Default)]
pub(super) struct Keep {
    places: Vec<Arc<Place>>,
    parts: Vec<SubPath>,
    _root: Option<Assembled>,
}

/// Why there is no view.
pub(super) type Refused = (StartProblem, anyhow::Error);

/// One mount of the container, found.
struct Piece {
    /// Absolute and plain.
    target: PathBuf,
    source: PathBuf,
    /// Index into [`Keep::parts`], if it is a part of a volume.
    part: Option<usize>,
    directory: bool,
    read_only: bool,
    recursive: bool,
    /// Its files are made by us and may be copied.
    generated: bool,
    /// A place of the machine, where devices may lie.
    machine: bool,
}

impl View {
    pub fn build(
        pod: &Pod,
        container: &Container,
        composed: &Composed,
        site: &Site,
    ) -> Result<View, Refused> {
        let mut keep = Keep::default();
        let mut pieces = Vec::with_capacity(container.mounts.len());
        for (mount, part) in container.mounts.iter().zip(&composed.sub_paths) {
            let piece = keep.find(pod, container, mount, part.as_deref(), site)?;
            pieces.push(piece);
        }
        // What is outside is mounted before what is inside.
        pieces.sort_by_key(|piece| piece.target.components().count());
        let view = Self::assemble(container, &pieces, keep, site);
        view.map_err(|error| (StartProblem::CreateContainerError, error))
    }

    fn assemble(
        container: &Container,
        pieces: &[Piece],
        mut keep: Keep,
        site: &Site,
    ) -> Result<View> {
        let root = root(container, pieces, site)?;
        let mounts = if !must_be_assembled(pieces) {
            mounts(pieces)
        } else if Assembly::permitted() {
            let assembled = put_together(&root, pieces, &keep)?;
            let mut mounts = Vec::new();
            for piece in pieces.iter().filter(|piece| piece.directory) {
                let part = assembled.open(&piece.guest())?;
                mounts.push(piece.mount(part.path()));
                keep.parts.push(part);
            }
            mounts.retain(|mount| mount.guest != "/");
            mounts.push(whole(assembled.path()));
            keep._root = Some(assembled);
            mounts
        } else {
            make_do(&root, pieces)?;
            mounts(pieces)
        };
        let mut view = View {
            mounts,
            keep,
            names: own_names(|path| source_of(pieces, path))?,
            message: Default::default(),
        };
        view.complete(container, root, site);
        view.message = view.locate_message(&container.termination_message_path);
        Ok(view)
    }

    /// Its own root, unless a volume has taken its place; then `/etc` is seen beside it.
    fn complete(&mut self, container: &Container, root: PathBuf, site: &Site) {
        let has = |path: &str| self.mounts.iter().any(|mount| mount.guest == path);
        let own = site.root(&container.name);
        if !has("/") {
            self.mounts.push(whole(root));
        } else if root != own && !has(ETC) {
            self.mounts.push(Mount {
                host: own.join("etc"),
                guest: ETC.to_owned(),
                read_only: false,
            });
        }
    }

    /// A message path below a mount lies in that volume, else in the container's root.
    fn locate_message(&self, path: &str) -> (PathBuf, PathBuf) {
        let path = plain(Path::new(path));
        let covering = self.mounts.iter().filter(|m| path.starts_with(&m.guest));
        let Some(mount) = covering.max_by_key(|mount| mount.guest.len()) else {
            return Default::default();
        };
        let below = path.strip_prefix(&mount.guest).unwrap_or(&path);
        (mount.host.clone(), below.to_owned())
    }
}

impl Keep {
    /// Finds what a mount is of (kubelet `pkg/kubelet/kubelet_pods.go`, `makeMounts`).
    fn find(
        &mut self,
        pod: &Pod,
        container: &Container,
        mount: &pod::Mount,
        part: Option<&str>,
        site: &Site,
    ) -> Result<Piece, Refused> {
        let volume = &pod.volumes[mount.volume];
        let place = site.volumes.place(mount.volume).ok_or_else(|| {
            let error = anyhow!("volume {:?} is not mounted", volume.name);
            (StartProblem::CreateContainerConfigError, error)
        })?;
        let generated = matches!(volume.source, VolumeSource::Projected(_));
        let locked = matches!(&volume.source, VolumeSource::Claim { read_only, .. } if *read_only);
        let mut piece = Piece {
            target: plain(Path::new(&mount.path)),
            source: place.path(),
            part: None,
            directory: true,
            read_only: mount.read_only || generated || locked,
            recursive: mount.recursive_read_only,
            generated,
            machine: matches!(volume.source, VolumeSource::HostPath { .. }),
        };
        if let VolumeSource::HostPath { path, .. } = &volume.source {
            piece.directory = look(path)
                .with_context(|| format!("mount at {}", mount.path))
                .map_err(|error| (StartProblem::CreateContainerError, error))?;
        }
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            let part = open_sub_path(&piece.source, part).map_err(|error| {
                let text = format!(
                    "failed to prepare subPath for volumeMount {:?} of container {:?}",
                    volume.name, container.name
                );
                (
                    StartProblem::CreateContainerConfigError,
                    error.context(text),
                )
            })?;
            piece.directory = part.is_dir();
            piece.source = part.path();
            piece.part = Some(self.parts.len());
            self.parts.push(part);
        }
        self.places.push(Arc::clone(place));
        Ok(piece)
    }
}

impl Piece {
    fn guest(&self) -> String {
        self.target.to_string_lossy().into_owned()
    }

    fn mount(&self, host: PathBuf) -> Mount {
        Mount {
            host,
            guest: self.guest(),
            read_only: self.read_only,
        }
    }

    /// Whether it lies within `other`. The root is there to be mounted in.
    fn is_in(&self, other: &Piece) -> bool {
        other.target != Path::new("/")
            && self.target != other.target
            && self.target.starts_with(&other.target)
    }
}

/// Whether a place of the machine is a directory. Where nothing is checked and nothing is, one is made, as a container runtime
/// does (containerd `internal/cri/opts/spec_linux_opts.go`, `WithMounts`).
fn look(path: &Path) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(meta.is_dir()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(path)
                .with_context(|| format!("failed to mkdir {}", path.display()))?;
            Ok(true)
        }
        Err(error) => Err(error).with_context(|| format!("failed to stat {}", path.display())),
    }
}

/// Where what is mounted at exactly this path comes from.
fn source_of(pieces: &[Piece], path: &Path) -> Option<PathBuf> {
    let piece = pieces.iter().find(|piece| piece.target == path)?;
    Some(piece.source.clone())
}

fn must_be_assembled(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| {
        !piece.directory
            || pieces
                .iter()
                .any(|other| other.directory && piece.is_in(other))
    })
}

fn mounts(pieces: &[Piece]) -> Vec<Mount> {
    let directories = pieces.iter().filter(|piece| piece.directory);
    directories
        .map(|piece| piece.mount(piece.source.clone()))
        .collect()
}

fn whole(host: PathBuf) -> Mount {
    Mount {
        host,
        guest: "/".to_owned(),
        read_only: false,
    }
}

/// The container's own root, new for every start, with a `/tmp`, the working directory, the generated files and a place for
/// every mount. A volume mounted at `/` takes its place.
fn root(container: &Container, pieces: &[Piece], site: &Site) -> Result<PathBuf> {
    let root = site.root(&container.name);
    remove_tree(&root).context("could not clear the container's root")?;
    let volume = pieces.iter().find(|piece| piece.target == Path::new("/"));
    let make = |place: &Path| {
        let place = place.strip_prefix("/").unwrap_or(place);
        std::fs::create_dir_all(root.join(place)).context("could not make the container's root")
    };
    if volume.is_none() {
        // Outside of volumes: what is made in there would be theirs.
        let places = pieces
            .iter()
            .filter(|piece| !pieces.iter().any(|other| piece.is_in(other)));
        for piece in places {
            let folder = piece.target.parent().filter(|_| !piece.directory);
            make(folder.unwrap_or(&piece.target))?;
        }
        let message = plain(Path::new(&container.termination_message_path));
        make(message.parent().unwrap_or(Path::new("/")))?;
        make(Path::new("/tmp"))?;
        if let Some(dir) = &container.working_dir {
            make(&plain(Path::new(dir)))?;
        }
    }
    let is_taken = |path: &Path| pieces.iter().any(|piece| piece.target == path);
    if !is_taken(Path::new(ETC)) {
        site.etc.link_into(&root, is_taken)?;
    }
    Ok(volume.map_or(root, |piece| piece.source.clone()))
}

/// One root of all of them, put together by the kernel.
fn put_together(root: &Path, pieces: &[Piece], keep: &Keep) -> Result<Assembled> {
    let mut assembly = Assembly::new(root)?;
    for piece in pieces.iter().filter(|piece| piece.target != Path::new("/")) {
        let read_only = match (piece.read_only, piece.recursive) {
            (false, _) => ReadOnly::No,
            (true, false) => ReadOnly::Yes,
            (true, true) => ReadOnly::Recursive,
        };
        let guest = piece.guest();
        let bind = match piece.part.map(|index| &keep.parts[index]) {
            Some(part) => Bind::sub_path(part, &guest, read_only),
            None => Bind::path(&piece.source, &guest, read_only),
        };
        let bind = bind.with_context(|| format!("mount at {guest}"))?;
        assembly.bind(if piece.machine {
            bind.with_devices()
        } else {
            bind
        });
    }
    assembly.build()
}

/// Without mounts: directories within others have a name there, and generated files are copied.
fn make_do(root: &Path, pieces: &[Piece]) -> Result<()> {
    for piece in pieces {
        let outer = pieces
            .iter()
            .rev()
            .find(|other| other.directory && piece.is_in(other));
        match outer {
            Some(outer) if piece.directory => {
                let below = piece.target.strip_prefix(&outer.target);
                let below = below.unwrap_or(&piece.target).to_string_lossy();
                if !outer.read_only {
                    // Only its name: the place itself is reached by the longer path.
                    let _ = open_sub_path(&outer.source, &below);
                }
            }
            None if piece.directory => {}
            None if piece.generated => {
                let place = piece.target.strip_prefix("/").unwrap_or(&piece.target);
                copy_in(&piece.source, root, place)
                    .with_context(|| format!("could not copy a file to {}", piece.guest()))?;
            }
            _ => bail!(
                "mount at {}: only a directory can be mounted there by a user who may make no mounts (CAP_SYS_ADMIN)",
                piece.guest()
            ),
        }
    }
    Ok(())
}

/// Copies a file to a place below a root, which may be a volume: whatever a guest has put there is not followed out of it.
fn copy_in(source: &Path, root: &Path, place: &Path) -> Result<()> {
    let (folder, name) = (place.parent(), place.file_name());
    let (folder, name) = (folder.unwrap_or(Path::new("")), name.context("no name")?);
    let mut from = std::fs::File::open(source)?;
    let mode = from.metadata()?.permissions().mode() & 0o777;
    let folder = open_sub_path(root, &folder.to_string_lossy())?;
    let folder = Dir::open_ambient_dir(folder.path(), ambient_authority())?;
    match folder.remove_file(name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut to = folder.open_with(name, &options)?;
    std::io::copy(&mut from, &mut to)?;
    Ok(())
}
