//! `$((...))`: the integers and operators of C.

/// What an expression may ask for and change.
pub trait Variables {
    fn get(&self, name: &str) -> String;
    fn set(&mut self, name: &str, value: i64);
}

pub fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, String> {
    let mut reader = Reader {
        rest: text,
        variables,
        dead: 0,
        depth: 0,
    };
    // Nothing is nought.
    if text.trim().is_empty() {
        return Ok(0);
    }
    let value = reader.ternary()?;
    match reader.rest.trim_start() {
        "" => Ok(value),
        rest => Err(format!("unexpected '{rest}'")),
    }
}

/// By rising precedence.
const BINARY: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGNING: &[&str] = &[
    "<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "=",
];

struct Reader<'a> {
    rest: &'a str,
    variables: &'a mut dyn Variables,
    /// Above nought in the branch that is not taken: nothing is changed there, and nothing divided.
    dead: u32,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, text: &str) -> bool {
        match self.rest.trim_start().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn dead_if<T>(
        &mut self,
        dead: bool,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        self.dead += u32::from(dead);
        let value = read(self);
        self.dead -= u32::from(dead);
        value
    }

    fn ternary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > 30 {
            return Err("nested too deep".to_owned());
        }
        let value = self.binary(0)?;
        let value = if self.take("?") {
            let yes = self.dead_if(value == 0, Self::ternary)?;
            if !self.take(":") {
                return Err("':' is missing".to_owned());
            }
            let no = self.dead_if(value != 0, Self::ternary)?;
            if value != 0 { yes } else { no }
        } else {
            value
        };
        self.depth -= 1;
        Ok(value)
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        let rest = self.rest.trim_start();
        let longer = |operator: &str| {
            // `<` is no `<<`, and `|` no `||`.
            let all = BINARY.iter().flat_map(|level| level.iter());
            all.chain(ASSIGNING)
                .any(|other| other.len() > operator.len() && rest.starts_with(other))
        };
        let found = BINARY[level]
            .iter()
            .copied()
            .find(|operator| rest.starts_with(operator) && !longer(operator))?;
        self.take(found);
        Some(found)
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        if level == BINARY.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(level) {
            let decided = match operator {
                "||" => left != 0,
                "&&" => left == 0,
                _ => false,
            };
            let right = self.dead_if(decided, |reader| reader.binary(level + 1))?;
            left = self.apply(left, operator, right)?;
        }
        Ok(left)
    }

    fn apply(&self, left: i64, operator: &str, right: i64) -> Result<i64, String> {
        if matches!(operator, "/" | "%") && right == 0 {
            return match self.dead {
                0 => Err("division by zero".to_owned()),
                _ => Ok(0),
            };
        }
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, String> {
        let mut signs = Vec::new();
        loop {
            let rest = self.rest.trim_start();
            self.no_steps()?;
            match rest.chars().next() {
                Some(sign) if "-+!~".contains(sign) => {
                    signs.push(sign);
                    self.rest = &rest[1..];
                }
                _ => break,
            }
        }
        let value = self.primary()?;
        Ok(signs.iter().rev().fold(value, |value, sign| match sign {
            '-' => value.wrapping_neg(),
            '!' => i64::from(value == 0),
            '~' => !value,
            _ => value,
        }))
    }

    fn no_steps(&self) -> Result<(), String> {
        let rest = self.rest.trim_start();
        match rest.starts_with("++") || rest.starts_with("--") {
            true => Err("'++' and '--' are not known here: write x = x + 1".to_owned()),
            false => Ok(()),
        }
    }

    fn primary(&mut self) -> Result<i64, String> {
        if self.take("(") {
            let value = self.ternary()?;
            return match self.take(")") {
                true => Ok(value),
                false => Err("')' is missing".to_owned()),
            };
        }
        let rest = self.rest.trim_start();
        let end = rest
            .find(|c| !super::words::is_name_part(c))
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        match word.chars().next() {
            None if rest.is_empty() => Err("a number is missing".to_owned()),
            None => Err(format!("unexpected '{rest}'")),
            Some(c) if c.is_ascii_digit() => {
                self.rest = rest;
                number(word)
            }
            Some(_) => {
                self.rest = rest;
                self.variable(word)
            }
        }
    }

    fn variable(&mut self, name: &str) -> Result<i64, String> {
        self.no_steps()?;
        let value = |reader: &Self| match reader.variables.get(name).trim() {
            "" => Ok(0),
            text => match text.strip_prefix('-') {
                Some(digits) => number(digits).map(i64::wrapping_neg),
                None => number(text),
            },
        };
        let rest = self.rest.trim_start();
        let assigning = ASSIGNING.iter().find(|sign| rest.starts_with(**sign));
        let Some(sign) = assigning.filter(|_| !rest.starts_with("==")) else {
            return value(self);
        };
        self.take(sign);
        let right = self.ternary()?;
        let result = match *sign {
            "=" => right,
            sign => self.apply(value(self)?, &sign[..sign.len() - 1], right)?,
        };
        if self.dead == 0 {
            self.variables.set(name, result);
        }
        Ok(result)
    }
}

fn number(text: &str) -> Result<i64, String> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    // A sign here would be one too many.
    match i64::from_str_radix(digits, radix) {
        Ok(number) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => Ok(number),
        _ => Err(format!("bad number '{text}'")),
    }
}
