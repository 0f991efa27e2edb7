//! date. Always UTC; setting the clock is not something a guest can do.

use std::fmt::Write as _;
use std::time::SystemTime;

use crate::applet::{Applet, At, Failure, Io, Outcome, usage};
use crate::clock::{Civil, DAYS, MONTHS, civil, days_from_civil, days_in_month, is_leap, split};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "date",
    usage: "[-uR] [-I[SPEC]] [-d TIME | -r FILE] [+FORMAT]",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let (args, iso) = take_iso(args)?;
    let options = options::parse(
        &args,
        "uRd:r:",
        &[
            ("utc", 'u'),
            ("universal", 'u'),
            ("rfc-email", 'R'),
            ("date", 'd'),
            ("reference", 'r'),
        ],
    )?;
    let time = match (options.value('d'), options.value('r')) {
        (Some(_), Some(_)) => return usage("-d and -r exclude each other"),
        (Some(text), None) => parse_time(text)?,
        (None, Some(path)) => split(
            std::fs::metadata(path)
                .and_then(|meta| meta.modified())
                .at(path)?,
        ),
        (None, None) => split(SystemTime::now()),
    };
    let format = match options.operands.as_slice() {
        [] if options.has('R') => "%a, %d %b %Y %H:%M:%S %z",
        [] => iso.unwrap_or("%a %b %e %H:%M:%S %Z %Y"),
        [format] => match format.strip_prefix('+') {
            Some(format) => format,
            None => {
                return usage(format!(
                    "invalid date '{format}': a guest cannot set the clock"
                ));
            }
        },
        [_, extra, ..] => return usage(format!("extra operand '{extra}'")),
    };
    writeln!(io.out, "{}", formatted(format, time))?;
    Ok(0)
}

/// `-I` alone takes a value only when it is glued on, which no other option here does.
fn take_iso(args: &[String]) -> Result<(Vec<String>, Option<&'static str>), Failure> {
    let mut iso = None;
    let mut others = Vec::new();
    for arg in args {
        let spec = match arg.as_str() {
            "--iso-8601" => Some(""),
            other => other
                .strip_prefix("-I")
                .or(other.strip_prefix("--iso-8601=")),
        };
        match spec {
            None => others.push(arg.clone()),
            Some("" | "date") => iso = Some("%Y-%m-%d"),
            Some("hours") => iso = Some("%Y-%m-%dT%H%:z"),
            Some("minutes") => iso = Some("%Y-%m-%dT%H:%M%:z"),
            Some("seconds") => iso = Some("%Y-%m-%dT%H:%M:%S%:z"),
            Some("ns") => iso = Some("%Y-%m-%dT%H:%M:%S,%N%:z"),
            Some(other) => return usage(format!("invalid argument '{other}' of -I")),
        }
    }
    Ok((others, iso))
}

/// `@SECONDS`, `now`, `YYYY-MM-DD[ T]HH:MM[:SS][Z]` or its first half.
fn parse_time(text: &str) -> Result<(i64, u32), Failure> {
    let parsed = match text.strip_prefix('@') {
        Some(seconds) => seconds.parse().ok().map(|seconds| (seconds, 0)),
        None if text == "now" => Some(split(SystemTime::now())),
        None => parse_civil(text).map(|seconds| (seconds, 0)),
    };
    parsed.map_or_else(|| usage(format!("invalid date '{text}'")), Ok)
}

fn parse_civil(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let numbers = |text: &str, separator| {
        text.split(separator)
            .map(|n| n.parse::<u32>().ok())
            .collect::<Option<Vec<_>>>()
    };
    let (date, time) = (numbers(date, '-')?, numbers(time, ':')?);
    let [year, month, day] = date[..] else {
        return None;
    };
    let (hour, minute, second) = match time[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let fits = (1..=12).contains(&month) && (1..=days_in_month(year.into(), month)).contains(&day);
    let valid = fits && hour < 24 && minute < 60 && second <= 60;
    let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    valid.then(|| days_from_civil(year.into(), month, day) * 86_400 + of_day)
}

/// Expands the letters of strftime. A letter that does not exist stands for itself, as in C libraries.
pub fn formatted(format: &str, (seconds, nanos): (i64, u32)) -> String {
    let c = civil(seconds);
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let flag = letters.next_if(|c| "-_:".contains(*c));
        match letters.next() {
            Some(letter) => field(&mut out, letter, flag, &c, seconds, nanos),
            None => out.push('%'),
        }
    }
    out
}

fn field(out: &mut String, letter: char, flag: Option<char>, c: &Civil, seconds: i64, nanos: u32) {
    let twelve = (c.hour + 11) % 12 + 1;
    // (value, width, what fills it)
    let number = match letter {
        'Y' => (c.year, 1, '0'),
        'C' => (c.year.div_euclid(100), 2, '0'),
        'y' => (c.year.rem_euclid(100), 2, '0'),
        'm' => (c.month.into(), 2, '0'),
        'd' => (c.day.into(), 2, '0'),
        'e' => (c.day.into(), 2, ' '),
        'H' => (c.hour.into(), 2, '0'),
        'k' => (c.hour.into(), 2, ' '),
        'I' => (twelve.into(), 2, '0'),
        'l' => (twelve.into(), 2, ' '),
        'M' => (c.minute.into(), 2, '0'),
        'S' => (c.second.into(), 2, '0'),
        'N' => (nanos.into(), 9, '0'),
        's' => (seconds, 1, '0'),
        'j' => (i64::from(c.yearday) + 1, 3, '0'),
        'u' => (i64::from((c.weekday + 6) % 7) + 1, 1, '0'),
        'w' => (c.weekday.into(), 1, '0'),
        'U' => (i64::from((c.yearday + 7 - c.weekday) / 7), 2, '0'),
        'W' => (i64::from((c.yearday + 7 - (c.weekday + 6) % 7) / 7), 2, '0'),
        'V' => (iso_week(c).1, 2, '0'),
        'G' => (iso_week(c).0, 1, '0'),
        _ => return word(out, letter, flag, c, (seconds, nanos)),
    };
    let (value, width, fill) = number;
    let digits = value.to_string();
    let fill = match flag {
        Some('-') => None,
        Some('_') => Some(' '),
        _ => Some(fill),
    };
    if let Some(fill) = fill {
        out.extend(std::iter::repeat_n(
            fill,
            width.max(digits.len()) - digits.len(),
        ));
    }
    out.push_str(&digits);
}

