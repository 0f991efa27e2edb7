use std::path::Path;

use crate::applet::{Applet, Failure, Io, Outcome, error};
use crate::options;
use crate::tree;

pub const APPLET: Applet = Applet {
    name: "rm",
    usage: "[-rRfv] FILE...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(
        args,
        "rRfv",
        &[("recursive", 'r'), ("force", 'f'), ("verbose", 'v')],
    )?;
    let [recursive, force, verbose] =
        ["rR", "f", "v"].map(|letters| options.last_of(letters).is_some());
    if !force {
        options.some_operands("operand")?;
    }
    for name in &options.operands {
        let path = Path::new(name);
        let missing = path
            .symlink_metadata()
            .is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if force && missing {
            continue;
        }
        let outcome = refuse_roots(name).and_then(|()| tree::remove(path, recursive, verbose, io));
        io.forgive(outcome.map(|_| ()))?;
    }
    Ok(0)
}

/// Nobody means these.
fn refuse_roots(name: &str) -> Result<(), Failure> {
    match name.trim_end_matches('/').rsplit('/').next() {
        Some("." | "..") => error(format!("refusing to remove '{name}': it is '.' or '..'")),
        Some("") => error(format!("refusing to remove '{name}': it is the root")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};
    use std::fs;

    #[test]
    fn files_and_trees_go() {
        let s = Scratch::new();
        let a = s.file("a", "");
        fs::create_dir_all(s.path("t/x")).unwrap();
        s.file("t/x/f", "");
        assert_eq!(
            run("rm", &[&s.path("t")]).err,
            format!("rm: {}: is a directory\n", s.path("t"))
        );
        assert_eq!(
            output("", "rm", &["-rv", &a, &s.path("t")]).lines().count(),
            4
        );
        assert!(!fs::exists(s.path("t")).unwrap());
    }

    #[test]
    fn a_link_is_removed_and_not_what_it_points_to() {
        let s = Scratch::new();
        fs::create_dir(s.path("t")).unwrap();
        s.file("t/f", "stays");
        std::os::unix::fs::symlink("t", s.path("l")).unwrap();
        output("", "rm", &["-r", &s.path("l")]);
        assert_eq!(s.read("t/f"), "stays");
    }

    #[test]
    fn missing_files_and_roots() {
        let s = Scratch::new();
        assert_eq!(run("rm", &[&s.path("no")]).code, 1);
        assert_eq!(run("rm", &["-f", &s.path("no")]).code, 0);
        assert_eq!(run("rm", &["-f"]).code, 0);
        assert_eq!(run("rm", &[]).code, 2);
        for root in ["/", "//", ".", "../..", "x/."] {
            assert_eq!(
                run("rm", &["-rf", root]).err.lines().count(),
                usize::from(root != "x/."),
                "{root}"
            );
        }
    }
}
