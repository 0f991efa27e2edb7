//! seq, in exact decimals: 0.1 added ten times is 1.

use crate::applet::{Applet, Failure, Io, Outcome, usage};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "seq",
    usage: "[-w] [-s SEPARATOR] [FIRST [INCREMENT]] LAST",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    // Negative numbers are operands here, not options.
    let first_operand = args
        .iter()
        .position(|arg| {
            arg.strip_prefix('-')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        })
        .unwrap_or(args.len());
    let (head, tail) = args.split_at(first_operand);
    let mut options = options::parse(head, "+ws:", &[("equal-width", 'w'), ("separator", 's')])?;
    options.operands.extend_from_slice(tail);
    let numbers = options
        .operands
        .iter()
        .map(|text| Decimal::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let one = Decimal {
        mantissa: 1,
        scale: 0,
    };
    let (first, step, last) = match numbers[..] {
        [last] => (one, one, last),
        [first, last] => (first, one, last),
        [first, step, last] => (first, step, last),
        [] => return usage("missing operand"),
        _ => return usage(format!("extra operand '{}'", options.operands[3])),
    };
    // All at one scale; what is printed has the decimals of first and step.
    let scale = first.scale.max(step.scale);
    let common = scale.max(last.scale);
    let (first_value, step_value, last_value) =
        (first.at(common), step.at(common), last.at(common));
    if step_value == 0 {
        return usage("increment must not be 0");
    }
    let width = match options.has('w') {
        true => [first_value, last_value]
            .map(|v| print(v, common, scale, 0).len())
            .into_iter()
            .max()
            .unwrap_or(0),
        false => 0,
    };
    let separator = options.value('s').unwrap_or("\n");
    let mut value = first_value;
    let mut any = false;
    while (step_value > 0 && value <= last_value) || (step_value < 0 && value >= last_value) {
        if any {
            io.out.write_all(separator.as_bytes())?;
        }
        io.out
            .write_all(print(value, common, scale, width).as_bytes())?;
        any = true;
        value += step_value;
    }
    if any {
        writeln!(io.out)?;
    }
    Ok(0)
}

/// mantissa / 10^scale
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i128,
    scale: u32,
}

impl Decimal {
    fn parse(text: &str) -> Result<Self, Failure> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.trim_start_matches(['-', '+']);
        let plain =
            (digits.len() + 1 >= whole.len()) && !(digits.is_empty() && fraction.is_empty());
        let all_digits = digits
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit());
        // Beyond this the steps could leave an i128.
        if !plain || !all_digits || digits.len() + fraction.len() > 18 {
            return usage(format!("invalid number '{text}'"));
        }
        let mantissa: i128 = format!("0{digits}{fraction}").parse().unwrap_or(0);
        Ok(Decimal {
            mantissa: if whole.starts_with('-') {
                -mantissa
            } else {
                mantissa
            },
            scale: fraction.len() as u32,
        })
    }

    fn at(self, scale: u32) -> i128 {
        self.mantissa * 10i128.pow(scale - self.scale)
    }
}

/// A value at `common` decimals, shown with `scale` of them.
fn print(value: i128, common: u32, scale: u32, width: usize) -> String {
    let value = value / 10i128.pow(common - scale);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>least$}",
        value.unsigned_abs().to_string(),
        least = scale as usize + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let point = if scale > 0 { "." } else { "" };
    let body = format!("{whole}{point}{fraction}");
    format!(
        "{sign}{}{body}",
        "0".repeat(width.saturating_sub(sign.len() + body.len()))
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn sequences() {
        let rows: &[(&[&str], &str)] = &[
            (&["3"], "1 2 3"),
            (&["2", "4"], "2 3 4"),
            (&["10", "-5", "-5"], "10 5 0 -5"),
            (&["-1", "1"], "-1 0 1"),
            (&["0", "0.1", "0.3"], "0.0 0.1 0.2 0.3"),
            (&["-w", "8", "10"], "08 09 10"),
            (&["1", "2.5"], "1 2"),
        ];
        for (args, expected) in rows {
            assert_eq!(
                output("", "seq", args).trim_end().replace('\n', " "),
                *expected,
                "{args:?}"
            );
        }
        assert_eq!(output("", "seq", &["-s", ",", "3"]), "1,2,3\n");
        assert_eq!(output("", "seq", &["0"]), "");
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [
            &["x"][..],
            &[],
            &["1", "0", "2"],
            &["1", "2", "3", "4"],
            &["."],
            &["1e3"],
        ] {
            assert_eq!(run("seq", args).code, 2, "{args:?}");
        }
    }
}
