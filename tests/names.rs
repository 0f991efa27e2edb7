//! What a pod is called and whom it knows: the generated files in its containers, and what its lookups answer.

mod common;

use common::{Host, Pod, container, eventually, pod};
use serde_json::json;

/// A pod that runs this script in the toolbox's shell.
fn script(name: &str, text: &str) -> Pod {
    pod(name)
        .restart("Never")
        .container(container("app").command(["sh", "-c", text]))
}

fn said(pod: &Pod) -> String {
    let host = Host::new();
    let file = host.file("pod.yaml", pod.to_string());
    host.run(["run".as_ref(), file.as_os_str()])
        .success()
        .stdout
}

/// A name server at the pod's own loopback, where nobody listens: what is not in the hosts file is not known.
fn nobody() -> serde_json::Value {
    json!({"nameservers": ["127.0.0.1"], "options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]})
}

/// What of the events of a whole run has this reason.
fn events(pod: &Pod, reason: &str) -> Vec<String> {
    let host = Host::new();
    let file = host.file("pod.yaml", pod.to_string());
    let run = host.run([
        "run".as_ref(),
        file.as_os_str(),
        "-o".as_ref(),
        "events".as_ref(),
    ]);
    let lines = run.stdout.lines().filter(|line| line.contains(reason));
    lines.map(str::to_owned).collect()
}

const HEAD: &str = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
                    fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n";

#[test]
fn the_hosts_file_is_the_kubelets_to_the_byte() {
    let pod = script("web", "cat /etc/hosts")
        .set("spec.hostname", "front")
        .set("spec.subdomain", "sub")
        .set(
            "spec.hostAliases",
            json!([{"ip": "127.0.0.1", "hostnames": ["foo.local", "bar.local"]}, {"ip": "10.1.2.3", "hostnames": ["foo.remote"]}]),
        );
    assert_eq!(
        said(&pod),
        format!(
            "{HEAD}192.0.0.8\tfront.sub.default.svc.cluster.local\tfront\n\n# Entries added by HostAliases.\n127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tfoo.remote\n"
        )
    );
    assert_eq!(
        said(&script("web", "cat /etc/hosts")),
        format!("{HEAD}192.0.0.8\tweb\n")
    );
}

#[test]
fn lookups_answer_what_the_hosts_file_says() {
    let text = "for name in web web.sub.default.svc.cluster.local WEB foo.remote ip6-allnodes localhost; do getent hosts $name; done; \
                getent hosts nobody.local; echo $?";
    let pod = script("web", text)
        .set("spec.subdomain", "sub")
        .set("spec.dnsPolicy", "None")
        .set("spec.dnsConfig", nobody())
        .set(
            "spec.hostAliases",
            json!([{"ip": "10.1.2.3", "hostnames": ["foo.remote", "bar.remote"]}]),
        );
    assert_eq!(
        said(&pod),
        "192.0.0.8       web.sub.default.svc.cluster.local web\n\
         192.0.0.8       web.sub.default.svc.cluster.local web\n\
         192.0.0.8       web.sub.default.svc.cluster.local web\n\
         10.1.2.3        foo.remote bar.remote\n\
         fe00::1         ip6-allnodes\n\
         127.0.0.1       localhost\n\
         ::1             localhost ip6-localhost ip6-loopback\n\
         2\n"
    );
}

#[test]
fn the_host_name_is_the_full_one_on_request() {
    let text = "hostname; echo $HOSTNAME; cat /etc/hostname; hostname -f";
    let pod = script("web", text).set("spec.subdomain", "sub");
    let full = "web.sub.default.svc.cluster.local";
    assert_eq!(said(&pod), format!("web\nweb\nweb\n{full}\n"));
    let pod = pod.set("spec.setHostnameAsFQDN", true);
    assert_eq!(said(&pod), format!("{full}\n{full}\n{full}\n{full}\n"));
    let pod = script("web", text).set("spec.hostnameOverride", "db.example.com");
    assert_eq!(said(&pod), "db.example.com\n".repeat(4));
}

fn too_long() -> Pod {
    script("web", "true")
        .set("spec.subdomain", "s".repeat(40))
        .set("spec.setHostnameAsFQDN", true)
}

const TOO_LONG: &str = "failed to construct FQDN from pod hostname and cluster domain, FQDN web.ssssssssssssssssssssssssssssssssssssssss.default.svc.cluster.local is too long (64 characters is the max, 70 characters requested)";

#[test]
fn a_full_name_that_linux_would_not_take_starts_nothing() {
    let host = Host::new();
    let file = host.file("pod.yaml", too_long().to_string());
    let run = host.run(["run".as_ref(), file.as_os_str()]);
    assert_eq!(run.code(), 1, "{run}");
    assert!(run.stderr.contains(TOO_LONG), "{run}");
}

#[test]
fn a_stored_pod_with_such_a_name_waits_and_says_why() {
    let host = Host::new();
    let file = host.file("pod.yaml", too_long().to_string());
    host.run(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])
        .success();
    let text = format!("Failed to create pod sandbox: {TOO_LONG}");
    eventually("the event is there", || {
        let page = host.run(["describe", "pod", "web"]).success();
        page.stdout.contains(&text).then_some(())
    });
    let pods = host.run(["get", "pods"]).success();
    assert!(pods.stdout.contains("0/1     ContainerCreating"), "{pods}");
    host.run(["delete", "pod", "web"]).success();
}

#[test]
fn a_pod_with_a_policy_of_its_own_has_its_own_resolv_conf() {
    let config = json!({"nameservers": ["192.0.2.1"], "searches": ["ns1.svc.cluster-domain.example", "my.dns.search.suffix"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]});
    let pod = script("dns-example", "cat /etc/resolv.conf")
        .set("spec.dnsPolicy", "None")
        .set("spec.dnsConfig", config);
    assert_eq!(
        said(&pod),
        "search ns1.svc.cluster-domain.example my.dns.search.suffix\nnameserver 192.0.2.1\noptions ndots:2 edns0\n"
    );
}

#[test]
fn a_pod_that_asks_for_the_clusters_dns_hears_once_that_there_is_none() {
    let pod = script("web", "true").set("spec.dnsPolicy", "ClusterFirstWithHostNet");
    let told = events(&pod, "MissingClusterDNS");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy."),
        "{told:?}"
    );
    // ClusterFirst is what a pod has that asks for nothing.
    for policy in ["Default", "ClusterFirst"] {
        let quiet = script("web", "true").set("spec.dnsPolicy", policy);
        assert_eq!(events(&quiet, "MissingClusterDNS"), [""; 0], "{policy}");
    }
}

