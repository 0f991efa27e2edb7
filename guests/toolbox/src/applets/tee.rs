use std::fs::File;
use std::io::Write;

use crate::applet::{Applet, At, Io, Outcome, reason};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "tee",
    usage: "[-ai] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    // -i asks to survive interrupts; no signal reaches a guest anyway.
    let options = options::parse(args, "ai", &[("append", 'a'), ("ignore-interrupts", 'i')])?;
    let append = options.has('a');
    let mut files = Vec::new();
    for path in &options.operands {
        let opened = File::options()
            .create(true)
            .write(true)
            .append(append)
            .truncate(!append)
            .open(path);
        match opened {
            Ok(file) => files.push((path, file)),
            Err(error) => io.complain(format!("{path}: {}", reason(&error))),
        }
    }
    loop {
        let chunk = io.stdin.fill_buf().at("-")?.to_vec();
        if chunk.is_empty() {
            return Ok(0);
        }
        io.stdin.consume(chunk.len());
        io.out.write_all(&chunk)?;
        io.out.flush()?;
        // A full disk ends one copy, not the others.
        files.retain_mut(|(path, file)| match file.write_all(&chunk) {
            Ok(()) => true,
            Err(error) => {
                io.complain(format!("{path}: {}", reason(&error)));
                false
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run_with};

    #[test]
    fn input_goes_to_all() {
        let scratch = Scratch::new();
        let (a, b) = (scratch.file("a", "old\n"), scratch.file("b", "old\n"));
        assert_eq!(output("new\n", "tee", &[&a]), "new\n");
        assert_eq!(output("new\n", "tee", &["-a", &b]), "new\n");
        assert_eq!(
            (scratch.read("a"), scratch.read("b")),
            ("new\n".into(), "old\nnew\n".into())
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_stops_nothing() {
        let scratch = Scratch::new();
        let ran = run_with("x", "tee", &[&scratch.path("none/f"), &scratch.path("f")]);
        assert_eq!((ran.code, ran.out.as_str()), (1, "x"));
        assert_eq!(scratch.read("f"), "x");
    }
}
