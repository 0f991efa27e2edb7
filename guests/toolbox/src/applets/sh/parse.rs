//! Reading commands. What this shell does not know is refused here, before anything runs.

use super::tree::{AndOr, Command, List, Pipeline, What, Word};
use super::words::{ends_word, is_name};

#[derive(Debug, PartialEq)]
pub struct Syntax {
    pub message: String,
    /// More lines could still make it whole.
    pub incomplete: bool,
}

/// The stack of a guest is small, and a script could nest without end.
const DEEPEST: u32 = 40;

const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "in", "case",
    "esac", "{", "}", "!",
];

pub struct Parser {
    text: Vec<char>,
    at: usize,
    depth: u32,
}

pub fn parse(text: &str) -> Result<List, Syntax> {
    Parser::new(text, 0).whole()
}

impl Parser {
    fn new(text: &str, depth: u32) -> Parser {
        Parser {
            text: text.chars().collect(),
            at: 0,
            depth,
        }
    }

    fn whole(mut self) -> Result<List, Syntax> {
        let list = self.list()?;
        match self.peek() {
            None => Ok(list),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// A text within this one, as between backquotes.
    pub fn inner(&mut self, text: &str) -> Result<List, Syntax> {
        self.deeper(|parser| {
            // More lines would not help: its end has been found already.
            let inner = Parser::new(text, parser.depth).whole();
            inner.map_err(|error| Syntax {
                incomplete: false,
                ..error
            })
        })
    }

    pub fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Syntax>,
    ) -> Result<T, Syntax> {
        if self.depth == DEEPEST {
            return Err(self.refuse(&format!("nested more than {DEEPEST} deep")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    pub fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// The character `ahead` of the next one.
    pub fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    pub fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }

    pub fn looking_at(&self, text: &str) -> bool {
        let rest = &self.text[self.at.min(self.text.len())..];
        rest.len() >= text.chars().count() && text.chars().zip(rest).all(|(a, b)| a == *b)
    }

    pub fn take(&mut self, text: &str) -> bool {
        let there = self.looking_at(text);
        if there {
            self.skip(text.chars().count());
        }
        there
    }

    pub fn refuse(&self, message: &str) -> Syntax {
        let line = 1 + self.text[..self.at].iter().filter(|c| **c == '\n').count();
        Syntax {
            message: format!("line {line}: syntax error: {message}"),
            incomplete: false,
        }
    }

    pub fn incomplete(&self, missing: &str) -> Syntax {
        Syntax {
            incomplete: true,
            ..self.refuse(&format!("unexpected end, '{missing}' is missing"))
        }
    }

    pub fn unexpected(&self) -> Syntax {
        match self.peek() {
            None => self.incomplete("a command"),
            Some('\n') => self.refuse("unexpected end of line"),
            Some(c) if ends_word(c) => self.refuse(&format!("unexpected '{c}'")),
            Some(_) => self.refuse(&format!("unexpected '{}'", self.plain_word())),
        }
    }

    /// The characters up to the next blank or operator, as they stand there.
    pub fn plain_word(&self) -> String {
        let rest = &self.text[self.at..];
        rest.iter().take_while(|c| !ends_word(**c)).collect()
    }

    pub fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.skip(1),
                Some('\\') if self.looking_at("\\\n") => self.skip(2),
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.skip(1);
                    }
                }
                _ => return,
            }
        }
    }

    fn newlines(&mut self) {
        self.blanks();
        while self.take("\n") {
            self.blanks();
        }
    }

    fn keyword(&self) -> Option<&'static str> {
        let word = self.plain_word();
        RESERVED.iter().find(|reserved| **reserved == word).copied()
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.newlines();
        let there = self.keyword() == Some(keyword);
        if there {
            self.skip(keyword.len());
        }
        there
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<(), Syntax> {
        if self.take_keyword(keyword) {
            return Ok(());
        }
        match self.peek() {
            None => Err(self.incomplete(keyword)),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// Commands up to the end or to what cannot begin one.
    fn list(&mut self) -> Result<List, Syntax> {
        let mut list = List::new();
        loop {
            self.newlines();
            let ends = match self.peek() {
                None | Some(')') => true,
                Some(';') if self.looking_at(";;") => true,
                _ => matches!(
                    self.keyword(),
                    Some("then" | "elif" | "else" | "fi" | "do" | "done" | "esac" | "}" | "in")
                ),
            };
            if ends {
                return Ok(list);
            }
            list.push(self.and_or()?);
            self.blanks();
            match self.peek() {
                Some(';') if !self.looking_at(";;") => self.skip(1),
                Some('&') => {
                    return Err(self.refuse(
                        "a command in the background (&) needs processes, which WASI does not have",
                    ));
                }
                Some('\n') | None | Some(')' | ';') => {}
                Some(_) => return Err(self.unexpected()),
            }
        }
    }

    /// A list that must not be empty, up to a keyword.
    fn body(&mut self, end: &str) -> Result<List, Syntax> {
        let list = self.list()?;
        match (list.is_empty(), self.peek()) {
            (_, None) => Err(self.incomplete(end)),
            (true, _) => Err(self.unexpected()),
            _ => Ok(list),
        }
    }

    /// What stands between `(`, already taken, and its `)`.
    pub fn until_parenthesis(&mut self) -> Result<List, Syntax> {
        let list = self.list()?;
        match self.peek() {
            Some(')') => {
                self.skip(1);
                Ok(list)
            }
            None => Err(self.incomplete(")")),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn and_or(&mut self) -> Result<AndOr, Syntax> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let and = self.looking_at("&&");
            if !and && !self.looking_at("||") {
                return Ok(AndOr { first, rest });
            }
            self.skip(2);
            self.newlines();
            rest.push((and, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, Syntax> {
        let negated = self.take_keyword("!");
        let mut stages = Vec::new();
        loop {
            self.newlines();
            let command = self.deeper(Parser::command)?;
            stages.push(command);
            self.blanks();
            if !self.looking_at("|") || self.looking_at("||") {
                return Ok(Pipeline { negated, stages });
            }
            self.skip(1);
            if self.looking_at("&") {
                return Err(self.refuse("'|&' is not known here: write 2>&1 |"));
            }
        }
    }

    fn command(&mut self) -> Result<Command, Syntax> {
        let what = match self.keyword() {
            _ if self.take("(") => What::Subshell(self.until_parenthesis()?),
            None => return self.simple(),
            Some("{") => {
                self.skip(1);
                let list = self.body("}")?;
                self.expect_keyword("}")?;
                What::Group(list)
            }
            Some("if") => self.conditional()?,
            Some(word @ ("while" | "until")) => {
                self.skip(word.len());
                let condition = self.body("do")?;
                let until = word == "until";
                let body = self.do_group()?;
                What::Loop {
                    until,
                    condition,
                    body,
                }
            }
            Some("for") => self.for_loop()?,
            Some("case") => self.case()?,
            Some(_) => return Err(self.unexpected()),
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(Command { what, redirects })
    }

    fn do_group(&mut self) -> Result<List, Syntax> {
        self.expect_keyword("do")?;
        let body = self.body("done")?;
        self.expect_keyword("done")?;
        Ok(body)
    }

    fn conditional(&mut self) -> Result<What, Syntax> {
        self.skip("if".len());
        let mut arms = Vec::new();
        loop {
            let condition = self.body("then")?;
            self.expect_keyword("then")?;
            arms.push((condition, self.body("fi")?));
            if !self.take_keyword("elif") {
                break;
            }
        }
        let otherwise = match self.take_keyword("else") {
            true => self.body("fi")?,
            false => List::new(),
        };
        self.expect_keyword("fi")?;
        Ok(What::If { arms, otherwise })
    }

    fn for_loop(&mut self) -> Result<What, Syntax> {
        self.skip("for".len());
        self.blanks();
        let name = self.plain_word();
        if !is_name(&name) {
            return Err(self.unexpected());
        }
        self.skip(name.len());
        let words = match self.take_keyword("in") {
            true => Some(self.words()?),
            false => None,
        };
        self.blanks();
        self.take(";");
        let body = self.do_group()?;
        Ok(What::For { name, words, body })
    }

    fn words(&mut self) -> Result<Vec<Word>, Syntax> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(c) if !ends_word(c) => words.push(self.word()?),
                _ => return Ok(words),
            }
        }
    }

    fn case(&mut self) -> Result<What, Syntax> {
        self.skip("case".len());
        self.blanks();
        let subject = self.word()?;
        self.expect_keyword("in")?;
        let mut arms = Vec::new();
        while !self.take_keyword("esac") {
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                match self.peek() {
                    None => return Err(self.incomplete("esac")),
                    Some(c) if ends_word(c) => return Err(self.unexpected()),
                    Some(_) => patterns.push(self.word()?),
                }
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return Err(self.unexpected());
            }
            arms.push((patterns, self.list()?));
            if !self.take(";;") {
                self.expect_keyword("esac")?;
                break;
            }
        }
        Ok(What::Case { subject, arms })
    }

    fn simple(&mut self) -> Result<Command, Syntax> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            match self.peek() {
                Some('(') if !words.is_empty() => {
                    return Err(self.refuse("unexpected '(': there are no functions here"));
                }
                Some(c) if !ends_word(c) => {}
                _ => break,
            }
            match self.assignment() {
                Some(name) if words.is_empty() => {
                    self.skip(name.len() + 1);
                    assignments.push((name, self.word()?));
                }
                _ => words.push(self.word()?),
            }
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            return Err(self.unexpected());
        }
        let what = What::Simple { assignments, words };
        Ok(Command { what, redirects })
    }

    /// The name in front of a `=`.
    fn assignment(&self) -> Option<String> {
        let word = self.plain_word();
        let (name, _) = word.split_once('=')?;
        is_name(name).then(|| name.to_owned())
    }
}
