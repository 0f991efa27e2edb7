//! Names, as the pod knows them: literal addresses, localhost, the pod's hosts table, its own name, and at last the servers of its
//! resolv.conf. The host's own files and resolver are never asked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    LookupIpStrategy, ResolveHosts, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::parse_resolv_conf;

use super::defs::{RESOLVE_ANSWERS, RESOLVE_TIMEOUT, RESOLVE_TIMEOUT_MAX};
use super::network::NetworkConfig;

pub(super) type Resolver = TokioResolver;

/// Where resolv.conf's servers listen.
const DNS_PORT: u16 = 53;

pub(super) struct Names {
    /// In the order of the hosts file; names in lower case, without the final dot.
    hosts: Vec<(IpAddr, Vec<String>)>,
    resolv_conf: Option<String>,
    dns_port: u16,
}

impl Names {
    pub fn new(config: &NetworkConfig) -> Names {
        let mut hosts: Vec<_> = config
            .hosts
            .iter()
            .map(|(ip, names)| (*ip, names.iter().map(|name| normal(name)).collect()))
            .collect();
        hosts.extend(own_name(config));
        Names {
            hosts,
            resolv_conf: config.resolv_conf.clone(),
            dns_port: DNS_PORT,
        }
    }

    /// The same with servers on another port than the well-known one.
    #[cfg(test)]
    pub fn with_dns_port(self, dns_port: u16) -> Names {
        Names { dns_port, ..self }
    }

    /// What is known without asking anybody; `None`: ask beyond.
    pub fn look_up_here(&self, name: &str) -> io::Result<Option<Vec<IpAddr>>> {
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
        let mut found: Vec<IpAddr> = Vec::new();
        for (ip, names) in &self.hosts {
            if names.contains(&name) && !found.contains(ip) {
                found.push(*ip);
            }
        }
        if found.is_empty() && (name == "localhost" || name.ends_with(".localhost")) {
            // RFC 6761: localhost never leaves the machine, whatever the hosts table forgot.
            found = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        Ok((!found.is_empty()).then(|| sorted(found)))
    }

    /// Asks the servers of resolv.conf, through a resolver that is made on the first need.
    pub async fn look_up_beyond(
        &self,
        resolver: &OnceLock<Option<Resolver>>,
        name: &str,
    ) -> io::Result<Vec<IpAddr>> {
        let Some(resolver) = resolver.get_or_init(|| self.resolver()) else {
            return Err(unknown(name));
        };
        // Not the normal form: the final dot says that no search domain is to be tried.
        match tokio::time::timeout(RESOLVE_TIMEOUT_MAX, resolver.lookup_ip(name)).await {
            Err(_) => Err(silent(name)),
            Ok(Err(error)) => Err(explain(&error, name)),
            Ok(Ok(answer)) => match sorted(answer.iter().take(RESOLVE_ANSWERS).collect()) {
                none if none.is_empty() => Err(unknown(name)),
                found => Ok(found),
            },
        }
    }

    /// `None` when the pod has no resolv.conf, or one without servers.
    fn resolver(&self) -> Option<Resolver> {
        let (config, mut options) = parse_resolv_conf(self.resolv_conf.as_deref()?)
            .inspect_err(
                |error| tracing::warn!(%error, "resolv.conf of the pod names no usable server"),
            )
            .ok()?;
        // The parser fills in the domain of the *host's* name where the file has none.
        let (_, search, mut servers) = config.into_parts();
        for connection in servers
            .iter_mut()
            .flat_map(|server| &mut server.connections)
        {
            connection.port = self.dns_port;
        }
        options.use_hosts_file = ResolveHosts::Never;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // One server after the other, as the C library does: a later one may know less.
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        options.num_concurrent_reqs = 1;
        options.timeout = options
            .timeout
            .clamp(Duration::from_secs(1), RESOLVE_TIMEOUT);
        options.attempts = options.attempts.clamp(1, 5);
        let config = ResolverConfig::from_parts(None, search, servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .inspect_err(|error| tracing::warn!(%error, "no resolver for the pod"))
            .ok()
    }
}

/// The pod's own name, for a hosts table that does not have it.
fn own_name(config: &NetworkConfig) -> Vec<(IpAddr, Vec<String>)> {
    let name = normal(&config.hostname);
    let known =
        |(_, names): &(IpAddr, Vec<String>)| names.iter().any(|known| normal(known) == name);
    if name.is_empty() || config.hosts.iter().any(known) {
        return Vec::new();
    }
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let addresses = if config.addresses.is_empty() {
        &loopback[..]
    } else {
        &config.addresses
    };
    addresses
        .iter()
        .map(|ip| (*ip, vec![name.clone()]))
        .collect()
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
