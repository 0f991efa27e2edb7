//! `app=web,tier!=back,env in (dev,test),team notin (a),owner,!draft`

use std::collections::BTreeMap;

use anyhow::{Error, anyhow, bail};

/// All of its requirements must hold. Without any it is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

/// What is asked of a label. One that is not there differs from every value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    /// Also `in` and `notin`, which are words like others where no operator can stand.
    Word(&'t str),
    Sign(&'t str),
    End,
}

impl Token<'_> {
    fn text(&self) -> &str {
        match self {
            Token::Word(text) | Token::Sign(text) => text,
            Token::End => "",
        }
    }
}

impl LabelSelector {
    /// # Errors
    /// What is wrong with the text, in kubectl's words.
    pub fn parse(text: &str) -> Result<LabelSelector, Error> {
        let mut parser = Parser { rest: text };
        let mut requirements = Vec::new();
        match parser.peek() {
            Token::End => return Ok(LabelSelector::default()),
            Token::Word(_) | Token::Sign("!") => {}
            other => bail!(
                "found '{}', expected: !, identifier, or 'end of string'",
                other.text()
            ),
        }
        loop {
            let requirement = parser
                .requirement()
                .map_err(|error| anyhow!("unable to parse requirement: {error}"))?;
            requirements.push(requirement);
            match parser.next() {
                Token::End => return Ok(LabelSelector(requirements)),
                Token::Sign(",") => match parser.peek() {
                    Token::Word(_) | Token::Sign("!") => {}
                    other => bail!("found '{}', expected: identifier after ','", other.text()),
                },
                other => bail!("found '{}', expected: ',' or 'end of string'", other.text()),
            }
        }
    }

    pub fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.and_then(|labels| labels.get(&requirement.key));
            requirement.test.holds(value.map(String::as_str))
        })
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Test::Greater(least) => number().is_some_and(|value| value > *least),
            Test::Less(most) => number().is_some_and(|value| value < *most),
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Token<'t> {
        self.rest = self.rest.trim_start();
        let is_sign = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
        let length = match self.rest.as_bytes() {
            [] => return Token::End,
            [b'=', b'=', ..] | [b'!', b'=', ..] => 2,
            [first, ..] if is_sign(char::from(*first)) => 1,
            _ => {
                let end = self.rest.find(|c: char| is_sign(c) || c.is_whitespace());
                let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                return Token::Word(word);
            }
        };
        let (sign, rest) = self.rest.split_at(length);
        self.rest = rest;
        Token::Sign(sign)
    }

    fn peek(&self) -> Token<'t> {
        Parser { rest: self.rest }.next()
    }

    fn requirement(&mut self) -> Result<Requirement, Error> {
        let mut token = self.next();
        let negated = token == Token::Sign("!");
        if negated {
            token = self.next();
        }
        let Token::Word(key) = token else {
            bail!("found '{}', expected: identifier", token.text());
        };
        check_key(key)?;
        let test = match (negated, self.peek()) {
            (true, _) => Test::Missing,
            (false, Token::End | Token::Sign(",")) => Test::Exists,
            (false, _) => self.test(key)?,
        };
        let key = key.to_owned();
        Ok(Requirement { key, test })
    }

    fn test(&mut self, key: &str) -> Result<Test, Error> {
        let operator = self.next();
        match operator.text() {
            "in" => self.values().map(Test::In),
            "notin" => self.values().map(Test::NotIn),
            "=" | "==" => Ok(Test::In(vec![self.value()?])),
            "!=" => Ok(Test::NotIn(vec![self.value()?])),
            ">" => self.number(key).map(Test::Greater),
            "<" => self.number(key).map(Test::Less),
            other => bail!("found '{other}', expected: in, notin, =, ==, !=, >, <"),
        }
    }

    /// Behind `=`: nothing at all is the empty value.
    fn value(&mut self) -> Result<String, Error> {
        match self.peek() {
            Token::End | Token::Sign(",") => Ok(String::new()),
            Token::Word(value) => {
                self.next();
                check_value(value)?;
                Ok(value.to_owned())
            }
            other => bail!("found '{}', expected: identifier", other.text()),
        }
    }

    fn number(&mut self, key: &str) -> Result<i64, Error> {
        let value = self.value()?;
        value.parse().map_err(|_| {
            anyhow!("values[0][{key}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer")
        })
    }

    /// `(a,b)`
    fn values(&mut self) -> Result<Vec<String>, Error> {
        match self.next() {
            Token::Sign("(") => {}
            other => bail!("found '{}' expected: '('", other.text()),
        }
        let mut values = Vec::new();
        if self.peek() == Token::Sign(")") {
            bail!(
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
            );
        }
        loop {
            // Nothing between commas is the empty value.
            match self.peek() {
                Token::Word(value) => {
                    self.next();
                    check_value(value)?;
                    values.push(value.to_owned());
                }
                Token::Sign("," | ")") => values.push(String::new()),
                other => bail!("found '{}', expected: ',', ')' or identifier", other.text()),
            }
            match self.next() {
                Token::Sign(",") => {}
                Token::Sign(")") => return Ok(values),
                other => bail!("found '{}', expected: ',' or ')'", other.text()),
            }
        }
    }
}

