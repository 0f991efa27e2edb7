//! Durations as Go prints them, because the kubelet's messages carry them (`time.Duration.String`).

use std::fmt;
use std::time::Duration;

/// `1m20s`, `5m0s`, `1.2s`, `350ms`, `0s`: the largest unit first, no trailing zeros in the fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoDuration(pub Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.subsec_nanos();
        let secs = self.0.as_secs();
        if secs == 0 {
            return match nanos {
                0 => f.write_str("0s"),
                1..1_000 => write!(f, "{nanos}ns"),
                1_000..1_000_000 => decimal(f, nanos / 1_000, nanos % 1_000, 3, "µs"),
                _ => decimal(f, nanos / 1_000_000, nanos % 1_000_000, 6, "ms"),
            };
        }
        let (hours, minutes) = (secs / 3600, secs / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if secs >= 60 {
            write!(f, "{minutes}m")?;
        }
        // Less than 60, so it fits.
        decimal(f, (secs % 60) as u32, nanos, 9, "s")
    }
}

/// `whole.fraction` with `digits` digits in the fraction, minus the zeros at its end.
fn decimal(
    f: &mut fmt::Formatter<'_>,
    whole: u32,
    mut fraction: u32,
    mut digits: usize,
    unit: &str,
) -> fmt::Result {
    if fraction == 0 {
        return write!(f, "{whole}{unit}");
    }
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        digits -= 1;
    }
    write!(f, "{whole}.{fraction:0digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_prints_them() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (350_000_000, "350ms"),
            (350_010_000, "350.01ms"),
            (1_200_000_000, "1.2s"),
            (10_000_000_000, "10s"),
            (80_000_000_000, "1m20s"),
            (160_000_000_000, "2m40s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_000_000_001, "1h30m0.000000001s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(GoDuration(Duration::from_nanos(nanos)).to_string(), text);
        }
    }
}
