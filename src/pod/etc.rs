//! The files that the kubelet and a container runtime make for every pod: `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`.
//!
//! What they say is [`crate::spec::hostname`]'s and [`crate::spec::dns`]'s; here is where they lie. There is one of each for
//! all containers, which may write to it, and name lookups answer what the files say at that moment.

use std::fs::{File, Permissions};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::sandbox::net::{NameFile, OwnNames};
use crate::spec::dns::{self, ResolvConf, Warning};
use crate::spec::hostname::{HostName, Known, hosts_file};
use crate::spec::pod::Pod;

/// A file's name in `/etc`, and its name in the pod's directory: the first one's is the kubelet's.
const FILES: [(&str, &str); 3] = [
    ("hosts", "etc-hosts"),
    ("hostname", "etc-hostname"),
    ("resolv.conf", "etc-resolv.conf"),
];

/// Root writes and everybody reads, whatever the umask is (kubelet `pkg/kubelet/kubelet_pods.go`, `ensureHostsFile`).
const MODE: u32 = 0o644;

/// What the machine says of names, as far as pods inherit it.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub hosts: String,
    pub resolv_conf: String,
}

impl Node {
    /// A machine without one of the files is as one with an empty file.
    pub fn read() -> Node {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let stub = file("/etc/resolv.conf");
        Node {
            hosts: file("/etc/hosts"),
            resolv_conf: match is_stub(&stub) {
                true => Some(file(BEHIND_THE_STUB)).filter(|text| !text.is_empty()),
                false => None,
            }
            .unwrap_or(stub),
        }
    }
}

/// The servers that systemd-resolved itself asks. Its own address is the machine's loopback, which a pod has not; kubeadm makes
/// the kubelet read this file for the same reason.
const BEHIND_THE_STUB: &str = "/run/systemd/resolve/resolv.conf";
const STUB: &str = "127.0.0.53";

fn is_stub(resolv_conf: &str) -> bool {
    ResolvConf::parse(resolv_conf).nameservers == [STUB]
}

/// What the files of one pod say, before there is a place for them.
#[derive(Clone, Debug)]
pub struct Etc {
    /// What the pod calls itself (`HOSTNAME`). An error when Linux would not take it: no sandbox can be made then.
    pub hostname: Result<String, String>,
    /// To be told as events of the pod, once.
    pub warnings: Vec<Warning>,
    hosts: String,
    resolv_conf: String,
    machine_servers: Vec<IpAddr>,
}

impl Etc {
    pub fn new(pod: &Pod, addresses: &[IpAddr], node: &Node) -> Etc {
        let name = HostName::of(pod);
        let (hostname, known) = if pod.host_network {
            (Ok(pod.hostname.clone()), Known::Node(&node.hosts))
        } else {
            let kernel = name.kernel().map(|name| name.into_owned());
            (kernel, Known::Pod(&name, addresses))
        };
        let inherited = ResolvConf::parse(&node.resolv_conf);
        let servers = inherited
            .nameservers
            .iter()
            .filter_map(|ip| ip.parse().ok());
        let machine_servers = servers.collect();
        let formed = dns::form(pod, inherited);
        let mut resolv_conf = formed.resolv_conf.text();
        if resolv_conf.is_empty() {
            // As containerd does where it is told nothing.
            resolv_conf.clone_from(&node.resolv_conf);
        }
        Etc {
            hostname,
            warnings: formed.warnings,
            hosts: hosts_file(known, &pod.host_aliases),
            resolv_conf,
            machine_servers,
        }
    }

    /// Writes the files into the pod's directory.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn place(self, dir: &Path) -> Result<Placed> {
        let hostname = match &self.hostname {
            Ok(name) => format!("{name}\n"),
            Err(_) => String::new(),
        };
        let texts = [&self.hosts, &hostname, &self.resolv_conf];
        for ((_, file), text) in FILES.into_iter().zip(texts) {
            let path = dir.join(file);
            write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        }
        let open = |(_, file): (&str, &str)| File::open(dir.join(file)).map(Arc::new);
        Ok(Placed {
            hosts: NameFile::Live(open(FILES[0])?),
            resolv_conf: NameFile::Live(open(FILES[2])?),
            dir: dir.to_owned(),
            etc: self,
        })
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, Permissions::from_mode(MODE))
}

/// The files of one pod in their place.
pub struct Placed {
    pub etc: Etc,
    /// What lookups read, now and whenever a container has written to it.
    pub hosts: NameFile,
    pub resolv_conf: NameFile,
    dir: PathBuf,
}

impl Placed {
    /// Servers that the pod has from its machine.
    pub fn machine_servers(&self) -> Vec<IpAddr> {
        self.etc.machine_servers.clone()
    }

    /// The name by which a file of `/etc` is found in the pod's directory.
    #[cfg(test)]
    fn path(&self, name: &str) -> PathBuf {
        let (_, file) = FILES.iter().find(|(known, _)| *known == name).unwrap();
        self.dir.join(file)
    }

    /// Makes the files appear in the `etc` directory of a container's root, which no guest holds yet: the same files, not
    /// copies. Those for which `hidden` says yes, by their path in the container, are left out: the container mounts
    /// something of its own there.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub fn link_into(&self, root: &Path, hidden: impl Fn(&Path) -> bool) -> Result<()> {
        let etc = root.join("etc");
        std::fs::create_dir_all(&etc)
            .with_context(|| format!("could not make the directory {}", etc.display()))?;
        for (name, file) in FILES {
            if !hidden(&Path::new("/etc").join(name)) {
                std::fs::hard_link(self.dir.join(file), etc.join(name))
                    .with_context(|| format!("could not make {}/{name}", etc.display()))?;
            }
        }
        Ok(())
    }
}

/// The files in place of the pod's that a container mounts itself. `mounted` knows where what is at a path comes from.
///
/// # Errors
/// When there is such a file and it cannot be read: lookups would say what the container does not see.
pub fn own_names(mounted: impl Fn(&Path) -> Option<PathBuf>) -> Result<OwnNames> {
    let open = |path: &str| {
        mounted(Path::new(path))
            .map(|source| open_file(&source).with_context(|| format!("could not read {path}")))
            .transpose()
    };
    Ok(OwnNames {
        hosts: open("/etc/hosts")?,
        resolv_conf: open("/etc/resolv.conf")?,
    })
}

/// What is no file says nothing.
fn open_file(path: &Path) -> io::Result<NameFile> {
    let file = File::options()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)?;
    Ok(match file.metadata()?.is_file() {
        true => NameFile::Live(Arc::new(file)),
        false => NameFile::None,
    })
}

#[cfg(test)]
mod tests;
