//! What a pod is called, and the hosts file that says so.
//!
//! Rules and texts: kubelet `pkg/kubelet/kubelet_pods.go` (`GeneratePodHostNameAndDomain`, `managedHostsFileContent`,
//! `hostsEntriesFromHostAliases`) and `pkg/kubelet/util/util.go` (`GetNodenameForKernel`).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::pod::{HostAlias, Pod};

/// The domain below which pods with a subdomain have their names: there is no cluster here to be configured with another one.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// The longest name of a host that we give: Linux' 64 bytes with the final zero.
const MAX_HOST: usize = 63;
/// The longest name that Linux takes (`HOST_NAME_MAX`).
const MAX_KERNEL: usize = 64;

/// The names of one pod. One on the host's network is called as its machine is, whatever is written here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    /// `hostname`, or the pod's own name; cut to what fits. Or `hostnameOverride`, which may have dots.
    pub host: String,
    /// `SUBDOMAIN.NAMESPACE.svc.cluster.local` of a pod with a subdomain.
    pub domain: Option<String>,
    /// `setHostnameAsFQDN`: the kernel, `HOSTNAME` and `/etc/hostname` say the name with its domain.
    pub as_fqdn: bool,
}

impl HostName {
    pub fn of(pod: &Pod) -> HostName {
        if let Some(name) = &pod.hostname_override {
            return HostName {
                host: cut(name).to_owned(),
                domain: None,
                as_fqdn: false,
            };
        }
        let domain = |subdomain| format!("{subdomain}.{}.svc.{CLUSTER_DOMAIN}", pod.namespace);
        HostName {
            host: pod.hostname.clone(),
            domain: pod.subdomain.as_ref().map(domain),
            as_fqdn: pod.hostname_as_fqdn,
        }
    }

    /// With the domain, if there is one.
    pub fn full(&self) -> Cow<'_, str> {
        match &self.domain {
            Some(domain) => format!("{}.{domain}", self.host).into(),
            None => self.host.as_str().into(),
        }
    }

    /// What the kernel of the pod would call it, and with it `HOSTNAME` and `/etc/hostname`.
    ///
    /// # Errors
    /// When it was to be the full name, and that is longer than a kernel takes: the pod's sandbox cannot be made.
    pub fn kernel(&self) -> Result<Cow<'_, str>, String> {
        if !self.as_fqdn {
            return Ok(self.host.as_str().into());
        }
        let full = self.full();
        if self.domain.is_some() && full.len() > MAX_KERNEL {
            return Err(format!(
                "failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long ({MAX_KERNEL} characters is the max, {} characters requested)",
                full.len()
            ));
        }
        Ok(full)
    }
}

/// The part of a name that fits. Validation has left ASCII only.
pub fn cut(name: &str) -> &str {
    match name.get(..MAX_HOST) {
        Some(head) if name.len() > MAX_HOST => head.trim_end_matches(['-', '.']),
        _ => name,
    }
}

const HEAD: &str = "# Kubernetes-managed hosts file.\n\
    127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::0\tip6-localnet\n\
    fe00::0\tip6-mcastprefix\n\
    fe00::1\tip6-allnodes\n\
    fe00::2\tip6-allrouters\n";
const HEAD_OF_THE_NODES: &str = "# Kubernetes-managed hosts file (host network).\n";

/// What a pod's hosts file begins with.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// The pod itself, at these addresses.
    Pod(&'a HostName, &'a [IpAddr]),
    /// What the machine's own file says: a pod on the host's network.
    Node(&'a str),
}

/// The text of a pod's hosts file, to the byte.
pub fn hosts_file(known: Known<'_>, aliases: &[HostAlias]) -> String {
    let mut text = match known {
        Known::Node(file) => format!("{HEAD_OF_THE_NODES}{file}"),
        Known::Pod(name, addresses) => {
            let mut text = HEAD.to_owned();
            for address in addresses {
                text.push_str(&own_line(*address, name));
            }
            text
        }
    };
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let _ = writeln!(text, "{}\t{}", alias.ip, alias.hostnames.join("\t"));
    }
    text
}

fn own_line(address: IpAddr, name: &HostName) -> String {
    match &name.domain {
        Some(_) => format!("{address}\t{}\t{}\n", name.full(), name.host),
        None => format!("{address}\t{}\n", name.host),
    }
}

#[cfg(test)]
mod tests;
