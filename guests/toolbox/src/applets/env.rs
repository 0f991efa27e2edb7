use std::collections::BTreeMap;

use crate::applet::{Applet, Io, Outcome};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "env",
    usage: "[-i0] [-u NAME]... [NAME=VALUE]...",
    run,
};

/// Prints the environment, as changed by the operands. It cannot start a command with it: a guest has no processes.
fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(
        args,
        "+iu:0",
        &[("ignore-environment", 'i'), ("unset", 'u'), ("null", '0')],
    )?;
    let mut variables = BTreeMap::new();
    if !options.has('i') {
        variables = io.environment();
    }
    for name in options.values('u') {
        variables.remove(name);
    }
    for operand in &options.operands {
        let Some((name, value)) = operand.split_once('=') else {
            io.complain(format!("cannot run '{operand}': WASI has no processes"));
            return Ok(126);
        };
        variables.insert(name.to_owned(), value.to_owned());
    }
    let end = if options.has('0') { '\0' } else { '\n' };
    for (name, value) in variables {
        write!(io.out, "{name}={value}{end}")?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn assignments_are_added() {
        assert_eq!(output("", "env", &["-i", "B=2", "A=1=1"]), "A=1=1\nB=2\n");
        assert_eq!(output("", "env", &["-i0", "A="]), "A=\0");
        assert!(output("", "env", &[]).contains("PATH="));
        assert!(!output("", "env", &["-u", "PATH"]).contains("\nPATH="));
    }

    #[test]
    fn a_command_cannot_be_run() {
        let ran = run("env", &["-i", "A=1", "ls"]);
        assert_eq!((ran.code, ran.out.as_str()), (126, ""));
        assert_eq!(ran.err, "env: cannot run 'ls': WASI has no processes\n");
    }
}
