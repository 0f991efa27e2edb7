//! The commands that change the shell itself.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use super::run::{DEEPEST, Flow, Shell};
use super::streams::Streams;
use super::words::is_name;
use crate::applet::reason;
use crate::applets;

pub type Builtin = fn(&mut Shell, &[String], &mut Streams) -> Result<u8, Flow>;

const ALL: &[(&str, Builtin)] = &[
    (".", source),
    (":", |_, _, _| Ok(0)),
    ("break", |shell, words, streams| {
        leave(shell, words, streams, Flow::Break)
    }),
    ("cd", cd),
    ("command", command),
    ("continue", |shell, words, streams| {
        leave(shell, words, streams, Flow::Continue)
    }),
    ("eval", |shell, words, streams| {
        shell.status = 0;
        let text = words.join(" ");
        deeper(shell, streams, |shell, streams| {
            shell.script(&text, streams)
        })
    }),
    ("exec", exec),
    ("exit", exit),
    ("export", export),
    ("help", |_, _, streams| {
        say(streams, format_args!("usage: sh {}\n", super::USAGE))
    }),
    ("read", super::read::read),
    ("set", set),
    ("shift", shift),
    ("trap", trap),
    ("type", |shell, words, streams| {
        describe(shell, words, true, streams)
    }),
    ("unset", unset),
    // There is nothing in the background that could be waited for.
    ("wait", |_, _, _| Ok(0)),
];

pub fn find(name: &str) -> Option<Builtin> {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.map(|(_, builtin)| *builtin)
}

/// Options of `set` by letter, in full, and where they are kept.
type Switch = (char, &'static str, fn(&mut Shell) -> &mut bool);
const SWITCHES: &[Switch] = &[
    ('e', "errexit", |shell| &mut shell.errexit),
    ('f', "noglob", |shell| &mut shell.noglob),
    ('u', "nounset", |shell| &mut shell.nounset),
    ('x', "xtrace", |shell| &mut shell.xtrace),
    // It has no letter.
    ('\0', "pipefail", |shell| &mut shell.pipefail),
];

/// Switches an option by its letter; `false` if there is none.
pub fn switch(shell: &mut Shell, letter: char, on: bool) -> bool {
    let found = SWITCHES.iter().find(|(known, _, _)| *known == letter);
    found.is_some_and(|(_, _, of)| {
        *of(shell) = on;
        true
    })
}

pub fn switch_named(shell: &mut Shell, name: &str, on: bool) -> bool {
    let found = SWITCHES.iter().find(|(_, known, _)| *known == name);
    found.is_some_and(|(_, _, of)| {
        *of(shell) = on;
        true
    })
}

/// `$-`
pub fn flags(shell: &Shell) -> String {
    let mut shell = shell.clone();
    let letters = SWITCHES.iter().filter(|(letter, _, _)| *letter != '\0');
    letters
        .filter(|(_, _, of)| *of(&mut shell))
        .map(|(letter, _, _)| *letter)
        .collect()
}

fn say(streams: &mut Streams, text: std::fmt::Arguments) -> Result<u8, Flow> {
    match streams.out.write_fmt(text) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Flow::Exit(141)),
        Err(_) => Ok(1),
    }
}

pub fn fail(
    shell: &Shell,
    streams: &mut Streams,
    message: impl std::fmt::Display,
) -> Result<u8, Flow> {
    shell.complain(streams, message);
    Ok(1)
}

/// A script within the script, in the same shell.
fn deeper(
    shell: &mut Shell,
    streams: &mut Streams,
    run: impl FnOnce(&mut Shell, &mut Streams) -> Result<(), Flow>,
) -> Result<u8, Flow> {
    // It could call itself, as a shell could.
    if shell.depth == DEEPEST {
        let why = format_args!("scripts within scripts: more than {DEEPEST} deep");
        return Err(shell.abort(streams, why));
    }
    shell.depth += 1;
    let result = run(shell, streams);
    shell.depth -= 1;
    result.map(|()| shell.status)
}

fn source(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    let [path] = words else {
        return Err(shell.abort(streams, ".: one file name is wanted"));
    };
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            return Err(shell.abort(streams, format_args!(".: {path}: {}", reason(&error))));
        }
    };
    shell.status = 0;
    deeper(shell, streams, |shell, streams| {
        shell.script(&text, streams)
    })
}

fn leave(
    shell: &Shell,
    words: &[String],
    streams: &mut Streams,
    how: fn(u32) -> Flow,
) -> Result<u8, Flow> {
    let count = match words {
        [] => Some(1),
        [number] => number.parse().ok().filter(|count| *count > 0),
        _ => None,
    };
    match count {
        None => Err(shell.abort(streams, "break and continue take a number from 1 on")),
        Some(_) if shell.loops == 0 => fail(shell, streams, "break and continue: in no loop"),
        Some(count) => Err(how(count.min(shell.loops))),
    }
}

fn exit(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    match words {
        [] => Err(Flow::Exit(shell.status)),
        [number] => match number.parse::<u32>() {
            // Of a greater number the low eight bits are told, as everywhere.
            Ok(number) => Err(Flow::Exit(number as u8)),
            Err(_) => Err(shell.abort(streams, format_args!("exit: bad number '{number}'"))),
        },
        _ => Err(shell.abort(streams, "exit: too many arguments")),
    }
}

/// A guest cannot become another program, but it can run one and end as that ends.
fn exec(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    match words {
        [] => Err(shell.abort(
            streams,
            "exec: redirections for all that follows are not known here",
        )),
        words => Err(Flow::Exit(shell.dispatch(words, streams)?)),
    }
}

