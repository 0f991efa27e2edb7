//! DNS messages (RFC 1035), as much as a question and its answers need.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const NO_SUCH_NAME: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u16)]
pub enum Kind {
    A = 1,
    Cname = 5,
    Ptr = 12,
    Txt = 16,
    Aaaa = 28,
    Srv = 33,
}

#[derive(Debug, PartialEq)]
pub struct Reply {
    pub id: u16,
    pub code: u8,
    pub authoritative: bool,
    pub answers: Vec<Answer>,
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Address(String, IpAddr),
    Alias(String, String),
    Name(String, String),
    Text(String, String),
    /// Priority, weight, port and target.
    Service(String, String),
}

impl Reply {
    pub fn trouble(&self) -> String {
        match self.code {
            1 => "FORMERR".to_owned(),
            2 => "SERVFAIL".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            code => format!("code {code}"),
        }
    }
}

/// `None`: what is asked for is no name.
pub fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut packet = id.to_be_bytes().to_vec();
    // A standard query, recursion desired, one question.
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let name = name.strip_suffix('.').unwrap_or(name);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok();
        packet.push(length.filter(|length| (1..=63).contains(length))?);
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend((kind as u16).to_be_bytes());
    packet.extend([0, 1]);
    (name.len() <= 253).then_some(packet)
}

/// The name under which an address has its own.
pub fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().into_iter().rev();
            let digits = digits.map(|byte| format!("{:x}.{:x}.", byte & 15, byte >> 4));
            format!("{}ip6.arpa", digits.collect::<String>())
        }
    }
}

/// `None`: that was no reply.
pub fn parse(packet: &[u8]) -> Option<Reply> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let flags = word(2)?;
    if flags & 0x8000 == 0 {
        return None;
    }
    let mut at = 12;
    for _ in 0..word(4)? {
        at = name(packet, at)?.1 + 4;
    }
    let mut answers = Vec::new();
    for _ in 0..word(6)? {
        let (owner, after) = name(packet, at)?;
        let (kind, length) = (word(after)?, usize::from(word(after + 8)?));
        let start = after + 10;
        let data = packet.get(start..start + length)?;
        answers.extend(answer(packet, owner, kind, data, start));
        at = start + length;
    }
    Some(Reply {
        id: word(0)?,
        code: (flags & 15) as u8,
        authoritative: flags & 0x0400 != 0,
        answers,
    })
}

fn answer(packet: &[u8], owner: String, kind: u16, data: &[u8], at: usize) -> Option<Answer> {
    let target = |at: usize| Some(name(packet, at)?.0);
    Some(match kind {
        1 => Answer::Address(
            owner,
            <[u8; 4]>::try_from(data).map(Ipv4Addr::from).ok()?.into(),
        ),
        28 => Answer::Address(
            owner,
            <[u8; 16]>::try_from(data).map(Ipv6Addr::from).ok()?.into(),
        ),
        5 => Answer::Alias(owner, target(at)?),
        12 => Answer::Name(owner, target(at)?),
        16 => Answer::Text(owner, text(data)),
        33 => {
            let number = |at: usize| Some(u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?]));
            let (priority, weight, port) = (number(0)?, number(2)?, number(4)?);
            let target = target(at + 6)?;
            Answer::Service(owner, format!("{priority} {weight} {port} {target}"))
        }
        _ => return None,
    })
}

/// Strings with their lengths before them, joined.
fn text(mut data: &[u8]) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = data.split_first() {
        let (part, after) = rest.split_at(rest.len().min((*length).into()));
        text.push_str(&String::from_utf8_lossy(part));
        data = after;
    }
    text
}

/// The name at an offset, and where what follows it begins. Parts of a name may stand elsewhere in the message; each such jump
/// goes back, so it ends.
fn name(packet: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut labels, mut at, mut end, mut before) = (Vec::new(), start, None, start);
    loop {
        let length = usize::from(*packet.get(at)?);
        match length >> 6 {
            0 if length == 0 => break,
            0 => {
                let label = packet.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).into_owned());
                at += 1 + length;
            }
            3 => {
                let to = (length & 63) << 8 | usize::from(*packet.get(at + 1)?);
                end = end.or(Some(at + 2));
                if to >= before {
                    return None;
                }
                (at, before) = (to, to);
            }
            _ => return None,
        }
    }
    Some((labels.join("."), end.unwrap_or(at + 1)))
}
