//! Where a container's environment comes from. Nothing of it is looked up before the container starts.

/// One entry of `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVar {
    pub name: String,
    pub value: EnvValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// As written: `$(VAR)` is replaced when the container starts.
    Literal(String),
    Field(Field),
    Resource(ResourceRef),
    ConfigMapKey(KeyRef),
    SecretKey(KeyRef),
    FileKey(FileKeyRef),
}

/// A key of a ConfigMap or a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    pub name: String,
    pub key: String,
    /// Nothing is defined when the object or its key is missing.
    pub optional: bool,
}

/// A variable of a file that another container has written into an emptyDir (KEP-3721).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileKeyRef {
    /// Index into [`Pod::volumes`](super::Pod::volumes).
    pub volume: usize,
    /// Relative, without `..`.
    pub path: String,
    pub key: String,
    pub optional: bool,
}

/// One entry of `envFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFrom {
    /// Put before every key; mostly empty.
    pub prefix: String,
    pub source: EnvSource,
    pub optional: bool,
}

/// The object whose keys become variables, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvSource {
    ConfigMap(String),
    Secret(String),
}

/// What the downward API tells of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    Namespace,
    Uid,
    /// One label, or the empty text.
    Label(String),
    /// One annotation, or the empty text.
    Annotation(String),
    /// All of them, one line each. For files only.
    Labels,
    Annotations,
    NodeName,
    ServiceAccountName,
    HostIp,
    HostIps,
    PodIp,
    PodIps,
}

/// An amount of a resource, told in multiples of the divisor and rounded up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRef {
    pub amount: Amount,
    /// Never 0. In milli-CPU for CPU, else in bytes, as is the amount.
    pub divisor: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// What the container requests, or its limit. A request that is not set is 0.
    Set(u64),
    /// A limit that is not set is what the machine has to give.
    Allocatable(NodeResource),
    /// The pod has no container of this name.
    NoContainer(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeResource {
    Cpu,
    Memory,
    EphemeralStorage,
}