fn word(out: &mut String, letter: char, flag: Option<char>, c: &Civil, time: (i64, u32)) {
    let (day, month) = (DAYS[c.weekday as usize], MONTHS[c.month as usize - 1]);
    match letter {
        'a' => out.push_str(&day[..3]),
        'A' => out.push_str(day),
        'b' | 'h' => out.push_str(&month[..3]),
        'B' => out.push_str(month),
        'p' => out.push_str(if c.hour < 12 { "AM" } else { "PM" }),
        'P' => out.push_str(if c.hour < 12 { "am" } else { "pm" }),
        'Z' => out.push_str("UTC"),
        'z' => out.push_str(if flag == Some(':') { "+00:00" } else { "+0000" }),
        'n' => out.push('\n'),
        't' => out.push('\t'),
        '%' => out.push('%'),
        'F' => out.push_str(&formatted("%Y-%m-%d", time)),
        'T' | 'X' => out.push_str(&formatted("%H:%M:%S", time)),
        'D' | 'x' => out.push_str(&formatted("%m/%d/%y", time)),
        'R' => out.push_str(&formatted("%H:%M", time)),
        'r' => out.push_str(&formatted("%I:%M:%S %p", time)),
        'c' => out.push_str(&formatted("%a %b %e %H:%M:%S %Y", time)),
        other => {
            let _ = write!(out, "%{}{other}", flag.map_or(String::new(), String::from));
        }
    }
}

/// Year and week after ISO 8601: weeks begin on Monday, and the first is the one with the year's first Thursday.
fn iso_week(c: &Civil) -> (i64, i64) {
    let monday_based = i64::from((c.weekday + 6) % 7);
    let thursday = i64::from(c.yearday) - monday_based + 3;
    let length = |year| 365 + i64::from(is_leap(year));
    if thursday < 0 {
        (c.year - 1, (thursday + length(c.year - 1)) / 7 + 1)
    } else if thursday >= length(c.year) {
        (c.year + 1, 1)
    } else {
        (c.year, thursday / 7 + 1)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};

    fn at(seconds: &str, format: &str) -> String {
        output("", "date", &["-d", seconds, format])
            .trim_end_matches('\n')
            .to_owned()
    }

    #[test]
    fn letters() {
        // As GNU date prints them with TZ=UTC.
        let rows = [
            ("+%Y-%m-%dT%H:%M:%SZ", "2024-02-29T12:34:56Z"),
            (
                "+%a %A %b %B %e %j %u %w %y %C",
                "Thu Thursday Feb February 29 060 4 4 24 20",
            ),
            (
                "+%I:%M %p %k %l %s %Z %z %:z",
                "12:34 PM 12 12 1709210096 UTC +0000 +00:00",
            ),
            (
                "+%F %T %D %R %U %W %V %G",
                "2024-02-29 12:34:56 02/29/24 12:34 08 09 09 2024",
            ),
            ("+%-m %_m %N %% %q", "2  2 000000000 % %q"),
        ];
        for (format, expected) in rows {
            assert_eq!(at("@1709210096", format), expected, "{format}");
        }
    }

    #[test]
    fn iso_weeks_cross_the_year() {
        assert_eq!(at("2021-01-03", "+%G-W%V-%u"), "2020-W53-7");
        assert_eq!(at("2024-12-30", "+%G-W%V-%u"), "2025-W01-1");
    }

    #[test]
    fn times_are_read_in_several_forms() {
        assert_eq!(at("2024-02-29T12:34:56Z", "+%s"), "1709210096");
        assert_eq!(at("2024-02-29 12:34", "+%s"), "1709210040");
        assert_eq!(at("@-1", "+%F %T"), "1969-12-31 23:59:59");
        for wrong in ["2023-02-29", "yesterday", "2024-13-01", "2024-01-01T25:00"] {
            assert_eq!(run("date", &["-d", wrong]).code, 2, "{wrong}");
        }
    }

    #[test]
    fn fixed_forms() {
        assert_eq!(
            output("", "date", &["-u", "-d@0"]),
            "Thu Jan  1 00:00:00 UTC 1970\n"
        );
        assert_eq!(
            output("", "date", &["-R", "-d@0"]),
            "Thu, 01 Jan 1970 00:00:00 +0000\n"
        );
        assert_eq!(
            output("", "date", &["-Iseconds", "-d@0"]),
            "1970-01-01T00:00:00+00:00\n"
        );
        let file = Scratch::new();
        assert_eq!(
            output("", "date", &["-r", &file.file("f", ""), "+%C"]),
            "20\n"
        );
    }
}