#[test]
fn what_one_container_writes_into_the_files_all_of_them_see() {
    let pod = pod("web")
        .restart("Never")
        .init(container("write").command([
            "sh",
            "-c",
            "echo '10.9.9.9 cache' >> /etc/hosts; echo 'search x' > /etc/resolv.conf",
        ]))
        .container(container("read").command([
            "sh",
            "-c",
            "getent hosts cache; cat /etc/resolv.conf",
        ]));
    assert_eq!(said(&pod), "10.9.9.9        cache\nsearch x\n");
}

#[test]
fn a_container_with_a_hosts_file_of_its_own_looks_names_up_in_it() {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hosts"},
        "data": {"hosts": "127.0.0.1 localhost\n10.7.7.7 db\n"}});
    let mounts = json!([{"name": "hosts", "mountPath": "/etc/hosts", "subPath": "hosts"}]);
    let looks = ["sh", "-c", "getent hosts db || echo unknown"];
    let pod = pod("web")
        .restart("Never")
        .set(
            "spec.volumes",
            json!([{"name": "hosts", "configMap": {"name": "hosts"}}]),
        )
        .set("spec.dnsPolicy", "None")
        .set("spec.dnsConfig", nobody())
        .init(container("pods").command(looks))
        .container(container("own").command(looks).set("volumeMounts", mounts));
    let host = Host::new();
    let file = host.file("pod.yaml", format!("{map}\n---\n{pod}"));
    let run = host.run(["run".as_ref(), file.as_os_str()]).success();
    assert_eq!(run.stdout, "unknown\n10.7.7.7        db\n");
}

#[test]
fn on_the_hosts_network_the_files_are_the_machines() {
    let node = std::fs::read_to_string("/etc/hosts").expect("a machine has a hosts file");
    let pod = script("web", "cat /etc/hosts").set("spec.hostNetwork", true);
    assert_eq!(
        said(&pod),
        format!("# Kubernetes-managed hosts file (host network).\n{node}")
    );
}
