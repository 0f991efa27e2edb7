//! What an unquoted YAML scalar means.
//!
//! Kubernetes reads YAML 1.1 (`sigs.k8s.io/yaml` over go-yaml v2): `yes` and `on` are booleans, `0644` is octal. A
//! manifest must mean the same here, so the rules are those of go-yaml's `resolve.go`, not of YAML 1.2.

/// The meaning of a plain scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    Null,
    Bool(bool),
    Int(i64),
    /// Any other number. Nothing in a Pod is one, so the value itself does not matter.
    Float(f64),
    Text,
}

impl Plain {
    pub fn of(text: &str) -> Plain {
        match text.as_bytes().first() {
            None | Some(b'~') => null_or_text(text),
            Some(b'+' | b'-' | b'.' | b'0'..=b'9') => number(text),
            Some(_) => word(text),
        }
    }
}

fn null_or_text(text: &str) -> Plain {
    if text.len() <= 1 {
        Plain::Null
    } else {
        Plain::Text
    }
}

fn word(text: &str) -> Plain {
    match text {
        "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Plain::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Plain::Bool(false)
        }
        _ => Plain::Text,
    }
}

fn number(text: &str) -> Plain {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    ) {
        return Plain::Float(f64::NAN);
    }
    let digits = text.replace('_', "");
    if let Some(value) = integer(&digits) {
        return Plain::Int(value);
    }
    match digits.parse() {
        Ok(value) if is_float(&digits) => Plain::Float(value),
        _ => Plain::Text,
    }
}

fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa_ok && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_kubectl_makes_of_them() {
        for (text, meaning) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("null", Plain::Null),
            ("true", Plain::Bool(true)),
            ("yes", Plain::Bool(true)),
            ("On", Plain::Bool(true)),
            ("n", Plain::Bool(false)),
            ("0", Plain::Int(0)),
            ("8080", Plain::Int(8080)),
            ("-1", Plain::Int(-1)),
            ("+7", Plain::Int(7)),
            ("0644", Plain::Int(0o644)),
            ("0o17", Plain::Int(15)),
            ("0x1F", Plain::Int(31)),
            ("0b101", Plain::Int(5)),
            ("1_000", Plain::Int(1000)),
            ("9223372036854775807", Plain::Int(i64::MAX)),
            ("0.5", Plain::Float(0.5)),
            (".5", Plain::Float(0.5)),
            ("1e3", Plain::Float(1000.0)),
            ("089", Plain::Float(89.0)),
            ("1.2.3", Plain::Text),
            ("-", Plain::Text),
            ("100m", Plain::Text),
            ("1Gi", Plain::Text),
            ("2026-01-31", Plain::Text),
            ("yesterday", Plain::Text),
            ("0x", Plain::Text),
            ("--5", Plain::Text),
            ("~x", Plain::Text),
        ] {
            assert_eq!(Plain::of(text), meaning, "{text}");
        }
    }
}
