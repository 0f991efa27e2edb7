//! What is looked for, and what is done with it.

use std::fs;
use std::time::SystemTime;

use super::Found;
use crate::applet::{At, Failure, Io, usage};
use crate::applets::sh::glob::{Glyph, matches};
use crate::command;
use crate::tree::entries;

/// How deep the walk goes, and from where on the expression counts.
pub struct Walk {
    pub least: usize,
    pub most: usize,
}

pub enum Expression {
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Name(Pattern),
    Path(Pattern),
    Type(char),
    Newer(SystemTime),
    Empty,
    Prune,
    Print(char),
    Exec(Vec<String>),
    /// With the paths gathered so far.
    ExecAll(Vec<String>, Vec<String>),
}

pub struct Pattern {
    glyphs: Vec<Glyph>,
    any_case: bool,
}

impl Pattern {
    fn new(text: &str, any_case: bool) -> Pattern {
        let mut glyphs = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            glyphs.push(match c {
                '\\' => Glyph {
                    c: rest.next().unwrap_or('\\'),
                    quoted: true,
                },
                c => Glyph { c, quoted: false },
            });
        }
        if any_case {
            glyphs.iter_mut().for_each(|glyph| glyph.c = lower(glyph.c));
        }
        Pattern { glyphs, any_case }
    }

    fn matches(&self, text: &str) -> bool {
        let fold = |c| if self.any_case { lower(c) } else { c };
        matches(&self.glyphs, &text.chars().map(fold).collect::<Vec<_>>())
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Reads the words after the paths. Without an action in them, what is found is printed.
pub fn parse(words: &[String]) -> Result<(Expression, Walk), Failure> {
    let mut parser = Parser {
        rest: words.iter(),
        walk: Walk {
            least: 0,
            most: usize::MAX,
        },
        acts: false,
    };
    let mut expression = None;
    if !words.is_empty() {
        expression = parser.any()?;
    }
    if let Some(word) = parser.rest.next() {
        return usage(format!("unexpected '{word}'"));
    }
    let print = Expression::Print('\n');
    let expression = match expression {
        None => print,
        Some(tests) if parser.acts => tests,
        Some(tests) => Expression::And(Box::new(tests), Box::new(print)),
    };
    Ok((expression, parser.walk))
}

struct Parser<'a> {
    rest: std::slice::Iter<'a, String>,
    walk: Walk,
    /// There is an action, so printing is not implied.
    acts: bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.rest.as_slice().first().map(String::as_str)
    }

    fn takes(&mut self, words: &[&str]) -> bool {
        let is = self.peek().is_some_and(|word| words.contains(&word));
        if is {
            self.rest.next();
        }
        is
    }

    /// Terms joined by `-o`. `None`: nothing in there was a test (`-maxdepth 1` alone).
    fn any(&mut self) -> Result<Option<Expression>, Failure> {
        let mut left = self.all()?;
        while self.takes(&["-o", "-or"]) {
            let right = self.all()?;
            left = Some(match (left, right) {
                (Some(left), Some(right)) => Expression::Or(Box::new(left), Box::new(right)),
                _ => return usage("nothing to choose from at '-o'"),
            });
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Option<Expression>, Failure> {
        let mut left: Option<Expression> = None;
        while self
            .peek()
            .is_some_and(|word| !matches!(word, "-o" | "-or" | ")"))
        {
            self.takes(&["-a", "-and"]);
            let Some(right) = self.one()? else { continue };
            left = Some(match left {
                None => right,
                Some(left) => Expression::And(Box::new(left), Box::new(right)),
            });
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Option<Expression>, Failure> {
        let Some(word) = self.rest.next() else {
            return usage("the expression ends too early");
        };
        Ok(Some(match word.as_str() {
            "!" | "-not" => match self.one()? {
                Some(inner) => Expression::Not(Box::new(inner)),
                None => return usage(format!("nothing to negate after '{word}'")),
            },
            "(" => {
                let inner = self.any()?;
                if !self.takes(&[")"]) {
                    return usage("missing ')'");
                }
                return Ok(inner);
            }
            "-maxdepth" => {
                self.walk.most = self.number(word)?;
                return Ok(None);
            }
            "-mindepth" => {
                self.walk.least = self.number(word)?;
                return Ok(None);
            }
            "-name" => Expression::Name(Pattern::new(self.value(word)?, false)),
            "-iname" => Expression::Name(Pattern::new(self.value(word)?, true)),
            "-path" => Expression::Path(Pattern::new(self.value(word)?, false)),
            "-type" => match self.value(word)? {
                "f" => Expression::Type('f'),
                "d" => Expression::Type('d'),
                "l" => Expression::Type('l'),
                other => return usage(format!("unknown type '{other}' (f, d or l)")),
            },
            "-newer" => {
                let file = self.value(word)?;
                Expression::Newer(
                    fs::metadata(file)
                        .and_then(|meta| meta.modified())
                        .at(file)?,
                )
            }
            "-empty" => Expression::Empty,
            "-prune" => Expression::Prune,
            "-print" => self.action(Expression::Print('\n')),
            "-print0" => self.action(Expression::Print('\0')),
            "-exec" => self.exec()?,
            other => return usage(format!("unknown predicate '{other}'")),
        }))
    }

    fn action(&mut self, action: Expression) -> Expression {
        self.acts = true;
        action
    }

    fn value(&mut self, word: &str) -> Result<&'a str, Failure> {
        match self.rest.next() {
            Some(value) => Ok(value),
            None => usage(format!("'{word}' requires an argument")),
        }
    }

    fn number(&mut self, word: &str) -> Result<usize, Failure> {
        crate::options::number(self.value(word)?)
    }

    fn exec(&mut self) -> Result<Expression, Failure> {
        let mut words = Vec::new();
        loop {
            match self.value("-exec")? {
                ";" => return Ok(self.action(Expression::Exec(words))),
                "+" if words.last().is_some_and(|last| last == "{}") => {
                    words.pop();
                    return Ok(self.action(Expression::ExecAll(words, Vec::new())));
                }
                word => words.push(word.to_owned()),
            }
        }
    }
}

impl Expression {
    pub fn test(&mut self, found: &mut Found, io: &mut Io) -> Result<bool, Failure> {
        Ok(match self {
            Expression::Not(inner) => !inner.test(found, io)?,
            Expression::And(left, right) => left.test(found, io)? && right.test(found, io)?,
            Expression::Or(left, right) => left.test(found, io)? || right.test(found, io)?,
            Expression::Name(pattern) => pattern.matches(&name(found)),
            Expression::Path(pattern) => pattern.matches(&found.path.to_string_lossy()),
            Expression::Type('f') => found.meta.is_file(),
            Expression::Type('d') => found.meta.is_dir(),
            Expression::Type(_) => found.meta.is_symlink(),
            Expression::Newer(than) => found.meta.modified().is_ok_and(|time| time > *than),
            Expression::Empty if found.meta.is_dir() => {
                entries(&found.path).is_ok_and(|names| names.is_empty())
            }
            Expression::Empty => found.meta.is_file() && found.meta.len() == 0,
            Expression::Prune => {
                found.pruned = true;
                true
            }
            Expression::Print(end) => {
                write!(io.out, "{}{end}", found.path.display())?;
                true
            }
            Expression::Exec(words) => {
                let path = found.path.to_string_lossy();
                let words: Vec<_> = words.iter().map(|word| word.replace("{}", &path)).collect();
                execute(&words, io)? == 0
            }
            Expression::ExecAll(_, paths) => {
                paths.push(found.path.to_string_lossy().into_owned());
                true
            }
        })
    }

    /// Runs what was to be run once for all.
    pub fn finish(&mut self, io: &mut Io) -> Result<(), Failure> {
        match self {
            Expression::Not(inner) => inner.finish(io),
            Expression::And(left, right) | Expression::Or(left, right) => {
                left.finish(io)?;
                right.finish(io)
            }
            Expression::ExecAll(words, paths) if !paths.is_empty() => {
                words.append(paths);
                if execute(words, io)? != 0 {
                    io.fail();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn execute(words: &[String], io: &mut Io) -> Result<u8, Failure> {
    match command::run(words, io.environment(), io)? {
        Some(code) => Ok(code),
        None => usage(format!(
            "cannot run '{}': WASI has no processes",
            words.first().map_or("", String::as_str)
        )),
    }
}

/// The last component as it was written; `.` and `/` are their own names.
fn name(found: &Found) -> String {
    let name = found.path.file_name().unwrap_or(found.path.as_os_str());
    name.to_string_lossy().into_owned()
}
