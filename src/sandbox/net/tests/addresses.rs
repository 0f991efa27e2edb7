use super::super::addr::{Policy, Purpose, Verdict};
use super::*;

fn judge(host_network: bool, text: &str, purpose: Purpose) -> Verdict {
    Policy::new(vec![ip("10.9.8.7"), ip("fd00::7")], host_network).judge(ip(text), purpose)
}

#[test]
fn every_address_has_one_owner_for_every_purpose() {
    use Purpose::{Bind, Connect, Receive, Send};
    use Verdict::{Denied, Kernel, Virtual};
    let unavailable = Denied(Errno::EADDRNOTAVAIL);
    let unreachable = Denied(Errno::ENETUNREACH);
    let table: &[(&str, [Verdict; 4])] = &[
        // address, then: bind, connect, send, receive through the kernel
        (
            "127.0.0.1",
            [Virtual, Virtual, Virtual, Denied(Errno::EACCES)],
        ),
        (
            "127.255.255.254",
            [Virtual, Virtual, Virtual, Denied(Errno::EACCES)],
        ),
        ("::1", [Virtual, Virtual, Virtual, Denied(Errno::EACCES)]),
        (
            "10.9.8.7",
            [Virtual, Virtual, Virtual, Denied(Errno::EACCES)],
        ),
        (
            "fd00::7",
            [Virtual, Virtual, Virtual, Denied(Errno::EACCES)],
        ),
        (
            "0.0.0.0",
            [Virtual, Virtual, Virtual, Denied(Errno::EACCES)],
        ),
        ("::", [Virtual, Virtual, Virtual, Denied(Errno::EACCES)]),
        ("192.0.2.1", [unavailable, Kernel, Kernel, Kernel]),
        ("10.9.8.8", [unavailable, Kernel, Kernel, Kernel]),
        ("2001:db8::1", [unavailable, Kernel, Kernel, Kernel]),
        (
            "0.1.2.3",
            [unavailable, unreachable, unreachable, unreachable],
        ),
        (
            "224.0.0.1",
            [unavailable, unreachable, unreachable, unreachable],
        ),
        (
            "255.255.255.255",
            [unavailable, unreachable, Denied(Errno::EACCES), unreachable],
        ),
        (
            "ff02::1",
            [unavailable, unreachable, unreachable, unreachable],
        ),
        ("::ffff:127.0.0.1", [Denied(Errno::EINVAL); 4]),
        ("::ffff:192.0.2.1", [Denied(Errno::EINVAL); 4]),
        ("::127.0.0.1", [Denied(Errno::EINVAL); 4]),
    ];
    for (text, expected) in table {
        let found = [Bind, Connect, Send, Receive].map(|purpose| judge(false, text, purpose));
        assert_eq!(&found, expected, "{text}");
    }
}

#[test]
fn with_the_hosts_network_everything_is_the_kernels() {
    for text in [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "10.9.8.7",
        "192.0.2.1",
        "255.255.255.255",
    ] {
        assert_eq!(
            judge(true, text, Purpose::Connect),
            Verdict::Kernel,
            "{text}"
        );
        assert_eq!(judge(true, text, Purpose::Bind), Verdict::Kernel, "{text}");
    }
    assert_eq!(
        judge(true, "::ffff:127.0.0.1", Purpose::Connect),
        Verdict::Denied(Errno::EINVAL)
    );
}

#[test]
fn one_speaks_from_the_address_linux_would_choose() {
    let policy = Policy::new(vec![ip("10.9.8.7"), ip("fd00::7")], false);
    for (to, from) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.3.4.5", "127.0.0.1"),
        ("10.9.8.7", "10.9.8.7"),
        ("::1", "::1"),
        ("fd00::7", "fd00::7"),
    ] {
        assert_eq!(policy.source_for(ip(to)), ip(from), "to {to}");
    }
}
