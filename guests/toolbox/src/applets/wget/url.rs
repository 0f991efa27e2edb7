//! The little of RFC 3986 that fetching over plain HTTP needs.

use crate::applet::{Failure, error};

#[derive(Clone, Debug, PartialEq)]
pub struct Url {
    pub host: String,
    pub port: u16,
    /// Path and query, as they go into the request line.
    pub target: String,
}

impl Url {
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) => {
                return error(format!("{text}: {scheme} is not supported, only http"));
            }
            None => text,
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return error(format!("{text}: user names in addresses are not supported"));
        }
        let (host, port) = split_port(authority)
            .ok_or_else(|| Failure::Error(format!("{text}: invalid address")))?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Url {
            host: host.to_owned(),
            port,
            target: encode(&format!("{slash}{path}")),
        })
    }

    /// Where a redirect leads from here.
    pub fn join(&self, location: &str) -> Result<Self, Failure> {
        if location.contains("://") {
            return Url::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Url::parse(rest);
        }
        let path = self.target.split('?').next().unwrap_or("/");
        let folder = &path[..=path.rfind('/').unwrap_or(0)];
        let target = if location.starts_with('/') {
            location.to_owned()
        } else {
            format!("{folder}{location}")
        };
        Ok(Url {
            target: encode(target.split('#').next().unwrap_or("/")),
            ..self.clone()
        })
    }

    /// The value of the Host header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == 80 {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The last part of the path, under which it is saved.
    pub fn file_name(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or("/");
        match path.rsplit('/').next() {
            None | Some("" | "." | "..") => "index.html",
            Some(name) => name,
        }
    }
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if rest.is_empty() => 80,
        None => return None,
    };
    (!host.is_empty()).then_some((host, port))
}

/// Nothing that would break the request line goes into it.
fn encode(target: &str) -> String {
    target
        .bytes()
        .map(|byte| match byte {
            0x21..=0x7e => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String) {
        let url = Url::parse(text).unwrap();
        (url.host, url.port, url.target)
    }

    #[test]
    fn addresses_are_taken_apart() {
        let rows = [
            ("http://a", ("a", 80, "/")),
            ("a:81/b/c?d=e#f", ("a", 81, "/b/c?d=e")),
            ("HTTP://[::1]:8080/x", ("::1", 8080, "/x")),
            ("http://a?q", ("a", 80, "/?q")),
            ("http://a/b c\r\n", ("a", 80, "/b%20c%0D%0A")),
        ];
        for (text, (host, port, target)) in rows {
            assert_eq!(
                parts(text),
                (host.to_owned(), port, target.to_owned()),
                "{text}"
            );
        }
        for wrong in [
            "https://a",
            "ftp://a",
            "http://",
            "http://a:x",
            "http://:80",
            "http://u@a",
            "[::1",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn redirects_are_joined() {
        let base = Url::parse("http://a:81/b/c?d").unwrap();
        let joined = |location| base.join(location).unwrap();
        assert_eq!(joined("/x").target, "/x");
        assert_eq!(joined("x").target, "/b/x");
        assert_eq!(joined("http://z/x").host, "z");
        assert_eq!(joined("//z/x").port, 80);
        assert!(base.join("https://z").is_err());
    }

    #[test]
    fn names_to_save_under() {
        let name = |text| Url::parse(text).unwrap().file_name().to_owned();
        assert_eq!(name("http://a"), "index.html");
        assert_eq!(name("http://a/b/c.tar?x=/y"), "c.tar");
        assert_eq!(name("http://a/.."), "index.html");
        assert_eq!(
            Url::parse("http://[::1]:81/").unwrap().authority(),
            "[::1]:81"
        );
    }
}
