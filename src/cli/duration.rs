//! Durations as Go's programs take them on the command line (`time.ParseDuration`): `30s`, `1m30s`, `1.5h`, `0`.

use std::time::Duration;

/// A span of time that may be negative, which means different things to different flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub negative: bool,
    pub length: Duration,
}

impl Span {
    pub const fn seconds(seconds: u64) -> Span {
        Span {
            negative: false,
            length: Duration::from_secs(seconds),
        }
    }
}

/// Reads one, or says what is wrong with it in Go's words.
pub fn parse(text: &str) -> Result<Span, String> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Span::seconds(0));
    }
    let mut rest = rest;
    let mut nanos = 0u128;
    if rest.is_empty() {
        return Err(invalid(text));
    }
    while !rest.is_empty() {
        let (part, after) = piece(rest, text)?;
        nanos = nanos.saturating_add(part);
        rest = after;
    }
    let nanos = u64::try_from(nanos).map_err(|_| invalid(text))?;
    Ok(Span {
        negative,
        length: Duration::from_nanos(nanos),
    })
}

/// One number and its unit, in nanoseconds, and what follows them.
fn piece<'t>(rest: &'t str, whole: &str) -> Result<(u128, &'t str), String> {
    let number_end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, rest) = rest.split_at(number_end);
    let unit_end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    if before.is_empty() && after.is_empty() || after.contains('.') {
        return Err(invalid(whole));
    }
    let scale: u128 = match unit {
        "" => return Err(format!("time: missing unit in duration {whole:?}")),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        other => {
            return Err(format!(
                "time: unknown unit {other:?} in duration {whole:?}"
            ));
        }
    };
    let digits = |text: &str| -> Result<u128, String> {
        // More digits than this say nothing a clock could tell.
        let text = &text[..text.len().min(18)];
        if text.is_empty() {
            Ok(0)
        } else {
            text.parse().map_err(|_| invalid(whole))
        }
    };
    if before.len() > 18 {
        return Err(invalid(whole));
    }
    let places = u32::try_from(after.len().min(18)).unwrap_or(18);
    let fraction = digits(after)? * scale / 10u128.pow(places);
    Ok((digits(before)? * scale + fraction, rest))
}

fn invalid(text: &str) -> String {
    format!("time: invalid duration {text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> u128 {
        parse(text).unwrap().length.as_nanos()
    }

    #[test]
    fn go_durations_are_read() {
        assert_eq!(nanos("0"), 0);
        assert_eq!(nanos("30s"), 30_000_000_000);
        assert_eq!(nanos("1h2m3s"), 3_723_000_000_000);
        assert_eq!(nanos("1.5h"), 5_400_000_000_000);
        assert_eq!(nanos(".5s"), 500_000_000);
        assert_eq!(nanos("250ms"), 250_000_000);
        assert_eq!(nanos("10µs"), 10_000);
        assert!(parse("-1s").unwrap().negative);
    }

    #[test]
    fn what_is_none_is_refused_in_gos_words() {
        let refused = |text| parse(text).unwrap_err();
        assert_eq!(refused("10"), "time: missing unit in duration \"10\"");
        assert_eq!(refused("5d"), "time: unknown unit \"d\" in duration \"5d\"");
        for text in [
            "",
            "-",
            "s",
            ".s",
            "1.2.3s",
            "99999999999999999999h",
            "99999999h",
        ] {
            assert!(
                parse(text).unwrap_err().contains("invalid duration"),
                "{text}"
            );
        }
    }
}
