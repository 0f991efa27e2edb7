use std::fs;

use crate::applet::{Applet, At, Io, Outcome};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "mkdir",
    usage: "[-pv] DIRECTORY...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "pv", &[("parents", 'p'), ("verbose", 'v')])?;
    options.some_operands("operand")?;
    for path in &options.operands {
        let made = match options.has('p') {
            true => fs::create_dir_all(path),
            false => fs::create_dir(path),
        };
        let made = made.at(path);
        let succeeded = made.is_ok();
        io.forgive(made)?;
        if succeeded && options.has('v') {
            writeln!(io.out, "created directory: '{path}'")?;
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};

    #[test]
    fn directories_are_made() {
        let s = Scratch::new();
        output("", "mkdir", &[&s.path("a"), &s.path("b")]);
        let deep = s.path("c/d/e");
        assert_eq!(
            run("mkdir", &[&deep]).err,
            format!("mkdir: {deep}: No such file or directory\n")
        );
        output("", "mkdir", &["-p", &deep]);
        output("", "mkdir", &["-p", &deep]);
        let ran = run("mkdir", &[&s.path("a"), &s.path("f")]);
        assert_eq!(
            (ran.code, ran.err),
            (1, format!("mkdir: {}: File exists\n", s.path("a")))
        );
        assert!(std::fs::exists(s.path("f")).unwrap());
    }
}
