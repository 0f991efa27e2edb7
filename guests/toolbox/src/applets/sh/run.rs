//! Running what a script is made of: lists, pipes, conditions and loops.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use super::parse::parse;
use super::streams::{PIPE_LIMIT, Pipe, Redirected, Streams};
use super::tree::{AndOr, Command, List, Pipeline, Redirect, Target, What, Word};
use super::{builtins, glob};
use crate::applet::reason;

/// Why what follows is not run.
#[derive(Debug, PartialEq)]
pub enum Flow {
    /// Out of this many loops.
    Break(u32),
    Continue(u32),
    Exit(u8),
    /// An error that ends a script, but not a shell at a terminal.
    Abort(u8),
}

pub type Ran = Result<(), Flow>;

/// Shells within shells: a script could call itself, and the stack of a guest is small.
pub const DEEPEST: u32 = 16;

#[derive(Clone, Default)]
pub struct Variable {
    pub value: String,
    pub exported: bool,
}

#[derive(Clone, Default)]
pub struct Shell {
    /// `$0`
    pub name: String,
    pub arguments: Vec<String>,
    pub variables: BTreeMap<String, Variable>,
    /// `$?`
    pub status: u8,
    pub errexit: bool,
    pub nounset: bool,
    pub noglob: bool,
    pub xtrace: bool,
    pub pipefail: bool,
    pub on_exit: Option<String>,
    pub loops: u32,
    pub depth: u32,
    /// Within a condition, where `set -e` does not apply.
    pub tested: u32,
    /// How the last `$(...)` of the current command ended.
    pub substituted: Option<u8>,
}

impl Shell {
    pub fn parameter(&self, name: &str) -> Option<String> {
        match name {
            "?" => return Some(self.status.to_string()),
            "#" => return Some(self.arguments.len().to_string()),
            "@" | "*" => return Some(self.arguments.join(" ")).filter(|all| !all.is_empty()),
            "-" => return Some(builtins::flags(self)),
            "0" => return Some(self.name.clone()),
            _ => {}
        }
        match name.parse::<usize>() {
            Ok(number) => self.arguments.get(number.checked_sub(1)?).cloned(),
            Err(_) => self.variables.get(name).map(|v| v.value.clone()),
        }
    }

    pub fn assign(&mut self, name: &str, value: String) {
        self.variables.entry(name.to_owned()).or_default().value = value;
    }

    pub fn complain(&self, streams: &mut Streams, message: impl Display) {
        let _ = writeln!(streams.err, "sh: {message}");
    }

    pub fn abort(&self, streams: &mut Streams, message: impl Display) -> Flow {
        self.complain(streams, message);
        Flow::Abort(2)
    }

    /// Runs a whole text, as of `sh -c`, `eval` or a file.
    pub fn script(&mut self, text: &str, streams: &mut Streams) -> Ran {
        match parse(text) {
            Ok(list) => self.list(&list, streams),
            Err(error) => Err(self.abort(streams, error.message)),
        }
    }

    /// Runs something in a shell of its own, which leaves nothing behind but its exit code.
    pub fn apart(
        &mut self,
        streams: &mut Streams,
        run: impl FnOnce(&mut Shell, &mut Streams) -> Ran,
    ) -> u8 {
        if self.depth == DEEPEST {
            self.complain(streams, format_args!("more than {DEEPEST} shells deep"));
            return 2;
        }
        let directory = std::env::current_dir().ok();
        let mut inner = self.clone();
        (inner.depth, inner.loops, inner.on_exit) = (self.depth + 1, 0, None);
        let result = run(&mut inner, streams);
        let code = inner.end(result, streams);
        if let Some(directory) = directory
            && std::env::current_dir().ok().as_ref() != Some(&directory)
        {
            let _ = std::env::set_current_dir(directory);
        }
        code
    }

    /// The exit code, after what a trap still does.
    pub fn end(&mut self, result: Ran, streams: &mut Streams) -> u8 {
        if let Err(Flow::Exit(code) | Flow::Abort(code)) = result {
            self.status = code;
        }
        if let Some(action) = self.on_exit.take() {
            let before = self.status;
            match self.script(&action, streams) {
                Err(Flow::Exit(code) | Flow::Abort(code)) => self.status = code,
                _ => self.status = before,
            }
        }
        self.status
    }

    pub fn list(&mut self, list: &List, streams: &mut Streams) -> Ran {
        list.iter().try_for_each(|item| self.and_or(item, streams))
    }

    /// Runs a list as the condition of something.
    fn test(&mut self, list: &List, streams: &mut Streams) -> Result<bool, Flow> {
        self.tested += 1;
        let result = self.list(list, streams);
        self.tested -= 1;
        result.map(|()| self.status == 0)
    }

