use std::sync::{Arc, Mutex, Weak};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::names::{Asking, Names};
use super::*;

const HOSTS: &str = "127.0.0.1\tlocalhost\n10.0.0.1\tdb db.example\nfd00::1\tDB\n10.0.0.2\tdb\n";

fn network(resolv_conf: Option<&str>) -> Network {
    Network::new(NetworkConfig {
        hostname: "web-0".into(),
        addresses: vec![ip("fd00::7"), ip("10.9.8.7")],
        hosts: NameFile::Text(HOSTS.into()),
        resolv_conf: text(resolv_conf),
        ..NetworkConfig::default()
    })
}

fn text(text: Option<&str>) -> NameFile {
    text.map_or(NameFile::None, |text| NameFile::Text(text.into()))
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

#[test]
fn what_a_container_writes_into_the_hosts_file_is_known_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "10.0.0.1 db\n").unwrap();
    let pod = Network::new(NetworkConfig {
        hosts: NameFile::Live(Arc::new(file.reopen().unwrap())),
        ..NetworkConfig::default()
    });
    let container = pod.attach("app");
    let found = |name| single_threaded().block_on(container.resolve(name));
    assert_eq!(found("db").unwrap(), [ip("10.0.0.1")]);
    std::fs::write(&file, "10.0.0.2 db cache\n").unwrap();
    assert_eq!(found("db").unwrap(), [ip("10.0.0.2")]);
    assert_eq!(found("cache").unwrap(), [ip("10.0.0.2")]);
    std::fs::write(&file, "").unwrap();
    assert!(found("db").is_err());
}

#[test]
fn a_container_may_have_files_of_its_own() {
    let pod = network(None);
    let own = OwnNames {
        hosts: Some(NameFile::Text("10.9.9.9 db\n".into())),
        resolv_conf: Some(NameFile::Text("nameserver 127.0.0.1\n".into())),
    };
    let (dns, one) = (pod.attach("dns"), pod.attach_with("one", own));
    let other = pod.attach("other");
    let server = dns.udp_socket(Family::V4).unwrap();
    server.bind(at("127.0.0.1:53")).unwrap();
    single_threaded().block_on(async {
        tokio::spawn(serve_inside(server));
        assert_eq!(one.resolve("db").await.unwrap(), [ip("10.9.9.9")]);
        let asked = one.resolve("db.pods.example").await.unwrap();
        assert_eq!(asked, [ip("10.1.1.1")]);
        let others = other.resolve("db").await.unwrap();
        assert_eq!(others[0], ip("10.0.0.1"));
        assert!(other.resolve("db.pods.example").await.is_err());
    });
}

/// What a name server of three lines says: `db.pods.example` has an IPv4 address, `six.pods.example` an IPv6 one, nothing else
/// exists.
fn reply(packet: &[u8]) -> Vec<u8> {
    let (name, end) = question(packet);
    let kind = packet[end + 1];
    let address: &[u8] = match (name.as_str(), kind) {
        ("db.pods.example", 1) => &[10, 1, 1, 1],
        ("six.pods.example", 28) => &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6],
        _ => &[],
    };
    let exists = matches!(name.as_str(), "db.pods.example" | "six.pods.example");
    let code = if exists { 0x80 } else { 0x83 };
    let answers = u8::from(!address.is_empty());
    let mut reply = packet[..2].to_vec();
    reply.extend([0x81, code, 0, 1, 0, answers, 0, 0, 0, 0]);
    reply.extend(&packet[12..end + 4]);
    if !address.is_empty() {
        reply.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, address.len() as u8]);
        reply.extend(address);
    }
    reply
}

/// Answers on a socket of the machine, and keeps the questions it was asked.
async fn serve(socket: tokio::net::UdpSocket, asked: Arc<Mutex<Vec<String>>>) {
    let mut buffer = [0; 512];
    loop {
        let (count, from) = socket.recv_from(&mut buffer).await.unwrap();
        asked.lock().unwrap().push(question(&buffer[..count]).0);
        socket
            .send_to(&reply(&buffer[..count]), from)
            .await
            .unwrap();
    }
}

/// The same on a socket of the pod.
async fn serve_inside(socket: UdpSocket) {
    loop {
        let packet = socket.recv().await.unwrap();
        socket
            .send(&reply(&packet.bytes), Some(packet.from))
            .await
            .unwrap();
    }
}

