use std::collections::BTreeMap;

use crate::applet::{Applet, Io, Outcome};
use crate::{command, options};

pub const APPLET: Applet = Applet {
    name: "env",
    usage: "[-i0] [-u NAME]... [NAME=VALUE]... [APPLET [ARGUMENT]...]",
    run,
};

/// Prints the environment, as changed by the operands, or runs another applet with it.
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
    let mut operands = options.operands.as_slice();
    while let Some((name, value)) = operands.first().and_then(|first| first.split_once('=')) {
        variables.insert(name.to_owned(), value.to_owned());
        operands = &operands[1..];
    }
    if let Some(name) = operands.first() {
        let code = command::run(operands, variables, io)?;
        return Ok(code.unwrap_or_else(|| {
            io.complain(format!("cannot run '{name}': WASI has no processes"));
            126
        }));
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
    fn another_applet_runs_with_them() {
        assert_eq!(output("", "env", &["A=1", "printenv", "A"]), "1\n");
        assert_eq!(output("in", "env", &["-i", "/bin/cat"]), "in");
        let script = ["-i", "A=x", "sh", "-c", "echo $A; exit 3"];
        let ran = run("env", &script);
        assert_eq!((ran.code, ran.out.as_str()), (3, "x\n"));
    }

    #[test]
    fn nothing_else_can_be_run() {
        let ran = run("env", &["-i", "A=1", "./app"]);
        assert_eq!((ran.code, ran.out.as_str()), (126, ""));
        assert_eq!(ran.err, "env: cannot run './app': WASI has no processes\n");
    }
}
