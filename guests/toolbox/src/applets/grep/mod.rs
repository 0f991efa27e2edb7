mod pattern;

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::path::Path;

use regex_lite::{Regex, RegexBuilder};

use crate::applet::{Applet, At, Failure, Input, Io, Outcome, chomp, open, read_line, usage};
use crate::options::{self, Options};
use crate::tree::entries;
use pattern::{Syntax, translate};

pub const APPLET: Applet = Applet {
    name: "grep",
    usage: "[-EFivwxcnlLqsohHrR] [-m COUNT] [-A|-B|-C LINES] PATTERN | -e PATTERN | -f FILE [FILE]...",
    run,
};

const LONG: &[(&str, char)] = &[
    ("extended-regexp", 'E'),
    ("fixed-strings", 'F'),
    ("basic-regexp", 'G'),
    ("ignore-case", 'i'),
    ("invert-match", 'v'),
    ("word-regexp", 'w'),
    ("line-regexp", 'x'),
    ("count", 'c'),
    ("line-number", 'n'),
    ("files-with-matches", 'l'),
    ("files-without-match", 'L'),
    ("quiet", 'q'),
    ("silent", 'q'),
    ("no-messages", 's'),
    ("only-matching", 'o'),
    ("no-filename", 'h'),
    ("with-filename", 'H'),
    ("recursive", 'r'),
    ("max-count", 'm'),
    ("after-context", 'A'),
    ("before-context", 'B'),
    ("context", 'C'),
    ("regexp", 'e'),
    ("file", 'f'),
];

/// 0: a line was selected, 1: none, 2: something went wrong.
fn run(args: &[String], io: &mut Io) -> Outcome {
    let mut options = options::parse(args, "EFGivwxcnlLqsohHrRm:A:B:C:e:f:", LONG)?;
    let regex = compile(&mut options)?;
    let recursive = options.last_of("rR").is_some();
    let mut names = std::mem::take(&mut options.operands);
    if names.is_empty() {
        names.push(if recursive { "." } else { "-" }.to_owned());
    }
    let many = names.len() > 1 || recursive;
    let mut search = Search::new(&options, regex, many)?;
    for name in names {
        search.named(&name, recursive, io)?;
        if search.quiet && search.found {
            return Ok(0);
        }
    }
    Ok(if search.failed {
        2
    } else {
        u8::from(!search.found)
    })
}

