use std::path::Path;

use crate::applet::{Applet, Failure, Io, Outcome, error, usage};
use crate::options;
use crate::tree::{self, Copying};

pub const APPLET: Applet = Applet {
    name: "cp",
    usage: "[-rRadPLfnpvT] SOURCE... TARGET | -t DIRECTORY SOURCE...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("recursive", 'r'),
        ("archive", 'a'),
        ("no-dereference", 'P'),
        ("dereference", 'L'),
        ("force", 'f'),
        ("no-clobber", 'n'),
        ("verbose", 'v'),
        ("no-target-directory", 'T'),
        ("target-directory", 't'),
    ];
    let options = options::parse(args, "rRadPLfnpvTt:", &long)?;
    let recursive = options.last_of("rRa").is_some();
    let how = Copying {
        recursive,
        // Links inside a copied tree stay links, as with busybox, unless -L asks for what they point to.
        keep_links: options.last_of("adPLrR").is_some_and(|last| last != 'L'),
        keep_times: options.last_of("ap").is_some(),
        force: options.has('f'),
        keep_existing: options.has('n'),
        verbose: options.has('v'),
    };
    let (sources, target) =
        split_operands(&options.operands, options.value('t'), options.has('T'))?;
    for source in sources {
        let to = tree::destination(source, target, options.has('T'));
        let outcome = tree::copy(Path::new(source), &to, how, io);
        io.forgive(outcome)?;
    }
    Ok(0)
}

/// Sources and target of cp and mv. Several sources need a directory to go to.
pub fn split_operands<'a>(
    operands: &'a [String],
    directory: Option<&'a str>,
    plain: bool,
) -> Result<(&'a [String], &'a str), Failure> {
    let (sources, target) = match (directory, operands.split_last()) {
        (Some(directory), _) => (operands, directory),
        (None, Some((target, sources))) => (sources, target.as_str()),
        (None, None) => return usage("missing operand"),
    };
    match sources {
        [] => usage(format!("missing operand beside '{target}'")),
        [_, extra, ..] if plain => usage(format!("extra operand '{extra}'")),
        [_] if directory.is_none() => Ok((sources, target)),
        _ if Path::new(target).is_dir() => Ok((sources, target)),
        _ => error(format!("target '{target}' is not a directory")),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};
    use std::fs;

    #[test]
    fn files_go_to_a_name_or_into_a_directory() {
        let s = Scratch::new();
        let (a, b) = (s.file("a", "1"), s.file("b", "2"));
        fs::create_dir(s.path("d")).unwrap();
        output("", "cp", &[&a, &s.path("c")]);
        output("", "cp", &[&a, &b, &s.path("d")]);
        assert_eq!(
            (s.read("c"), s.read("d/a"), s.read("d/b")),
            ("1".into(), "1".into(), "2".into())
        );
        assert_eq!(
            output("", "cp", &["-v", &a, &s.path("e")]),
            format!("'{a}' -> '{}'\n", s.path("e"))
        );
        output("", "cp", &["-n", &b, &s.path("c")]);
        assert_eq!(s.read("c"), "1");
    }

    #[test]
    fn trees_are_copied_with_their_links() {
        let s = Scratch::new();
        fs::create_dir_all(s.path("t/x")).unwrap();
        s.file("t/x/f", "deep");
        std::os::unix::fs::symlink("x/f", s.path("t/link")).unwrap();
        assert_eq!(
            run("cp", &[&s.path("t"), &s.path("u")]).err,
            format!("cp: omitting directory '{}'\n", s.path("t"))
        );
        output("", "cp", &["-r", &s.path("t"), &s.path("u")]);
        assert_eq!(s.read("u/x/f"), "deep");
        assert_eq!(
            fs::read_link(s.path("u/link")).unwrap().to_str(),
            Some("x/f")
        );
        output("", "cp", &["-rL", &s.path("t"), &s.path("v")]);
        assert!(!fs::symlink_metadata(s.path("v/link")).unwrap().is_symlink());
    }

    #[test]
    fn times_are_kept_on_request() {
        let s = Scratch::new();
        let a = s.file("a", "1");
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        fs::File::open(&a).unwrap().set_modified(old).unwrap();
        output("", "cp", &["-p", &a, &s.path("b")]);
        assert_eq!(fs::metadata(s.path("b")).unwrap().modified().unwrap(), old);
    }

    #[test]
    fn nothing_is_copied_onto_or_into_itself() {
        let s = Scratch::new();
        let a = s.file("a", "1");
        assert_eq!(run("cp", &[&a, &a]).code, 1);
        assert_eq!(s.read("a"), "1");
        std::os::unix::fs::symlink("a", s.path("l")).unwrap();
        assert_eq!(run("cp", &[&a, &s.path("l")]).code, 1);
        assert_eq!(s.read("a"), "1");
        fs::create_dir(s.path("d")).unwrap();
        assert_eq!(run("cp", &["-r", &s.path("d"), &s.path("d/e")]).code, 1);
    }

    #[test]
    fn operands_are_counted() {
        let s = Scratch::new();
        let a = s.file("a", "1");
        for args in [&[][..], &[a.as_str()], &["-T", &a, &a, &a]] {
            assert_eq!(run("cp", args).code, 2, "{args:?}");
        }
        assert_eq!(run("cp", &[&a, &a, &s.path("no")]).code, 1);
    }
}
