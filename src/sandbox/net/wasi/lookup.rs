//! Names: what both versions ask of the network, and how it may fail.

use crate::sandbox::net::Attachment;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

/// Why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupFault {
    /// It is no name at all.
    InvalidArgument,
    /// Nobody knows it.
    Unresolvable,
    /// Those who might know it are silent; asking later may help.
    Temporary,
    /// The network forbids the question.
    AccessDenied,
    Permanent,
}

/// The addresses of `name`. A literal address is its own answer; mapped IPv6 addresses come back as IPv4.
pub(super) fn resolve(
    net: &Attachment,
    name: &str,
) -> impl Future<Output = Result<Vec<IpAddr>, LookupFault>> + Send + use<> {
    let literal = literal(name);
    let asked = (literal.is_none() && is_name(name)).then(|| net.resolve(name));
    async move {
        if let Some(address) = literal {
            return Ok(vec![address]);
        }
        let addresses = asked
            .ok_or(LookupFault::InvalidArgument)?
            .await
            .map_err(|error| fault(&error))?;
        Ok(addresses
            .into_iter()
            .map(|address| address.to_canonical())
            .collect())
    }
}

/// An address as text, an IPv6 one also in the brackets of a URL.
fn literal(name: &str) -> Option<IpAddr> {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// Whether `name` has the form of a host's name: labels of letters, digits, `-` and `_` (RFC 1123, and the underscore resolvers allow),
/// each of 1 to 63 bytes and all of 253 at most (RFC 1035), perhaps with a final dot. Names in other scripts must come in Punycode.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(allowed)
}

fn fault(error: &io::Error) -> LookupFault {
    match error.kind() {
        ErrorKind::NotFound => LookupFault::Unresolvable,
        ErrorKind::InvalidInput => LookupFault::InvalidArgument,
        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => {
            LookupFault::Temporary
        }
        ErrorKind::PermissionDenied => LookupFault::AccessDenied,
        _ => LookupFault::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_name, literal};

    #[test]
    fn literals_are_recognised() {
        assert_eq!(literal("127.0.0.2"), Some([127, 0, 0, 2].into()));
        assert_eq!(literal("::1"), Some("::1".parse().unwrap()));
        assert_eq!(literal("[::1]"), Some("::1".parse().unwrap()));
        assert_eq!(literal("[127.0.0.1]"), None);
        assert_eq!(literal("localhost"), None);
    }

    #[test]
    fn names_have_a_form() {
        for name in [
            "localhost",
            "a.b-c.example.",
            "_srv.host",
            "xn--bcher-kva.example",
            &"a".repeat(63),
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "a..b",
            "a b",
            "a/b",
            "bücher.example",
            "[::1",
            &"a".repeat(64),
            &"a.".repeat(128),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
