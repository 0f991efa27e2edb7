use super::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

fn pod(name: &str, spec: v1::PodSpec) -> v1::Pod {
    v1::Pod {
        metadata: ObjectMeta {
            name: Some(name.into()),
            namespace: Some("shop".into()),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
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
    assert_eq!(
        HostName::of(&pod("web", v1::PodSpec::default())),
        named("web", None, false)
    );
    let spec = v1::PodSpec {
        hostname: text("front"),
        ..v1::PodSpec::default()
    };
    assert_eq!(HostName::of(&pod("web", spec)), named("front", None, false));
    let spec = v1::PodSpec {
        hostname: text(""),
        subdomain: text(""),
        ..v1::PodSpec::default()
    };
    assert_eq!(HostName::of(&pod("web", spec)), named("web", None, false));
}

#[test]
fn a_long_name_is_cut_and_ends_in_no_mark() {
    let host = |name: &str| HostName::of(&pod(name, v1::PodSpec::default())).host;
    assert_eq!(host(&"a".repeat(63)), "a".repeat(63));
    assert_eq!(host(&"a".repeat(64)), "a".repeat(63));
    assert_eq!(host(&format!("{}-.bcd", "a".repeat(61))), "a".repeat(61));
    assert_eq!(host("web.example"), "web.example");
}

#[test]
fn a_subdomain_makes_a_domain_of_the_namespace() {
    let spec = v1::PodSpec {
        hostname: text("busybox-1"),
        subdomain: text("busybox-subdomain"),
        ..v1::PodSpec::default()
    };
    let name = HostName::of(&pod("web", spec));
    assert_eq!(
        name.full(),
        "busybox-1.busybox-subdomain.shop.svc.cluster.local"
    );
    assert_eq!(name.kernel().unwrap(), "busybox-1");
}

#[test]
fn an_override_is_the_name_and_has_no_domain() {
    let spec = v1::PodSpec {
        hostname: text("front"),
        subdomain: text("sub"),
        hostname_override: text("db.example.com"),
        set_hostname_as_fqdn: Some(true),
        ..v1::PodSpec::default()
    };
    let name = HostName::of(&pod("web", spec));
    assert_eq!(name, named("db.example.com", None, false));
    assert_eq!(name.kernel().unwrap(), "db.example.com");
}

#[test]
fn the_kernel_is_told_the_full_name_on_request() {
    let spec = |as_fqdn| v1::PodSpec {
        subdomain: text("sub"),
        set_hostname_as_fqdn: as_fqdn,
        ..v1::PodSpec::default()
    };
    let kernel = |as_fqdn| {
        HostName::of(&pod("web", spec(as_fqdn)))
            .kernel()
            .unwrap()
            .into_owned()
    };
    assert_eq!(kernel(Some(true)), "web.sub.shop.svc.cluster.local");
    assert_eq!(kernel(Some(false)), "web");
    assert_eq!(kernel(None), "web");
    // Without a domain there is nothing to add.
    assert_eq!(named("web", None, true).kernel().unwrap(), "web");
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
    let alias = |ip: &str, names: Option<&[&str]>| v1::HostAlias {
        ip: ip.into(),
        hostnames: names.map(|names| names.iter().map(|&name| name.into()).collect()),
    };
    let file = hosts_file(
        Known::Pod(&named("web", None, false), &[address("10.200.0.5")]),
        &[
            alias("127.0.0.1", Some(&["foo.local", "bar.local"])),
            alias("FE80::0:1", Some(&["link"])),
            alias("10.1.2.3", None),
        ],
    );
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
    let alias = v1::HostAlias {
        ip: "10.0.0.1".into(),
        hostnames: Some(vec!["db".into()]),
    };
    let file = hosts_file(Known::Node("127.0.0.1 localhost\n10.0.0.9 box\n"), &[alias]);
    assert_eq!(
        file,
        "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n10.0.0.9 box\n\n# Entries added by HostAliases.\n10.0.0.1\tdb\n"
    );
}
