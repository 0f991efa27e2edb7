//! Reading a request's head, and the path it asks for.

#[derive(Debug, PartialEq)]
pub struct Request {
    pub method: String,
    /// As it was written, for the log.
    pub target: String,
    pub keep_alive: bool,
    /// How long the head was; what follows belongs to the next request.
    pub length: usize,
}

#[derive(Debug, PartialEq)]
pub enum Parsed {
    /// There is more to come.
    Incomplete,
    Request(Request),
    /// The status to answer with before hanging up.
    Wrong(u16),
}

/// A longer head is refused: a client must not fill our memory.
pub const HEAD_LIMIT: usize = 16 * 1024;

pub fn parse(bytes: &[u8]) -> Parsed {
    let Some(length) = head_length(bytes) else {
        return if bytes.len() > HEAD_LIMIT {
            Parsed::Wrong(431)
        } else {
            Parsed::Incomplete
        };
    };
    let Ok(head) = std::str::from_utf8(&bytes[..length]) else {
        return Parsed::Wrong(400);
    };
    let mut lines = head.lines();
    let words: Vec<&str> = lines.next().unwrap_or("").split(' ').collect();
    let [method, target, version] = words[..] else {
        return Parsed::Wrong(400);
    };
    if !matches!(version, "HTTP/1.0" | "HTTP/1.1") || !target.starts_with('/') || method.is_empty()
    {
        return Parsed::Wrong(400);
    }
    let header = |name: &str| {
        let mut headers = lines.clone().filter_map(|line| line.split_once(':'));
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let connection = header("connection").unwrap_or("").to_ascii_lowercase();
    let body = header("transfer-encoding").is_some()
        || header("content-length").is_some_and(|length| length != "0");
    Parsed::Request(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        // No body is ever read, so a connection cannot go on behind one.
        keep_alive: !body
            && (connection == "keep-alive" || (version == "HTTP/1.1" && connection != "close")),
        length,
    })
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    let crlf = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4);
    let lf = bytes
        .windows(2)
        .position(|two| two == b"\n\n")
        .map(|at| at + 2);
    crlf.into_iter().chain(lf).min()
}

/// The file path below the root that a target names, without a leading slash. `None` for what leads out of the root or could
/// not be a path at all.
pub fn path(target: &str) -> Option<String> {
    let path = target.split(['?', '#']).next().unwrap_or("");
    let decoded = String::from_utf8(decode(path.as_bytes())?).ok()?;
    let harmless = |part: &&str| *part != ".." && !part.contains(['\0', '\\']);
    let parts: Vec<&str> = decoded
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    parts.iter().all(harmless).then(|| parts.join("/"))
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        match parse(text.as_bytes()) {
            Parsed::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_read() {
        let text = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\nGET /next";
        let expected = Request {
            method: "GET".into(),
            target: "/a?b".into(),
            keep_alive: true,
            length: 30,
        };
        assert_eq!(request(text), expected);
        assert!(!request("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(request("GET / HTTP/1.0\nConnection: Keep-Alive\n\n").keep_alive);
        assert!(!request("GET / HTTP/1.1\r\nCONNECTION: close\r\n\r\n").keep_alive);
        assert!(!request("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").keep_alive);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(parse(b"GET / HTTP/1.1\r\n"), Parsed::Incomplete);
        for wrong in [
            "GET /\r\n\r\n",
            "GET x HTTP/1.1\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "\r\n\r\n",
            " / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(parse(wrong.as_bytes()), Parsed::Wrong(400), "{wrong}");
        }
        assert_eq!(parse(&[b'a'; HEAD_LIMIT + 1]), Parsed::Wrong(431));
        assert_eq!(parse(b"GET /\xff HTTP/1.1\r\n\r\n"), Parsed::Wrong(400));
    }

    #[test]
    fn no_path_leads_out() {
        let rows = [
            ("/", Some("")),
            ("/a/./b//c?x=/../y", Some("a/b/c")),
            ("/a%20b", Some("a b")),
            ("/..", None),
            ("/a/../../b", None),
            ("/%2e%2e/x", None),
            ("/a%2f..%2f..", None),
            ("/%00", None),
            ("/%zz", None),
            ("/%f", None),
            ("/%ff", None),
        ];
        for (target, expected) in rows {
            assert_eq!(path(target).as_deref(), expected, "{target}");
        }
    }
}
