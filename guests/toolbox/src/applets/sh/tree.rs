//! What a script is made of.

use std::rc::Rc;

pub type List = Vec<AndOr>;

/// Pipelines joined by `&&` (true) and `||`.
#[derive(Debug)]
pub struct AndOr {
    pub first: Pipeline,
    pub rest: Vec<(bool, Pipeline)>,
}

#[derive(Debug)]
pub struct Pipeline {
    pub negated: bool,
    pub stages: Vec<Command>,
}

#[derive(Debug)]
pub struct Command {
    pub what: What,
    pub redirects: Vec<Redirect>,
}

#[derive(Debug)]
pub enum What {
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        arms: Vec<(List, List)>,
        otherwise: List,
    },
    Loop {
        until: bool,
        condition: List,
        body: List,
    },
    /// Without words it goes over the arguments.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    Case {
        subject: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
}

#[derive(Debug)]
pub struct Redirect {
    /// 0, 1 or 2.
    pub descriptor: u8,
    pub to: Target,
}

#[derive(Debug)]
pub enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    /// `>&1`
    Same(u8),
}

pub type Word = Vec<Piece>;

#[derive(Debug, Clone)]
pub enum Piece {
    Text {
        text: String,
        quoted: bool,
    },
    /// An unquoted `~` in front of a word.
    Home,
    Parameter {
        name: String,
        how: How,
        quoted: bool,
    },
    Command {
        list: Rc<List>,
        quoted: bool,
    },
    Arithmetic {
        expression: Word,
        quoted: bool,
    },
}

#[derive(Debug, Clone)]
pub enum How {
    Plain,
    /// `${#x}`
    Length,
    /// `${x:-word}`: one of `-=?+`, and with the colon an empty value counts as none.
    Instead {
        sign: char,
        colon: bool,
        word: Word,
    },
    /// `${x#pattern}` and its kin.
    Trim {
        front: bool,
        longest: bool,
        pattern: Word,
    },
}
