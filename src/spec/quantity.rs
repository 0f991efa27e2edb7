//! Kubernetes' quantities (`apimachinery/pkg/api/resource`), exact: no floating point, nothing lost on the way.
//!
//! The value is kept in units of 10^-9, the finest a quantity can be. Whatever is finer is rounded up (away from zero),
//! whatever is larger than 2^63-1 is cut to that, as `ParseQuantity` does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

const NANO: i128 = 1_000_000_000;
/// The largest value a quantity can have.
const MAX: i128 = i64::MAX as i128;

/// An amount of something. Compares by value: `1000m` equals `1`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// The family of suffixes a quantity was written with, and is printed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `Ki`, `Mi`, ...
    Binary,
    /// `m`, `k`, `M`, ...
    Decimal,
    /// `e3`
    Exponent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Syntax,
    #[error("unable to parse quantity's suffix: {0}")]
    Suffix(&'static str),
}

const SUFFIX: QuantityError =
    QuantityError::Suffix("one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei");
const CAPITAL_K: QuantityError =
    QuantityError::Suffix("K does not exist, only k (1000) and Ki (1024)");

impl Quantity {
    pub const ZERO: Quantity = Quantity {
        nano: 0,
        format: Format::Decimal,
    };

    pub fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// In whole units, rounded up: bytes of memory, for instance.
    pub fn units(self) -> i128 {
        round_up(self.nano, NANO)
    }

    /// In thousandths, rounded up: milli-CPU.
    pub fn milli(self) -> i128 {
        round_up(self.nano, NANO / 1000)
    }

    pub fn round_up_to_milli(self) -> Quantity {
        Quantity {
            nano: self.milli() * (NANO / 1000),
            ..self
        }
    }

    /// The sum, cut to the largest value there is.
    #[must_use]
    pub fn plus(self, other: Quantity) -> Quantity {
        Quantity {
            nano: (self.nano + other.nano).clamp(-MAX * NANO, MAX * NANO),
            ..self
        }
    }
}

/// Division that rounds away from zero.
fn round_up(value: i128, by: i128) -> i128 {
    let rest = value % by;
    value / by + if rest == 0 { 0 } else { value.signum() }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Quantity) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Quantity) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Quantity, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(QuantityError::Syntax);
        }
        let scale = Scale::parse(suffix)?;
        let nano = scale.apply(whole, fraction);
        let format = match scale.format {
            // Below one there is no binary suffix to print it with.
            Format::Binary if nano < NANO => Format::Decimal,
            format => format,
        };
        Ok(Quantity {
            nano: if negative { -nano } else { nano },
            format,
        })
    }
}

/// What a suffix multiplies with: `2^binary * 10^decimal`.
struct Scale {
    binary: u32,
    decimal: i64,
    format: Format,
}

impl Scale {
    fn parse(suffix: &str) -> Result<Scale, QuantityError> {
        let decimal = |decimal| {
            Ok(Scale {
                binary: 0,
                decimal,
                format: Format::Decimal,
            })
        };
        let binary = |binary| {
            Ok(Scale {
                binary,
                decimal: 0,
                format: Format::Binary,
            })
        };
        match suffix {
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            "Ki" => binary(10),
            "Mi" => binary(20),
            "Gi" => binary(30),
            "Ti" => binary(40),
            "Pi" => binary(50),
            "Ei" => binary(60),
            "K" => Err(CAPITAL_K),
            _ => match suffix.strip_prefix(['e', 'E']) {
                Some(exponent) => Ok(Scale {
                    binary: 0,
                    decimal: exponent_value(exponent)?,
                    format: Format::Exponent,
                }),
                None if suffix.bytes().all(|byte| b"eEinumkKMGTP".contains(&byte)) => Err(SUFFIX),
                None => Err(QuantityError::Syntax),
            },
        }
    }

