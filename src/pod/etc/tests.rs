use std::os::unix::fs::MetadataExt;

use super::*;

fn pod(spec: &str) -> Pod {
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: web, namespace: shop}}, spec: {{containers: [{{name: app, image: ./a.wasm}}], {spec}}}}}"
    );
    let object = serde_yaml::from_str(&text).unwrap();
    let created = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    crate::spec::resolve(object, Path::new("/"), "u-1".into(), created).unwrap()
}

fn node() -> Node {
    Node {
        hosts: "127.0.0.1 localhost box\n".into(),
        resolv_conf: "# by hand\nnameserver 10.0.0.53\nsearch corp.example.\noptions rotate\n"
            .into(),
    }
}

fn placed(spec: &str) -> (tempfile::TempDir, Placed) {
    let dir = tempfile::tempdir().unwrap();
    let address: IpAddr = "10.1.2.3".parse().unwrap();
    let placed = Etc::new(&pod(spec), &[address], &node())
        .place(dir.path())
        .unwrap();
    (dir, placed)
}

fn said(placed: &Placed, name: &str) -> String {
    std::fs::read_to_string(placed.path(name)).unwrap()
}

#[test]
fn the_files_say_what_the_pod_is_called_and_whom_it_asks() {
    let (dir, placed) = placed("subdomain: sub, setHostnameAsFQDN: true");
    assert!(said(&placed, "hosts").ends_with("10.1.2.3\tweb.sub.shop.svc.cluster.local\tweb\n"));
    assert_eq!(
        said(&placed, "hostname"),
        "web.sub.shop.svc.cluster.local\n"
    );
    assert_eq!(
        said(&placed, "resolv.conf"),
        "search corp.example\nnameserver 10.0.0.53\noptions rotate\n"
    );
    assert_eq!(
        placed.etc.hostname.as_deref(),
        Ok("web.sub.shop.svc.cluster.local")
    );
    assert_eq!(
        placed.machine_servers(),
        ["10.0.0.53".parse::<IpAddr>().unwrap()]
    );
    assert_eq!(placed.etc.warnings[0].reason, "MissingClusterDNS");
    let mode = dir.path().join("etc-hosts").metadata().unwrap().mode();
    assert_eq!(mode & 0o7777, 0o644);
}

#[test]
fn on_the_hosts_network_they_say_what_the_machines_say() {
    let (_dir, placed) = placed("hostNetwork: true, subdomain: sub, setHostnameAsFQDN: true");
    assert_eq!(
        said(&placed, "hosts"),
        "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost box\n"
    );
    // The pod is told what its machine is called before it comes here.
    assert_eq!(said(&placed, "hostname"), "web\n");
    assert_eq!(placed.etc.warnings, []);
}

#[test]
fn a_machine_that_says_nothing_leaves_an_empty_file() {
    let etc = Etc::new(&pod("dnsPolicy: Default"), &[], &Node::default());
    assert_eq!(etc.resolv_conf, "");
    let comment = Node {
        resolv_conf: "# nothing\n".into(),
        ..Node::default()
    };
    let etc = Etc::new(&pod("dnsPolicy: Default"), &[], &comment);
    assert_eq!(etc.resolv_conf, "# nothing\n");
}

#[test]
fn a_name_too_long_for_the_kernel_is_an_error_of_its_own() {
    let spec = format!("subdomain: {}, setHostnameAsFQDN: true", "s".repeat(60));
    let (_dir, placed) = placed(&spec);
    let error = placed.etc.hostname.as_ref().unwrap_err();
    assert!(
        error.ends_with("is too long (64 characters is the max, 87 characters requested)"),
        "{error}"
    );
}

#[test]
fn every_container_has_the_same_files_and_none_in_the_place_of_its_own() {
    let (_dir, placed) = placed("");
    let roots = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    placed.link_into(roots[0].path(), |_| false).unwrap();
    placed
        .link_into(roots[1].path(), |path| path == Path::new("/etc/hosts"))
        .unwrap();
    for (root, names) in roots.iter().zip([
        &["hostname", "hosts", "resolv.conf"][..],
        &["hostname", "resolv.conf"],
    ]) {
        let etc = root.path().join("etc");
        let mut found: Vec<_> = std::fs::read_dir(&etc)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, names);
        for name in names {
            let inode = |path: PathBuf| path.metadata().unwrap().ino();
            assert_eq!(inode(etc.join(name)), inode(placed.path(name)), "{name}");
        }
    }
}

#[test]
fn the_stub_of_a_machine_is_known() {
    assert!(is_stub(
        "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n"
    ));
    assert!(!is_stub("nameserver 127.0.0.53\nnameserver 10.0.0.53\n"));
    assert!(!is_stub("nameserver 127.0.0.1\n"));
    assert!(!is_stub(""));
}

#[test]
fn what_a_container_mounts_in_their_place_is_what_it_looks_names_up_in() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hosts");
    std::fs::write(&file, "10.9.9.9 db\n").unwrap();
    let mounted = |path: &Path| (path == Path::new("/etc/hosts")).then(|| file.clone());
    let own = own_names(mounted).unwrap();
    assert!(matches!(own.hosts, Some(NameFile::Live(_))));
    assert!(own.resolv_conf.is_none());
    let own = own_names(|_| Some(dir.path().to_owned())).unwrap();
    assert!(
        matches!(own.resolv_conf, Some(NameFile::None)),
        "a directory"
    );
    assert!(own_names(|_| Some(dir.path().join("no"))).is_err());
    assert!(own_names(|_| None).unwrap().hosts.is_none());
}
