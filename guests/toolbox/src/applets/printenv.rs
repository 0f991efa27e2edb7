use crate::applet::{Applet, Io, Outcome};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "printenv",
    usage: "[-0] [NAME]...",
    run,
};

/// The values of the names, in their order; 1 if one of them is not set. Without names, the whole environment.
fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "0", &[("null", '0')])?;
    let end = if options.has('0') { '\0' } else { '\n' };
    let variables = io.environment();
    if options.operands.is_empty() {
        for (name, value) in &variables {
            write!(io.out, "{name}={value}{end}")?;
        }
    }
    let mut missing = false;
    for name in &options.operands {
        match variables.get(name) {
            Some(value) => write!(io.out, "{value}{end}")?,
            None => missing = true,
        }
    }
    Ok(u8::from(missing))
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn values_come_in_the_order_of_the_names() {
        let path = std::env::var("PATH").unwrap();
        assert_eq!(output("", "printenv", &["PATH"]), format!("{path}\n"));
        assert_eq!(output("", "printenv", &["-0", "PATH"]), format!("{path}\0"));
        let some = run("printenv", &["NO_SUCH_NAME", "PATH"]);
        assert_eq!((some.code, some.out), (1, format!("{path}\n")));
        assert!(output("", "printenv", &[]).contains(&format!("PATH={path}\n")));
    }

    #[test]
    fn a_shell_shows_what_it_exports() {
        let script = "A=1; export B='x y'; printenv A B; echo $?";
        assert_eq!(output("", "sh", &["-c", script]), "x y\n1\n");
    }
}
