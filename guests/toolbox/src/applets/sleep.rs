use std::time::Duration;

use crate::applet::{Applet, Failure, Io, Outcome, usage};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "sleep",
    usage: "NUMBER[smhd]... | infinity",
    run,
};

fn run(args: &[String], _: &mut Io) -> Outcome {
    let options = options::parse(args, "", &[])?;
    options.some_operands("duration")?;
    let seconds = options
        .operands
        .iter()
        .map(|text| seconds(text))
        .sum::<Result<f64, _>>()?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => std::thread::sleep(duration),
        // Longer than a Duration: for ever.
        Err(_) => loop {
            std::thread::sleep(Duration::from_secs(u64::from(u32::MAX)));
        },
    }
    Ok(0)
}

/// A duration with its unit; seconds without one.
pub fn seconds(text: &str) -> Result<f64, Failure> {
    if matches!(text, "infinity" | "inf") {
        return Ok(f64::INFINITY);
    }
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        Some((at, 'd')) => (&text[..at], 86400.0),
        _ => (text, 1.0),
    };
    // Rust would also read "nan", "infinity" and exponents as numbers.
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match number.parse::<f64>() {
        Ok(value) if plain => Ok(value * unit),
        _ => usage(format!("invalid duration '{text}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;
    use crate::testing::run;

    #[test]
    fn durations_have_units() {
        assert_eq!(seconds("1.5").unwrap(), 1.5);
        assert_eq!(seconds("2m").unwrap(), 120.0);
        assert_eq!(seconds("1d").unwrap(), 86400.0);
        assert_eq!(seconds("infinity").unwrap(), f64::INFINITY);
        for wrong in ["", "s", "-1", "1x", "1e3", "nan"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_slept_at_once() {
        assert_eq!(run("sleep", &["0", "0s"]).code, 0);
        assert_eq!(run("sleep", &[]).code, 2);
    }
}
