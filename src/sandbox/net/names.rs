//! Names, as the pod knows them: literal addresses, the pod's hosts file, its own name, localhost, and at last the servers of its
//! resolv.conf. The host's own files and resolver are never asked.

mod conf;
mod dial;
mod hosts;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hickory_resolver::Resolver;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
    ServerOrderingStrategy,
};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name;

use super::defs::{RESOLVE_ANSWERS, RESOLVE_TIMEOUT_MAX};
use super::network::{Handle, NetworkConfig};
use conf::Conf;
use dial::Dialler;

pub use hosts::NameFile;

/// Where resolv.conf's servers listen.
const DNS_PORT: u16 = 53;

/// A container's resolver, and the text it was made from: another text makes another one. Lives on the container's own
/// runtime.
#[derive(Default)]
pub(super) struct Asking(Mutex<Option<(String, Option<Asker>)>>);

type Asker = Arc<Resolver<Dialler>>;

/// The files of one container in place of the pod's.
#[derive(Clone, Debug, Default)]
pub struct OwnNames {
    pub hosts: Option<NameFile>,
    pub resolv_conf: Option<NameFile>,
}

pub(super) struct Names {
    hosts: NameFile,
    /// What the pod is called, and where; for a hosts file that does not say it.
    own: (String, Vec<IpAddr>),
    resolv_conf: NameFile,
    machines: Arc<[IpAddr]>,
    dns_port: u16,
}

impl Names {
    pub fn new(config: &NetworkConfig) -> Names {
        let addresses = if config.addresses.is_empty() {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        } else {
            config.addresses.clone()
        };
        Names {
            hosts: config.hosts.clone(),
            own: (normal(&config.hostname), addresses),
            resolv_conf: config.resolv_conf.clone(),
            machines: config.machine_servers.clone().into(),
            dns_port: DNS_PORT,
        }
    }

    /// The same with servers on another port than the well-known one.
    #[cfg(test)]
    pub fn with_dns_port(self, dns_port: u16) -> Names {
        Names { dns_port, ..self }
    }

    /// What is known without asking anybody; `None`: ask beyond.
    pub fn look_up_here(&self, own: &OwnNames, name: &str) -> io::Result<Option<Vec<IpAddr>>> {
        if let Ok(ip) = name.parse() {
            return Ok(Some(vec![ip]));
        }
        let name = normal(name);
        if !is_plausible(&name) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("not a host name: {name:?}"),
            ));
        }
        let file = own.hosts.as_ref().unwrap_or(&self.hosts).read()?;
        let mut found = hosts::addresses(&file, &name);
        if found.is_empty() && name == self.own.0 {
            found.clone_from(&self.own.1);
        }
        if found.is_empty() && (name == "localhost" || name.ends_with(".localhost")) {
            // RFC 6761: localhost never leaves the machine, whatever the hosts file forgot.
            found = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        Ok((!found.is_empty()).then(|| sorted(found)))
    }

    /// Asks the servers of resolv.conf, through a resolver that is made on the first need and when the file has changed.
    pub async fn look_up_beyond(
        &self,
        asking: &Asking,
        own: &OwnNames,
        container: Weak<Handle>,
        name: &str,
    ) -> io::Result<Vec<IpAddr>> {
        let file = own.resolv_conf.as_ref().unwrap_or(&self.resolv_conf);
        let Some(asker) = self.asker(&file.read()?, asking, container) else {
            return Err(unknown(name));
        };
        // Not the normal form: the final dot says that no search domain is to be tried.
        match tokio::time::timeout(RESOLVE_TIMEOUT_MAX, asker.lookup_ip(name)).await {
            Err(_) => Err(silent(name)),
            Ok(Err(error)) => Err(explain(&error, name)),
            Ok(Ok(answer)) => match sorted(answer.iter().take(RESOLVE_ANSWERS).collect()) {
                none if none.is_empty() => Err(unknown(name)),
                found => Ok(found),
            },
        }
    }

    /// `None` when the text names no servers.
    fn asker(&self, text: &str, asking: &Asking, container: Weak<Handle>) -> Option<Asker> {
        let mut known = asking.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, asker)) = known.as_ref().filter(|(of, _)| of == text) {
            return asker.clone();
        }
        let asker = self.build(&Conf::parse(text), container);
        *known = Some((text.to_owned(), asker.clone()));
        asker
    }

    fn build(&self, conf: &Conf, container: Weak<Handle>) -> Option<Asker> {
        if conf.servers.is_empty() {
            return None;
        }
        let servers = conf
            .servers
            .iter()
            .map(|&ip| self.server(ip, conf))
            .collect();
        let search = conf
            .search
            .iter()
            .filter_map(|domain| Name::from_str_relaxed(domain).ok())
            .collect();
        let dialler = Dialler::new(container, Arc::clone(&self.machines));
        let config = ResolverConfig::from_parts(None, search, servers);
        Resolver::builder_with_config(config, dialler)
            .with_options(options(conf))
            .build()
            .inspect_err(|error| tracing::warn!(%error, "no resolver for the pod"))
            .ok()
            .map(Arc::new)
    }

    fn server(&self, ip: IpAddr, conf: &Conf) -> NameServerConfig {
        let mut server = if conf.stream {
            NameServerConfig::tcp(ip)
        } else {
            NameServerConfig::udp_and_tcp(ip)
        };
        for connection in &mut server.connections {
            connection.port = self.dns_port;
        }
        server
    }
}

fn options(conf: &Conf) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.ndots = conf.ndots;
    options.timeout = conf.timeout;
    options.attempts = conf.attempts;
    options.edns0 = conf.edns0;
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = if conf.ipv4_only {
        LookupIpStrategy::Ipv4Only
    } else {
        LookupIpStrategy::Ipv4AndIpv6
    };
    // One server after the other, as the C library does: a later one may know less.
    options.server_ordering_strategy = if conf.rotate {
        ServerOrderingStrategy::RoundRobin
    } else {
        ServerOrderingStrategy::UserProvidedOrder
    };
    options.num_concurrent_reqs = 1;
    // A port of our own choice may be taken by a server of the pod.
    options.os_port_selection = true;
    options
}

fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}

/// Keeps nonsense from the servers; they judge the rest.
fn is_plausible(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && !label.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// IPv4 first, otherwise as found: most servers in a pod listen on 0.0.0.0 only.
fn sorted(mut found: Vec<IpAddr>) -> Vec<IpAddr> {
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

fn explain(error: &NetError, name: &str) -> io::Error {
    match error {
        NetError::Timeout => silent(name),
        _ if error.is_no_records_found() => unknown(name),
        _ => io::Error::other(format!("looking up {name:?}: {error}")),
    }
}

fn unknown(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no address for {name:?}"))
}

fn silent(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("no name server answered for {name:?}"),
    )
}
