//! The files in which a pod process leaves what its containers wrote, for whoever reads them.
//!
//! `CONTAINER/N.log` holds one instance of a container; N is its restart count. What was rotated away from it lies beside
//! it as `N.log.<when>`, in order of the name. Lines are of the CRI log format
//! (kubernetes/kubernetes `staging/src/k8s.io/cri-client/pkg/logs`).

use std::fmt;
use std::str::FromStr;

use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::civil::DateTime;
use k8s_openapi::jiff::tz::TimeZone;

/// The longest text of one record; a longer line is split (containerd `max_container_log_line_size`).
pub const LONGEST_RECORD: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub fn as_str(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Whether a record ends its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Partial,
    Full,
}

/// One record: `2026-01-31T12:00:00.123456789Z stdout F text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// RFC 3339 as it was written: [`Record::write`] writes UTC with nine digits, so that text sorts as time does.
    pub time: &'a str,
    pub stream: Stream,
    pub tag: Tag,
    pub text: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads one line, with or without its newline. None if it is no record, as a torn one is not.
    pub fn parse(line: &'a [u8]) -> Option<Record<'a>> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut fields = line.splitn(4, |&byte| byte == b' ');
        let time = std::str::from_utf8(fields.next()?).ok()?;
        let stream = match fields.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        // More tags may follow behind colons; only the first is defined.
        let tag = match fields.next()?.split(|&byte| byte == b':').next()? {
            b"P" => Tag::Partial,
            b"F" => Tag::Full,
            _ => return None,
        };
        let text = fields.next()?;
        Some(Record {
            time,
            stream,
            tag,
            text,
        })
    }

    /// Appends the record, of which the text comes in two pieces.
    pub fn write(into: &mut Vec<u8>, time: &str, stream: Stream, tag: Tag, text: [&[u8]; 2]) {
        let tag = match tag {
            Tag::Partial => " P ",
            Tag::Full => " F ",
        };
        into.extend_from_slice(time.as_bytes());
        into.push(b' ');
        into.extend_from_slice(stream.as_str().as_bytes());
        into.extend_from_slice(tag.as_bytes());
        into.extend_from_slice(text[0]);
        into.extend_from_slice(text[1]);
        into.push(b'\n');
    }
}

/// The time of a record.
pub fn record_time(now: Timestamp) -> String {
    format!("{now:.9}")
}

/// The name of a log file within its container's directory. Sorts in the order in which the files were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogName {
    pub instance: u32,
    pub age: Age,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Rotated away then, in microseconds since the epoch.
    Rotated(i64),
    /// Being written.
    Current,
}

/// As the kubelet names them (`pkg/kubelet/logs/container_log_manager.go`), and finer: a fast writer fills many in a second.
const ROTATED: &str = "%Y%m%d-%H%M%S.%6f";

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.log", self.instance)?;
        match self.age {
            Age::Current => Ok(()),
            Age::Rotated(micros) => {
                let when = Timestamp::from_microsecond(micros).map_err(|_| fmt::Error)?;
                write!(f, ".{}", when.strftime(ROTATED))
            }
        }
    }
}

/// Not a log file's name.
#[derive(Debug, PartialEq, Eq)]
pub struct NotALog;

impl FromStr for LogName {
    type Err = NotALog;

    fn from_str(name: &str) -> Result<LogName, NotALog> {
        let (instance, rest) = name.split_once(".log").ok_or(NotALog)?;
        let instance = instance.parse().map_err(|_| NotALog)?;
        let age = match rest.strip_prefix('.') {
            None if rest.is_empty() => Age::Current,
            None => return Err(NotALog),
            Some(when) => {
                let when = DateTime::strptime(ROTATED, when).map_err(|_| NotALog)?;
                let when = TimeZone::UTC.to_timestamp(when).map_err(|_| NotALog)?;
                Age::Rotated(when.as_microsecond())
            }
        };
        Ok(LogName { instance, age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut line = Vec::new();
        let time = record_time(Timestamp::from_nanosecond(1_769_860_800_120_000_000).unwrap());
        Record::write(
            &mut line,
            &time,
            Stream::Stderr,
            Tag::Partial,
            [b"a b", b" c "],
        );
        assert_eq!(line, b"2026-01-31T12:00:00.120000000Z stderr P a b c \n");
        let record = Record::parse(&line).unwrap();
        assert_eq!(record.time, time);
        assert_eq!((record.stream, record.tag), (Stream::Stderr, Tag::Partial));
        assert_eq!(record.text, b"a b c ");
    }

    #[test]
    fn an_empty_line_is_a_record() {
        let record = Record::parse(b"2026-01-31T12:00:00Z stdout F \n").unwrap();
        assert_eq!((record.text, record.tag), (&b""[..], Tag::Full));
    }

    #[test]
    fn a_tag_may_carry_others() {
        let record = Record::parse(b"2026-01-31T12:00:00Z stdout P:x text").unwrap();
        assert_eq!(record.tag, Tag::Partial);
    }

    #[test]
    fn what_is_torn_is_no_record() {
        for line in [
            "",
            "2026-01-31T12",
            "2026-01-31T12:00:00Z stdout F",
            "2026-01-31T12:00:00Z stdin F x",
            "2026-01-31T12:00:00Z stdout X x",
        ] {
            assert_eq!(Record::parse(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn names_sort_as_the_files_were_written() {
        let names = [
            "2.log.20260131-120000.000001",
            "2.log.20260131-120000.000002",
            "2.log",
            "10.log",
        ];
        let parsed: Vec<LogName> = names.iter().map(|name| name.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
        let shown: Vec<String> = parsed.iter().map(LogName::to_string).collect();
        assert_eq!(shown, names);
    }

    #[test]
    fn foreign_names_are_no_logs() {
        for name in [
            "log",
            "x.log",
            "1.logs",
            "1.log.gz",
            "1.log.20260131",
            "pod.log",
        ] {
            assert_eq!(name.parse::<LogName>(), Err(NotALog), "{name}");
        }
    }
}
