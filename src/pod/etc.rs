//! The files that the kubelet generates for every pod: `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::spec::pod::{HostAlias, Pod};

/// The head of the managed hosts file, to the byte (kubelet `pkg/kubelet/kubelet_pods.go`, `managedHostsFileContent`).
const HOSTS_HEAD: &str = "# Kubernetes-managed hosts file.\n\
    127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::0\tip6-localnet\n\
    fe00::0\tip6-mcastprefix\n\
    fe00::1\tip6-allnodes\n\
    fe00::2\tip6-allrouters\n";
const HOSTS_HEAD_HOST_NETWORK: &str = "# Kubernetes-managed hosts file (host network).\n";

/// The text of the pod's hosts file. `node_hosts` is the machine's own file, which a pod on the host's network begins with.
pub fn hosts(pod: &Pod, addresses: &[IpAddr], node_hosts: &str) -> String {
    let mut text = if pod.host_network {
        format!("{HOSTS_HEAD_HOST_NETWORK}{node_hosts}")
    } else {
        let mut text = HOSTS_HEAD.to_owned();
        for address in addresses {
            let _ = writeln!(text, "{address}\t{}", pod.hostname);
        }
        text
    };
    if !pod.host_aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
        for HostAlias { ip, hostnames } in &pod.host_aliases {
            let _ = writeln!(text, "{ip}\t{}", hostnames.join("\t"));
        }
    }
    text
}

/// What a name lookup answers before it asks a resolver: the entries of [`hosts`].
pub fn host_table(pod: &Pod, addresses: &[IpAddr]) -> Vec<(IpAddr, Vec<String>)> {
    let own = addresses
        .iter()
        .map(|&address| (address, vec![pod.hostname.clone()]));
    let aliases = pod
        .host_aliases
        .iter()
        .map(|alias| (alias.ip, alias.hostnames.clone()));
    own.chain(aliases).collect()
}

/// The generated files of one pod.
pub struct Etc {
    pub hosts: String,
    pub hostname: String,
    pub resolv_conf: String,
}

impl Etc {
    /// Reads of the machine what the pod's network mode says it shares with it.
    pub fn new(pod: &Pod, addresses: &[IpAddr]) -> Etc {
        let node = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let node_hosts = if pod.host_network {
            node("/etc/hosts")
        } else {
            String::new()
        };
        Etc {
            hosts: hosts(pod, addresses, &node_hosts),
            hostname: format!("{}\n", pod.hostname),
            // With no cluster DNS every policy falls back to the node's file (kubelet `pkg/kubelet/network/dns/dns.go`).
            resolv_conf: node("/etc/resolv.conf"),
        }
    }

    /// Writes the files into `dir`, which the containers see as `/etc`.
    ///
    /// # Errors
    /// When the directory or a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("could not make the directory {}", dir.display()))?;
        let files = [
            ("hosts", &self.hosts),
            ("hostname", &self.hostname),
            ("resolv.conf", &self.resolv_conf),
        ];
        for (name, text) in files {
            let path = dir.join(name);
            std::fs::write(&path, text)
                .with_context(|| format!("could not write {}", path.display()))?;
        }
        Ok(())
    }
}
