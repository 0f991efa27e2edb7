use std::sync::{Arc, Mutex, OnceLock};

use super::super::names::Names;
use super::*;

fn network(resolv_conf: Option<&str>) -> Network {
    Network::new(NetworkConfig {
        hostname: "web-0".into(),
        addresses: vec![ip("fd00::7"), ip("10.9.8.7")],
        hosts: vec![
            (ip("127.0.0.1"), vec!["localhost".into()]),
            (ip("10.0.0.1"), vec!["db".into(), "db.example".into()]),
            (ip("fd00::1"), vec!["DB".into()]),
            (ip("10.0.0.2"), vec!["db".into()]),
        ],
        resolv_conf: resolv_conf.map(str::to_owned),
        ..NetworkConfig::default()
    })
}

fn resolve(name: &str) -> Result<Vec<String>, io::ErrorKind> {
    let container = network(None).attach("app");
    let found = single_threaded().block_on(container.resolve(name));
    found
        .map(|all| all.iter().map(IpAddr::to_string).collect())
        .map_err(|error| error.kind())
}

#[test]
fn what_the_pod_knows_needs_no_server() {
    let table: &[(&str, &[&str])] = &[
        ("192.0.2.9", &["192.0.2.9"]),
        ("2001:db8::9", &["2001:db8::9"]),
        ("localhost", &["127.0.0.1"]),
        ("LocalHost.", &["127.0.0.1"]),
        ("app.localhost", &["127.0.0.1", "::1"]),
        ("db", &["10.0.0.1", "10.0.0.2", "fd00::1"]),
        ("db.example", &["10.0.0.1"]),
        ("web-0", &["10.9.8.7", "fd00::7"]),
    ];
    for (name, expected) in table {
        assert_eq!(resolve(name).unwrap(), *expected, "{name}");
    }
}

#[test]
fn what_nobody_knows_is_not_found() {
    let long = "a.".repeat(200);
    for (name, expected) in [
        ("nowhere", io::ErrorKind::NotFound),
        ("db.other", io::ErrorKind::NotFound),
        ("", io::ErrorKind::InvalidInput),
        ("a..b", io::ErrorKind::InvalidInput),
        ("a b", io::ErrorKind::InvalidInput),
        (&long, io::ErrorKind::InvalidInput),
    ] {
        assert_eq!(resolve(name).unwrap_err(), expected, "{name:?}");
    }
}

#[test]
fn a_pod_without_addresses_is_at_loopback() {
    let pod = Network::new(NetworkConfig {
        hostname: "solo".into(),
        ..NetworkConfig::default()
    });
    let found = single_threaded().block_on(pod.resolve("solo")).unwrap();
    assert_eq!(found, [ip("127.0.0.1"), ip("::1")]);
}

/// A name server of three lines: `db.pods.example` has an IPv4 address, `six.pods.example` an IPv6 one, nothing else exists.
/// Keeps the questions it was asked.
async fn serve(socket: tokio::net::UdpSocket, asked: Arc<Mutex<Vec<String>>>) {
    let mut buffer = [0; 512];
    loop {
        let (count, from) = socket.recv_from(&mut buffer).await.unwrap();
        let (name, end) = question(&buffer[..count]);
        let kind = buffer[end + 1];
        let address: &[u8] = match (name.as_str(), kind) {
            ("db.pods.example", 1) => &[10, 1, 1, 1],
            ("six.pods.example", 28) => &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6],
            _ => &[],
        };
        let exists = matches!(name.as_str(), "db.pods.example" | "six.pods.example");
        let mut reply = buffer[..2].to_vec();
        reply.extend([
            0x81,
            if exists { 0x80 } else { 0x83 },
            0,
            1,
            0,
            u8::from(!address.is_empty()),
            0,
            0,
            0,
            0,
        ]);
        reply.extend(&buffer[12..end + 4]);
        if !address.is_empty() {
            reply.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, address.len() as u8]);
            reply.extend(address);
        }
        asked.lock().unwrap().push(name);
        socket.send_to(&reply, from).await.unwrap();
    }
}

/// The name asked for, and where it ends.
fn question(packet: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while packet[at] > 0 {
        let length = usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    (labels.join("."), at + 1)
}

#[test]
fn the_rest_is_asked_of_the_pods_servers_with_its_search_domains() {
    let names = |port| {
        let config = NetworkConfig {
            resolv_conf: Some(
                "nameserver 127.0.0.1\nsearch pods.example example\noptions ndots:2 timeout:2"
                    .into(),
            ),
            ..NetworkConfig::default()
        };
        Names::new(&config).with_dns_port(port)
    };
    single_threaded().block_on(async {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let names = names(socket.local_addr().unwrap().port());
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(socket, asked.clone()));
        let resolver = OnceLock::new();
        let found = names.look_up_beyond(&resolver, "db").await.unwrap();
        assert_eq!(found, [ip("10.1.1.1")]);
        assert!(
            asked
                .lock()
                .unwrap()
                .iter()
                .all(|name| name == "db.pods.example"),
            "{asked:?}"
        );
        let found = names
            .look_up_beyond(&resolver, "six.pods.example.")
            .await
            .unwrap();
        assert_eq!(found, [ip("2001:db8::6")]);
        asked.lock().unwrap().clear();
        let nobody = names.look_up_beyond(&resolver, "nobody").await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::NotFound, "{nobody}");
        for name in ["nobody.pods.example", "nobody.example", "nobody"] {
            assert!(
                asked.lock().unwrap().iter().any(|asked| asked == name),
                "{name} in {asked:?}"
            );
        }
    });
}

#[test]
fn a_pod_without_servers_asks_nobody() {
    for text in [
        None,
        Some(""),
        Some("search example\n"),
        Some("nameserver nonsense"),
    ] {
        let container = network(text).attach("app");
        let error = single_threaded()
            .block_on(container.resolve("nowhere"))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{text:?}");
    }
}
