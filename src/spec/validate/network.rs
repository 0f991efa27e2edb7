//! Names and addresses that the manifest gives to the pod's resolver.

use std::net::IpAddr;

use k8s_openapi::api::core::v1;

use crate::spec::names;
use crate::spec::report::{Path, Report};

const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
/// With the spaces between them.
const MAX_SEARCH_CHARACTERS: usize = 2048;

pub fn dns(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    let path = path.field("dnsConfig");
    let servers_path = path.field("nameservers");
    let none = spec.dns_policy.as_deref() == Some("None");
    let Some(config) = &spec.dns_config else {
        if none {
            report.required(&path, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let servers = config.nameservers.as_deref().unwrap_or_default();
    if none && servers.is_empty() {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        return report.required(&servers_path, detail);
    }
    if servers.len() > MAX_NAMESERVERS {
        let detail = format!("must not have more than {MAX_NAMESERVERS} nameservers");
        report.invalid(&servers_path, servers, &detail);
    }
    for (index, server) in servers.iter().enumerate() {
        ip(server, &servers_path.index(index), report);
    }
    let searches = config.searches.as_deref().unwrap_or_default();
    self::searches(searches, &path.field("searches"), report);
    let options = config.options.iter().flatten().enumerate();
    for (index, _) in options.filter(|(_, option)| option.name.as_deref().is_none_or(str::is_empty))
    {
        report.required(&path.field("options").index(index), "must not be empty");
    }
}

fn searches(searches: &[String], path: &Path, report: &mut Report) {
    if searches.len() > MAX_SEARCHES {
        let detail = format!("must not have more than {MAX_SEARCHES} search paths");
        report.invalid(path, searches, &detail);
    }
    if searches.join(" ").len() > MAX_SEARCH_CHARACTERS {
        let detail = format!(
            "must not have more than {MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        );
        report.invalid(path, searches, &detail);
    }
    for (index, search) in searches.iter().enumerate() {
        if search != "." {
            let name = search.strip_suffix('.').unwrap_or(search);
            let wrong = names::dns_subdomain_with_underscore(name);
            report.invalid_each(&path.index(index), name, wrong);
        }
    }
}

pub fn host_aliases(spec: &v1::PodSpec, path: &Path, report: &mut Report) {
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let path = path.index(index);
        ip(&alias.ip, &path.field("ip"), report);
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            report.invalid_each(
                &path.field("hostnames").index(index),
                name,
                names::dns_subdomain(name),
            );
        }
    }
}

pub fn ip(text: &str, path: &Path, report: &mut Report) {
    if text.parse::<IpAddr>().is_err() {
        report.invalid(
            path,
            text,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
}
