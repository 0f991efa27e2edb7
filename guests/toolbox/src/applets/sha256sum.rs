use std::fmt::Write as _;
use std::io::BufRead;

use sha2::{Digest, Sha256};

use crate::applet::{Applet, At, Failure, Io, Outcome, chomp, open, read_line};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "sha256sum",
    usage: "[-cs] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "cs", &[("check", 'c'), ("status", 's')])?;
    let silent = options.has('s');
    io.for_each_input(&options.operands, |io, name, mut input| {
        if options.has('c') {
            let list = lines(input.reader(io).0, name)?;
            return check(io, &list, name, silent);
        }
        let (reader, out) = input.reader(io);
        Ok(writeln!(out, "{}  {name}", digest(reader, name)?)?)
    })?;
    Ok(0)
}

fn digest(reader: &mut dyn BufRead, name: &str) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    loop {
        let chunk = reader.fill_buf().at(name)?;
        let length = chunk.len();
        if length == 0 {
            break;
        }
        hash.update(chunk);
        reader.consume(length);
    }
    Ok(hash
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

fn lines(reader: &mut dyn BufRead, name: &str) -> Result<Vec<String>, Failure> {
    let (mut all, mut line) = (Vec::new(), Vec::new());
    while read_line(reader, &mut line, name)? {
        all.push(String::from_utf8_lossy(chomp(&line)).into_owned());
    }
    Ok(all)
}

/// Compares the files that a list names with the digests it gives.
fn check(io: &mut Io, list: &[String], list_name: &str, silent: bool) -> Result<(), Failure> {
    let (mut checked, mut wrong) = (0, 0);
    for line in list {
        // Digest, a space, then a space or (for binary) an asterisk, then the name.
        let Some((expected, name)) = line
            .split_once(' ')
            .filter(|(hex, name)| hex.len() == 64 && name.len() > 1)
        else {
            continue;
        };
        let name = &name[1..];
        checked += 1;
        let same = match open(name).and_then(|mut file| digest(&mut file, name)) {
            Ok(actual) => actual.eq_ignore_ascii_case(expected),
            Err(failure) => {
                io.forgive(Err(failure))?;
                false
            }
        };
        wrong += u32::from(!same);
        if !silent {
            writeln!(io.out, "{name}: {}", if same { "OK" } else { "FAILED" })?;
        }
    }
    if checked == 0 {
        io.complain(format!("{list_name}: no digests found"));
    } else if wrong > 0 {
        io.complain(format!("{wrong} of {checked} digests did not match"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run_with};

    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digests() {
        assert_eq!(output("abc", "sha256sum", &[]), format!("{OF_ABC}  -\n"));
        let scratch = Scratch::new();
        let file = scratch.file("f", "abc");
        assert_eq!(
            output("", "sha256sum", &[&file]),
            format!("{OF_ABC}  {file}\n")
        );
    }

    #[test]
    fn lists_are_checked() {
        let scratch = Scratch::new();
        let (good, bad) = (scratch.file("good", "abc"), scratch.file("bad", "abd"));
        assert_eq!(
            output(format!("{OF_ABC}  {good}\n"), "sha256sum", &["-c"]),
            format!("{good}: OK\n")
        );
        let ran = run_with(
            format!("{OF_ABC}  {good}\n{OF_ABC} *{bad}\n"),
            "sha256sum",
            &["-c"],
        );
        assert_eq!(
            (ran.code, ran.out),
            (1, format!("{good}: OK\n{bad}: FAILED\n"))
        );
        assert_eq!(run_with("nothing\n", "sha256sum", &["-c"]).code, 1);
    }
}
