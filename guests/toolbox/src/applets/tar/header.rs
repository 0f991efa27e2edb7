//! The block before each member (POSIX.1-1988 ustar; GNU tar's long names and large numbers; pax's path, linkpath, size).

use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const BLOCK: usize = 512;

/// A name may be long, but not without end.
const LONGEST: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Link,
    /// A further name of an earlier member.
    HardLink,
    /// Devices and the like, which a guest cannot make.
    Other(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub kind: Kind,
    pub size: u64,
    pub modified: SystemTime,
    pub target: String,
}

impl Header {
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.name.len() > 100 {
            write_long(b'L', &self.name, to)?;
        }
        if self.target.len() > 100 {
            write_long(b'K', &self.target, to)?;
        }
        let flag = match self.kind {
            Kind::File => b'0',
            Kind::HardLink => b'1',
            Kind::Link => b'2',
            Kind::Directory => b'5',
            Kind::Other(flag) => flag,
        };
        let modified = self.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mode = if self.kind == Kind::Directory {
            0o755
        } else {
            0o644
        };
        to.write_all(&block(
            &self.name,
            flag,
            self.size,
            modified.as_secs(),
            mode,
            &self.target,
        ))
    }

    /// The next member's; none at the end of the archive.
    pub fn read(from: &mut dyn Read) -> io::Result<Option<Header>> {
        let (mut name, mut target, mut size) = (None, None, None);
        loop {
            let mut bytes = [0; BLOCK];
            if !fill(from, &mut bytes)? || bytes.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            if number(&bytes[148..156])? != checksum(&bytes) {
                return Err(corrupt("this does not look like a tar archive"));
            }
            let length = number(&bytes[124..136])?;
            match bytes[156] {
                b'L' => name = Some(text(&read_long(from, length)?)),
                b'K' => target = Some(text(&read_long(from, length)?)),
                b'x' => {
                    for (key, value) in pax(&read_long(from, length)?)? {
                        match key.as_str() {
                            "path" => name = Some(value),
                            "linkpath" => target = Some(value),
                            "size" => size = value.parse().ok(),
                            _ => {}
                        }
                    }
                }
                b'g' => drop(read_long(from, length)?),
                flag => {
                    return Ok(Some(Header {
                        name: name.unwrap_or_else(|| full_name(&bytes)),
                        kind: kind(flag),
                        size: size.unwrap_or(length),
                        modified: UNIX_EPOCH + Duration::from_secs(number(&bytes[136..148])?),
                        target: target.unwrap_or_else(|| text(&bytes[157..257])),
                    }));
                }
            }
        }
    }
}

/// How many bytes follow content of this length to the next block.
pub fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn kind(flag: u8) -> Kind {
    match flag {
        b'0' | 0 | b'7' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Link,
        b'5' => Kind::Directory,
        other => Kind::Other(other),
    }
}

fn block(name: &str, flag: u8, size: u64, modified: u64, mode: u64, target: &str) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    put(&mut bytes[..100], name.as_bytes());
    put_number(&mut bytes[100..108], mode);
    put_number(&mut bytes[108..116], 0);
    put_number(&mut bytes[116..124], 0);
    put_number(&mut bytes[124..136], size);
    put_number(&mut bytes[136..148], modified);
    bytes[156] = flag;
    put(&mut bytes[157..257], target.as_bytes());
    put(&mut bytes[257..265], b"ustar\x0000");
    let sum = checksum(&bytes);
    put(&mut bytes[148..156], format!("{sum:06o}\0 ").as_bytes());
    bytes
}

fn write_long(flag: u8, text: &str, to: &mut dyn Write) -> io::Result<()> {
    let size = text.len() as u64 + 1;
    to.write_all(&block("././@LongLink", flag, size, 0, 0, ""))?;
    to.write_all(text.as_bytes())?;
    to.write_all(&vec![0; 1 + padding(size) as usize])
}

fn read_long(from: &mut dyn Read, length: u64) -> io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(corrupt("a name in the archive is too long"));
    }
    let mut bytes = vec![0; (length + padding(length)) as usize];
    from.read_exact(&mut bytes)?;
    bytes.truncate(length as usize);
    Ok(bytes)
}

/// Records `LENGTH KEY=VALUE\n` (POSIX.1-2001 pax).
fn pax(mut bytes: &[u8]) -> io::Result<Vec<(String, String)>> {
    let bad = || corrupt("a pax header makes no sense");
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let space = bytes
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or_else(bad)?;
        let length: usize = text(&bytes[..space]).parse().map_err(|_| bad())?;
        let record = bytes.get(space + 1..length).ok_or_else(bad)?;
        let record = record.strip_suffix(b"\n").ok_or_else(bad)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(bad)?;
        records.push((text(&record[..equals]), text(&record[equals + 1..])));
        bytes = &bytes[length..];
    }
    Ok(records)
}

fn full_name(bytes: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&bytes[..100]), text(&bytes[345..500]));
    // GNU's own format has other things where ustar has the prefix.
    match prefix.is_empty() || &bytes[257..263] != b"ustar\0" {
        true => name,
        false => format!("{prefix}/{name}"),
    }
}

/// Up to the first NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn put(into: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(into.len());
    into[..length].copy_from_slice(&bytes[..length]);
}

/// Octal digits; what is too large for them as GNU does, in binary behind a set bit.
fn put_number(into: &mut [u8], value: u64) {
    let digits = format!("{value:0width$o}", width = into.len() - 1);
    if digits.len() < into.len() {
        return put(into, digits.as_bytes());
    }
    into.fill(0);
    into[0] = 0x80;
    let at = into.len() - 8;
    into[at..].copy_from_slice(&value.to_be_bytes());
}

fn number(bytes: &[u8]) -> io::Result<u64> {
    let bad = || corrupt("a number in the archive makes no sense");
    if bytes[0] & 0x80 != 0 {
        let (high, low) = bytes.split_at(bytes.len().saturating_sub(8));
        if high.iter().skip(1).any(|byte| *byte != 0) || bytes[0] != 0x80 || high.is_empty() {
            return Err(bad());
        }
        return Ok(low
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    let digits = text(bytes);
    match digits.trim_matches(' ') {
        "" => Ok(0),
        digits => u64::from_str_radix(digits, 8).map_err(|_| bad()),
    }
}

/// The sum of all bytes, those of the sum itself taken as spaces.
fn checksum(bytes: &[u8; BLOCK]) -> u64 {
    let sum = |part: &[u8]| part.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(&bytes[..148]) + 8 * u64::from(b' ') + sum(&bytes[156..])
}

/// False at the end, which may come without the blocks that mark it.
fn fill(from: &mut dyn Read, bytes: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < BLOCK {
        match from.read(&mut bytes[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(corrupt("unexpected end of the archive")),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

pub fn corrupt(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
