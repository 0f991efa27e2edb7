//! Localhost between containers, and the way in from the host.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::signal::Signal;

use super::common::{Host, container, free_port, pod};
use super::{assert_clean, run, spawn};

/// The host port is open before the server behind it listens, and resets whoever comes too early.
pub fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_server_is_reached_from_another_container_and_from_the_host() {
    let host = Host::new();
    let port = free_port();
    let server = container("server")
        .command(["httpd", "-f", "-p", "8080", "-h", "/etc"])
        .host_port(8080, port);
    let process = spawn(&host, &pod("server").container(server), &["-o", "events"]);
    process.stdout.wait_for("Started");
    let answer = super::common::eventually("the server answers", || {
        get(port, "/hostname")
            .ok()
            .filter(|answer| answer.contains("200"))
    });
    assert!(answer.ends_with("server\n"), "{answer}");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(143);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "the host port is closed with the pod"
    );
}

#[test]
fn a_host_port_that_is_taken_is_an_error_before_anything_runs() {
    let host = Host::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let server = container("server")
        .command(["httpd", "-f", "-p", "8080"])
        .host_port(8080, port);
    let run = run(&host, &pod("server").container(server)).assert_code(1);
    assert!(
        run.stderr.contains(&port.to_string()) && run.stderr.contains("hostPort"),
        "{run}"
    );
    assert_clean(&host);
}

#[test]
fn the_loopback_of_the_host_is_out_of_reach() {
    let host = Host::new();
    let secret = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = secret.local_addr().expect("it is bound").port().to_string();
    let nosy = container("nosy").command(["nc", "-w", "2", "127.0.0.1", &port]);
    let run = run(&host, &pod("nosy").restart("Never").container(nosy));
    assert_ne!(run.code(), 0, "{run}");
    secret
        .set_nonblocking(true)
        .expect("a socket can be made non-blocking");
    assert!(secret.accept().is_err(), "nobody knocked");
}

#[test]
fn a_pod_on_the_host_network_reaches_the_loopback_of_the_host() {
    let host = Host::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = server.local_addr().expect("it is bound").port().to_string();
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("the guest connects");
        stream
            .write_all(b"from the host\n")
            .expect("the guest reads");
    });
    let client = container("client").command(["nc", "-w", "5", "127.0.0.1", &port]);
    let pod = pod("client")
        .restart("Never")
        .set("spec.hostNetwork", true)
        .container(client);
    assert_eq!(run(&host, &pod).success().stdout, "from the host\n");
    answer.join().expect("the server's thread ends well");
}

#[test]
fn a_pod_on_the_host_network_has_the_name_of_the_host() {
    let host = Host::new();
    let name = nix::unistd::gethostname()
        .expect("a machine has a name")
        .into_string()
        .expect("in UTF-8");
    let app = container("app").command(["hostname"]);
    let pod = pod("named")
        .restart("Never")
        .set("spec.hostNetwork", true)
        .container(app);
    assert_eq!(run(&host, &pod).success().stdout, format!("{name}\n"));
}

#[test]
fn udp_comes_in_through_a_host_port() {
    let host = Host::new();
    let port = free_port();
    let ports = serde_json::json!([{ "containerPort": 9000, "hostPort": port, "protocol": "UDP" }]);
    let server = container("server")
        .command(["nc", "-u", "-l", "-p", "9000"])
        .set("ports", ports);
    let process = spawn(&host, &pod("udp").container(server), &[]);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    super::common::eventually("the datagram arrives", || {
        // Those that come before the server listens are lost, as datagrams are.
        socket.send_to(b"knock\n", ("127.0.0.1", port)).ok();
        process.stdout.text().contains("knock").then_some(())
    });
    process.signal(Signal::SIGTERM);
    process.wait();
}
