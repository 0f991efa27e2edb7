use std::io::{BufRead, Write};

use crate::applet::{Applet, At, Failure, Io, Outcome, read_line};
use crate::options::{self, Options};

pub const APPLET: Applet = Applet {
    name: "cat",
    usage: "[-nbsETu] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    // -u asks for unbuffered output, which ours is.
    let options = options::parse(
        args,
        "nbsETu",
        &[
            ("number", 'n'),
            ("number-nonblank", 'b'),
            ("squeeze-blank", 's'),
        ],
    )?;
    let mut lines = Lines::new(&options);
    io.for_each_input(&options.operands, |io, name, mut input| {
        let (reader, out) = input.reader(io);
        match lines.plain {
            true => copy(reader, out, name),
            false => lines.copy(reader, out, name),
        }
    })?;
    Ok(0)
}

/// Copies what is there as soon as it is there: a pipe's reader must not wait for a full buffer.
fn copy(reader: &mut dyn BufRead, out: &mut dyn Write, name: &str) -> Result<(), Failure> {
    loop {
        let chunk = reader.fill_buf().at(name)?;
        let length = chunk.len();
        if length == 0 {
            return Ok(());
        }
        out.write_all(chunk)?;
        out.flush()?;
        reader.consume(length);
    }
}

/// Line by line, for the options that change lines. Numbers go on from file to file.
struct Lines {
    plain: bool,
    number: bool,
    number_full: bool,
    squeeze: bool,
    ends: bool,
    tabs: bool,
    count: u64,
    blank_before: bool,
}

impl Lines {
    fn new(options: &Options) -> Self {
        let [number, number_full, squeeze, ends, tabs] =
            ['n', 'b', 's', 'E', 'T'].map(|letter| options.has(letter));
        Lines {
            plain: !(number || number_full || squeeze || ends || tabs),
            number: number && !number_full,
            number_full,
            squeeze,
            ends,
            tabs,
            count: 0,
            blank_before: false,
        }
    }

    fn copy(
        &mut self,
        reader: &mut dyn BufRead,
        out: &mut dyn Write,
        name: &str,
    ) -> Result<(), Failure> {
        let mut line = Vec::new();
        while read_line(reader, &mut line, name)? {
            let blank = line == b"\n";
            if self.squeeze && blank && self.blank_before {
                continue;
            }
            self.blank_before = blank;
            if self.number || (self.number_full && !blank) {
                self.count += 1;
                write!(out, "{:6}\t", self.count)?;
            }
            self.write(&line, out)?;
        }
        Ok(())
    }

    fn write(&self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        for byte in line {
            match byte {
                b'\t' if self.tabs => out.write_all(b"^I")?,
                b'\n' if self.ends => out.write_all(b"$\n")?,
                other => out.write_all(&[*other])?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run, run_with};

    #[test]
    fn files_and_stdin_are_joined() {
        let scratch = Scratch::new();
        let (a, b) = (scratch.file("a", "1\n"), scratch.file("b", "2"));
        assert_eq!(output("in\n", "cat", &[&a, "-", &b]), "1\nin\n2");
        assert_eq!(output("in", "cat", &[]), "in");
    }

    #[test]
    fn a_missing_file_does_not_stop_the_others() {
        let scratch = Scratch::new();
        let (a, none) = (scratch.file("a", "1\n"), scratch.path("none"));
        let ran = run("cat", &[&none, &a]);
        assert_eq!((ran.code, ran.out.as_str()), (1, "1\n"));
        assert_eq!(ran.err, format!("cat: {none}: No such file or directory\n"));
        let folder = scratch.path("");
        assert_eq!(
            run("cat", &[&folder]).err,
            format!("cat: {folder}: Is a directory\n")
        );
    }

    #[test]
    fn lines_are_numbered_squeezed_and_marked() {
        assert_eq!(
            output("a\n\nb\n", "cat", &["-n"]),
            "     1\ta\n     2\t\n     3\tb\n"
        );
        assert_eq!(
            output("a\n\nb\n", "cat", &["-b"]),
            "     1\ta\n\n     2\tb\n"
        );
        assert_eq!(output("a\n\n\n\nb", "cat", &["-sE"]), "a$\n$\nb");
        assert_eq!(output("a\tb", "cat", &["-T"]), "a^Ib");
    }

    #[test]
    fn an_unknown_option_is_an_error() {
        let ran = run_with("x", "cat", &["-z"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert_eq!(
            ran.err,
            "cat: invalid option -- 'z'\nusage: cat [-nbsETu] [FILE]...\n"
        );
    }
}
