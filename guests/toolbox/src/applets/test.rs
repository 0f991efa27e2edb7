//! test and `[`: expressions that are true (0) or false (1).

use std::fs;
use std::io::IsTerminal;
use std::path::Path;

use crate::applet::{Applet, Failure, Io, Outcome, usage};

pub const APPLET: Applet = Applet {
    name: "test",
    // No option is taken from the words of an expression, not even --help.
    usage: "",
    run,
};

pub const BRACKET: Applet = Applet {
    name: "[",
    usage: "",
    run: |args, io| match args.split_last() {
        Some((last, args)) if last == "]" => run(args, io),
        _ => usage("missing ']'"),
    },
};

/// What bash's `[[` says of one test; its own operators and patterns are not known, as busybox does not know them.
pub const DOUBLE: Applet = Applet {
    name: "[[",
    usage: "",
    run: |args, io| match args.split_last() {
        Some((last, args)) if last == "]]" => run(args, io),
        _ => usage("missing ']]'"),
    },
};

fn run(args: &[String], _: &mut Io) -> Outcome {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    if words.is_empty() {
        return Ok(1);
    }
    let mut reader = Reader { words: &words };
    let is = reader.or()?;
    match reader.words {
        [] => Ok(u8::from(!is)),
        [word, ..] => usage(format!("{word}: unexpected word")),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn or(&mut self) -> Result<bool, Failure> {
        let mut is = self.and()?;
        while self.words.first() == Some(&"-o") {
            self.take();
            is |= self.and()?;
        }
        Ok(is)
    }

    fn and(&mut self) -> Result<bool, Failure> {
        let mut is = self.not()?;
        while self.words.first() == Some(&"-a") {
            self.take();
            is &= self.not()?;
        }
        Ok(is)
    }

    fn not(&mut self) -> Result<bool, Failure> {
        // `! = x` compares, and `!` alone is a text.
        let negates = self.words.first() == Some(&"!")
            && self.words.len() > 1
            && !(self.words.len() > 2 && is_comparison(self.words[1]));
        if negates {
            self.take();
            return Ok(!self.not()?);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<bool, Failure> {
        if let [left, operator, right, rest @ ..] = self.words
            && is_comparison(operator)
        {
            self.words = rest;
            return compare(left, operator, right);
        }
        match self.take() {
            None => usage("argument expected"),
            Some("(") => {
                let is = self.or()?;
                match self.take() {
                    Some(")") => Ok(is),
                    _ => usage("missing ')'"),
                }
            }
            Some(operator) if is_question(operator) && !self.words.is_empty() => {
                let operand = self.take().unwrap_or_default();
                ask(operator, operand)
            }
            Some(text) => Ok(!text.is_empty()),
        }
    }
}

fn is_comparison(word: &str) -> bool {
    matches!(
        word,
        "=" | "==" | "!=" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot"
    )
}

fn is_question(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-') && "bcdefghLnprsStuwxz".contains(&word[1..])
}

fn compare(left: &str, operator: &str, right: &str) -> Result<bool, Failure> {
    let modified = |path: &str| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let numbers = || -> Result<(i64, i64), Failure> { Ok((number(left)?, number(right)?)) };
    Ok(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "-nt" => modified(left) > modified(right),
        "-ot" => modified(left) < modified(right),
        "-eq" => numbers().map(|(l, r)| l == r)?,
        "-ne" => numbers().map(|(l, r)| l != r)?,
        "-lt" => numbers().map(|(l, r)| l < r)?,
        "-le" => numbers().map(|(l, r)| l <= r)?,
        "-gt" => numbers().map(|(l, r)| l > r)?,
        _ => numbers().map(|(l, r)| l >= r)?,
    })
}

fn number(text: &str) -> Result<i64, Failure> {
    match text.trim().parse() {
        Ok(number) => Ok(number),
        Err(_) => usage(format!("{text}: bad number")),
    }
}

fn ask(operator: &str, operand: &str) -> Result<bool, Failure> {
    let meta = fs::metadata(operand).ok();
    let is = |what: fn(&fs::Metadata) -> bool| meta.as_ref().is_some_and(what);
    Ok(match operator {
        "-n" => !operand.is_empty(),
        "-z" => operand.is_empty(),
        "-t" => terminal(number(operand)?),
        "-d" => is(fs::Metadata::is_dir),
        "-f" => is(fs::Metadata::is_file),
        "-s" => is(|meta| meta.len() > 0),
        "-h" | "-L" => fs::symlink_metadata(operand).is_ok_and(|meta| meta.is_symlink()),
        // A guest sees no modes: what can be opened may be read, and what may be read may be run.
        "-r" | "-x" => is(fs::Metadata::is_dir) || fs::File::open(operand).is_ok(),
        "-w" => writable(Path::new(operand), is(fs::Metadata::is_dir)),
        "-e" => meta.is_some(),
        // Devices, pipes and sockets: a guest meets none of them.
        _ => false,
    })
}

fn terminal(descriptor: i64) -> bool {
    match descriptor {
        0 => std::io::stdin().is_terminal(),
        1 => std::io::stdout().is_terminal(),
        2 => std::io::stderr().is_terminal(),
        _ => false,
    }
}

/// Of a directory it cannot be told without changing it: its times say whether they may be set.
fn writable(path: &Path, is_dir: bool) -> bool {
    if !is_dir {
        return fs::OpenOptions::new().append(true).open(path).is_ok();
    }
    let times = fs::metadata(path).and_then(|meta| {
        let times = fs::FileTimes::new().set_modified(meta.modified()?);
        fs::File::open(path)?.set_times(times)
    });
    times.is_ok()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, run};

    fn says(args: &[&str]) -> u8 {
        run("test", args).code
    }

    #[test]
    fn texts_and_numbers_are_compared() {
        for (args, code) in [
            (&["a"][..], 0),
            (&[""], 1),
            (&[], 1),
            (&["-n", "a"], 0),
            (&["-z", "a"], 1),
            (&["a", "=", "a"], 0),
            (&["a", "!=", "a"], 1),
            (&["!", "a", "=", "a"], 1),
            (&["!", "=", "!"], 0),
            (&["2", "-lt", "10"], 0),
            (&["2", "-ge", "10"], 1),
            (&["a", "-a", ""], 1),
            (&["a", "-o", ""], 0),
            (&["(", "", "-o", "a", ")", "-a", "b"], 0),
            (&["-d"], 0),
            (&["x", "-eq", "1"], 2),
            (&["a", "b"], 2),
            (&["(", "a"], 2),
        ] {
            assert_eq!(says(args), code, "{args:?}");
        }
    }

    #[test]
    fn files_are_looked_at() {
        let s = Scratch::new();
        let (file, empty) = (s.file("file", "x"), s.file("empty", ""));
        let (folder, nothing) = (s.path(""), s.path("nothing"));
        for (operator, path, code) in [
            ("-e", &file, 0),
            ("-e", &nothing, 1),
            ("-f", &file, 0),
            ("-f", &folder, 1),
            ("-d", &folder, 0),
            ("-d", &file, 1),
            ("-s", &file, 0),
            ("-s", &empty, 1),
            ("-r", &file, 0),
            ("-w", &file, 0),
            ("-w", &folder, 0),
            ("-L", &file, 1),
        ] {
            assert_eq!(says(&[operator, path]), code, "{operator} {path}");
        }
    }

    #[test]
    fn a_bracket_wants_another() {
        assert_eq!(run("[", &["a", "]"]).code, 0);
        assert_eq!(run("[", &["a"]).code, 2);
        assert_eq!(run("[[", &["-e", "/", "]]"]).code, 0);
        assert_eq!(run("[[", &["-e", "/", "]"]).code, 2);
    }
}
