use std::path::Path;

use super::*;

/// The pod `web` of this spec, but for its container.
fn pod(name: &str, spec: &str) -> Pod {
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop}}, spec: {{containers: [{{name: app, image: ./a.wasm}}], {spec}}}}}"
    );
    let object = serde_yaml::from_str(&text).unwrap();
    let created = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    super::super::resolve(object, Path::new("/"), "u-1".into(), created).unwrap()
}

fn named(host: &str, domain: Option<&str>, as_fqdn: bool) -> HostName {
    HostName {
        host: host.into(),
        domain: domain.map(str::to_owned),
        as_fqdn,
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_pod_is_called_by_its_name_unless_it_has_a_host_name() {
    let name = |spec| HostName::of(&pod("web", spec));
    assert_eq!(name(""), named("web", None, false));
    assert_eq!(name("hostname: front"), named("front", None, false));
    let empty = "hostname: '', subdomain: '', hostnameOverride: ''";
    assert_eq!(name(empty), named("web", None, false));
}

#[test]
fn a_long_name_is_cut_and_ends_in_no_mark() {
    let host = |name: &str| HostName::of(&pod(name, "")).host;
    assert_eq!(host(&"a".repeat(63)), "a".repeat(63));
    assert_eq!(host(&"a".repeat(64)), "a".repeat(63));
    assert_eq!(host(&format!("{}--b.c", "a".repeat(61))), "a".repeat(61));
    assert_eq!(host("web.example"), "web.example");
    let spec = format!("hostnameOverride: {}", "b".repeat(64));
    assert_eq!(HostName::of(&pod("web", &spec)).host, "b".repeat(63));
}

#[test]
fn a_subdomain_makes_a_domain_of_the_namespace() {
    let spec = "hostname: busybox-1, subdomain: busybox-subdomain";
    let name = HostName::of(&pod("web", spec));
    assert_eq!(
        name.full(),
        "busybox-1.busybox-subdomain.shop.svc.cluster.local"
    );
    assert_eq!(name.kernel().unwrap(), "busybox-1");
}

#[test]
fn an_override_is_the_name_and_has_no_domain() {
    let spec = "hostname: front, subdomain: sub, hostnameOverride: db.example.com";
    let name = HostName::of(&pod("web", spec));
    assert_eq!(name, named("db.example.com", None, false));
    assert_eq!(name.kernel().unwrap(), "db.example.com");
}

#[test]
fn the_kernel_is_told_the_full_name_on_request() {
    let kernel = |spec| {
        HostName::of(&pod("web", spec))
            .kernel()
            .unwrap()
            .into_owned()
    };
    assert_eq!(
        kernel("subdomain: sub, setHostnameAsFQDN: true"),
        "web.sub.shop.svc.cluster.local"
    );
    assert_eq!(kernel("subdomain: sub, setHostnameAsFQDN: false"), "web");
    assert_eq!(kernel("subdomain: sub"), "web");
    // Without a domain there is nothing to add.
    assert_eq!(kernel("setHostnameAsFQDN: true"), "web");
}

#[test]
fn a_full_name_of_64_bytes_is_the_longest() {
    let domain = "sub.shop.svc.cluster.local";
    let fits = named(&"a".repeat(64 - domain.len() - 1), Some(domain), true);
    assert_eq!(fits.kernel().unwrap().len(), 64);
    let long = named(&"a".repeat(64 - domain.len()), Some(domain), true);
    assert_eq!(
        long.kernel().unwrap_err(),
        format!(
            "failed to construct FQDN from pod hostname and cluster domain, FQDN {}.{domain} is too long (64 characters is the max, 65 characters requested)",
            "a".repeat(38)
        )
    );
    // Nobody asked for it to be the kernel's.
    let short = HostName {
        as_fqdn: false,
        ..long
    };
    assert_eq!(short.kernel().unwrap(), "a".repeat(38));
}

#[test]
fn the_hosts_file_is_the_kubelets_to_the_byte() {
    let file = hosts_file(
        Known::Pod(
            &named("host", Some("sub.ns.svc.cluster.local"), false),
            &[address("10.1.2.3"), address("fd00::3")],
        ),
        &[],
    );
    assert_eq!(
        file,
        "# Kubernetes-managed hosts file.\n\
         127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\n\
         fe00::1\tip6-allnodes\n\
         fe00::2\tip6-allrouters\n\
         10.1.2.3\thost.sub.ns.svc.cluster.local\thost\n\
         fd00::3\thost.sub.ns.svc.cluster.local\thost\n"
    );
}

#[test]
fn aliases_stand_below_the_pods_own_line_as_they_were_written() {
    let web = pod(
        "web",
        "hostAliases: [{ip: 127.0.0.1, hostnames: [foo.local, bar.local]}, {ip: 'FE80::0:1', hostnames: [link]}, {ip: 10.1.2.3}]",
    );
    let known = Known::Pod(&HostName::of(&web), &[address("10.200.0.5")]);
    let file = hosts_file(known, &web.host_aliases);
    let (_, own) = file.split_once("fe00::2\tip6-allrouters\n").unwrap();
    assert_eq!(
        own,
        "10.200.0.5\tweb\n\
         \n\
         # Entries added by HostAliases.\n\
         127.0.0.1\tfoo.local\tbar.local\n\
         FE80::0:1\tlink\n\
         10.1.2.3\t\n"
    );
}

#[test]
fn on_the_hosts_network_the_file_is_the_machines() {
    let alias = HostAlias {
        ip: "10.0.0.1".into(),
        hostnames: vec!["db".into()],
    };
    let file = hosts_file(Known::Node("127.0.0.1 localhost\n10.0.0.9 box\n"), &[alias]);
    assert_eq!(
        file,
        "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n10.0.0.9 box\n\n# Entries added by HostAliases.\n10.0.0.1\tdb\n"
    );
}
