use std::net::UdpSocket;

use super::message::{Answer, Kind, parse, question, reverse};
use super::*;
use crate::testing::run;

/// A server that answers `count` questions, all of which it was prepared for, and says at which port it listens.
fn serve(count: usize, answer: fn(&[u8]) -> Vec<u8>) -> (String, std::thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        for _ in 0..count {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&answer(&buffer[..length]), from).unwrap();
        }
    });
    (format!("-port={port}"), thread)
}

/// The question again, as a reply with this code and these answers (all of them about the name asked for).
fn replied(packet: &[u8], code: u8, answers: &[(u16, &[u8])]) -> Vec<u8> {
    let mut reply = packet.to_vec();
    (reply[2], reply[3], reply[7]) = (0x85, 0x80 | code, answers.len() as u8);
    for (kind, data) in answers {
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        reply.extend(*data);
    }
    reply
}

fn kind(packet: &[u8]) -> u16 {
    u16::from(packet[packet.len() - 3])
}

#[test]
fn a_name_has_addresses_of_both_families() {
    let (port, server) = serve(2, |packet| match kind(packet) {
        1 => replied(packet, 0, &[(1, &[10, 0, 0, 1])]),
        _ => replied(
            packet,
            0,
            &[(28, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])],
        ),
    });
    let ran = run("nslookup", &[&port, "db.example.", "127.0.0.1"]);
    server.join().unwrap();
    let port = port.trim_start_matches("-port=");
    assert_eq!(
        ran.out,
        format!(
            "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1:{port}\n\nName:\tdb.example\nAddress: 10.0.0.1\nName:\tdb.example\nAddress: fd00::1\n\n"
        )
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn what_the_server_does_not_know_is_an_error() {
    let (port, server) = serve(2, |packet| replied(packet, 3, &[]));
    let ran = run("nslookup", &[&port, "no.example.", "127.0.0.1"]);
    server.join().unwrap();
    assert_eq!(ran.code, 1);
    assert!(
        ran.out
            .ends_with("\n** server can't find no.example: NXDOMAIN\n\n"),
        "{}",
        ran.out
    );
    let (port, server) = serve(1, |packet| replied(packet, 5, &[]));
    let ran = run("nslookup", &[&port, "-type=a", "x.", "127.0.0.1"]);
    server.join().unwrap();
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err, "nslookup: server can't answer x.: REFUSED\n");
}

#[test]
fn a_silent_server_is_not_waited_for_for_ever() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = format!("-port={}", silent.local_addr().unwrap().port());
    let ran = run("nslookup", &[&port, "-timeout=0", "x.", "127.0.0.1"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("connection timed out; no servers could be reached"),
        "{}",
        ran.err
    );
}

#[test]
fn the_search_list_is_tried_in_order() {
    let conf = Conf::parse(
        "search a.example b.example.\noptions ndots:2 rotate\nnameserver x\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n",
    );
    assert_eq!(conf.server, Some([10, 0, 0, 1].into()));
    assert_eq!(
        conf.candidates("db"),
        ["db.a.example", "db.b.example", "db"]
    );
    assert_eq!(
        conf.candidates("a.b.c"),
        ["a.b.c", "a.b.c.a.example", "a.b.c.b.example"]
    );
    assert_eq!(conf.candidates("db."), ["db."]);
}

#[test]
fn answers_of_all_kinds_are_read() {
    let packet = question(7, "x.example", Kind::Srv).unwrap();
    let target = [0, 1, 0, 2, 0, 80, 3, b'w', b'e', b'b', 0xc0, 14];
    let reply = parse(&replied(
        &packet,
        0,
        &[
            (33, &target),
            (5, &[0xc0, 14]),
            (16, b"\x02ab\x01c"),
            (99, &[1]),
        ],
    ));
    let reply = reply.unwrap();
    let name = || "x.example".to_owned();
    assert_eq!(reply.id, 7);
    assert_eq!(
        reply.answers,
        [
            Answer::Service(name(), "1 2 80 web.example".into()),
            Answer::Alias(name(), "example".into()),
            Answer::Text(name(), "abc".into()),
        ]
    );
}

#[test]
fn an_address_is_asked_for_its_name() {
    assert_eq!(reverse([10, 1, 2, 3].into()), "3.2.1.10.in-addr.arpa");
    let six = reverse("fd00::1".parse().unwrap());
    assert!(
        six.starts_with("1.0.0.0.") && six.ends_with(".0.0.d.f.ip6.arpa"),
        "{six}"
    );
}

#[test]
fn broken_messages_are_no_replies() {
    let packet = question(7, "x.example", Kind::A).unwrap();
    let whole = replied(&packet, 0, &[(1, &[10, 0, 0, 1])]);
    for length in 0..whole.len() {
        assert_eq!(parse(&whole[..length]), None, "{length}");
    }
    assert_eq!(parse(&packet), None, "a question");
    let mut circle = whole;
    let at = packet.len();
    circle[at..at + 2].copy_from_slice(&[0xc0, at as u8]);
    assert_eq!(parse(&circle), None);
    assert_eq!(question(1, "a..b", Kind::A), None);
    assert_eq!(question(1, &"a".repeat(64), Kind::A), None);
}

#[test]
fn nonsense_is_refused() {
    for wrong in [
        &[][..],
        &["-type=MX", "x"],
        &["-debug", "x"],
        &["a", "127.0.0.1", "c"],
    ] {
        assert_eq!(run("nslookup", wrong).code, 2, "{wrong:?}");
    }
}
