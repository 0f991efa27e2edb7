//! How a pod resolves names: its dnsPolicy and dnsConfig upon the machine's resolv.conf, and the file that comes of it.
//!
//! Rules and texts: kubelet `pkg/kubelet/network/dns/dns.go`. The file itself is written by the container runtime
//! (containerd `internal/cri/server/sandbox_run_linux.go`, `parseDNSOptions`).

use super::pod::{Dns, DnsPolicy, Pod};

/// What Kubernetes takes for reasonable, and the C library for possible (`pkg/apis/core/validation/validation.go`).
const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_LINE: usize = 2048;
/// A DNS name's (RFC 1035, without the length bytes at both ends). Some C libraries abort on a longer search path.
const MAX_SEARCH: usize = 253;

/// What a resolv.conf says, as text: nobody has judged the parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    pub nameservers: Vec<String>,
    pub searches: Vec<String>,
    /// `ndots:5`, `rotate`: names once only.
    pub options: Vec<String>,
}

/// A warning that becomes an event of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub reason: &'static str,
    pub message: String,
}

/// How one pod resolves names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formed {
    pub resolv_conf: ResolvConf,
    /// In the order in which the kubelet would say them.
    pub warnings: Vec<Warning>,
}

/// What `dnsPolicy` means for one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// What the machine uses.
    Node,
    /// A cluster's DNS.
    Cluster,
    /// Only what `dnsConfig` says.
    Nothing,
}

/// How `pod` resolves names on a machine with this resolv.conf and without a cluster's DNS.
pub fn form(pod: &Pod, node: ResolvConf) -> Formed {
    let mut warnings = Vec::new();
    let mut conf = match base(pod) {
        Base::Nothing => ResolvConf::default(),
        Base::Node => node,
        Base::Cluster => {
            warnings.push(missing_cluster_dns(pod));
            node
        }
    };
    if !is_empty(&pod.dns) {
        conf.append(&pod.dns);
    }
    warnings.extend(conf.fit_nameservers());
    warnings.extend(conf.fit_searches());
    Formed {
        resolv_conf: conf,
        warnings,
    }
}

fn base(pod: &Pod) -> Base {
    match pod.dns.policy {
        DnsPolicy::None => Base::Nothing,
        DnsPolicy::Default => Base::Node,
        DnsPolicy::ClusterFirstWithHostNet => Base::Cluster,
        DnsPolicy::ClusterFirst if pod.host_network => Base::Node,
        DnsPolicy::ClusterFirst => Base::Cluster,
    }
}

fn is_empty(config: &Dns) -> bool {
    config.nameservers.is_empty() && config.searches.is_empty() && config.options.is_empty()
}

/// Whatever the pod's policy is called: the kubelet names this one.
fn missing_cluster_dns(pod: &Pod) -> Warning {
    Warning {
        reason: "MissingClusterDNS",
        message: format!(
            "pod: \"{}_{}({})\". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.",
            pod.name, pod.namespace, pod.uid
        ),
    }
}

impl ResolvConf {
    /// Reads a file as the kubelet does: name servers gather, of `search` and of `options` the last line counts, and other
    /// words, `domain` among them, are passed over.
    pub fn parse(text: &str) -> ResolvConf {
        let mut conf = ResolvConf::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let owned = |words: std::str::SplitWhitespace<'_>| words.map(str::to_owned).collect();
            match words.next() {
                Some("nameserver") => conf.nameservers.extend(words.next().map(str::to_owned)),
                Some("search") => conf.searches = words.map(search).collect(),
                Some("options") => conf.options = owned(words),
                _ => {}
            }
        }
        conf
    }

    /// What `dnsConfig` adds. Nothing stands twice, and an option of the pod replaces the machine's of that name.
    fn append(&mut self, config: &Dns) {
        add_new(&mut self.nameservers, &config.nameservers);
        add_new(&mut self.searches, &config.searches);
        let own = config.options.iter().map(option_text);
        for text in std::mem::take(&mut self.options).into_iter().chain(own) {
            let same = |known: &&mut String| option_name(known) == option_name(&text);
            match self.options.iter_mut().find(same) {
                Some(known) => *known = text,
                None => self.options.push(text),
            }
        }
    }

    fn fit_nameservers(&mut self) -> Option<Warning> {
        if self.nameservers.len() <= MAX_NAMESERVERS {
            return None;
        }
        self.nameservers.truncate(MAX_NAMESERVERS);
        Some(limits(
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is:",
            &self.nameservers,
        ))
    }

    fn fit_searches(&mut self) -> Option<Warning> {
        let written = self.searches.len();
        self.searches.truncate(MAX_SEARCHES);
        self.searches.retain(|search| search.len() <= MAX_SEARCH);
        while self.searches.join(" ").len() > MAX_SEARCH_LINE {
            self.searches.pop();
        }
        (self.searches.len() < written).then(|| {
            limits(
                "Search Line limits were exceeded, some search paths have been omitted, the applied search line is:",
                &self.searches,
            )
        })
    }

    /// The lines of the file. Empty for a pod that was to have nothing: a runtime then copies the machine's own file.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.searches.is_empty() {
            text.push_str(&format!("search {}\n", self.searches.join(" ")));
        }
        for server in &self.nameservers {
            text.push_str(&format!("nameserver {server}\n"));
        }
        if !self.options.is_empty() {
            text.push_str(&format!("options {}\n", self.options.join(" ")));
        }
        text
    }
}

fn limits(text: &str, applied: &[String]) -> Warning {
    Warning {
        reason: "DNSConfigForming",
        message: format!("{text} {}", applied.join(" ")),
    }
}

/// A search path counts once with and without its final dot; the root alone keeps it.
fn search(word: &str) -> String {
    match word {
        "." => word,
        _ => word.strip_suffix('.').unwrap_or(word),
    }
    .to_owned()
}

fn add_new(list: &mut Vec<String>, more: &[String]) {
    let all = std::mem::take(list);
    for text in all.into_iter().chain(more.iter().cloned()) {
        if !list.contains(&text) {
            list.push(text);
        }
    }
}

fn option_text((name, value): &(String, Option<String>)) -> String {
    match value.as_deref() {
        None | Some("") => name.clone(),
        Some(value) => format!("{name}:{value}"),
    }
}

fn option_name(option: &str) -> &str {
    option.split_once(':').map_or(option, |(name, _)| name)
}

#[cfg(test)]
mod tests;
