//! Reading an answer of HTTP/1.1.

use std::io::{BufRead, BufReader, Read, Write};

use crate::applet::{At, Failure, error};

/// An answer's head is not read further than this: a server that sends headers for ever is not waited for.
const HEAD_LIMIT: u64 = 64 * 1024;

#[derive(Debug)]
pub struct Head {
    pub status: u16,
    pub line: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn read(reader: &mut impl BufRead, from: &str) -> Result<Self, Failure> {
        let mut reader = reader.take(HEAD_LIMIT);
        let mut next = || {
            let mut line = Vec::new();
            reader.read_until(b'\n', &mut line).at(from)?;
            match line.pop() {
                Some(b'\n') => Ok(String::from_utf8_lossy(&line)
                    .trim_end_matches('\r')
                    .to_owned()),
                _ => error(format!("{from}: the answer ended within its head")),
            }
        };
        let line = next()?;
        let status = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5)?.parse().ok());
        let Some(status) = status else {
            return error(format!("{from}: not an answer of HTTP/1: '{line}'"));
        };
        let mut headers = Vec::new();
        loop {
            let header = next()?;
            if header.is_empty() {
                return Ok(Head {
                    status,
                    line,
                    headers,
                });
            }
            let (name, value) = header.split_once(':').unwrap_or((&header, ""));
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// How the end of a body is known.
#[derive(Debug, PartialEq)]
pub enum Framing {
    Chunked,
    Length(u64),
    UntilClose,
}

pub fn framing(head: &Head, from: &str) -> Result<Framing, Failure> {
    if let Some(encoding) = head.header("transfer-encoding") {
        return match encoding.eq_ignore_ascii_case("chunked") {
            true => Ok(Framing::Chunked),
            false => error(format!(
                "{from}: transfer encoding '{encoding}' is not supported"
            )),
        };
    }
    match head.header("content-length").map(str::parse) {
        None if matches!(head.status, 204 | 304) => Ok(Framing::Length(0)),
        None => Ok(Framing::UntilClose),
        Some(Ok(length)) => Ok(Framing::Length(length)),
        Some(Err(_)) => error(format!("{from}: invalid content-length")),
    }
}

/// Copies the body to `out`; a body that ends too early is an error.
pub fn copy_body(
    reader: &mut BufReader<impl Read>,
    framing: &Framing,
    out: &mut dyn Write,
    from: &str,
) -> Result<(), Failure> {
    match framing {
        Framing::UntilClose => copy(reader, None, out, from),
        Framing::Length(length) => copy(reader, Some(*length), out, from),
        Framing::Chunked => loop {
            let size = chunk_size(reader, from)?;
            if size == 0 {
                // What follows are trailers, of which we want none.
                return Ok(());
            }
            copy(reader, Some(size), out, from)?;
            if !line(reader, from)?.is_empty() {
                return error(format!("{from}: a chunk is longer than it says"));
            }
        },
    }
}

fn chunk_size(reader: &mut impl BufRead, from: &str) -> Result<u64, Failure> {
    let text = line(reader, from)?;
    let digits = text.split(';').next().unwrap_or("").trim();
    u64::from_str_radix(digits, 16)
        .or_else(|_| error(format!("{from}: invalid size of a chunk '{digits}'")))
}

fn line(reader: &mut impl BufRead, from: &str) -> Result<String, Failure> {
    let mut line = Vec::new();
    reader.take(1024).read_until(b'\n', &mut line).at(from)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn copy(
    reader: &mut impl BufRead,
    length: Option<u64>,
    out: &mut dyn Write,
    from: &str,
) -> Result<(), Failure> {
    let mut left = length.unwrap_or(u64::MAX);
    while left > 0 {
        let chunk = reader.fill_buf().at(from)?;
        if chunk.is_empty() {
            return match length {
                None => Ok(()),
                Some(_) => error(format!(
                    "{from}: connection closed with {left} bytes to come"
                )),
            };
        }
        let taken = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        out.write_all(&chunk[..taken])?;
        reader.consume(taken);
        left -= taken as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(text: &str) -> Result<(Head, String), String> {
        let mut reader = BufReader::new(text.as_bytes());
        let mut body = Vec::new();
        let read = |reader: &mut BufReader<&[u8]>, body: &mut Vec<u8>| {
            let head = Head::read(reader, "s")?;
            copy_body(reader, &framing(&head, "s")?, body, "s")?;
            Ok(head)
        };
        match read(&mut reader, &mut body) {
            Ok(head) => Ok((head, String::from_utf8(body).unwrap())),
            Err(Failure::Error(message)) => Err(message),
            Err(other) => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn bodies_end_in_three_ways() {
        let (head, body) =
            fetch("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nabcd").unwrap();
        assert_eq!(
            (head.status, head.header("x"), body.as_str()),
            (200, Some("y"), "ab")
        );
        assert_eq!(fetch("HTTP/1.0 200 OK\n\nabc").unwrap().1, "abc");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        assert_eq!(fetch(chunked).unwrap().1, "abcd");
        assert_eq!(fetch("HTTP/1.1 204 No Content\r\n\r\nrest").unwrap().1, "");
    }

    #[test]
    fn broken_answers_are_errors() {
        let rows = [
            ("", "ended within its head"),
            ("SSH-2.0\r\n\r\n", "not an answer of HTTP/1"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                "3 bytes to come",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                "invalid content-length",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "invalid size",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                "not supported",
            ),
        ];
        for (text, expected) in rows {
            assert!(fetch(text).unwrap_err().contains(expected), "{text}");
        }
    }
}
