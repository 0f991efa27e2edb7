//! Volumes and where they are mounted.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::{Field, ResourceRef};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    pub source: VolumeSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    EmptyDir(EmptyDir),
    /// A place of the machine itself, if it is of the kind that is asked for.
    HostPath {
        path: PathBuf,
        kind: HostPathKind,
    },
    /// Files made of objects and of what is known about the pod: `configMap`, `secret`, `downwardAPI` and `projected`.
    Projected(Projected),
    /// The directory of a PersistentVolumeClaim.
    Claim {
        name: String,
        read_only: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmptyDir {
    pub medium: Medium,
    pub size_limit: Option<SizeLimit>,
    /// Writing past the limit fails (`ENOSPC`) in place of evicting the pod: `wasmpod.dev/size-limit.<volume>: enforce`.
    pub enforced: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    #[default]
    Disk,
    Memory,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeLimit {
    /// Rounded up.
    pub bytes: u64,
    /// As messages quote it.
    pub written: String,
}

/// `hostPath.type`: what has to be there, or is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPathKind {
    #[default]
    Unchecked,
    DirectoryOrCreate,
    Directory,
    FileOrCreate,
    File,
    Socket,
    CharDevice,
    BlockDevice,
}

/// Files of several sources in one tree; of two with one path the later source's is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projected {
    pub flavor: Flavor,
    /// Of files whose item has no mode of its own.
    pub default_mode: u32,
    pub sources: Vec<Source>,
}

/// How the volume was written. Each has one source, but for `projected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavor {
    ConfigMap,
    Secret,
    DownwardApi,
    Projected,
}

impl Flavor {
    /// The directory below `volumes` in which the kubelet keeps volumes of this kind.
    pub fn directory(self) -> &'static str {
        match self {
            Flavor::ConfigMap => "kubernetes.io~configmap",
            Flavor::Secret => "kubernetes.io~secret",
            Flavor::DownwardApi => "kubernetes.io~downward-api",
            Flavor::Projected => "kubernetes.io~projected",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    ConfigMap {
        name: String,
        /// Empty: every key, as a file of its name.
        items: Vec<Item>,
        optional: bool,
    },
    Secret {
        name: String,
        /// Empty: every key, as a file of its name.
        items: Vec<Item>,
        optional: bool,
    },
    DownwardApi {
        items: Vec<DownwardItem>,
    },
    /// A token of the pod's service account.
    Token {
        audience: Option<String>,
        expiration: Duration,
        path: String,
    },
}

/// One key of an object as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub key: String,
    /// Relative, without `..`.
    pub path: String,
    pub mode: Option<u32>,
}

/// One fact about the pod as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownwardItem {
    /// Relative, without `..`.
    pub path: String,
    pub mode: Option<u32>,
    pub value: DownwardValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownwardValue {
    Field(Field),
    Resource(ResourceRef),
}

/// One entry of `volumeMounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Index into [`Pod::volumes`](super::Pod::volumes).
    pub volume: usize,
    /// Absolute path in the guest.
    pub path: String,
    pub sub_path: Option<SubPath>,
    pub read_only: bool,
    /// What is mounted below it is read-only too.
    pub recursive_read_only: bool,
}

/// A part of a volume. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubPath {
    /// Relative, without `..`.
    Literal(String),
    /// `subPathExpr`: its `$(VAR)` are replaced when the container starts.
    Expression(String),
}