    /// The absolute value in nano, rounded up and cut to the largest.
    fn apply(&self, whole: &str, fraction: &str) -> i128 {
        // The decimal exponent moves the point; what is left is multiplied digit by digit, so that no digit is lost.
        let digits: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte - b'0')
            .collect();
        let Some(first) = digits.iter().position(|&digit| digit != 0) else {
            return 0;
        };
        let last = digits
            .iter()
            .rposition(|&digit| digit != 0)
            .unwrap_or(first);
        let point = whole.len() as i64 + self.decimal;
        let factor = NANO << self.binary;
        // More than twenty digits before the point are more than 2^63 whatever they are.
        if point - first as i64 > 20 {
            return MAX * NANO;
        }
        let digit = |at: i64| {
            if (first as i64..=last as i64).contains(&at) {
                i128::from(digits[at as usize])
            } else {
                0
            }
        };
        let units = (first as i64..point).fold(0, |sum, at| sum * 10 + digit(at));
        if units > MAX >> self.binary {
            return MAX * NANO;
        }
        // Every factor divides 10^70, so digits after the seventieth only matter by being there.
        const ENOUGH: i64 = 70;
        let (mut part, mut rounded) = (0, last as i64 >= point + ENOUGH);
        for at in (point..(last as i64 + 1).min(point + ENOUGH)).rev() {
            part += digit(at) * factor;
            rounded |= part % 10 != 0;
            part /= 10;
        }
        (units * factor + part + i128::from(rounded)).min(MAX * NANO)
    }
}

/// The number after `e`; so large a one that it would not fit stands for any other such.
fn exponent_value(text: &str) -> Result<i64, QuantityError> {
    const FAR: i64 = 1_000_000_000;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SUFFIX);
    }
    let value = digits.parse().unwrap_or(FAR).min(FAR);
    Ok(if text.starts_with('-') { -value } else { value })
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, and the largest suffix that loses nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.nano % NANO == 0;
        let units = self.nano / NANO;
        match self.format {
            Format::Binary if whole && units.abs() >= 1024 => {
                let power = (units.trailing_zeros() / 10).min(6);
                let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power as usize];
                write!(f, "{}{suffix}", units >> (power * 10))
            }
            Format::Exponent => {
                let (mantissa, power) = self.thousands();
                if power == 0 {
                    write!(f, "{mantissa}")
                } else {
                    write!(f, "{mantissa}e{}", power * 3)
                }
            }
            Format::Binary | Format::Decimal => {
                let (mantissa, power) = self.thousands();
                let suffix =
                    ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][(power + 3) as usize];
                write!(f, "{mantissa}{suffix}")
            }
        }
    }
}

