use std::path::Path;

use super::*;

/// The pod `web` with this policy and this `dnsConfig`.
fn pod(policy: &str, host_network: bool, config: &str) -> Pod {
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: web, namespace: shop}}, spec: {{containers: [{{name: app, image: ./a.wasm}}], hostNetwork: {host_network}, dnsPolicy: {policy}, dnsConfig: {{{config}}}}}}}"
    );
    let object = serde_yaml::from_str(&text).unwrap();
    let created = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    super::super::resolve(object, Path::new("/"), "u-1".into(), created).unwrap()
}

const ANY_SERVER: &str = "nameservers: [192.0.2.1]";

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn conf(nameservers: &[&str], searches: &[&str], options: &[&str]) -> ResolvConf {
    ResolvConf {
        nameservers: strings(nameservers),
        searches: strings(searches),
        options: strings(options),
    }
}

fn node() -> ResolvConf {
    conf(&["10.0.0.53"], &["corp.example"], &["timeout:3", "rotate"])
}

#[test]
fn a_file_is_read_as_the_kubelet_reads_it() {
    let text = "# nameserver 9.9.9.9\n; nameserver 8.8.8.8\n  nameserver   10.0.0.53 trailing\nnameserver\nsearch old.example\n\
                domain ignored.example\nsearch a.example. b.example .\noptions ndots:2\noptions timeout:3 rotate\nnameserver fd00::53\n";
    assert_eq!(
        ResolvConf::parse(text),
        conf(
            &["10.0.0.53", "fd00::53"],
            &["a.example", "b.example", "."],
            &["timeout:3", "rotate"]
        )
    );
    assert_eq!(ResolvConf::parse(""), ResolvConf::default());
}

#[test]
fn what_a_policy_begins_with() {
    let table = [
        ("Default", false, true, false),
        ("Default", true, true, false),
        ("ClusterFirst", false, true, true),
        ("ClusterFirst", true, true, false),
        ("ClusterFirstWithHostNet", false, true, true),
        ("ClusterFirstWithHostNet", true, true, true),
        ("None", false, false, false),
        ("None", true, false, false),
    ];
    for (policy, host_network, nodes, warned) in table {
        let formed = form(&pod(policy, host_network, ANY_SERVER), node());
        let mut expected = if nodes { node() } else { ResolvConf::default() };
        expected.nameservers.push("192.0.2.1".into());
        assert_eq!(formed.resolv_conf, expected, "{policy} {host_network}");
        let warnings: Vec<_> = formed.warnings.iter().map(|one| one.reason).collect();
        let expected = if warned {
            &["MissingClusterDNS"][..]
        } else {
            &[]
        };
        assert_eq!(warnings, expected, "{policy} {host_network}");
    }
}

#[test]
fn the_kubelets_words_for_a_missing_cluster() {
    let formed = form(&pod("ClusterFirst", false, ""), node());
    assert_eq!(formed.resolv_conf, node());
    assert_eq!(
        formed.warnings[0].message,
        "pod: \"web_shop(u-1)\". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy."
    );
}

#[test]
fn the_pods_config_is_added_to_what_the_policy_gives() {
    let config = "nameservers: [1.2.3.4, 10.0.0.53], searches: [ns1.svc.cluster-domain.example, corp.example], \
                  options: [{name: ndots, value: '2'}, {name: timeout, value: '1'}, {name: rotate}, {name: edns0, value: ''}]";
    let formed = form(&pod("Default", false, config), node());
    assert_eq!(
        formed.resolv_conf,
        conf(
            &["10.0.0.53", "1.2.3.4"],
            &["corp.example", "ns1.svc.cluster-domain.example"],
            &["timeout:1", "rotate", "ndots:2", "edns0"]
        )
    );
    assert_eq!(formed.warnings, []);
}

#[test]
fn the_documentations_pod_has_the_documentations_file() {
    let config = "nameservers: [192.0.2.1], searches: [ns1.svc.cluster-domain.example, my.dns.search.suffix], \
                  options: [{name: ndots, value: '2'}, {name: edns0}]";
    assert_eq!(
        form(&pod("None", false, config), node()).resolv_conf.text(),
        "search ns1.svc.cluster-domain.example my.dns.search.suffix\nnameserver 192.0.2.1\noptions ndots:2 edns0\n"
    );
}

#[test]
fn the_fourth_name_server_is_left_out_and_it_is_said() {
    let config = "nameservers: [1.1.1.1, 2.2.2.2, 3.3.3.3]";
    let formed = form(&pod("Default", false, config), node());
    assert_eq!(
        formed.resolv_conf.nameservers,
        strings(&["10.0.0.53", "1.1.1.1", "2.2.2.2"])
    );
    assert_eq!(
        formed.warnings,
        [Warning {
            reason: "DNSConfigForming",
            message: "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.0.0.53 1.1.1.1 2.2.2.2".into()
        }]
    );
}

#[test]
fn search_paths_beyond_the_limits_are_left_out() {
    let formed = |searches: Vec<String>| {
        let node = ResolvConf {
            searches,
            ..ResolvConf::default()
        };
        form(&pod("Default", false, ""), node)
    };
    let message = |formed: &Formed| formed.warnings.first().map(|one| one.message.clone());
    let applied = |searches: &[String]| {
        Some(format!(
            "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {}",
            searches.join(" ")
        ))
    };
    let numbered =
        |count: usize| -> Vec<String> { (0..count).map(|at| format!("d{at}.example")).collect() };

    let fits = formed(numbered(32));
    assert_eq!(
        (fits.resolv_conf.searches.len(), message(&fits)),
        (32, None)
    );

    let many = formed(numbered(33));
    assert_eq!(many.resolv_conf.searches, numbered(32));
    assert_eq!(message(&many), applied(&numbered(32)));

    let long = formed(vec!["a".repeat(253), "b".repeat(254), "c".into()]);
    let kept = vec!["a".repeat(253), "c".to_owned()];
    assert_eq!(long.resolv_conf.searches, kept);
    assert_eq!(message(&long), applied(&kept));

    // Ten times 204 and nine spaces are 2049 characters: one too many.
    let wide = formed(vec!["w".repeat(204); 10]);
    assert_eq!(wide.resolv_conf.searches.len(), 9);
    let exact: Vec<_> = std::iter::once("w".repeat(203))
        .chain(std::iter::repeat_n("w".repeat(204), 9))
        .collect();
    assert_eq!(formed(exact).warnings, []);
}

#[test]
fn all_a_pod_hears_comes_in_the_kubelets_order() {
    let config = "nameservers: [1.1.1.1, 2.2.2.2, 3.3.3.3]";
    let mut node = node();
    node.searches.push("x".repeat(254));
    let formed = form(&pod("ClusterFirst", false, config), node);
    let said = formed
        .warnings
        .iter()
        .map(|one| one.message.split(' ').next().unwrap());
    assert_eq!(said.collect::<Vec<_>>(), ["pod:", "Nameserver", "Search"]);
}

#[test]
fn a_file_without_anything_has_no_lines() {
    assert_eq!(ResolvConf::default().text(), "");
    assert_eq!(
        conf(&["1.1.1.1", "2.2.2.2"], &[], &[]).text(),
        "nameserver 1.1.1.1\nnameserver 2.2.2.2\n"
    );
}