    fn and_or(&mut self, item: &AndOr, streams: &mut Streams) -> Ran {
        let last = item.rest.len();
        self.pipeline(&item.first, last > 0, streams)?;
        for (index, (and, pipeline)) in item.rest.iter().enumerate() {
            if (self.status == 0) == *and {
                self.pipeline(pipeline, index + 1 < last, streams)?;
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, tested: bool, streams: &mut Streams) -> Ran {
        let tested = tested || pipeline.negated;
        self.tested += u32::from(tested);
        let result = match pipeline.stages.as_slice() {
            [only] => self.command(only, streams),
            stages => {
                self.status = self.stages(stages, streams);
                Ok(())
            }
        };
        self.tested -= u32::from(tested);
        result?;
        if pipeline.negated {
            self.status = u8::from(self.status == 0);
        }
        // What a compound command runs has been judged within it.
        let simple = matches!(
            pipeline.stages.last().map(|command| &command.what),
            Some(What::Simple { .. } | What::Subshell(_))
        );
        let judged = simple || pipeline.stages.len() > 1;
        match self.errexit && self.tested == 0 && !tested && judged && self.status != 0 {
            true => Err(Flow::Exit(self.status)),
            false => Ok(()),
        }
    }

    /// Each stage writes all it has to write before the next one reads it.
    fn stages(&mut self, stages: &[Command], streams: &mut Streams) -> u8 {
        let mut input: Option<io::Cursor<Vec<u8>>> = None;
        let mut worst = 0;
        let mut code = 0;
        for (index, stage) in stages.iter().enumerate() {
            let pipe = Pipe::new();
            let mut inner = streams.borrow();
            if let Some(input) = &mut input {
                inner.stdin = input;
                inner.redirected = true;
            }
            if index + 1 < stages.len() {
                inner.out = Pipe::sink(&pipe);
            }
            code = self.apart(&mut inner, |shell, streams| shell.command(stage, streams));
            if code != 0 {
                worst = code;
            }
            let (bytes, whole) = Pipe::take(&pipe);
            if !whole {
                let most = PIPE_LIMIT >> 20;
                self.complain(streams, format_args!(
                    "a command of a pipe was ended after {most} MiB: the next one runs only then"
                ));
            }
            input = Some(io::Cursor::new(bytes));
        }
        if self.pipefail { worst } else { code }
    }

    fn command(&mut self, command: &Command, streams: &mut Streams) -> Ran {
        if let What::Simple { assignments, words } = &command.what {
            return self.simple(assignments, words, &command.redirects, streams);
        }
        self.redirected(&command.redirects, streams, |shell, streams| {
            shell.compound(&command.what, streams)
        })
    }

    /// Runs something while these redirections hold; a failure of one is that of the command.
    pub fn redirected(
        &mut self,
        redirects: &[Redirect],
        streams: &mut Streams,
        run: impl FnOnce(&mut Shell, &mut Streams) -> Ran,
    ) -> Ran {
        if redirects.is_empty() {
            return run(self, streams);
        }
        let mut opened = Redirected::new(streams);
        for Redirect { descriptor, to } in redirects {
            let path = match to {
                Target::Read(word) | Target::Write(word) | Target::Append(word) => {
                    self.text(word, streams)?
                }
                Target::Same(_) => String::new(),
            };
            if let Err(message) = opened.apply(*descriptor, to, &path) {
                self.complain(streams, message);
                self.status = 1;
                return Ok(());
            }
        }
        let result = run(self, &mut opened.streams(streams));
        if let Err(error) = opened.finish() {
            self.complain(streams, format_args!("write error: {}", reason(&error)));
            self.status = 1;
        }
        result
    }

    fn compound(&mut self, what: &What, streams: &mut Streams) -> Ran {
        match what {
            What::Simple { .. } => Ok(()),
            What::Group(list) => self.list(list, streams),
            What::Subshell(list) => {
                self.status = self.apart(streams, |shell, streams| shell.list(list, streams));
                Ok(())
            }
            What::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.test(condition, streams)? {
                        return self.list(body, streams);
                    }
                }
                self.status = 0;
                self.list(otherwise, streams)
            }
            What::Loop {
                until,
                condition,
                body,
            } => self.in_loop(|shell| {
                let mut status = 0;
                loop {
                    match shell.condition(*until, condition, streams) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(flow) => match turned(flow)? {
                            true => continue,
                            false => break,
                        },
                    }
                    if !shell.turn(body, streams)? {
                        status = shell.status;
                        break;
                    }
                    status = shell.status;
                }
                shell.status = status;
                Ok(())
            }),
            What::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.arguments(words, streams)?,
                    None => self.arguments.clone(),
                };
                self.status = 0;
                self.in_loop(|shell| {
                    for value in values {
                        shell.assign(name, value);
                        if !shell.turn(body, streams)? {
                            break;
                        }
                    }
                    Ok(())
                })
            }
            What::Case { subject, arms } => self.case(subject, arms, streams),
        }
    }

    fn condition(&mut self, until: bool, list: &List, streams: &mut Streams) -> Result<bool, Flow> {
        Ok(self.test(list, streams)? != until)
    }

    fn in_loop(&mut self, run: impl FnOnce(&mut Shell) -> Ran) -> Ran {
        self.loops += 1;
        let result = run(self);
        self.loops -= 1;
        result
    }

    /// One turn of a loop; `false` when it is to end.
    fn turn(&mut self, body: &List, streams: &mut Streams) -> Result<bool, Flow> {
        match self.list(body, streams) {
            Ok(()) => Ok(true),
            Err(flow) => turned(flow),
        }
    }

    fn case(&mut self, subject: &Word, arms: &[(Vec<Word>, List)], streams: &mut Streams) -> Ran {
        let subject: Vec<char> = self.text(subject, streams)?.chars().collect();
        for (patterns, list) in arms {
            for pattern in patterns {
                let pattern = self.pattern(pattern, streams)?;
                if glob::matches(&pattern, &subject) {
                    self.status = 0;
                    return self.list(list, streams);
                }
            }
        }
        self.status = 0;
        Ok(())
    }
}

/// Does the loop go on? Outer loops get what is theirs.
fn turned(flow: Flow) -> Result<bool, Flow> {
    match flow {
        Flow::Break(1) => Ok(false),
        Flow::Continue(1) => Ok(true),
        Flow::Break(more) => Err(Flow::Break(more - 1)),
        Flow::Continue(more) => Err(Flow::Continue(more - 1)),
        end => Err(end),
    }
}