impl Quantity {
    /// As a number times a power of thousand, the largest possible.
    fn thousands(self) -> (i128, i32) {
        if self.nano == 0 {
            return (0, 0);
        }
        let (mut mantissa, mut power) = (self.nano, -3);
        while mantissa % 1000 == 0 && power < 6 {
            mantissa /= 1000;
            power += 1;
        }
        (mantissa, power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Quantity {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_canonical_form_has_no_fraction_and_the_largest_suffix() {
        for (written, canonical) in [
            ("0", "0"),
            ("0.0", "0"),
            ("0Ki", "0"),
            ("-0", "0"),
            ("1", "1"),
            ("+1", "1"),
            ("1.5", "1500m"),
            ("0.5Gi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("1000m", "1"),
            ("100m", "100m"),
            ("0.1", "100m"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1Ki", "1Ki"),
            ("1024Ki", "1Mi"),
            ("1000Ki", "1000Ki"),
            ("0.5Ki", "512"),
            ("1023.5Ki", "1048064"),
            ("-1.5Gi", "-1536Mi"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e6", "12e6"),
            ("100e1", "1e3"),
            ("5e-1", "500e-3"),
            ("1E", "1E"),
            ("1e+2", "100"),
            (".5", "500m"),
            ("5.", "5"),
            ("00012", "12"),
            ("1.1Ki", "1126400m"),
            ("0.0001Ki", "102400u"),
            ("1u", "1u"),
            ("1500n", "1500n"),
        ] {
            assert_eq!(parse(written).to_string(), canonical, "{written}");
        }
    }

    #[test]
    fn what_is_finer_than_nano_is_rounded_up() {
        assert_eq!(parse("0.0000000001"), parse("1n"));
        assert_eq!(parse("-0.0000000001"), parse("-1n"));
        assert_eq!(parse("1e-1000000000000"), parse("1n"));
        assert_eq!(
            parse(&format!("1.{}1", "0".repeat(500))),
            parse("1000000001n")
        );
        assert_eq!(parse("0.1n"), parse("1n"));
    }

    #[test]
    fn what_is_too_large_is_cut_to_the_largest() {
        let largest = parse("9223372036854775807");
        for text in [
            "9223372036854775808",
            "1000E",
            "8Ei",
            "1e30",
            "1e99999999999999999999",
            &"9".repeat(400),
        ] {
            assert_eq!(parse(text), largest, "{text}");
        }
        assert_eq!(parse("7Ei").units(), 7 << 60);
        assert_eq!(largest.plus(largest), largest);
    }

    #[test]
    fn bytes_and_milli_cpu_are_rounded_up() {
        assert_eq!(parse("100m").units(), 1);
        assert_eq!(parse("1.5Ki").units(), 1536);
        assert_eq!(parse("0.0001").milli(), 1);
        assert_eq!(parse("250m").milli(), 250);
        assert_eq!(parse("-100m").units(), -1);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "", ".", "-", "+", "abc", "1.2.3", "1 Gi", " 1", "0x10", "1,5", "--1", "1GB", "1m1",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
        for text in ["1K", "1KB", "1mi", "1ki", "1e", "1eM", "1Mii"] {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
        assert_eq!("1K".parse::<Quantity>(), Err(CAPITAL_K));
    }

    const SUFFIXES: [&str; 16] = [
        "n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];

    proptest! {
        #[test]
        fn printing_and_parsing_gives_the_same_value(text in "[+-]?[0-9]{1,25}(\\.[0-9]{0,25})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e-?[0-9]{1,3})?") {
            let once = parse(&text);
            let again = parse(&once.to_string());
            prop_assert_eq!(again, once);
            prop_assert_eq!(again.to_string(), once.to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}|[-+.0-9eEinumkKMGTP]{0,40}") {
            let _ = text.parse::<Quantity>();
        }

        #[test]
        fn parsing_is_monotone(a in 0u64..1 << 50, b in 0u64..1 << 50, a_tail in "[0-9]{0,12}", b_tail in "[0-9]{0,12}", suffix in 0..16usize) {
            let suffix = SUFFIXES[suffix];
            let (first, second) = (parse(&format!("{a}.{a_tail}{suffix}")), parse(&format!("{b}.{b_tail}{suffix}")));
            let padded = |whole: u64, tail: &str| (whole, format!("{tail:0<12}"));
            if padded(a, &a_tail) <= padded(b, &b_tail) {
                prop_assert!(first <= second);
            } else {
                prop_assert!(first >= second);
            }
        }

        #[test]
        fn whole_numbers_are_exact(value in 0i64.., suffix in 0..16usize) {
            let factor: i128 = [1, 1, 1, 1, 1000, 1_000_000, 1_000_000_000, 1_000_000_000_000, 10i128.pow(15), 10i128.pow(18),
                1 << 10, 1 << 20, 1 << 30, 1 << 40, 1 << 50, 1 << 60][suffix];
            if suffix >= 3 {
                let expected = (i128::from(value) * factor).min(MAX);
                prop_assert_eq!(parse(&format!("{value}{}", SUFFIXES[suffix])).units(), expected);
            }
        }
    }
}
