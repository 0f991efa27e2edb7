use crate::applet::{Applet, At, Io, Outcome};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "pwd",
    usage: "",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    options::parse(args, "LP", &[])?.no_operands()?;
    let directory = std::env::current_dir().at("current directory")?;
    writeln!(io.out, "{}", directory.display())?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::testing::output;

    #[test]
    fn it_names_the_current_directory() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(output("", "pwd", &[]), format!("{}\n", here.display()));
    }
}
