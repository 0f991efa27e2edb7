//! A small shell, after POSIX (XCU 2, Shell Command Language). WASI has no processes: its commands are the applets of this
//! program, run within it. So there is nothing in the background, and the commands of a pipe run one after the other.

mod arithmetic;
mod builtins;
mod expand;
pub mod glob;
mod launch;
mod parse;
mod read;
mod redirect;
mod run;
mod streams;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use std::io::{IsTerminal, Write};

use crate::applet::{Applet, Io, reason};
use parse::parse;
use run::{Flow, Ran, Shell, Variable};
use streams::{Sink, Streams};

pub const APPLET: Applet = Applet {
    name: "sh",
    usage: USAGE,
    run: |args, io| Ok(start(args, io, 0)),
};

pub const USAGE: &str = "[-efux] [-o pipefail] [-c TEXT [NAME [ARGUMENT]...] | FILE [ARGUMENT]...]

A subset of the POSIX shell, whose commands are the applets of the toolbox and scripts.
It knows: ; && || ! | newlines, ( ) and { }, if while until for case, break continue,
> >> < 2> 2>> 2>&1 >&2, 'quotes' \"quotes\" \\ #, $x ${x:-word} ${x:=word} ${x:?word} ${x:+word}
${#x} ${x#pattern} ${x##pattern} ${x%pattern} ${x%%pattern} $? $# $@ $* $0 $1 $-,
$(command) `command` $((expression)) ~ * ? [a-z], and the builtins
. : break cd command continue eval exec exit export help read set shift trap type unset wait.
A pipe holds up to 16 MiB: each of its commands ends before the next one begins.
It does not know: & and job control (WASI has no processes), traps but EXIT (nor signals), $$ $!,
functions, here-documents, descriptors above 2, aliases, line editing.";

/// Runs a shell to its exit code; `depth` is how many shells it is within.
fn start(args: &[String], io: &mut Io, depth: u32) -> u8 {
    let mut shell = Shell {
        name: "sh".to_owned(),
        depth,
        ..Shell::default()
    };
    for (name, value) in io.environment() {
        let exported = true;
        shell.variables.insert(name, Variable { value, exported });
    }
    if let Ok(directory) = std::env::current_dir() {
        shell.assign("PWD", directory.display().to_string());
    }
    let mut streams = Streams {
        stdin: &mut *io.stdin,
        out: Sink::new(&mut *io.out),
        err: Sink::new(&mut *io.err),
        redirected: io.redirected,
    };
    let result = match source(args, &mut shell) {
        Err(message) => {
            shell.complain(&mut streams, format_args!("{message} (see sh --help)"));
            return 2;
        }
        Ok(Source::Text(text)) => shell.script(&text, &mut streams),
        Ok(Source::File(path)) => match std::fs::read(&path) {
            Ok(bytes) => shell.script(&String::from_utf8_lossy(&bytes), &mut streams),
            Err(error) => {
                shell.complain(&mut streams, format_args!("{path}: {}", reason(&error)));
                return 127;
            }
        },
        Ok(Source::Stdin { prompt }) => {
            let prompt = prompt || (!streams.redirected && std::io::stdin().is_terminal());
            lines(&mut shell, &mut streams, prompt)
        }
    };
    let code = shell.end(result, &mut streams);
    let _ = streams.out.flush();
    code
}

/// Where the commands come from.
enum Source {
    Text(String),
    File(String),
    Stdin { prompt: bool },
}

fn source(args: &[String], shell: &mut Shell) -> Result<Source, String> {
    let mut rest = args;
    let (mut text, mut stdin, mut prompt) = (false, false, false);
    while let Some((word, after)) = rest.split_first() {
        let on = word.starts_with('-');
        if word.len() < 2 || !(on || word.starts_with('+')) {
            break;
        }
        rest = after;
        if word == "--" {
            break;
        }
        for letter in word[1..].chars() {
            let known = match (letter, rest.split_first()) {
                ('c', _) => {
                    text = true;
                    on
                }
                ('s', _) => {
                    stdin = true;
                    on
                }
                ('i', _) => {
                    prompt = true;
                    on
                }
                ('o', Some((name, after))) => {
                    rest = after;
                    builtins::switch_named(shell, name, on)
                }
                ('o' | '\0', _) => false,
                _ => builtins::switch(shell, letter, on),
            };
            if !known {
                return Err(format!("{word}: unknown option"));
            }
        }
    }
    let mut rest = rest.iter().cloned();
    let source = if text {
        let text = rest.next().ok_or("-c: a text is missing")?;
        shell.name = rest.next().unwrap_or_else(|| "sh".to_owned());
        Source::Text(text)
    } else if let Some(path) = rest.next().filter(|_| !stdin) {
        shell.name.clone_from(&path);
        Source::File(path)
    } else {
        Source::Stdin { prompt }
    };
    shell.arguments = rest.collect();
    Ok(source)
}

/// Reads and runs command by command: what a command leaves of stdin is the next command.
fn lines(shell: &mut Shell, streams: &mut Streams, prompt: bool) -> Ran {
    let mut text = String::new();
    loop {
        if prompt {
            ask(shell, streams, !text.is_empty());
        }
        let mut line = Vec::new();
        if let Err(error) = streams.stdin.read_until(b'\n', &mut line) {
            return Err(shell.abort(streams, format_args!("stdin: {}", reason(&error))));
        }
        text.push_str(&String::from_utf8_lossy(&line));
        let ended = !line.ends_with(b"\n");
        if goes_on(&text) && !ended {
            continue;
        }
        let result = match parse(&text) {
            Err(error) if error.incomplete && !ended => continue,
            Err(error) => Err(shell.abort(streams, error.message)),
            Ok(list) => shell.list(&list, streams),
        };
        text.clear();
        match result {
            Err(Flow::Abort(code)) if prompt => shell.status = code,
            Err(flow @ (Flow::Exit(_) | Flow::Abort(_))) => return Err(flow),
            _ => {}
        }
        if ended {
            if prompt {
                let _ = writeln!(streams.err);
            }
            return Ok(());
        }
    }
}

/// Does it end in a backslash that joins the next line?
fn goes_on(text: &str) -> bool {
    let line = text.strip_suffix('\n').unwrap_or_default();
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

fn ask(shell: &Shell, streams: &mut Streams, more: bool) {
    let here = shell.parameter("PWD").unwrap_or_default();
    let _ = match more {
        true => write!(streams.err, "> "),
        false => write!(streams.err, "{here} # "),
    };
    let _ = streams.err.flush();
}
