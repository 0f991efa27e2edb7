//! `wasmpod/toolbox`, the image built into wasmpod: one program with many names, after busybox. The name is the last part of
//! argv[0] or, when that says `toolbox` (or nothing we know), the first argument.
//!
//! A guest has no processes, threads, signals, users or file modes. What hangs on those is left out rather than accepted and
//! ignored: an unknown option is an error.

mod applet;
mod applets;
mod clock;
mod command;
mod escape;
mod hosts;
mod options;
mod sys;
#[cfg(test)]
mod testing;
mod tree;

use std::io::{self, Write};
use std::process::ExitCode;

use applet::{Applet, Io};

fn main() -> ExitCode {
    sys::enter_initial_directory();
    let argv: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let (mut stdin, mut out, mut err) =
        (io::stdin().lock(), io::stdout().lock(), io::stderr().lock());
    let code = match choose(&argv) {
        Choice::Applet(applet, args) => {
            let mut io = Io::new(applet.name, &mut stdin, &mut out, &mut err);
            applet.main(args, &mut io)
        }
        Choice::List => write!(out, "{}", names()).map_or(1, |()| 0),
        Choice::Unknown(name) => {
            let _ = writeln!(err, "toolbox: {name}: applet not found");
            127
        }
    };
    let _ = out.flush();
    sys::exit(code)
}

enum Choice<'a> {
    Applet(&'static Applet, &'a [String]),
    List,
    Unknown(&'a str),
}

/// Which applet an argument vector asks for, and the arguments that are its own.
fn choose(argv: &[String]) -> Choice<'_> {
    let program = argv.first().map_or("", |path| basename(path));
    if let Some(applet) = applets::find(program) {
        return Choice::Applet(applet, &argv[1..]);
    }
    match argv.get(1).map(String::as_str) {
        None | Some("--help" | "--list") => Choice::List,
        Some(name) => match applets::find(basename(name)) {
            Some(applet) => Choice::Applet(applet, &argv[2..]),
            // As a program of another name (`bash -c …`) it is that name that nobody knows.
            None if program == "toolbox" || argv[0].ends_with(".wasm") => Choice::Unknown(name),
            None => Choice::Unknown(program),
        },
    }
}

fn basename(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".wasm").unwrap_or(name)
}

fn names() -> String {
    applets::ALL
        .iter()
        .map(|applet| format!("{}\n", applet.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(argv: &[&str]) -> String {
        let argv: Vec<String> = argv.iter().map(|s| (*s).to_owned()).collect();
        match choose(&argv) {
            Choice::Applet(applet, args) => format!("{} {}", applet.name, args.join(" ")),
            Choice::List => "list".to_owned(),
            Choice::Unknown(name) => format!("unknown {name}"),
        }
    }

    #[test]
    fn the_name_is_argv0_or_the_first_argument() {
        assert_eq!(chosen(&["/bin/cat", "a"]), "cat a");
        assert_eq!(chosen(&["cat.wasm", "a"]), "cat a");
        assert_eq!(chosen(&["toolbox.wasm", "cat", "a"]), "cat a");
        assert_eq!(chosen(&["anything", "/bin/echo", "cat"]), "echo cat");
        assert_eq!(chosen(&["toolbox"]), "list");
        assert_eq!(chosen(&["toolbox", "vi"]), "unknown vi");
        assert_eq!(chosen(&["toolbox.wasm", "vi"]), "unknown vi");
        assert_eq!(chosen(&["/bin/bash", "-c", "ls"]), "unknown bash");
        assert_eq!(chosen(&[]), "list");
    }

    #[test]
    fn names_are_unique_and_sorted() {
        assert!(
            applets::ALL
                .windows(2)
                .all(|pair| pair[0].name < pair[1].name)
        );
    }
}