/// And as a stream, which has the length before each message.
async fn serve_stream(listener: TcpListener) {
    loop {
        let mut stream = listener.accept().await.unwrap();
        let mut length = [0; 2];
        while stream.read_exact(&mut length).await.is_ok() {
            let mut packet = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut packet).await.unwrap();
            let reply = reply(&packet);
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            stream.write_all(&length).await.unwrap();
            stream.write_all(&reply).await.unwrap();
        }
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

/// Names whose servers, the machine's, listen on another port.
fn names(resolv_conf: &str, port: u16) -> Names {
    let config = NetworkConfig {
        resolv_conf: text(Some(resolv_conf)),
        machine_servers: vec![ip("127.0.0.1")],
        ..NetworkConfig::default()
    };
    Names::new(&config).with_dns_port(port)
}

#[test]
fn the_rest_is_asked_of_the_pods_servers_with_its_search_domains() {
    const CONF: &str =
        "nameserver 127.0.0.1\nsearch pods.example example\noptions ndots:2 timeout:2 new-word";
    single_threaded().block_on(async {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let names = names(CONF, socket.local_addr().unwrap().port());
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(socket, asked.clone()));
        let asking = Asking::default();
        let look_up = async |name| {
            names
                .look_up_beyond(&asking, &OwnNames::default(), Weak::new(), name)
                .await
        };
        assert_eq!(look_up("db").await.unwrap(), [ip("10.1.1.1")]);
        let first = std::mem::take(&mut *asked.lock().unwrap());
        assert!(
            first.iter().all(|name| name == "db.pods.example"),
            "{first:?}"
        );
        assert_eq!(
            look_up("six.pods.example.").await.unwrap(),
            [ip("2001:db8::6")]
        );
        asked.lock().unwrap().clear();
        let nobody = look_up("nobody").await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::NotFound, "{nobody}");
        let mut order = std::mem::take(&mut *asked.lock().unwrap());
        order.dedup();
        assert_eq!(order, ["nobody.pods.example", "nobody.example", "nobody"]);
        // With as many dots as the option says, the name itself comes first.
        look_up("a.b.c").await.unwrap_err();
        assert_eq!(asked.lock().unwrap()[0], "a.b.c");
    });
}

#[test]
fn a_pod_without_ipv6_is_not_asked_about_it() {
    single_threaded().block_on(async {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let names = names("nameserver 127.0.0.1\noptions no-aaaa\n", port);
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(socket, asked.clone()));
        let asking = Asking::default();
        let own = OwnNames::default();
        let six = names.look_up_beyond(&asking, &own, Weak::new(), "six.pods.example");
        assert_eq!(six.await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(*asked.lock().unwrap(), ["six.pods.example"]);
    });
}

/// A pod that has its own name server, at its own loopback.
fn with_own_server(resolv_conf: &str) -> Network {
    Network::new(NetworkConfig {
        resolv_conf: text(Some(resolv_conf)),
        ..NetworkConfig::default()
    })
}

#[test]
fn a_server_at_the_pods_loopback_is_found_in_the_pod() {
    let pod = with_own_server("nameserver 127.0.0.1\nsearch pods.example\n");
    let (dns, app) = (pod.attach("dns"), pod.attach("app"));
    let server = dns.udp_socket(Family::V4).unwrap();
    server.bind(at("0.0.0.0:53")).unwrap();
    let found = single_threaded().block_on(async {
        tokio::spawn(serve_inside(server));
        app.resolve("db").await
    });
    assert_eq!(found.unwrap(), [ip("10.1.1.1")]);
}

#[test]
fn a_server_in_the_pod_may_be_asked_by_stream() {
    let pod = with_own_server("nameserver 127.0.0.1\noptions use-vc\n");
    let (dns, app) = (pod.attach("dns"), pod.attach("app"));
    let found = single_threaded().block_on(async {
        tokio::spawn(serve_stream(dns.listen(at("127.0.0.1:53")).unwrap()));
        app.resolve("db.pods.example").await
    });
    assert_eq!(found.unwrap(), [ip("10.1.1.1")]);
}

#[test]
fn a_server_at_the_hosts_loopback_is_out_of_reach() {
    single_threaded().block_on(async {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(socket, asked.clone()));
        let config = NetworkConfig {
            resolv_conf: text(Some("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")),
            ..NetworkConfig::default()
        };
        let names = Names::new(&config).with_dns_port(port);
        let app = Network::new(config).attach("app");
        let asking = Asking::default();
        let own = OwnNames::default();
        let answer = names.look_up_beyond(&asking, &own, app.downgrade(), "db.pods.example");
        answer.await.unwrap_err();
        assert_eq!(*asked.lock().unwrap(), [""; 0]);
    });
}

#[test]
fn another_resolv_conf_means_other_servers() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let pod = Network::new(NetworkConfig {
        resolv_conf: NameFile::Live(Arc::new(file.reopen().unwrap())),
        ..NetworkConfig::default()
    });
    let (dns, app) = (pod.attach("dns"), pod.attach("app"));
    let server = dns.udp_socket(Family::V4).unwrap();
    server.bind(at("127.0.0.1:53")).unwrap();
    single_threaded().block_on(async {
        tokio::spawn(serve_inside(server));
        assert!(app.resolve("db.pods.example").await.is_err());
        std::fs::write(&file, "nameserver 127.0.0.1\n").unwrap();
        let found = app.resolve("db.pods.example").await.unwrap();
        assert_eq!(found, [ip("10.1.1.1")]);
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