/// All patterns, one a line, as one expression.
fn compile(options: &mut Options) -> Result<Regex, Failure> {
    let mut texts: Vec<String> = options.values('e').map(str::to_owned).collect();
    for path in options.values('f') {
        texts.push(match path {
            "-" => return usage("patterns cannot be read from stdin"),
            path => std::fs::read_to_string(path).at(path)?,
        });
    }
    if texts.is_empty() {
        if options.operands.is_empty() {
            return usage("missing pattern");
        }
        texts.push(options.operands.remove(0));
    }
    let syntax = match options.last_of("EFG") {
        Some('E') => Syntax::Extended,
        Some('F') => Syntax::Fixed,
        _ => Syntax::Basic,
    };
    let lines = texts
        .iter()
        .flat_map(|text| text.strip_suffix('\n').unwrap_or(text).split('\n'));
    let alternatives = lines
        .map(|line| Ok(format!("(?:{})", translate(line, syntax)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut whole = alternatives.join("|");
    if options.has('x') {
        whole = format!("^(?:{whole})$");
    } else if options.has('w') {
        whole = format!(r"\b{{start-half}}(?:{whole})\b{{end-half}}");
    }
    RegexBuilder::new(&whole)
        .case_insensitive(options.has('i'))
        .build()
        .or_else(|error| usage(format!("invalid pattern: {error}")))
}

/// What is printed of a file.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    Lines,
    Parts,
    Count,
    NamesWith,
    NamesWithout,
    Nothing,
}

struct Search {
    regex: Regex,
    invert: bool,
    show: Show,
    quiet: bool,
    names: bool,
    numbers: bool,
    silent: bool,
    most: u64,
    before: usize,
    after: usize,
    found: bool,
    failed: bool,
    /// Has any line been printed? Then groups of context are told apart by `--`.
    printed: bool,
}

impl Search {
    fn new(options: &Options, regex: Regex, many: bool) -> Result<Self, Failure> {
        let around = options.number('C')?.unwrap_or(0);
        let show = [
            ('q', Show::Nothing),
            ('l', Show::NamesWith),
            ('L', Show::NamesWithout),
            ('c', Show::Count),
            ('o', Show::Parts),
        ];
        let show = show.into_iter().find(|(letter, _)| options.has(*letter));
        Ok(Search {
            regex,
            invert: options.has('v'),
            show: show.map_or(Show::Lines, |(_, show)| show),
            quiet: options.has('q'),
            names: options.last_of("hH").map_or(many, |last| last == 'H'),
            numbers: options.has('n'),
            silent: options.has('s') || options.has('q'),
            most: options.number('m')?.unwrap_or(u64::MAX),
            before: options.number('B')?.unwrap_or(around),
            after: options.number('A')?.unwrap_or(around),
            found: false,
            failed: false,
            printed: false,
        })
    }

    fn named(&mut self, name: &str, recursive: bool, io: &mut Io) -> Result<(), Failure> {
        let outcome = if recursive && Path::new(name).is_dir() {
            self.directory(name, io)
        } else {
            self.file(name, io)
        };
        match outcome {
            Err(Failure::Error(message)) => {
                self.failed = true;
                if !self.silent {
                    io.complain(message);
                }
                Ok(())
            }
            other => other,
        }
    }

    fn directory(&mut self, name: &str, io: &mut Io) -> Result<(), Failure> {
        for entry in entries(Path::new(name))? {
            let path = Path::new(name).join(entry);
            // Links met on the way are not followed: they could lead in a circle.
            if !path.is_symlink() {
                self.named(&path.to_string_lossy(), true, io)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, name: &str, io: &mut Io) -> Result<(), Failure> {
        let mut input = match name {
            "-" => Input::Stdin,
            path => Input::File(open(path)?),
        };
        let label = if name == "-" {
            "(standard input)"
        } else {
            name
        };
        let (reader, out) = input.reader(io);
        let count = self.scan(reader, out, label)?;
        self.found |= (count > 0) != (self.show == Show::NamesWithout);
        let prefix = if self.names {
            format!("{label}:")
        } else {
            String::new()
        };
        match self.show {
            Show::Count => writeln!(out, "{prefix}{count}")?,
            Show::NamesWith if count > 0 => writeln!(out, "{label}")?,
            Show::NamesWithout if count == 0 => writeln!(out, "{label}")?,
            _ => {}
        }
        Ok(())
    }

    /// Looks at every line as long as the answer is open; returns how many were selected.
    fn scan(
        &mut self,
        reader: &mut dyn BufRead,
        out: &mut dyn Write,
        label: &str,
    ) -> Result<u64, Failure> {
        let one_is_enough = matches!(
            self.show,
            Show::Nothing | Show::NamesWith | Show::NamesWithout
        );
        let most = if one_is_enough {
            self.most.min(1)
        } else {
            self.most
        };
        let mut line = Vec::new();
        let mut context: VecDeque<Vec<u8>> = VecDeque::new();
        let (mut number, mut count, mut trailing, mut last_shown) = (0u64, 0, 0, 0);
        while (count < most || trailing > 0) && read_line(reader, &mut line, label)? {
            number += 1;
            let text = chomp(&line);
            let selected =
                count < most && self.regex.is_match(&String::from_utf8_lossy(text)) != self.invert;
            count += u64::from(selected);
            if !matches!(self.show, Show::Lines | Show::Parts) {
                continue;
            }
            if selected {
                let first = number - context.len() as u64;
                if self.before + self.after > 0 && self.printed && first > last_shown + 1 {
                    writeln!(out, "--")?;
                }
                for (at, earlier) in context.drain(..).enumerate() {
                    self.line(out, label, first + at as u64, &earlier, '-')?;
                }
                self.line(out, label, number, text, ':')?;
                (last_shown, trailing) = (number, self.after);
            } else if trailing > 0 {
                self.line(out, label, number, text, '-')?;
                (last_shown, trailing) = (number, trailing - 1);
            } else if self.before > 0 {
                context.push_back(text.to_vec());
                if context.len() > self.before {
                    context.pop_front();
                }
            }
        }
        Ok(count)
    }

    fn line(
        &mut self,
        out: &mut dyn Write,
        label: &str,
        number: u64,
        text: &[u8],
        mark: char,
    ) -> Result<(), Failure> {
        let mut prefix = String::new();
        if self.names {
            prefix.push_str(&format!("{label}{mark}"));
        }
        if self.numbers {
            prefix.push_str(&format!("{number}{mark}"));
        }
        self.printed = true;
        if self.show == Show::Lines {
            return Ok([prefix.as_bytes(), text, b"\n"]
                .iter()
                .try_for_each(|part| out.write_all(part))?);
        }
        // Only what matched; lines of context and inverted ones have nothing of the kind.
        let text = String::from_utf8_lossy(text);
        for part in self
            .regex
            .find_iter(&text)
            .filter(|part| !part.is_empty() && mark == ':' && !self.invert)
        {
            writeln!(out, "{prefix}{}", part.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run, run_with};

    const TEXT: &str = "one\ntwo\nthree\nFour\nfive five\n";

    #[test]
    fn selection() {
        let rows: &[(&[&str], &str)] = &[
            (&["o"], "one two Four"),
            (&["-i", "f"], "Four five five"),
            (&["-v", "e"], "two Four"),
            (&["-n", "t"], "2:two 3:three"),
            (&["-c", "e"], "3"),
            (&["-o", "i."], "iv iv"),
            (&["-E", "^(one|two)$"], "one two"),
            (&["-F", "e.e"], ""),
            (&["-w", "fiv"], ""),
            (&["-w", "five"], "five five"),
            (&["-x", "two"], "two"),
            (&["-x", "tw"], ""),
            (&["-m1", "o"], "one"),
            (&["-e", "one", "-e", "two"], "one two"),
            (&["one\ntwo"], "one two"),
            (&["-A1", "one"], "one two"),
            (&["-B1", "Four"], "three Four"),
            (&["-nC1", "three"], "2-two 3:three 4-Four"),
            (
                &["-A0", "-B1", "-e", "one", "-e", "Four"],
                "one -- three Four",
            ),
            (&["-l", "one"], "(standard input)"),
            (&["-H", "two"], "(standard input):two"),
        ];
        for (args, expected) in rows {
            let ran = run_with(TEXT, "grep", args);
            let same = expected.replace("(standard input)", "(standard_input)");
            let out = ran
                .out
                .trim_end()
                .replace("(standard input)", "(standard_input)")
                .replace("five five", "five+five")
                .replace('\n', " ");
            assert_eq!(out.replace("five+five", "five five"), same, "{args:?}");
        }
    }

    #[test]
    fn codes() {
        assert_eq!(run_with(TEXT, "grep", &["-q", "one"]).code, 0);
        assert_eq!(run_with(TEXT, "grep", &["none"]).code, 1);
        assert_eq!(run_with(TEXT, "grep", &["[a"]).code, 2);
        assert_eq!(run("grep", &[]).code, 2);
        let s = Scratch::new();
        let (a, none) = (s.file("a", "one\n"), s.path("none"));
        let ran = run("grep", &["one", &a, &none]);
        assert_eq!((ran.code, ran.out), (2, format!("{a}:one\n")));
        assert_eq!(run("grep", &["-s", "one", &none]).err, "");
        assert_eq!(run("grep", &["-q", "one", &none, &a]).code, 0);
    }

    #[test]
    fn files_and_folders() {
        let s = Scratch::new();
        std::fs::create_dir(s.path("d")).unwrap();
        let (a, b) = (s.file("d/a", "one\n"), s.file("d/b", "two\n"));
        assert_eq!(
            output("", "grep", &["-r", "o", &s.path("d")]),
            format!("{a}:one\n{b}:two\n")
        );
        assert_eq!(output("", "grep", &["-hr", "one", &s.path("d")]), "one\n");
        assert_eq!(output("", "grep", &["-L", "one", &a, &b]), format!("{b}\n"));
        assert_eq!(output("", "grep", &["-f", &a, &a]), "one\n");
        assert_eq!(
            run("grep", &["one", &s.path("d")]).err,
            format!("grep: {}: Is a directory\n", s.path("d"))
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_searched_and_kept() {
        let ran = run_with(b"a\xffb\n", "grep", &["-c", "b"]);
        assert_eq!(ran.out, "1\n");
    }
}