fn cd(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    let (target, tell) = match words {
        [] => (
            shell.parameter("HOME").unwrap_or_else(|| "/".to_owned()),
            false,
        ),
        [dash] if dash == "-" => match shell.parameter("OLDPWD") {
            Some(before) => (before, true),
            None => return fail(shell, streams, "cd: OLDPWD is not set"),
        },
        [path] => (path.clone(), false),
        _ => return fail(shell, streams, "cd: too many arguments"),
    };
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let path = normal(&here.join(&target));
    let entered = match std::fs::metadata(&path) {
        Ok(meta) if !meta.is_dir() => {
            return fail(
                shell,
                streams,
                format_args!("cd: {target}: Not a directory"),
            );
        }
        Ok(_) => std::env::set_current_dir(&path),
        Err(error) => Err(error),
    };
    if let Err(error) = entered {
        return fail(
            shell,
            streams,
            format_args!("cd: {target}: {}", reason(&error)),
        );
    }
    shell.assign("OLDPWD", here.display().to_string());
    shell.assign("PWD", path.display().to_string());
    match tell {
        true => say(streams, format_args!("{}\n", path.display())),
        false => Ok(0),
    }
}

/// `..` means the directory that was named before it, even when that is a link: what `cd` does everywhere.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    normal
}

fn export(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    if words.is_empty() || words == ["-p"] {
        let exported = shell.variables.iter().filter(|(_, v)| v.exported);
        let lines: String = exported
            .map(|(name, variable)| format!("export {name}={}\n", quoted(&variable.value)))
            .collect();
        return say(streams, format_args!("{lines}"));
    }
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        if !is_name(name) {
            return fail(shell, streams, format_args!("export: '{name}' is no name"));
        }
        if let Some(value) = value {
            shell.assign(name, value.to_owned());
        }
        if let Some(variable) = shell.variables.get_mut(name) {
            variable.exported = true;
        } else {
            // Without a value it would be told to applets as empty, which it is not.
            return fail(shell, streams, format_args!("export: {name} has no value"));
        }
    }
    Ok(0)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn unset(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    for name in words.iter().filter(|word| *word != "-v") {
        if !is_name(name) {
            return fail(shell, streams, format_args!("unset: '{name}' is no name"));
        }
        shell.variables.remove(name);
    }
    Ok(0)
}

fn shift(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    let count = match words {
        [] => Some(1),
        [number] => number.parse::<usize>().ok(),
        _ => None,
    };
    match count {
        Some(count) if count <= shell.arguments.len() => {
            shell.arguments.drain(..count);
            Ok(0)
        }
        _ => fail(shell, streams, "shift: there are not so many arguments"),
    }
}

fn set(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    if words.is_empty() {
        let all = shell.variables.iter();
        let lines: String = all
            .map(|(name, variable)| format!("{name}={}\n", quoted(&variable.value)))
            .collect();
        return say(streams, format_args!("{lines}"));
    }
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let on = word.starts_with('-');
        if word == "--" {
            shell.arguments = after.to_vec();
            return Ok(0);
        }
        if word.len() < 2 || !(on || word.starts_with('+')) {
            shell.arguments = rest.to_vec();
            return Ok(0);
        }
        rest = after;
        for letter in word[1..].chars() {
            let known = match (letter, rest.split_first()) {
                ('o', Some((name, after))) => {
                    rest = after;
                    switch_named(shell, name, on)
                }
                ('o' | '\0', _) => false,
                _ => switch(shell, letter, on),
            };
            if !known {
                return Err(shell.abort(streams, format_args!("set: {word}: unknown option")));
            }
        }
    }
    Ok(0)
}

/// Only the end of the shell can be trapped: no signal ever reaches a guest.
fn trap(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    let Some((action, conditions)) = words.split_first() else {
        return match &shell.on_exit {
            Some(action) => say(streams, format_args!("trap -- {} EXIT\n", quoted(action))),
            None => Ok(0),
        };
    };
    for condition in conditions {
        match (condition.as_str(), action.as_str()) {
            ("EXIT" | "0", "-" | "") => shell.on_exit = None,
            ("EXIT" | "0", action) => shell.on_exit = Some(action.to_owned()),
            // As it is.
            (_, "-") => {}
            (signal, _) => {
                let why = "only EXIT can be trapped: WASI has no signals";
                return fail(shell, streams, format_args!("trap: {signal}: {why}"));
            }
        }
    }
    match conditions.is_empty() {
        true => fail(shell, streams, "trap: which condition?"),
        false => Ok(0),
    }
}

fn command(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    match words.split_first() {
        Some((option, names)) if option == "-v" => describe(shell, names, false, streams),
        Some((option, _)) if option.starts_with('-') => fail(
            shell,
            streams,
            format_args!("command: {option}: unknown option"),
        ),
        _ => shell.dispatch(words, streams),
    }
}

fn describe(
    shell: &Shell,
    names: &[String],
    in_words: bool,
    streams: &mut Streams,
) -> Result<u8, Flow> {
    let mut code = 0;
    for name in names {
        let what = match (find(name), applets::program(name)) {
            (Some(_), _) => "a shell builtin",
            (None, Some(_)) => "an applet of the toolbox",
            (None, None) if name.contains('/') && Path::new(name).is_file() => "a file",
            (None, None) => {
                if in_words {
                    shell.complain(streams, format_args!("{name}: not found"));
                }
                code = 127;
                continue;
            }
        };
        match in_words {
            true => say(streams, format_args!("{name} is {what}\n"))?,
            false => say(streams, format_args!("{name}\n"))?,
        };
    }
    Ok(code)
}