/// `[prefix/]name`: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn check_key(key: &str) -> Result<(), Error> {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
    let prefix_fits = !key.starts_with('/')
        && prefix.len() <= 253
        && prefix.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
        });
    match prefix_fits && !name.is_empty() && is_name(name) {
        true => Ok(()),
        false => bail!(
            "key: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        ),
    }
}

fn check_value(value: &str) -> Result<(), Error> {
    match is_name(value) {
        true => Ok(()),
        false => bail!(
            "values[0]: Invalid value: {value:?}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        ),
    }
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().copied().all(inner)
        && edge(bytes.first())
        && edge(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> BTreeMap<String, String> {
        let pair = |pair: &str| {
            pair.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
        };
        text.split(',').filter_map(pair).collect()
    }

    #[test]
    fn selectors_choose_what_kubectl_would() {
        let web = labels("app=web,tier=front,size=5,empty=");
        let cases = [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app==web", true),
            ("app = web , tier=front", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (api, web)", true),
            ("app in (api)", false),
            ("other in (api)", false),
            ("app notin (api)", true),
            ("other notin (api)", true),
            ("app=web,!draft,tier in (front)", true),
            ("app=web,draft", false),
            ("size>4", true),
            ("size<5", false),
            ("app>4", false),
            ("empty=", true),
            ("empty=,app", true),
            ("app in (,web)", true),
            ("in in (web)", false),
            ("!in", true),
        ];
        for (text, chosen) in cases {
            let selector = LabelSelector::parse(text).unwrap();
            assert_eq!(selector.matches(Some(&web)), chosen, "{text}");
        }
        assert!(LabelSelector::parse("!app").unwrap().matches(None));
    }

    #[test]
    fn wrong_selectors_are_refused_in_kubectls_words() {
        let cases = [
            (
                ",",
                "found ',', expected: !, identifier, or 'end of string'",
            ),
            ("a,", "found '', expected: identifier after ','"),
            (
                "a b",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, >, <",
            ),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            (
                "a in b",
                "unable to parse requirement: found 'b' expected: '('",
            ),
            (
                "a in (b",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            (
                "!",
                "unable to parse requirement: found '', expected: identifier",
            ),
            (
                "a=(",
                "unable to parse requirement: found '(', expected: identifier",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(
                LabelSelector::parse(text).unwrap_err().to_string(),
                message,
                "{text}"
            );
        }
        assert!(LabelSelector::parse("a%=b").is_err());
        assert!(LabelSelector::parse("a=b%").is_err());
    }
}
